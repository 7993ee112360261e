/** OpenBGPD (portable) as a peer. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Daemon } from './daemon.ts'
import type { Namespace } from './namespace.ts'
import { eventually } from './patience.ts'
import { ANNOUNCED, type LearnedRoute, type PeerRouter, type PeerSession, type PeerSetup } from './peer-router.ts'

interface RibEntry {
  readonly prefix: string
  readonly aspath: string
  readonly exit_nexthop?: string
  readonly true_nexthop?: string
  readonly metric?: number
  readonly stale?: boolean
  readonly neighbor?: { readonly remote_addr?: string }
  readonly communities?: readonly string[]
  readonly large_communities?: readonly string[]
}

export class OpenBgpd implements PeerRouter {
  readonly name = 'OpenBGPD'
  readonly can = {
    unnumbered: false,
    md5: true,
    gtsm: true,
    addPath: true,
    gracefulRestart: 'helper',
    bfd: false,
    bfdEcho: false,
  } as const
  #namespace: Namespace | undefined
  #daemon: Daemon | undefined

  async start(namespace: Namespace, setup: PeerSetup): Promise<void> {
    this.#namespace = namespace
    const path = join(namespace.folder, 'bgpd.conf')
    writeFileSync(path, configuration(setup, this.#socket))
    chmodSync(path, 0o600)
    // Its children change their root to the home of their user, which the service manager would make.
    mkdirSync('/run/openbgpd', { recursive: true })
    this.#daemon = namespace.start('openbgpd', '/usr/sbin/bgpd', ['-d', '-f', path])
    await eventually('OpenBGPD answers', async () => (await this.#ask('show', 'summary')) !== '')
  }

  async established(): Promise<number> {
    const { neighbors = [] } = JSON.parse(await this.#ask('-j', 'show', 'neighbor')) as {
      readonly neighbors?: ReadonlyArray<{ readonly state: string }>
    }
    return neighbors.filter(({ state }) => state === 'Established').length
  }

  async routes(family: 4 | 6): Promise<readonly LearnedRoute[]> {
    const { rib = [] } = JSON.parse(await this.#ask('-j', 'show', 'rib', 'detail')) as {
      readonly rib?: readonly RibEntry[]
    }
    return rib
      .filter(({ prefix, aspath }) => prefix.includes(':') === (family === 6) && aspath !== '')
      .map((entry) => routeOf(entry))
  }

  async stop(): Promise<void> {
    await this.#daemon?.stop()
  }

  /** Its parent process ends its children. */
  async kill(): Promise<void> {
    await this.#daemon?.kill()
  }

  logs(): string {
    return this.#daemon?.log() ?? ''
  }

  get #socket(): string {
    return join(this.#namespace?.folder ?? '', 'bgpd.sock')
  }

  #ask(...words: string[]): Promise<string> {
    if (this.#namespace === undefined) throw new Error('OpenBGPD was not started')
    return this.#namespace.ask('bgpctl', '-s', this.#socket, ...words)
  }
}

function routeOf(entry: RibEntry): LearnedRoute {
  return {
    prefix: entry.prefix,
    asPath: entry.aspath,
    nextHop: entry.exit_nexthop ?? entry.true_nexthop ?? '',
    med: entry.metric,
    communities: entry.communities ?? [],
    largeCommunities: entry.large_communities ?? [],
    isStale: entry.stale === true,
  }
}

function configuration({ asn, routerId, remoteAsn, sessions }: PeerSetup, socket: string): string {
  const attributes = `set { community ${ANNOUNCED.community} large-community ${ANNOUNCED.largeCommunity} metric ${ANNOUNCED.med} }`
  return `
AS ${asn}
router-id ${routerId}
fib-update no
holdtime 90
socket "${socket}"
network ${ANNOUNCED.ipv4} ${attributes}
network ${ANNOUNCED.ipv6} ${attributes}
${sessions.map((session) => neighbour(session, session.remoteAsn ?? remoteAsn)).join('\n')}
allow from any
allow to any
`
}

function neighbour(
  { address, localAddress, md5, gtsm, addPath, gracefulRestart }: PeerSession,
  remoteAsn: number,
): string {
  const family = address?.includes(':') === true ? 'IPv6' : 'IPv4'
  const other = family === 'IPv6' ? 'IPv4' : 'IPv6'
  return `
neighbor ${address} {
  remote-as ${remoteAsn}
  ${localAddress === undefined ? '' : `local-address ${localAddress}`}
  announce ${family} unicast
  announce ${other} none
  announce restart ${gracefulRestart === true ? 'yes' : 'no'}
  ${addPath === true ? 'announce add-path recv yes\n  announce add-path send all' : ''}
  ${md5 === undefined ? '' : `tcp md5sig password ${md5}`}
  ${gtsm === true ? 'ttl-security yes' : ''}
}`
}
