/** DDM of the configuration file: the router's part and the tunnels that it announces. */
import type { TunnelOrigin } from '@lodestone/ddm'
import { Ip, Prefix } from '@lodestone/net'
import type { DdmConfig } from '../config.ts'
import type { PathProblem } from './config-problem.ts'
import type { Ddm } from './schema.ts'

const MAX_METRIC = (1n << 64n) - 1n

/** @param problems gets what is wrong. */
export function ddmFromFile(ddm: Ddm, problems: PathProblem[]): DdmConfig {
  const originate = (ddm.originate ?? []).map((text) => Prefix.of(text))
  for (const [i, prefix] of originate.entries()) {
    if (prefix.family !== 6) problems.push({ path: ['ddm', 'originate', i], message: 'DDM has IPv6 prefixes only' })
  }
  return {
    hostname: ddm.hostname,
    role: ddm.role,
    interfaces: ddm.interfaces,
    originate,
    tunnelOrigins: (ddm.tunnels ?? []).map((tunnel, i) => tunnelFromFile(tunnel, i, problems)),
  }
}

/** Where packets to external destinations are to be tunnelled; undefined: not to us. */
export function tunnelEndpointFromFile(ddm: Ddm | undefined, problems: PathProblem[]): Ip | undefined {
  if (ddm?.tunnel_endpoint === undefined) return undefined
  const endpoint = Ip.of(ddm.tunnel_endpoint)
  if (endpoint.family !== 6)
    problems.push({ path: ['ddm', 'tunnel_endpoint'], message: 'tunnels end at IPv6 addresses' })
  return endpoint
}

function tunnelFromFile(tunnel: NonNullable<Ddm['tunnels']>[number], i: number, problems: PathProblem[]): TunnelOrigin {
  const boundaryAddress = Ip.of(tunnel.boundary_address)
  const metric = BigInt(tunnel.metric ?? 0)
  const complain = (key: string, message: string): void =>
    void problems.push({ path: ['ddm', 'tunnels', i, key], message })
  if (boundaryAddress.family !== 6) complain('boundary_address', 'tunnels end at IPv6 addresses')
  if (metric > MAX_METRIC) complain('metric', 'a metric has 64 bits')
  return { overlayPrefix: Prefix.of(tunnel.overlay_prefix), boundaryAddress, vni: tunnel.vni, metric }
}
