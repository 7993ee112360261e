/**
 * Multicast listener discovery, the listener's side (MLDv2, RFC 3810): answers queries, and reports groups that are joined
 * and left on interfaces that want it. Groups are joined for any source, so records are EXCLUDE with an empty list.
 * NOT IMPLEMENTED: source lists, and the older version's reports on links with an MLDv1 querier.
 *
 *     report:  143 | 0 | checksum | reserved | count 16 | { type 8 | 0 | sources 16 | group 128 }…
 *     query:   130 | 0 | checksum | maximum response code 16 | reserved | group 128 | …
 */
import type { Random, Timer } from '@lodestone/host'
import { Ip, Mac } from '@lodestone/net'
import {
  fixTransportChecksum,
  Icmpv6Type,
  ipv6HopLimit,
  IPV6_MIN,
  IPV6_SRC,
  IpProtocol,
  ipv6NextHeader,
  setIpv6NextHeader,
} from '@lodestone/packet'
import { NS_DROP } from './drop.ts'
import type { Interface } from './interface.ts'
import { writeIpHeader } from './ip-output.ts'
import type { Stack } from './stack.ts'

/** RFC 3810 §5.2.12. */
const Record = { isExclude: 2, toInclude: 3, toExclude: 4 } as const
const ALL_MLD_ROUTERS = Ip.of('ff02::16')
const UNSPECIFIED = Ip.of('::')
/** Hop-by-hop options: next header, length, router alert (RFC 2711) for MLD, padding. */
const ROUTER_ALERT = Uint8Array.of(IpProtocol.icmpv6, 0, 5, 2, 0, 0, 1, 0)
const RECORD_BYTES = 20
const HEADER_BYTES = 8
const QUERY_MIN = 24
/** RFC 3810 §9.11 and §9.14.1: a change is reported twice, the second time within this. */
const UNSOLICITED_INTERVAL_MS = 1000

interface Pending {
  timer: Timer
  dueMs: number
  /** Undefined: all groups. */
  groups: Set<string> | undefined
}

export class ListenerDiscovery {
  readonly #stack: Stack
  readonly #random: Random
  readonly #pending = new Map<Interface, Pending>()
  readonly #repeats = new Set<Timer>()

  constructor(stack: Stack) {
    this.#stack = stack
    this.#random = stack.random.fork('mld')
  }

  /** The first socket joined a group of `iface`, or the last one left it. */
  changed(iface: Interface, group: Ip, isJoined: boolean): void {
    if (!iface.reportsGroups || !isReported(group)) return
    const type = isJoined ? Record.toExclude : Record.toInclude
    this.#report(iface, type, [group])
    const repeat = this.#stack.clock.after(this.#random.float() * UNSOLICITED_INTERVAL_MS, () => {
      this.#repeats.delete(repeat)
      if (iface.isMemberOf(group) === isJoined) this.#report(iface, type, [group])
    })
    this.#repeats.add(repeat)
  }

  /** The query at `l4` of the packet at `l3`, whose checksum is right. Takes the slot. */
  input(iface: Interface, slot: number, l3: number, l4: number, end: number): void {
    const stack = this.#stack
    const { bytes } = stack.arena
    const source = Ip.fromBytes(bytes, l3 + IPV6_SRC, 16)
    // RFC 3810 §6.2.
    const isFromLink = source.isLinkLocal && ipv6HopLimit(bytes, l3) === 1
    const hasAlert = ipv6NextHeader(bytes, l3) === IpProtocol.hopByHop && hasRouterAlert(bytes, l3 + IPV6_MIN)
    if (end - l4 < QUERY_MIN || !isFromLink || !hasAlert || iface.port === undefined) {
      return stack.drop(slot, NS_DROP.NDP_INVALID)
    }
    const group = Ip.fromBytes(bytes, l4 + HEADER_BYTES, 16)
    const code = (bytes[l4 + 4]! << 8) | bytes[l4 + 5]!
    stack.noteDelivered(slot, l3)
    if (group.isUnspecified) this.#answerLater(iface, undefined, responseMs(code))
    else if (iface.isMemberOf(group) && isReported(group)) this.#answerLater(iface, group, responseMs(code))
    stack.arena.free(slot)
  }

  close(): void {
    for (const { timer } of this.#pending.values()) timer.cancel()
    for (const timer of this.#repeats) timer.cancel()
    this.#pending.clear()
    this.#repeats.clear()
  }

  /** RFC 3810 §6.2: one answer per interface waits; a question for more joins it, at the earlier of the times. */
  #answerLater(iface: Interface, group: Ip | undefined, withinMs: number): void {
    const { clock } = this.#stack
    const before = this.#pending.get(iface)
    const dueMs = Math.min(before?.dueMs ?? Infinity, clock.nowMs() + this.#random.float() * withinMs)
    const isAll = group === undefined || (before !== undefined && before.groups === undefined)
    const groups = isAll ? undefined : new Set([...(before?.groups ?? []), group.toString()])
    before?.timer.cancel()
    const timer = clock.after(dueMs - clock.nowMs(), () => {
      this.#pending.delete(iface)
      const asked = groups === undefined ? iface.groups : iface.groups.filter((each) => groups.has(each))
      this.#report(iface, Record.isExclude, asked.map((text) => Ip.of(text)).filter(isReported))
    })
    this.#pending.set(iface, { timer, dueMs, groups })
  }

  #report(iface: Interface, type: number, groups: readonly Ip[]): void {
    const stack = this.#stack
    if (groups.length === 0 || !iface.isUp || iface.port === undefined) return
    const most = Math.floor((iface.mtuBytes - IPV6_MIN - ROUTER_ALERT.length - HEADER_BYTES) / RECORD_BYTES)
    stack.enter()
    for (let from = 0; from < groups.length; from += most) {
      this.#send(iface, type, groups.slice(from, from + most))
    }
    stack.leave()
  }

  #send(iface: Interface, type: number, groups: readonly Ip[]): void {
    const stack = this.#stack
    const { arena } = stack
    const header = IPV6_MIN + ROUTER_ALERT.length
    const slot = stack.allocIp(header + HEADER_BYTES + groups.length * RECORD_BYTES)
    if (slot < 0) return
    const { bytes } = arena
    const at = arena.start(slot)
    const l4 = at + header
    writeIpHeader(stack, slot, iface.linkLocal ?? UNSPECIFIED, ALL_MLD_ROUTERS, IpProtocol.icmpv6, 1)
    setIpv6NextHeader(bytes, at, IpProtocol.hopByHop)
    bytes.set(ROUTER_ALERT, at + IPV6_MIN)
    bytes.fill(0, l4, arena.end(slot))
    bytes[l4] = Icmpv6Type.listenerReportV2
    bytes[l4 + 6] = groups.length >>> 8
    bytes[l4 + 7] = groups.length
    groups.forEach((group, i) => {
      bytes[l4 + HEADER_BYTES + i * RECORD_BYTES] = type
      bytes.set(group.bytes, l4 + HEADER_BYTES + i * RECORD_BYTES + 4)
    })
    fixTransportChecksum(bytes, at, l4, arena.end(slot))
    stack.noteSent(slot, iface)
    stack.transmitIp(iface, Mac.forMulticast(ALL_MLD_ROUTERS).bytes, 0, slot)
  }
}

/** RFC 3810 §6: nobody reports all-nodes, nor groups that do not leave the host. */
function isReported(group: Ip): boolean {
  if (group.family !== 6) return false
  const scope = group.bytes[1]! & 15
  const isAllNodes = scope === 2 && group.word(1) === 0 && group.word(2) === 0 && group.word(3) === 1
  return scope >= 2 && !isAllNodes
}

/** Whether the hop-by-hop options at `at`, which lie inside of their packet, have a router alert (RFC 2711 §2.1). */
function hasRouterAlert(bytes: Uint8Array, at: number): boolean {
  const end = at + 8 * (bytes[at + 1]! + 1)
  let option = at + 2
  while (option < end && bytes[option] !== ROUTER_ALERT[2]) option += bytes[option] === 0 ? 1 : 2 + bytes[option + 1]!
  return option < end
}

/** RFC 3810 §5.1.3: the time that a query's maximum response code means. */
export function responseMs(code: number): number {
  if (code < 0x8000) return code
  return ((code & 0xfff) | 0x1000) << (((code >>> 12) & 7) + 3)
}
