/**
 * One packet on its way through the layers: what it was (`key`), what it is after the layers so far (`current`), what
 * else the layers decided, and who listens. One Walk is reused for all packets of an engine; layers read and write it,
 * and nothing takes effect before the engine commits it, so the same code serves dry runs.
 */
import { Fragment, IpProtocol, ROW_SIZE } from '@lodestone/packet'
import type { DropReason, NearMiss, Step } from '@lodestone/probe'
import { ipOfWords } from './address-words.ts'
import type { Connection } from './connection.ts'
import { Drop } from './drop-reasons.ts'
import { dstAt, type FlowKey, hasPorts, metaAt, newFlowKey, portsAt } from './flow-key.ts'
import type { NatMapping } from './nat-mapping.ts'
import type { Route } from './port-config.ts'
import { NO_DEPENDENCY } from './versions.ts'

export type Direction = 'in' | 'out'

export const Verdict = { allow: 0, modify: 1, deny: 2, hairpin: 3 } as const
export type Verdict = (typeof Verdict)[keyof typeof Verdict]
/** Of a later fragment whose first one may be behind: no layer has seen it, and nothing has changed. */
export const WAIT = 4

/**
 * Geneve options of class Oxide: `mss` for TCP within a VPC, `external` for what counts as coming from outside of the receiver's,
 * `multicast` for copies that go to the subscribers of a group.
 */
export type TunnelOption = 'none' | 'mss' | 'external' | 'multicast'

/** What the overlay puts around a frame. */
export interface Encapsulation {
  /** Underlay address that it is sent to, 16 bytes. */
  readonly destination: Uint8Array
  readonly vni: number
  /** The one option that it has. */
  readonly option: TunnelOption
}

/** A packet quoted by an ICMP error whose addresses change with the outer ones. */
export interface QuoteRewrite {
  /** Which side of the quoted packet is the guest's. */
  readonly side: 'src' | 'dst'
  readonly address: Int32Array
  /** New port or identifier, -1 to keep. */
  readonly port: number
}

const NO_COPIES: readonly Uint8Array[] = []

export class Walk {
  readonly row: Int32Array = new Int32Array(ROW_SIZE)
  readonly key: FlowKey = newFlowKey()
  readonly current: FlowKey = newFlowKey()
  readonly bytes: Uint8Array
  readonly view: DataView
  slot = -1
  /** Absolute offsets of the (inner) frame. */
  start = 0
  end = 0
  isOut = false
  /** 0 where the frame is no IP packet that flows are made of. */
  family: 0 | 4 | 6 = 0
  /** A `Fragment`: whole, the first of a datagram, or a later one, which has no transport header. */
  fragment: number = Fragment.none
  /** The canonical hash of the packet as it came: choices for its flow are made from it. */
  flowHash = 0
  /** The same of the packet as it leaves: the underlay tells flows apart by it. */
  entropy = 0
  nowMs = 0
  /** Inbound: the switch says that it came from outside of the VPC. */
  isExternal = false
  /** Inbound: absolute offset of the outer IPv6 header, -1 where there is none. */
  outerIp = -1
  /** The VNI of the other side; 0 when it is outside. */
  remoteVni = 0
  isDryRun = false
  /** Whether a later fragment may wait for its first one: it has not waited yet. */
  mayWait = true

  connection: Connection | undefined
  /** For an ICMP error: the connection that the quoted packet belongs to. */
  related: Connection | undefined
  isIcmpError = false
  route: Route | undefined
  nat: NatMapping | undefined
  /** The leased port or identifier that goes with `nat`; -1 for 1:1 translation. */
  natPort = -1
  quote: QuoteRewrite | undefined
  etherDst: Uint8Array | undefined
  etherSrc: Uint8Array | undefined
  encapsulation: Encapsulation | undefined
  /** Underlay addresses that get a copy of the encapsulated frame besides, 16 bytes each. */
  copies: readonly Uint8Array[] = NO_COPIES
  /** Whether it is for a multicast group; such packets are judged one by one and make no flows. */
  isMulticast = false
  dependency: number = NO_DEPENDENCY
  /** The inbound or outbound rule (or default) of the firewall that let it through. */
  firewallRule = ''

  /** A frame for the guest, or -1. */
  hairpin = -1
  /** An encapsulated frame for whoever sent an inbound one, or -1. */
  answer = -1
  reason: number = Drop.none
  detail = ''
  nearest: readonly NearMiss[] | undefined

  /** Told when all layers have agreed and nothing is changed yet, with the largest packet that may pass; of dry runs only. */
  onDecided: ((limit: number) => void) | undefined
  /** Told each step when someone listens. */
  listener: ((step: Step) => void) | undefined

  constructor(bytes: Uint8Array, view: DataView) {
    this.bytes = bytes
    this.view = view
  }

  /** Whether what is said about the packet is heard: only then is it worth putting into words. */
  get isHeard(): boolean {
    return this.listener !== undefined
  }

  get direction(): Direction {
    return this.isOut ? 'out' : 'in'
  }

  get protocol(): number {
    return this.family === 0 ? -1 : this.current[metaAt(this.family)]! & 0xff
  }

  get isTcp(): boolean {
    return this.protocol === IpProtocol.tcp
  }

  get isIcmp(): boolean {
    const protocol = this.protocol
    return protocol === IpProtocol.icmp || protocol === IpProtocol.icmpv6
  }

  /** Whether there is a transport header to read and rewrite. */
  get hasTransport(): boolean {
    return this.fragment !== Fragment.later && hasPorts(this.protocol)
  }

  get dstAt(): number {
    return dstAt(this.family)
  }

  get ports(): number {
    return this.family === 0 ? 0 : this.current[portsAt(this.family)]!
  }

  /** The source port, or the identifier of an ICMP echo. */
  get srcPort(): number {
    return this.ports >>> 16
  }

  get dstPort(): number {
    return this.ports & 0xffff
  }

  get icmpType(): number {
    return (this.ports >>> 8) & 0xff
  }

  get icmpCode(): number {
    return this.ports & 0xff
  }

  get srcText(): string {
    return this.family === 0 ? '?' : ipOfWords(this.current, 0, this.family).toString()
  }

  get dstText(): string {
    return this.family === 0 ? '?' : ipOfWords(this.current, this.dstAt, this.family).toString()
  }

  /** Forgets the last packet, but for what parsing found. The frame, direction and listener are set by the caller afterwards. */
  reset(): void {
    this.family = 0
    this.flowHash = 0
    this.entropy = 0
    this.isExternal = false
    this.outerIp = -1
    this.remoteVni = 0
    this.isDryRun = false
    this.mayWait = true
    this.connection = undefined
    this.related = undefined
    this.isIcmpError = false
    this.route = undefined
    this.nat = undefined
    this.natPort = -1
    this.quote = undefined
    this.etherDst = undefined
    this.etherSrc = undefined
    this.encapsulation = undefined
    this.copies = NO_COPIES
    this.isMulticast = false
    this.dependency = NO_DEPENDENCY
    this.firewallRule = ''
    this.hairpin = -1
    this.answer = -1
    this.reason = Drop.none
    this.detail = ''
    this.nearest = undefined
    this.onDecided = undefined
    this.listener = undefined
  }

  deny(reason: number, detail: string): Verdict {
    this.reason = reason
    this.detail = detail
    return Verdict.deny
  }
}

/** Grows when a field of an explanation changes its meaning. */
export const EXPLANATION_VERSION = 1

/** What a dry run found. */
export interface Explanation {
  readonly version: typeof EXPLANATION_VERSION
  /** `waiting`: a later fragment, until the first one of its datagram has come. */
  readonly verdict: 'forwarded' | 'delivered' | 'hairpin' | 'dropped' | 'waiting'
  readonly reason?: DropReason
  readonly detail?: string
  readonly nearest?: readonly NearMiss[]
  readonly steps: readonly Step[]
  /** The frame as it would leave (from the outer IPv6 header on), reach the guest, or be answered. */
  readonly frame?: Uint8Array
  /** Of a multicast packet, what leaves for other sleds besides. */
  readonly copies?: readonly Uint8Array[]
}
