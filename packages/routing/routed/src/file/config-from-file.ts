/**
 * The configuration file to what the daemon runs: groups are merged into their peers, texts become addresses, what is
 * absent gets its default. What only shows when several values are seen together is checked here.
 */
import { BGP_PORT, type PeerConfig } from '@lodestone/bgp'
import type { NetworkFeatures } from '@lodestone/host'
import { Ip, Prefix } from '@lodestone/net'
import { type BfdProfile, EMPTY_CONFIG, type StaticRouteConfig } from '../config.ts'
import type { BmpStationConfig, DaemonConfig, KernelConfig, MrtConfig } from '../daemon-config.ts'
import { BfdBook } from './bfd-from-file.ts'
import type { PathProblem } from './config-problem.ts'
import { ddmFromFile, tunnelEndpointFromFile } from './ddm-from-file.ts'
import type { PathSegment } from './located-yaml.ts'
import { checkGroup, type PeerBooks, peerFromFile, rangeFromFile } from './peer-from-file.ts'
import { PolicyBook } from './policy-from-file.ts'
import type { BmpStation, Kernel, Mrt, RoutedFile, StaticRoute } from './schema.ts'
import type { SecretBook } from './secret-book.ts'
import { parseSocketAddress, type SocketAddress } from './text-value.ts'

/** `main`. */
const MAIN_TABLE = 254
/** Of the numbers that Linux leaves to routing daemons, one that nobody has registered (FRR has 186 to 198). */
const DEFAULT_KERNEL_PROTOCOL = 177
const DEFAULT_KERNEL_METRIC = 20
const DEFAULT_ROTATE_S = 900
const DEFAULT_BMP_RETRY_S = 10

/** What the host that the configuration is for can do. */
export interface HostCapabilities {
  /** Undefined: nothing beyond plain sockets. */
  readonly features: NetworkFeatures | undefined
  /** Its kernel's routes can be written, and its neighbours be discovered. */
  readonly hasKernel: boolean
  readonly hasMrtFiles: boolean
}

/**
 * @param file passed the schema.
 * @param problems gets what is wrong; the configuration is only to be used when nothing was added.
 */
export function configFromFile(
  file: RoutedFile,
  secrets: SecretBook,
  host: HostCapabilities,
  problems: PathProblem[],
): DaemonConfig {
  const { router } = file
  const bfd = new BfdBook(file, secrets, problems)
  const books: PeerBooks = {
    file,
    policies: new PolicyBook(file, problems),
    bfd,
    secrets,
    problems,
    features: host.features,
  }
  for (const [name, group] of Object.entries(file.groups ?? {})) checkGroup(group, ['groups', name], books)
  const peers = (file.peers ?? []).map((peer, i) => peerFromFile(peer, ['peers', i], books))
  const ranges = (file.dynamic ?? []).map((range, i) => rangeFromFile(range, ['dynamic', i], books))
  checkHost(file, host, problems)
  checkPeers(
    peers.map(({ peer }) => peer),
    problems,
  )
  checkNames(
    ranges.map(({ range }) => range.name),
    'dynamic',
    problems,
  )
  const profiles: Record<string, BfdProfile> = {}
  for (const { peer, bfd: profile } of peers) if (profile !== undefined) profiles[peer.name] = profile
  for (const { range, bfd: profile } of ranges) if (profile !== undefined) profiles[range.name] = profile
  const stations = (file.bmp ?? []).map(stationFromFile)
  checkNames(
    stations.map(({ name }) => name),
    'bmp',
    problems,
  )
  return {
    router: {
      ...EMPTY_CONFIG,
      bgp: {
        asn: router.asn,
        routerId: Ip.of(router.id),
        port: BGP_PORT,
        listen: (router.listen ?? []).map(socketAddress),
        peers: peers.map(({ peer }) => peer),
        dynamic: ranges.map(({ range }) => range),
        originate: (router.originate ?? []).map((text) => Prefix.of(text)),
        clusterId: router.cluster_id === undefined ? undefined : Ip.of(router.cluster_id),
        isRestarting: router.restarting,
        selectionDeferralS: router.selection_deferral_s,
        requiresPolicy: true,
        bfd: profiles,
      },
      ddm: file.ddm === undefined ? undefined : ddmFromFile(file.ddm, problems),
      tunnelEndpoint: tunnelEndpointFromFile(file.ddm, problems),
      staticRoutes: (file.static ?? []).map((route, i) => staticFromFile(route, ['static', i], bfd, problems)),
      resolvesNextHops: router.resolve_next_hops ?? file.kernel !== undefined,
      fanOut: router.multipath === undefined ? {} : { bgp: router.multipath },
      decision: {
        alwaysCompareMed: router.decision?.always_compare_med ?? false,
        preferOldest: router.decision?.prefer_oldest ?? false,
        multipathNeedsSameAsPath: router.decision?.multipath_same_as_path ?? false,
      },
    },
    kernel: file.kernel === undefined ? undefined : kernelFromFile(file.kernel, router.restarting ?? false),
    mrt: file.mrt === undefined ? undefined : mrtFromFile(file.mrt, problems),
    bmp: stations,
    admin: file.admin?.listen,
    metrics: file.metrics?.listen ?? [],
  }
}

function checkHost(file: RoutedFile, { hasKernel, hasMrtFiles }: HostCapabilities, problems: PathProblem[]): void {
  if (file.kernel !== undefined && !hasKernel) {
    problems.push({ path: ['kernel'], message: 'the routes of the kernel cannot be written on this host' })
  }
  if (file.ddm !== undefined && !hasKernel) {
    problems.push({ path: ['ddm'], message: 'the links to neighbours cannot be seen on this host' })
  }
  if (file.mrt !== undefined && !hasMrtFiles) {
    problems.push({ path: ['mrt'], message: 'files cannot be written on this host' })
  }
  for (const [i, { address, interface: name }] of (file.peers ?? []).entries()) {
    if (address === undefined && name !== undefined && !hasKernel) {
      problems.push({ path: ['peers', i, 'interface'], message: 'neighbours cannot be discovered on this host' })
    }
  }
}

/** Two peers of one name, or of one address, cannot be told apart. */
function checkPeers(peers: readonly PeerConfig[], problems: PathProblem[]): void {
  const names = new Map<string, number>()
  const addresses = new Map<string, number>()
  for (const [i, { name, remoteAddress, interface: link }] of peers.entries()) {
    const place =
      remoteAddress === undefined ? `on ${link}` : `${remoteAddress}${remoteAddress.isLinkLocal ? `%${link}` : ''}`
    const byName = names.get(name)
    const byAddress = addresses.get(place)
    if (byAddress !== undefined) {
      const key = remoteAddress === undefined ? 'interface' : 'address'
      problems.push({ path: ['peers', i, key], message: `peers[${byAddress}] is the peer ${place} already` })
    } else if (byName !== undefined) {
      problems.push({ path: ['peers', i, 'name'], message: `peers[${byName}] is called ${name} already` })
    }
    names.set(name, i)
    addresses.set(place, i)
  }
}

function checkNames(names: readonly string[], list: string, problems: PathProblem[]): void {
  for (const [i, name] of names.entries()) {
    const first = names.indexOf(name)
    if (first < i) problems.push({ path: [list, i, 'name'], message: `${list}[${first}] is called ${name} already` })
  }
}

function staticFromFile(
  route: StaticRoute,
  path: readonly PathSegment[],
  bfd: BfdBook,
  problems: PathProblem[],
): StaticRouteConfig {
  const nextHop = Ip.of(route.next_hop)
  const prefix = Prefix.of(route.prefix)
  const complain = (message: string): void => void problems.push({ path: [...path, 'next_hop'], message })
  if (nextHop.isLinkLocal && route.interface === undefined) complain(`${nextHop} is link-local: say which interface`)
  if (nextHop.isUnspecified || nextHop.isMulticast || nextHop.isLoopback) complain(`${nextHop} cannot be a next hop`)
  if (prefix.family === 6 && nextHop.family === 4) complain('an IPv6 prefix needs an IPv6 next hop')
  return {
    prefix,
    nextHop,
    interface: route.interface,
    preference: route.priority,
    bfd: bfd.use(route.bfd, [...path, 'bfd']),
  }
}

function kernelFromFile({ table = 'main', protocol, metric, keep }: Kernel, isRestarting: boolean): KernelConfig {
  return {
    table: table === 'main' ? MAIN_TABLE : table,
    protocol: protocol ?? DEFAULT_KERNEL_PROTOCOL,
    metric: metric ?? DEFAULT_KERNEL_METRIC,
    isKept: keep ?? isRestarting,
  }
}

function mrtFromFile(mrt: Mrt, problems: PathProblem[]): MrtConfig {
  const hasUpdates = mrt.updates ?? false
  if (mrt.rib_interval_s === undefined && !hasUpdates) {
    problems.push({ path: ['mrt'], message: 'neither rib_interval_s nor updates: nothing would be written' })
  }
  return {
    directory: mrt.directory,
    ribIntervalS: mrt.rib_interval_s,
    hasUpdates,
    rotateS: mrt.rotate_s ?? DEFAULT_ROTATE_S,
  }
}

function stationFromFile(station: BmpStation): BmpStationConfig {
  return {
    name: station.name ?? station.address,
    address: socketAddress(station.address),
    localAddress: station.local_address === undefined ? undefined : Ip.of(station.local_address),
    routes: station.routes ?? ['pre-policy'],
    statsIntervalS: station.stats_interval_s,
    retryS: station.retry_s ?? DEFAULT_BMP_RETRY_S,
  }
}

function socketAddress(text: string): SocketAddress {
  return parseSocketAddress(text)! // because the schema let the text pass
}
