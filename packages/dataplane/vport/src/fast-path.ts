/**
 * The flow cache's path: one lookup, three comparisons, and the recorded transformation is replayed. Anything unusual
 * (no row, a changed configuration or mapping, a packet too large, a TCP opening) is left to the slow path, untouched.
 */
import { L3Kind, ROW_END, ROW_L3, ROW_L3_KIND, ROW_L4, ROW_PROTOCOL } from '@lodestone/packet'
import type { EngineScope } from './engine-scope.ts'
import {
  FLOW_CONNECTION,
  FLOW_DEPENDENCY,
  FLOW_ENCAP_BYTES,
  FLOW_EPOCH,
  FLOW_FLAGS,
  FLOW_IS_LOCAL,
  FLOW_MAX_BYTES,
  FLOW_ROW_WORDS,
  FLOW_VERSION,
} from './flow-row.ts'
import type { PortState } from './port-state.ts'
import { replay } from './replay.ts'
import { TCP_NEW_FLOW, TcpState } from './tcp-state.ts'
import { commitTcp, tcpAfter } from './tcp-tracking.ts'
import type { Walk } from './walk.ts'

const TCP = 6

export const FastResult = { miss: 0, done: 1, doneLocal: 2 } as const

/**
 * @param walk holds the parsed row, the key and the family of the packet; nothing else of it is used.
 * @returns miss, with the frame untouched; done; or doneLocal when the frame is for this same sled.
 */
export function tryFastPath(walk: Walk, port: PortState, scope: EngineScope, isOut: boolean, nowMs: number): number {
  const family = walk.family
  const row = walk.row
  const view = walk.view
  const start = walk.start
  // The anti-spoof rule asks for the guest's MAC; the key does not hold it.
  if (isOut && (view.getUint16(start + 6) !== port.macHigh || view.getInt32(start + 8) !== port.macLow)) {
    return FastResult.miss
  }
  const cache = port.cache
  const table = family === 4 ? cache.flows4 : cache.flows6
  const flow = table.find(walk.key)
  if (flow < 0) return FastResult.miss
  const rows = table.rows
  const base = flow * FLOW_ROW_WORDS + table.keyWords
  if (rows[base + FLOW_EPOCH] !== port.context.epoch) return FastResult.miss
  if (scope.versions.values[rows[base + FLOW_DEPENDENCY]!] !== rows[base + FLOW_VERSION]) return FastResult.miss
  const l3 = row[ROW_L3]!
  const end = row[ROW_END]!
  if (end - l3 > rows[base + FLOW_MAX_BYTES]!) return FastResult.miss

  const connections = cache.connections
  const index = rows[base + FLOW_CONNECTION]!
  const l4 = row[ROW_L4]!
  const protocol = row[ROW_PROTOCOL]!
  let next = -1
  if (protocol === TCP) {
    next = tcpAfter(connections, index, isOut, walk.bytes, l4)
    if (next === TCP_NEW_FLOW) return FastResult.miss
  }
  // The frame starts anew: inbound after what was around it, outbound where the encapsulation will begin.
  const arena = scope.arena
  const slot = walk.slot
  const encapBytes = rows[base + FLOW_ENCAP_BYTES]!
  if (!arena.shift(slot, start - encapBytes - arena.start(slot))) return FastResult.miss
  arena.setLength(slot, end - start + encapBytes)

  const isClosed = next === TcpState.closed
  if (protocol === TCP && !isClosed) commitTcp(connections, index, next, isOut, walk.bytes, l4, end)
  connections.lastHitMs[index] = nowMs
  const counter = index * 4 + (isOut ? 2 : 0)
  connections.counters[counter] = connections.counters[counter]! + 1
  connections.counters[counter + 1] = connections.counters[counter + 1]! + (end - start)
  replay(view, rows, base, start, l3, l4, end, row[ROW_L3_KIND] === L3Kind.ipv4, protocol)
  const isLocal = (rows[base + FLOW_FLAGS]! & FLOW_IS_LOCAL) !== 0
  // The row goes with its connection, so it was read before.
  if (isClosed) cache.retire(connections.get(index)!, nowMs)
  return isLocal ? FastResult.doneLocal : FastResult.done
}
