/** BGP peers, groups and ranges as they are written to what the speaker is configured with. */
import type {
  DynamicNeighbours,
  GracefulRestart,
  MaxPrefixes,
  PeerConfig,
  PeerTemplate,
  RemoteAsn,
} from '@lodestone/bgp'
import type { NetworkFeatures } from '@lodestone/host'
import { Ip, Prefix } from '@lodestone/net'
import type { BfdProfile } from '../config.ts'
import type { BfdBook } from './bfd-from-file.ts'
import type { PathProblem } from './config-problem.ts'
import type { PathSegment } from './located-yaml.ts'
import type { DynamicPeers, Peer, PeerGroup } from './peer-schema.ts'
import type { PolicyBook } from './policy-from-file.ts'
import type { RoutedFile } from './schema.ts'
import type { SecretBook } from './secret-book.ts'

type Path = readonly PathSegment[]

/** What peers are converted with. */
export interface PeerBooks {
  readonly file: RoutedFile
  readonly policies: PolicyBook
  readonly bfd: BfdBook
  readonly secrets: SecretBook
  readonly problems: PathProblem[]
  /** What the network can do; undefined: nothing beyond plain sockets. */
  readonly features: NetworkFeatures | undefined
}

export interface ConvertedPeer {
  readonly peer: PeerConfig
  readonly bfd: BfdProfile | undefined
}

export interface ConvertedRange {
  readonly range: DynamicNeighbours
  readonly bfd: BfdProfile | undefined
}

export function peerFromFile(written: Peer, path: Path, books: PeerBooks): ConvertedPeer {
  const { problems } = books
  const options = withGroup(written, path, books)
  const complain = (key: string, message: string): void => void problems.push({ path: [...path, key], message })
  const remoteAddress = ip(written.address)
  const { interface: link } = written
  if (remoteAddress === undefined && link === undefined) {
    problems.push({ path, message: 'address is missing (or interface, for a peer that is discovered on it)' })
  }
  if (remoteAddress?.isLinkLocal === true && link === undefined) {
    complain('address', `${remoteAddress} is link-local: say which interface`)
  }
  if (remoteAddress?.isUnspecified === true || remoteAddress?.isMulticast === true) {
    complain('address', `${remoteAddress} is no address of a peer`)
  }
  const localAddress = ip(options.local_address)
  if (localAddress !== undefined && remoteAddress !== undefined && localAddress.family !== remoteAddress.family) {
    complain('local_address', `${localAddress} and ${remoteAddress} are of different families`)
  }
  const name =
    written.name ?? (remoteAddress?.isLinkLocal === true ? `${remoteAddress}%${link}` : (written.address ?? link ?? ''))
  const template = templateOf(options, path, books)
  return {
    peer: { ...template, name, remoteAddress, interface: link, remoteAsn: asnOf(options, path, books) },
    bfd: books.bfd.use(options.bfd, [...path, 'bfd']),
  }
}

export function rangeFromFile(written: DynamicPeers, path: Path, books: PeerBooks): ConvertedRange {
  const options = withGroup(written, path, books)
  const template = templateOf(options, path, books)
  return {
    range: {
      name: written.name,
      range: Prefix.of(written.range),
      limit: written.limit,
      template: { ...template, remoteAsn: asnOf(options, path, books) },
    },
    bfd: books.bfd.use(options.bfd, [...path, 'bfd']),
  }
}

function asnOf(options: PeerGroup, path: Path, { problems }: PeerBooks): RemoteAsn {
  if (options.asn === undefined) problems.push({ path, message: 'asn is missing, here and in the group' })
  return options.asn ?? 'external'
}

/** What the peer says itself counts, what it leaves out comes from the group. */
function withGroup<Written extends PeerGroup & { readonly group?: string | undefined }>(
  written: Written,
  path: Path,
  { file, problems }: PeerBooks,
): Written {
  if (written.group === undefined) return written
  const group = file.groups?.[written.group]
  if (group === undefined) {
    const others = Object.keys(file.groups ?? {})
    const message = `there is no group ${written.group}${others.length === 0 ? '' : `; there are ${others.join(', ')}`}`
    problems.push({ path: [...path, 'group'], message })
  }
  return { ...group, ...written }
}

/** A group that no peer uses is checked too. */
export function checkGroup(group: PeerGroup, path: Path, books: PeerBooks): void {
  templateOf(group, path, books)
  books.bfd.use(group.bfd, [...path, 'bfd'])
}

function templateOf(
  options: PeerGroup,
  path: Path,
  { file, policies, secrets, problems, features }: PeerBooks,
): PeerTemplate {
  const complain = (key: string, message: string): void => void problems.push({ path: [...path, key], message })
  const { gtsm, ttl, graceful_restart: restart, max_prefix: most } = options
  const hops = gtsm === true ? 1 : gtsm === false ? undefined : gtsm
  if (hops !== undefined && ttl !== undefined && ttl !== 255) complain('ttl', 'must be 255 with gtsm (RFC 5082)')
  if (options.md5 !== undefined && features?.md5 !== true)
    complain('md5', 'TCP MD5 signatures cannot be made on this host')
  if (hops !== undefined && features?.minTtl !== true)
    complain('gtsm', 'the TTL on arrival cannot be checked on this host')
  const isInternal = options.asn === 'internal' || options.asn === file.router.asn
  if (options.route_reflector_client === true && options.asn !== undefined && !isInternal) {
    complain('route_reflector_client', 'is for internal peers')
  }
  if (options.role !== undefined && isInternal) complain('role', 'is for external peers (RFC 9234)')
  const { keepalive_s: keepaliveS, hold_time_s: holdTimeS } = options
  if (keepaliveS !== undefined && keepaliveS >= (holdTimeS ?? 90) && holdTimeS !== 0) {
    complain('keepalive_s', `must be less than the hold time, ${holdTimeS ?? 90}`)
  }
  return {
    description: options.description,
    remotePort: options.port,
    localAddress: ip(options.local_address),
    holdTimeS,
    keepaliveS,
    connectRetryS: options.connect_retry_s,
    idleHoldS: options.idle_hold_s,
    isPassive: options.passive,
    md5Password: options.md5 === undefined ? undefined : secrets.text(options.md5, [...path, 'md5']),
    ttl,
    minTtl: hops === undefined ? undefined : 256 - hops,
    families: options.families?.map(familyOf),
    nextHop4: ip(options.next_hop_ipv4),
    nextHop6: ip(options.next_hop_ipv6),
    ipv4OverIpv6: options.ipv4_over_ipv6,
    nextHopSelf: options.next_hop_self,
    nextHopUnchanged: options.next_hop_unchanged,
    enforceFirstAs: options.enforce_first_as,
    allowOwnAs: options.allow_own_as,
    localPref: options.local_pref,
    preference: options.preference,
    maxPaths: typeof most === 'number' ? most : undefined,
    maxPrefixes:
      typeof most === 'object' ? { ipv4: maxPrefixesOf(most.ipv4), ipv6: maxPrefixesOf(most.ipv6) } : undefined,
    gracefulRestart: restartOf(restart),
    addPath: addPathOf(options.add_path),
    role: options.role,
    isRoleStrict: options.role_strict,
    isRouteReflectorClient: options.route_reflector_client,
    gracefulShutdown: options.graceful_shutdown,
    honoursGracefulShutdown: options.honour_graceful_shutdown,
    advertisementIntervalS: options.advertisement_interval_s,
    historyBytes: options.history_bytes,
    requiresPolicy: true, // RFC 8212
    import: policies.use(options.import, [...path, 'import']),
    export: policies.use(options.export, [...path, 'export']),
  }
}

function maxPrefixesOf(
  written:
    | number
    | {
        limit: number
        warn_percent?: number | undefined
        action?: 'stop' | 'ignore' | undefined
        restart_after_s?: number | undefined
      }
    | undefined,
): MaxPrefixes | undefined {
  if (written === undefined) return undefined
  if (typeof written === 'number') return { limit: written }
  const { limit, warn_percent: warnPercent, action, restart_after_s: restartAfterS } = written
  return { limit, warnPercent, action, restartAfterS }
}

function restartOf(written: PeerGroup['graceful_restart']): GracefulRestart | undefined {
  if (written === undefined || written === false) return undefined
  if (written === true) return {}
  return {
    restartTimeS: written.restart_time_s,
    stalePathsS: written.stale_paths_s,
    isForwardingPreserved: written.forwarding_preserved,
    isHelperOnly: written.helper_only,
  }
}

function addPathOf(written: PeerGroup['add_path']): PeerConfig['addPath'] {
  if (written === undefined) return undefined
  return {
    receive: written.receive?.map(familyOf),
    send: written.send?.map(familyOf),
    maxPaths: written.max_paths,
  }
}

function familyOf(family: 'ipv4' | 'ipv6'): 4 | 6 {
  return family === 'ipv4' ? 4 : 6
}

function ip(text: string | undefined): Ip | undefined {
  return text === undefined ? undefined : Ip.of(text)
}
