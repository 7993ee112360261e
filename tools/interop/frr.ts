/** FRR as a peer: zebra, bgpd, bfdd and staticd of their own, told apart from others by a path space. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Daemon } from './daemon.ts'
import type { Namespace } from './namespace.ts'
import { eventually } from './patience.ts'
import {
  ANNOUNCED,
  GRACEFUL_RESTART_S,
  type LearnedRoute,
  type PeerRouter,
  type PeerSession,
  type PeerSetup,
} from './peer-router.ts'

const DAEMONS = '/usr/lib/frr'

interface FrrPath {
  readonly path?: string
  readonly aspath?: { readonly string: string }
  readonly stale?: boolean
  readonly med?: number
  readonly metric?: number
  readonly community?: { readonly list?: readonly string[] }
  readonly largeCommunity?: { readonly list?: readonly string[] }
  readonly nexthops?: ReadonlyArray<{ readonly ip: string }>
  readonly peer?: { readonly peerId: string }
}

export class Frr implements PeerRouter {
  readonly name = 'FRR'
  readonly can = {
    unnumbered: true,
    md5: true,
    gtsm: true,
    addPath: true,
    gracefulRestart: 'both',
    bfd: true,
    bfdEcho: true,
  } as const
  #namespace: Namespace | undefined
  #daemons: Daemon[] = []

  async start(namespace: Namespace, setup: PeerSetup): Promise<void> {
    this.#namespace = namespace
    mkdirSync(this.#runFolder, { recursive: true })
    execFileSync('chown', ['frr:frr', this.#runFolder])
    const path = join(namespace.folder, 'frr.conf')
    writeFileSync(path, configuration(setup))
    const hasBfd = setup.sessions.some(({ bfd }) => bfd === true)
    const isRestart = setup.sessions.some(({ gracefulRestart }) => gracefulRestart === true)
    const names = ['zebra', 'staticd', ...(hasBfd ? ['bfdd'] : []), 'bgpd']
    this.#daemons = []
    for (const name of names) {
      const args = [
        '-N',
        namespace.name,
        '-f',
        path,
        '-u',
        'frr',
        '-g',
        'frr',
        '--log',
        'stdout',
        '--log-level',
        'informational',
      ]
      // Routes of an earlier life stay: what graceful restart promises.
      if (name === 'zebra' && isRestart) args.push('-K', '60')
      this.#daemons.push(namespace.start(name, join(DAEMONS, name), args))
      await eventually(`${name} answers`, async () => (await this.#ask(name, 'show version')) !== '')
    }
  }

  async established(): Promise<number> {
    const summary = JSON.parse(await this.#ask('bgpd', 'show bgp summary json')) as Record<
      string,
      { readonly peers?: Readonly<Record<string, { readonly state: string }>> }
    >
    const peers = new Map<string, string>()
    for (const { peers: of = {} } of Object.values(summary)) {
      for (const [name, { state }] of Object.entries(of)) peers.set(name, state)
    }
    return [...peers.values()].filter((state) => state === 'Established').length
  }

  async routes(family: 4 | 6): Promise<readonly LearnedRoute[]> {
    const table = JSON.parse(await this.#ask('bgpd', `show bgp ipv${family} unicast json`)) as {
      readonly routes?: Readonly<Record<string, unknown>>
    }
    const routes: LearnedRoute[] = []
    for (const prefix of Object.keys(table.routes ?? {})) {
      if (prefix === ANNOUNCED.ipv4 || prefix === ANNOUNCED.ipv6) continue
      const detail = JSON.parse(await this.#ask('bgpd', `show bgp ipv${family} unicast ${prefix} json`)) as {
        readonly paths?: readonly FrrPath[]
      }
      for (const path of detail.paths ?? []) routes.push(routeOf(prefix, path))
    }
    return routes
  }

  async bfdUp(): Promise<number> {
    const peers = JSON.parse(await this.#ask('bfdd', 'show bfd peers json')) as ReadonlyArray<{
      readonly status: string
    }>
    return peers.filter(({ status }) => status === 'up').length
  }

  /** Only bfdd: BGP itself would not notice for its whole hold time. */
  freeze(): void {
    this.#daemons.find(({ label }) => label === 'bfdd')?.signal('SIGSTOP')
  }

  thaw(): void {
    this.#daemons.find(({ label }) => label === 'bfdd')?.signal('SIGCONT')
  }

  async stop(): Promise<void> {
    for (const daemon of this.#daemons.toReversed()) await daemon.stop()
    rmSync(this.#runFolder, { recursive: true, force: true })
  }

  async kill(): Promise<void> {
    for (const daemon of this.#daemons.toReversed()) await daemon.kill()
  }

  logs(): string {
    return this.#daemons.map((daemon) => `--- ${daemon.label}\n${daemon.log()}`).join('\n')
  }

  get #runFolder(): string {
    return `/var/run/frr/${this.#namespace?.name ?? ''}`
  }

  #ask(daemon: string, command: string): Promise<string> {
    if (this.#namespace === undefined) throw new Error('FRR was not started')
    return this.#namespace.ask('vtysh', '-N', this.#namespace.name, '-d', daemon, '-c', command)
  }
}

function routeOf(prefix: string, path: FrrPath): LearnedRoute {
  return {
    prefix,
    asPath: path.aspath?.string ?? path.path ?? '',
    nextHop: path.nexthops?.[0]?.ip ?? '',
    med: path.med ?? path.metric,
    communities: path.community?.list ?? [],
    largeCommunities: path.largeCommunity?.list ?? [],
    isStale: path.stale === true,
  }
}

function configuration({ asn, routerId, remoteAsn, sessions, hasBfdEcho }: PeerSetup): string {
  const isRestarting = sessions.some(({ gracefulRestart }) => gracefulRestart === true)
  const lines = (make: (session: PeerSession, name: string) => string): string =>
    sessions.map((session) => make(session, session.address ?? session.interface)).join('\n')
  const family = (of: 4 | 6): string => `
 address-family ipv${of} unicast
  network ${of === 4 ? ANNOUNCED.ipv4 : ANNOUNCED.ipv6} route-map announced
${lines((session, name) => {
  const isUsed = session.address === undefined || session.address.includes(':') === (of === 6)
  if (!isUsed) return `  no neighbor ${name} activate`
  const addPath = session.addPath === true ? `\n  neighbor ${name} addpath-tx-all-paths` : ''
  return `  neighbor ${name} activate\n  neighbor ${name} soft-reconfiguration inbound${addPath}`
})}
 exit-address-family`
  return `
frr defaults datacenter
hostname frr
log stdout informational
ip route ${ANNOUNCED.ipv4} blackhole
ipv6 route ${ANNOUNCED.ipv6} blackhole
route-map announced permit 10
 set community ${ANNOUNCED.community}
 set large-community ${ANNOUNCED.largeCommunity}
 set metric ${ANNOUNCED.med}
!
bfd
 profile fast
  detect-multiplier 3
  receive-interval 100
  transmit-interval 100
${hasBfdEcho === true ? '  echo-mode\n  echo transmit-interval 100\n  echo receive-interval 100' : ''}
!
router bgp ${asn}
 bgp router-id ${routerId}
 no bgp ebgp-requires-policy
 no bgp network import-check
 no bgp default ipv4-unicast
${isRestarting ? ` bgp graceful-restart\n bgp graceful-restart preserve-fw-state\n bgp graceful-restart restart-time ${GRACEFUL_RESTART_S}` : ''}
${lines((session, name) => {
  const peer =
    session.address === undefined
      ? ` neighbor ${name} interface remote-as ${session.remoteAsn ?? remoteAsn}`
      : ` neighbor ${name} remote-as ${session.remoteAsn ?? remoteAsn}`
  return [
    peer,
    ` neighbor ${name} timers 30 90`,
    ` neighbor ${name} timers connect 1`,
    ` neighbor ${name} advertisement-interval 0`,
    session.md5 === undefined ? '' : ` neighbor ${name} password ${session.md5}`,
    session.gtsm === true ? ` neighbor ${name} ttl-security hops 1` : '',
    session.bfd === true ? ` neighbor ${name} bfd profile fast` : '',
  ].join('\n')
})}
${family(4)}
${family(6)}
exit
`
}
