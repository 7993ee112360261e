/** ICMP echo from the asking side: identifiers, sequence numbers, round-trip times, and the errors that come instead. */
import type { Timer } from '@lodestone/host'
import { Ip } from '@lodestone/net'
import {
  fixTransportChecksum,
  ICMP_MIN,
  icmpIdentifier,
  icmpSequence,
  IcmpType,
  Icmpv6Type,
  IPV4_SRC,
  ipv4Ttl,
  IPV6_SRC,
  ipv6HopLimit,
  IpProtocol,
  writeIcmp,
} from '@lodestone/packet'
import { parseZoned } from './address-text.ts'
import { ErrorKind } from './error-kind.ts'
import { outputDatagram } from './fragment.ts'
import { ipHeaderLength, writeIpHeader } from './ip-output.ts'
import type { Stack } from './stack.ts'

export interface PingOptions {
  /** How many requests; default 1. */
  readonly count?: number
  /** Between requests; default 1000. */
  readonly intervalMs?: number
  /** How long to wait for each answer; default 1000. */
  readonly timeoutMs?: number
  /** Sent TTL or hop limit; default 64. */
  readonly ttl?: number
  /** Bytes after the ICMP header; default 56. */
  readonly payloadBytes?: number
  /** Source address; chosen by the route when absent. */
  readonly source?: Ip
}

export interface PingResult {
  readonly sequence: number
  readonly outcome: 'reply' | 'timeout' | 'time-exceeded' | 'unreachable' | 'too-big'
  /** Who answered; undefined after a timeout. */
  readonly from: Ip | undefined
  /** Undefined after a timeout. */
  readonly roundTripMs: number | undefined
  /** TTL or hop limit of a reply on arrival. */
  readonly hopLimit: number | undefined
}

interface Pending {
  readonly identifier: number
  readonly sequence: number
  readonly sentMs: number
  readonly timer: Timer
  readonly resolve: (result: PingResult) => void
}

/** Requests under way; more fail at once. */
const LIMIT = 1024

export class Echo {
  readonly #stack: Stack
  readonly #pending = new Map<number, Pending>()
  #nextIdentifier = 1

  constructor(stack: Stack) {
    this.#stack = stack
  }

  /** Sends requests to `address` (with a zone where it is link-local). Throws when that is no address. */
  async ping(address: string, options: PingOptions): Promise<PingResult[]> {
    const target = parseZoned(address)
    if (target === undefined) throw new Error(`not an IP address: ${JSON.stringify(address)}`)
    const identifier = this.#nextIdentifier
    this.#nextIdentifier = identifier === 0xffff ? 1 : identifier + 1
    const answers: Promise<PingResult>[] = []
    const count = options.count ?? 1
    for (let sequence = 1; sequence <= count; sequence++) {
      answers.push(this.#ask(target.ip, target.zone, identifier, sequence, options))
      if (sequence < count) {
        await new Promise<void>((resolve) => this.#stack.clock.after(options.intervalMs ?? 1000, resolve))
      }
    }
    return Promise.all(answers)
  }

  #ask(
    to: Ip,
    zone: string | undefined,
    identifier: number,
    sequence: number,
    options: PingOptions,
  ): Promise<PingResult> {
    const stack = this.#stack
    return new Promise((resolve) => {
      const none: PingResult = {
        sequence,
        outcome: 'unreachable',
        from: undefined,
        roundTripMs: undefined,
        hopLimit: undefined,
      }
      if (this.#pending.size >= LIMIT) return resolve(none)
      const key = identifier * 0x10000 + sequence
      const timer = stack.clock.after(options.timeoutMs ?? 1000, () => {
        this.#pending.delete(key)
        resolve({ ...none, outcome: 'timeout' })
      })
      stack.enter()
      this.#pending.set(key, { identifier, sequence, sentMs: stack.nowMs, timer, resolve })
      if (!this.#send(to, zone, identifier, sequence, options)) {
        this.#finish(key, none)
      }
      stack.leave()
    })
  }

  #send(to: Ip, zone: string | undefined, identifier: number, sequence: number, options: PingOptions): boolean {
    const stack = this.#stack
    const { family } = to
    const iface = zone === undefined ? stack.route(to)?.interface : stack.interface(zone)
    const from = iface && stack.sourceFor(to, iface, options.source ?? stack.route(to)?.source)
    if (iface === undefined || from === undefined) return false
    const header = ipHeaderLength(family)
    const payload = options.payloadBytes ?? 56
    const slot = stack.allocIp(header + ICMP_MIN + payload)
    if (slot < 0) return false
    const { bytes } = stack.arena
    const at = stack.arena.start(slot)
    writeIpHeader(stack, slot, from, to, family === 4 ? IpProtocol.icmp : IpProtocol.icmpv6, options.ttl ?? 64)
    const type = family === 4 ? IcmpType.echoRequest : Icmpv6Type.echoRequest
    writeIcmp(bytes, at + header, { type, rest: identifier * 0x10000 + sequence })
    for (let i = 0; i < payload; i++) bytes[at + header + ICMP_MIN + i] = i
    fixTransportChecksum(bytes, at, at + header, stack.arena.end(slot))
    outputDatagram(stack, zone === undefined ? undefined : iface, slot)
    return true
  }

  /** The echo reply at `l4` of the packet at `l3`. */
  replied(bytes: Uint8Array, l3: number, l4: number): void {
    const key = icmpIdentifier(bytes, l4) * 0x10000 + icmpSequence(bytes, l4)
    const isV4 = bytes[l3]! >>> 4 === 4
    this.#finish(key, {
      outcome: 'reply',
      from: isV4 ? Ip.fromBytes(bytes, l3 + IPV4_SRC, 4) : Ip.fromBytes(bytes, l3 + IPV6_SRC, 16),
      hopLimit: isV4 ? ipv4Ttl(bytes, l3) : ipv6HopLimit(bytes, l3),
    })
  }

  /** An error quotes one of our requests. */
  /** @returns whether that request waits for its answer. */
  failed(kind: ErrorKind, identifier: number, sequence: number, by: Ip): boolean {
    const outcome =
      kind === ErrorKind.timeExceeded || kind === ErrorKind.reassembly
        ? 'time-exceeded'
        : kind === ErrorKind.tooBig
          ? 'too-big'
          : 'unreachable'
    return this.#finish(identifier * 0x10000 + sequence, { outcome, from: by, hopLimit: undefined })
  }

  close(): void {
    for (const key of [...this.#pending.keys()]) {
      this.#finish(key, { outcome: 'unreachable', from: undefined, hopLimit: undefined })
    }
  }

  #finish(key: number, result: Pick<PingResult, 'outcome' | 'from' | 'hopLimit'>): boolean {
    const pending = this.#pending.get(key)
    if (pending === undefined) return false
    this.#pending.delete(key)
    pending.timer.cancel()
    const roundTripMs = this.#stack.clock.nowMs() - pending.sentMs
    pending.resolve({ ...result, sequence: pending.sequence, roundTripMs })
    return true
  }
}
