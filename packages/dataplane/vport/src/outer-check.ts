/** What an encapsulated frame must be before any port is asked; the engine and the explainer share it. */
import { parseFrame, parseIp, ROW_ERROR_HEADER, ROW_L3 } from '@lodestone/packet'
import { Drop } from './drop-reasons.ts'
import { openTunnel, type Tunnel, TunnelError } from './encapsulation.ts'
import type { EngineScope } from './engine-scope.ts'
import { parseDrop } from './parse-inner.ts'

const TUNNEL_DROPS = [Drop.none, Drop.notOursOuter, Drop.truncated, Drop.badVersion, Drop.badTunnelOption]

/** What was looked at when it failed; for people. */
export const OUTER_DETAILS = {
  headers: 'the outer headers',
  tunnel: 'the tunnel header',
  destination: 'the outer destination is another sled’s',
} as const

export interface OuterProblem {
  reason: number
  detail: string
}

/**
 * Parses the outer headers into `row` and the tunnel's into `tunnel`.
 * @param outerIp bytes from the frame's start to its outer IPv6 header: 14, or 0 for a frame of this same sled.
 * @returns whether it may go on; if not, `problem` says why.
 */
export function openOuter(
  scope: EngineScope,
  start: number,
  end: number,
  outerIp: number,
  row: Int32Array,
  tunnel: Tunnel,
  problem: OuterProblem,
): boolean {
  const { bytes, view } = scope.arena
  const error = outerIp === 0 ? parseIp(bytes, start, end, row) : parseFrame(bytes, start, end, row)
  if (error < 0) return refuse(problem, parseDrop(error, row[ROW_ERROR_HEADER]!), OUTER_DETAILS.headers)
  const tunnelError = openTunnel(bytes, row, tunnel)
  if (tunnelError !== TunnelError.none) return refuse(problem, TUNNEL_DROPS[tunnelError]!, OUTER_DETAILS.tunnel)
  const l3 = row[ROW_L3]!
  const source = outerIp === 0 ? Drop.none : scope.peers.check(view, l3, tunnel.isExternal)
  if (source !== Drop.none) return refuse(problem, source, '')
  const own = scope.underlayAddress.bytes
  for (let i = 0; i < 16; i++) {
    if (bytes[l3 + 24 + i] !== own[i]) return refuse(problem, Drop.notOursOuter, OUTER_DETAILS.destination)
  }
  return true
}

function refuse(problem: OuterProblem, reason: number, detail: string): false {
  problem.reason = reason
  problem.detail = detail
  return false
}
