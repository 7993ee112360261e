/** What differs between two configurations, as `apply` treats it: what is not named here is not touched. */
import { isSamePeer, needsNewSession, type PeerConfig } from '@lodestone/bgp'
import type { BgpConfig, RoutedConfig } from './config.ts'

export interface ConfigDifference {
  /** `peer upstream0`, `static route 0.0.0.0/0 by 10.0.0.1`. */
  readonly what: string
  readonly effect: 'added' | 'removed' | 'changed' | 'new session'
}

/** Who the speaker is: a change of it ends every session. */
export function isSameSpeaker(a: BgpConfig, b: BgpConfig): boolean {
  const identity = (config: BgpConfig): string =>
    [
      config.asn,
      config.routerId,
      config.port,
      config.clusterId ?? config.routerId,
      config.requiresPolicy ?? false,
    ].join()
  return identity(a) === identity(b)
}

export function configDifferences(before: RoutedConfig, after: RoutedConfig): readonly ConfigDifference[] {
  return [
    ...bgpDifferences(before.bgp, after.bgp),
    ...listDifferences(
      'static route',
      before.staticRoutes,
      after.staticRoutes,
      ({ prefix, nextHop, interface: link }) => `${prefix} by ${nextHop}${link === undefined ? '' : `%${link}`}`,
    ),
    ...listDifferences('BFD session', before.bfdSessions ?? [], after.bfdSessions ?? [], ({ address }) => `${address}`),
    ...partDifference('DDM', before.ddm, after.ddm),
    ...partDifference('tunnel endpoint', before.tunnelEndpoint, after.tunnelEndpoint),
    ...partDifference('multipath', before.fanOut, after.fanOut),
    ...partDifference('decision process', before.decision ?? {}, after.decision ?? {}),
    ...partDifference('resolving of next hops', before.resolvesNextHops ?? false, after.resolvesNextHops ?? false),
  ]
}

function bgpDifferences(before: BgpConfig | undefined, after: BgpConfig | undefined): readonly ConfigDifference[] {
  if (before === undefined || after === undefined) return partDifference('BGP', before, after)
  if (!isSameSpeaker(before, after)) return [{ what: 'BGP, with all its peers', effect: 'new session' }]
  return [
    ...peerDifferences(before.peers, after.peers),
    ...listDifferences('dynamic neighbours', before.dynamic ?? [], after.dynamic ?? [], ({ name }) => name),
    ...listDifferences('originated prefix', before.originate, after.originate, String),
    ...listDifferences(
      'BGP listener',
      before.listen ?? [],
      after.listen ?? [],
      ({ address, port }) => `${address}:${port}`,
    ),
    ...keyDifferences('BFD of', before.bfd ?? {}, after.bfd ?? {}),
  ]
}

function peerDifferences(before: readonly PeerConfig[], after: readonly PeerConfig[]): readonly ConfigDifference[] {
  const out: ConfigDifference[] = []
  const old = new Map(before.map((peer) => [peer.name, peer]))
  const names = new Set(after.map(({ name }) => name))
  for (const { name } of before) if (!names.has(name)) out.push({ what: `peer ${name}`, effect: 'removed' })
  for (const peer of after) {
    const known = old.get(peer.name)
    const what = `peer ${peer.name}`
    if (known === undefined) out.push({ what, effect: 'added' })
    else if (needsNewSession(known, peer)) out.push({ what, effect: 'new session' })
    else if (!isSamePeer(known, peer)) out.push({ what, effect: 'changed' })
  }
  return out
}

/** Lists whose entries have a key; an entry whose key stays and whose rest differs has changed. */
export function listDifferences<Entry>(
  what: string,
  before: readonly Entry[],
  after: readonly Entry[],
  keyOf: (entry: Entry) => string,
): readonly ConfigDifference[] {
  const table = (entries: readonly Entry[]): Record<string, Entry> =>
    Object.fromEntries(entries.map((entry) => [keyOf(entry), entry]))
  return keyDifferences(what, table(before), table(after))
}

function keyDifferences(
  what: string,
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): readonly ConfigDifference[] {
  const out: ConfigDifference[] = []
  for (const key of Object.keys(before)) if (!(key in after)) out.push({ what: `${what} ${key}`, effect: 'removed' })
  for (const [key, value] of Object.entries(after)) {
    if (!(key in before)) out.push({ what: `${what} ${key}`, effect: 'added' })
    else if (!isEqual(before[key], value)) out.push({ what: `${what} ${key}`, effect: 'changed' })
  }
  return out
}

/** A part that is there or not. */
export function partDifference(what: string, before: unknown, after: unknown): readonly ConfigDifference[] {
  if (isEqual(before, after)) return []
  return [{ what, effect: before === undefined ? 'added' : after === undefined ? 'removed' : 'changed' }]
}

/** Configurations are plain data: addresses and prefixes have their text as JSON. */
export function isEqual(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b)
}

function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_, part: unknown) => {
      if (typeof part === 'bigint') return part.toString()
      if (part instanceof Uint8Array) return [...part]
      if (typeof part !== 'object' || part === null || Array.isArray(part)) return part
      const entries = Object.entries(part).filter(([, child]) => child !== undefined)
      return Object.fromEntries(entries.toSorted(([x], [y]) => (x < y ? -1 : 1)))
    }) ?? ''
  )
}
