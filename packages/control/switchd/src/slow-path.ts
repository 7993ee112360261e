/**
 * What the CPU does for packets that the pipeline cannot finish by itself: it finds the MAC address of a next hop and
 * sends on what waited for it, and it tells senders with ICMP why a packet went no further.
 *
 * A packet that waited has its TTL decremented and its tunnel put on already, so it only gets its MAC addresses (and
 * tag) and leaves as it is; an ICMP error is a new packet and goes through the whole pipeline.
 */
import type { Arena } from '@lodestone/frame'
import { Ip, type Mac } from '@lodestone/net'
import {
  ETHERNET_MIN,
  EtherType,
  Icmpv6Type,
  Icmpv6Unreachable,
  IcmpType,
  IcmpUnreachable,
  setEthernetDst,
  setEthernetSrc,
  setSidecarCode,
  setSidecarEtherType,
  SIDECAR_MIN,
  SIDECAR_PAYLOAD,
  SidecarCode,
  sidecarEgress,
  sidecarEtherType,
  sidecarIngress,
  VLAN_MIN,
} from '@lodestone/packet'
import { Counters } from '@lodestone/probe'
import type { AddressTable } from './address-table.ts'
import { NODE_DROP } from './drop-reason.ts'
import { buildIcmpError, findOffender, type IcmpErrorKind, type Offender, tunnelledKind } from './icmp-error.ts'
import type { LinkTable } from './link-table.ts'
import { NeighborQueue } from './neighbor-queue.ts'
import type { NeighborTable } from './neighbor-table.ts'
import { FROM_USER, sidecarOffset } from './sidecar-frame.ts'
import type { SwitchNode } from './switch-node.ts'
import { TokenBucket } from './token-bucket.ts'

const ICMP_PER_SECOND = 1000
const ICMP_BURST = 100

export const SLOW_PATH_COUNTERS = [
  'resolutionsStarted',
  'packetsResumed',
  'icmpSent',
  'icmpForbidden',
  'icmpRateLimited',
  'icmpNoSource',
  'icmpNoSlot',
] as const

export type SlowPathCounter = (typeof SLOW_PATH_COUNTERS)[number]

export interface SlowPathOptions {
  readonly node: SwitchNode
  readonly links: LinkTable
  readonly addresses: AddressTable
  readonly neighbors: NeighborTable
  /** Asks the zone's stack for a MAC address. */
  readonly resolve: (port: number, ip: Ip) => void
  /** The tag that some route gives a next hop. */
  readonly vlanId: (port: number, nextHop: Ip) => number | undefined
  /** The source of the tunnel packets that this switch makes. */
  readonly tunnelSource: () => Ip
}

export class SlowPath {
  readonly counters = new Counters<SlowPathCounter>(SLOW_PATH_COUNTERS)
  readonly #options: SlowPathOptions
  readonly #node: SwitchNode
  readonly #arena: Arena
  readonly #queue: NeighborQueue
  readonly #bucket = new TokenBucket(ICMP_PER_SECOND, ICMP_BURST)
  #identification = 0

  constructor(options: SlowPathOptions) {
    this.#options = options
    this.#node = options.node
    this.#arena = options.node.arena
    this.#queue = new NeighborQueue({
      clock: options.node.clock,
      resolve: (port, ip) => {
        this.counters.add('resolutionsStarted')
        options.resolve(port, ip)
      },
      send: (slot, port, ip, mac) => this.#resume(slot, port, ip, mac),
      giveUp: (slot, ip) => this.#hostUnreachable(slot, ip),
      refuse: (slot) => this.#node.drop(slot, NODE_DROP.neighborQueueFull),
    })
  }

  /** Packets that wait for a neighbour. */
  get waiting(): number {
    return this.#queue.length
  }

  /** Takes a punted frame, its sidecar header still on. */
  handle(slot: number, code: number): void {
    const header = sidecarOffset(this.#arena, slot)
    if (header < 0) return this.#node.drop(slot, NODE_DROP.cpuRunt)
    const payload = header + SIDECAR_PAYLOAD
    const bytes = this.#arena.bytes
    switch (code) {
      case SidecarCode.arpNeeded:
        return this.#await(slot, header, Ip.fromBytes(bytes, payload + 12, 4))
      case SidecarCode.neighborNeeded:
        return this.#await(slot, header, Ip.fromBytes(bytes, payload, 16))
      case SidecarCode.icmpNeeded:
        return this.#undeliverable(slot, { type: bytes[payload + 14]!, code: bytes[payload + 15]! })
      default:
        return this.#node.drop(slot, NODE_DROP.cpuCode)
    }
  }

  /** A neighbour's MAC address became known. */
  resolved(port: number, ip: Ip, mac: Mac): void {
    this.#queue.resolved(port, ip, mac)
  }

  /** Drops what waits. */
  close(): void {
    this.#queue.close()
  }

  #await(slot: number, header: number, nextHop: Ip): void {
    const port = sidecarEgress(this.#arena.bytes, header)
    const known = this.#options.neighbors.get(port, nextHop)
    // The table was full, or the entry was written while the packet was on its way here.
    if (known !== undefined) return this.#resume(slot, port, nextHop, known.mac)
    if (this.#options.links.get(port) === undefined) return this.#node.drop(slot, NODE_DROP.portUnknown)
    this.#queue.hold(slot, port, nextHop)
  }

  #resume(slot: number, port: number, nextHop: Ip, mac: Mac): void {
    const link = this.#options.links.get(port)
    if (link === undefined) return this.#node.drop(slot, NODE_DROP.portUnknown)
    const vlanId = this.#options.vlanId(port, nextHop)
    if (vlanId !== undefined && !this.#tag(slot, vlanId)) return this.#node.drop(slot, NODE_DROP.cpuNoHeadroom)
    const start = this.#arena.start(slot)
    setEthernetDst(this.#arena.bytes, start, mac.bytes)
    setEthernetSrc(this.#arena.bytes, start, link.mac.bytes)
    setSidecarCode(this.#arena.bytes, start + ETHERNET_MIN, FROM_USER.forward)
    this.counters.add('packetsResumed')
    this.#node.inject(slot)
  }

  /** Puts an 802.1Q tag behind the sidecar header, unless there is one. @returns false when there is no room. */
  #tag(slot: number, vlanId: number): boolean {
    const bytes = this.#arena.bytes
    const before = this.#arena.start(slot)
    const etherType = sidecarEtherType(bytes, before + ETHERNET_MIN)
    if (etherType === EtherType.vlan) return true
    if (!this.#arena.shift(slot, -VLAN_MIN)) return false
    const start = before - VLAN_MIN
    bytes.copyWithin(start, before, before + ETHERNET_MIN + SIDECAR_MIN)
    const header = start + ETHERNET_MIN
    setSidecarEtherType(bytes, header, EtherType.vlan)
    this.#arena.view.setUint16(header + SIDECAR_MIN, vlanId)
    this.#arena.view.setUint16(header + SIDECAR_MIN + 2, etherType)
    return true
  }

  #hostUnreachable(slot: number, ip: Ip): void {
    const kind =
      this.#familyOf(slot) === 6
        ? { type: Icmpv6Type.unreachable, code: Icmpv6Unreachable.address }
        : { type: IcmpType.unreachable, code: IcmpUnreachable.host }
    const detail = this.#complain(slot, kind)
    this.#node.drop(slot, ip.family === 4 ? NODE_DROP.arpMiss : NODE_DROP.ndpMiss, `next hop ${ip}; ${detail}`)
  }

  #undeliverable(slot: number, kind: IcmpErrorKind): void {
    const isV4 = this.#familyOf(slot) === 4
    const isExpired = kind.type === (isV4 ? IcmpType.timeExceeded : Icmpv6Type.timeExceeded)
    const reason = isV4
      ? isExpired
        ? NODE_DROP.ipv4TtlExceeded
        : NODE_DROP.ipv4Unroutable
      : isExpired
        ? NODE_DROP.ipv6HopLimitExceeded
        : NODE_DROP.ipv6Unroutable
    this.#node.drop(slot, reason, this.#complain(slot, kind))
  }

  /** Sends an ICMP error about a packet if that is allowed and possible. @returns what became of it, for the story. */
  #complain(slot: number, kind: IcmpErrorKind): string {
    const found = findOffender(
      this.#arena.bytes,
      this.#arena.start(slot),
      this.#l3(slot),
      this.#arena.end(slot),
      this.#options.tunnelSource(),
    )
    if (!found.ok) {
      this.counters.add('icmpForbidden')
      return `no ICMP error, because ${found.reason}`
    }
    const { offender } = found
    const ingress = sidecarIngress(this.#arena.bytes, this.#arena.start(slot) + ETHERNET_MIN)
    const source = this.#sourceAddress(ingress, offender)
    if (source === undefined) {
      this.counters.add('icmpNoSource')
      return `no ICMP error, because the switch has no IPv${offender.family} address to send it from`
    }
    if (!this.#bucket.take(this.#node.clock.nowMs())) {
      this.counters.add('icmpRateLimited')
      return 'no ICMP error, because they are being rate limited'
    }
    this.#identification = (this.#identification + 1) & 0xffff
    const inFamily = found.isTunnelled ? tunnelledKind(kind, offender.family) : kind
    const error = buildIcmpError(this.#arena, offender, inFamily, source, this.#identification)
    if (error < 0) {
      this.counters.add('icmpNoSlot')
      return 'no ICMP error, because no memory is left for it'
    }
    this.counters.add('icmpSent')
    const detail = `ICMP type ${inFamily.type} code ${inFamily.code} from ${source} to ${offender.source}`
    if (this.#node.tracer.isOn) {
      this.#node.tracer.emit(this.#node.name, this.#arena.packet(error), {
        kind: 'sent',
        interface: 'cpu',
        summary: detail,
      })
    }
    this.#node.inject(error)
    return detail
  }

  /** RFC 1812 §4.3.2.4: an address of the interface it came in by, else one that stands for the whole switch. */
  #sourceAddress(ingress: number, { family }: Offender): Ip | undefined {
    const fits = (ip: Ip): boolean => ip.family === family && !ip.isLinkLocal
    const { addresses } = this.#options
    return (
      addresses.ofPort(ingress).find(fits) ?? addresses.loopbacks(family).find(fits) ?? addresses.all(family).find(fits)
    )
  }

  /** Offset of the network header behind sidecar header and tag. */
  #l3(slot: number): number {
    const header = this.#arena.start(slot) + ETHERNET_MIN
    const isTagged = sidecarEtherType(this.#arena.bytes, header) === EtherType.vlan
    return header + SIDECAR_MIN + (isTagged ? VLAN_MIN : 0)
  }

  /** By the version nibble; 0 when the frame ends before it. */
  #familyOf(slot: number): number {
    const l3 = this.#l3(slot)
    return l3 < this.#arena.end(slot) ? this.#arena.bytes[l3]! >>> 4 : 0
  }
}
