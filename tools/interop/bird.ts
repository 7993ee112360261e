/** BIRD 2 as a peer. */
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

export class Bird implements PeerRouter {
  readonly name = 'BIRD'
  readonly can = {
    unnumbered: true,
    md5: true,
    gtsm: true,
    addPath: true,
    gracefulRestart: 'both',
    bfd: true,
    bfdEcho: false,
  } as const
  #namespace: Namespace | undefined
  #daemon: Daemon | undefined

  async start(namespace: Namespace, setup: PeerSetup): Promise<void> {
    this.#namespace = namespace
    const path = join(namespace.folder, 'bird.conf')
    writeFileSync(path, configuration(setup))
    const args = ['-f', '-c', path, '-s', this.#socket, '-P', join(namespace.folder, 'bird.pid')]
    // After a crash it keeps what the kernel has, and says so to its peers.
    if (setup.sessions.some(({ gracefulRestart }) => gracefulRestart === true)) args.push('-R')
    this.#daemon = namespace.start('bird', 'bird', args)
    await eventually('BIRD answers', async () => (await this.#ask('show', 'status')).includes('Daemon is up'))
  }

  async established(): Promise<number> {
    const text = await this.#ask('show', 'protocols')
    return text.split('\n').filter((line) => / BGP .* Established/.test(line)).length
  }

  async routes(family: 4 | 6): Promise<readonly LearnedRoute[]> {
    const text = await this.#ask('show', 'route', 'table', family === 4 ? 'master4' : 'master6', 'all')
    const routes: LearnedRoute[] = []
    let prefix = ''
    let lines: string[] = []
    const finish = (): void => {
      const route = lines[0]?.includes('[lode') === true ? routeOf(prefix, lines) : undefined
      if (route !== undefined) routes.push(route)
      lines = []
    }
    for (const line of text.split('\n')) {
      // A further path of the same prefix begins with spaces where the prefix would be.
      const head = /^(\S+\/\d+)?\s+(unicast|blackhole|unreachable) \[/.exec(line)
      if (head !== null) {
        finish()
        prefix = head[1] ?? prefix
      }
      lines.push(line)
    }
    finish()
    return routes
  }

  async bfdUp(): Promise<number> {
    const text = await this.#ask('show', 'bfd', 'sessions')
    return text.split('\n').filter((line) => /\sUp\s/.test(line)).length
  }

  freeze(): void {
    this.#daemon?.signal('SIGSTOP')
  }

  thaw(): void {
    this.#daemon?.signal('SIGCONT')
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

  get #socket(): string {
    return join(this.#namespace?.folder ?? '', 'bird.ctl')
  }

  #ask(...words: string[]): Promise<string> {
    if (this.#namespace === undefined) throw new Error('BIRD was not started')
    return this.#namespace.ask('birdc', '-s', this.#socket, ...words)
  }
}

function routeOf(prefix: string, lines: readonly string[]): LearnedRoute {
  const value = (key: string): string =>
    lines
      .find((line) => line.includes(`${key}:`))
      ?.split(`${key}:`)[1]
      ?.trim() ?? ''
  const pairs = (text: string): string[] =>
    [...text.matchAll(/\(([^)]*)\)/g)].map((match) => match[1]!.replaceAll(/,\s*/g, ':'))
  const med = value('BGP.med')
  const via = lines
    .find((line) => line.includes('via '))
    ?.trim()
    .split(/\s+/)[1]
  return {
    prefix,
    asPath: value('BGP.as_path'),
    nextHop: value('BGP.next_hop') || (via ?? ''),
    med: med === '' ? undefined : Number(med),
    communities: pairs(value('BGP.community')),
    largeCommunities: pairs(value('BGP.large_community')),
    isStale: lines[0]?.includes('s)') ?? false,
  }
}

function configuration({ asn, routerId, remoteAsn, sessions, bfdKey }: PeerSetup): string {
  const hasBfd = sessions.some(({ bfd }) => bfd === true)
  const authentication =
    bfdKey === undefined ? '' : `authentication meticulous keyed sha1; password "${bfdKey}" { id 7; };`
  const [a, b] = ANNOUNCED.community.split(':')
  const large = ANNOUNCED.largeCommunity.split(':').join(', ')
  const filter = `filter { bgp_community.add((${a}, ${b})); bgp_large_community.add((${large})); bgp_med = ${ANNOUNCED.med}; accept; }`
  const protocols = sessions
    .map((session, i) => protocol(session, i, asn, session.remoteAsn ?? remoteAsn, filter))
    .join('\n')
  return `
router id ${routerId};
log stderr all;
protocol device { scan time 1; }
protocol kernel { ipv4 { export where source = RTS_BGP; }; merge paths; graceful restart; }
protocol kernel { ipv6 { export where source = RTS_BGP; }; graceful restart; }
protocol static { ipv4; route ${ANNOUNCED.ipv4} blackhole; }
protocol static { ipv6; route ${ANNOUNCED.ipv6} blackhole; }
${hasBfd ? `protocol bfd { interface "*" { min rx interval 100 ms; min tx interval 100 ms; multiplier 3; ${authentication} }; }` : ''}
${sessions.some(({ address }) => address === undefined) ? 'protocol radv { interface "*" { min ra interval 3; max ra interval 4; default lifetime 30; }; }' : ''}
${protocols}
`
}

function protocol(session: PeerSession, i: number, asn: number, remoteAsn: number, filter: string): string {
  const { address, localAddress, interface: link } = session
  const neighbour =
    address === undefined
      ? `neighbor range fe80::/10 as ${remoteAsn}; interface "${link}"; dynamic name "lode_dynamic";`
      : `neighbor ${address}${address.startsWith('fe80:') ? `%'${link}'` : ''} as ${remoteAsn};`
  const families = address === undefined || address.startsWith('fe80:') ? [4, 6] : [address.includes(':') ? 6 : 4]
  const channel = (family: number): string => `
  ipv${family} { import all; export ${filter};
    ${family === 4 && families.length === 2 ? 'extended next hop on;' : ''}
    ${session.addPath === true ? 'add paths on;' : ''} };`
  return `
protocol bgp lode${i} {
  local ${localAddress ?? ''} as ${asn};
  ${neighbour}
  hold time 90; keepalive time 30; connect retry time 1; error wait time 1, 2; connect delay time 1;
  ${session.md5 === undefined ? '' : `password "${session.md5}";`}
  ${session.gtsm === true ? 'ttl security on;' : ''}
  ${session.gracefulRestart === true ? `graceful restart on; graceful restart time ${GRACEFUL_RESTART_S};` : 'graceful restart off;'}
  ${session.bfd === true ? 'bfd on;' : ''}
  ${families.map(channel).join('')}
}`
}
