/** What is wrong with a set of peers, before anything is changed. */
import { checkPeerConfig, type PeerConfig, sourceKey } from './peer-config.ts'

export const DEFAULT_MAX_PEERS = 4096

/** @returns the first problem, in words; undefined when the peers can be used together. */
export function checkPeers(
  configs: readonly PeerConfig[],
  options: { readonly maxPeers?: number; readonly isEchoEnabled?: boolean },
): string | undefined {
  const { maxPeers = DEFAULT_MAX_PEERS, isEchoEnabled = false } = options
  if (configs.length > maxPeers) return `${configs.length} peers are more than ${maxPeers}`
  const names = new Set<string>()
  const sources = new Set<string>()
  for (const config of configs) {
    const problem = checkPeerConfig(config)
    if (problem !== undefined) return `peer ${config.name}: ${problem}`
    if (!isEchoEnabled && (config.echoMinTxUs !== undefined || (config.requiredMinEchoRxUs ?? 0) !== 0)) {
      return `peer ${config.name}: the echo function is not enabled`
    }
    if (names.has(config.name)) return `there are two peers called ${config.name}`
    if (sources.has(keyOf(config))) return `peer ${config.name}: ${keyOf(config)} has a session already`
    names.add(config.name)
    sources.add(keyOf(config))
  }
  return undefined
}

/** What must be unique among the peers. */
function keyOf({ mode, remoteAddress, interface: link }: PeerConfig): string {
  return `${sourceKey(mode ?? 'single-hop', remoteAddress)}${link === undefined ? '' : `%${link}`}`
}
