/** GoBGP 3 as a peer. */
import { writeFileSync } from 'node:fs'
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

/** ESTABLISHED in the answers of its API. */
const ESTABLISHED = 6
/** What gobgp(1) prints when the daemon did not take its connection within a second. */
const CONNECT_TOO_LATE = 'context deadline exceeded'
const CONNECT_TRIES = 120

interface GoPath {
  readonly attrs: ReadonlyArray<Readonly<Record<string, unknown>>>
  readonly stale?: boolean
  readonly 'source-id'?: string
  readonly 'neighbor-ip'?: string
}

export class GoBgp implements PeerRouter {
  readonly name = 'GoBGP'
  readonly can = {
    unnumbered: false,
    md5: true,
    gtsm: true,
    addPath: true,
    gracefulRestart: 'both',
    bfd: false,
    bfdEcho: false,
  } as const
  #namespace: Namespace | undefined
  #daemon: Daemon | undefined

  async start(namespace: Namespace, setup: PeerSetup): Promise<void> {
    this.#namespace = namespace
    const path = join(namespace.folder, 'gobgp.json')
    writeFileSync(path, JSON.stringify(configuration(setup)))
    const isRestart =
      setup.sessions.some(({ gracefulRestart }) => gracefulRestart === true) && this.#daemon !== undefined
    const args = ['-t', 'json', '-f', path, '--api-hosts', '127.0.0.1:50051', '--log-level', 'info']
    this.#daemon = namespace.start('gobgpd', 'gobgpd', isRestart ? [...args, '-r'] : args)
    await eventually('gobgpd answers', async () => (await this.#ask('global')) !== '')
    const attributes = [
      'community',
      ANNOUNCED.community,
      'large-community',
      ANNOUNCED.largeCommunity,
      'med',
      `${ANNOUNCED.med}`,
    ]
    const localAddress = (isV6: boolean): string | undefined =>
      setup.sessions.find(({ address }) => address?.includes(':') === isV6)?.localAddress
    for (const [family, prefix, nextHop] of [
      ['ipv4', ANNOUNCED.ipv4, localAddress(false)],
      ['ipv6', ANNOUNCED.ipv6, localAddress(true)],
    ] as const) {
      if (nextHop === undefined) continue
      await this.#ask('global', 'rib', 'add', '-a', family, prefix, 'nexthop', nextHop, ...attributes)
    }
  }

  async established(): Promise<number> {
    const neighbours = JSON.parse(await this.#ask('neighbor', '-j')) as ReadonlyArray<{
      readonly state: { readonly 'session-state'?: number; readonly session_state?: number }
    }>
    return neighbours.filter(({ state }) => (state['session-state'] ?? state.session_state) === ESTABLISHED).length
  }

  async routes(family: 4 | 6): Promise<readonly LearnedRoute[]> {
    const text = await this.#ask('global', 'rib', '-a', `ipv${family}`, '-j')
    const table = JSON.parse(text === '' ? '{}' : text) as Readonly<Record<string, readonly GoPath[]>>
    return Object.entries(table).flatMap(([prefix, paths]) =>
      paths
        .filter((path) => (path['neighbor-ip'] ?? '') !== '' && path['neighbor-ip'] !== '<nil>')
        .map((path) => routeOf(prefix, path)),
    )
  }

  async stop(): Promise<void> {
    await this.#daemon?.stop()
  }

  async kill(): Promise<void> {
    await this.#daemon?.kill()
  }

  logs(): string {
    return this.#daemon?.log() ?? ''
  }

  /**
   * gobgp(1) gives the daemon one second to take its connection, which is not enough where processors are shared. It has asked
   * nothing by then, so it may ask again.
   */
  async #ask(...words: string[]): Promise<string> {
    if (this.#namespace === undefined) throw new Error('GoBGP was not started')
    for (let left = CONNECT_TRIES; ; left--) {
      try {
        return await this.#namespace.ask('gobgp', ...words)
      } catch (error) {
        const isTooLate = ((error as { readonly stdout?: string }).stdout ?? '').includes(CONNECT_TOO_LATE)
        if (!isTooLate || left === 0 || this.#daemon?.isRunning !== true) throw error
      }
    }
  }
}

const Attribute = { asPath: 2, nextHop: 3, med: 4, communities: 8, mpReach: 14, largeCommunities: 32 } as const

function routeOf(prefix: string, path: GoPath): LearnedRoute {
  const find = (type: number): Readonly<Record<string, unknown>> =>
    path.attrs.find((attribute) => attribute['type'] === type) ?? {}
  const segments = (find(Attribute.asPath)['as_paths'] ?? []) as ReadonlyArray<{ readonly asns?: readonly number[] }>
  const communities = (find(Attribute.communities)['communities'] ?? []) as readonly number[]
  const large = (find(Attribute.largeCommunities)['value'] ?? []) as ReadonlyArray<Readonly<Record<string, number>>>
  const med = find(Attribute.med)['metric']
  return {
    prefix,
    asPath: segments.flatMap(({ asns = [] }) => asns).join(' '),
    nextHop: String(find(Attribute.nextHop)['nexthop'] ?? find(Attribute.mpReach)['nexthop'] ?? ''),
    med: typeof med === 'number' ? med : undefined,
    communities: communities.map((value) => `${value >>> 16}:${value & 0xffff}`),
    largeCommunities: large.map((value) => `${value['ASN']}:${value['LocalData1']}:${value['LocalData2']}`),
    isStale: path.stale === true,
  }
}

function configuration({ asn, routerId, remoteAsn, sessions }: PeerSetup): unknown {
  return {
    global: { config: { as: asn, 'router-id': routerId } },
    neighbors: sessions.map((session) => neighbour(session, session.remoteAsn ?? remoteAsn)),
  }
}

function neighbour(session: PeerSession, remoteAsn: number): unknown {
  const { address, md5, gtsm, addPath, gracefulRestart, localAddress } = session
  const family = address?.includes(':') === true ? 'ipv6-unicast' : 'ipv4-unicast'
  const isRestarting = gracefulRestart === true
  return {
    config: {
      'neighbor-address': address,
      'peer-as': remoteAsn,
      ...(md5 === undefined ? {} : { 'auth-password': md5 }),
    },
    timers: {
      config: { 'hold-time': 90, 'keepalive-interval': 30, 'connect-retry': 5, 'idle-hold-time-after-reset': 1 },
    },
    transport: { config: { 'local-address': localAddress } },
    ...(gtsm === true ? { 'ttl-security': { config: { enabled: true, 'ttl-min': 255 } } } : {}),
    ...(isRestarting ? { 'graceful-restart': { config: { enabled: true, 'restart-time': GRACEFUL_RESTART_S } } } : {}),
    'afi-safis': [
      {
        config: { 'afi-safi-name': family },
        ...(isRestarting ? { 'mp-graceful-restart': { config: { enabled: true } } } : {}),
        ...(addPath === true ? { 'add-paths': { config: { receive: true, 'send-max': 8 } } } : {}),
      },
    ],
  }
}
