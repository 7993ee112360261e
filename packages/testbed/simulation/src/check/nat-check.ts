/**
 * Translation of single connections, IPv4 and IPv6: as long as one lives, its packets leave the rack from one external address and port, and from those
 * no other connection with the same peer leaves. Where a packet comes from is told by its number, which it keeps through translation
 * and tunnels.
 *
 * A connection may be given another address when the addresses of its instance change, when its wire is new (a packet engine has no memory
 * of what another one did), or after silence.
 */
import { Ip } from '@lodestone/net'
import type { IpHeader, IpView } from './ip-view.ts'

const TCP = 6
const UDP = 17
const ICMP = 1
const ICMPV6 = 58
const ECHO = 8
const ECHO_V6 = 128
const SYN = 2
const ACK = 16
/** Shorter than what a packet engine keeps of a connection that says nothing. */
const SILENCE_MS = 20_000
const KEPT_PACKETS = 4096

interface Connection {
  readonly key: string
  /** Address and port, or identifier, outside. */
  external: string
  /** The addresses that its instance had then. */
  config: string
  lastMs: number
}

interface Sent {
  readonly wire: string
  readonly key: string
  readonly source: string
  readonly isOpening: boolean
}

export class NatCheck {
  /** By wire, protocol, addresses and ports inside. */
  readonly #connections = new Map<string, Connection>()
  /** By protocol and address and port at both ends, outside. */
  readonly #users = new Map<string, Connection>()
  /** Of packets that guests sent. */
  #sent = new Map<number, Sent>()
  readonly #configOf: (wire: string) => string

  /** @param configOf the external addresses of the instance on a wire, as text. */
  constructor(configOf: (wire: string) => string) {
    this.#configOf = configOf
  }

  /** The wire is gone, or another one of the same name has come. */
  forget(wire: string): void {
    for (const [key, connection] of this.#connections) {
      if (!key.startsWith(`${wire} `)) continue
      this.#connections.delete(key)
      for (const [outside, user] of this.#users) if (user === connection) this.#users.delete(outside)
    }
  }

  /** A guest has sent a packet. */
  guestSent(wire: string, packet: number, frame: Uint8Array, { outer }: IpView): void {
    const ports = portsOf(frame, outer.version, outer.protocol, outer.transport)
    if (ports === undefined) return
    if (this.#sent.size > KEPT_PACKETS) this.#sent = new Map()
    const source = sourceOf(frame, outer)
    const peer = destinationOf(frame, outer)
    const flags = outer.protocol === TCP ? frame[outer.transport + 13]! : 0
    const key = `${wire} ${outer.protocol} ${source}:${ports.source} ${peer}:${ports.peer}`
    this.#sent.set(packet, { wire, key, source, isOpening: (flags & (SYN | ACK)) === SYN })
  }

  /** A packet is on a cable in a tunnel. @returns what is wrong, as a sentence. */
  tunnelled(packet: number, frame: Uint8Array, { inner }: IpView, atMs: number): string | undefined {
    const sent = this.#sent.get(packet)
    if (sent === undefined) return undefined
    const source = sourceOf(frame, inner)
    // Between instances nothing is translated.
    if (source === sent.source) return undefined
    const ports = portsOf(frame, inner.version, inner.protocol, inner.transport)
    if (ports === undefined) return undefined
    this.#sent.delete(packet)
    const external = `${source}:${ports.source}`
    const outside = `${inner.protocol} ${external} ${destinationOf(frame, inner)}:${ports.peer}`
    return this.#use(sent, external, outside, atMs)
  }

  #use({ wire, key, isOpening }: Sent, external: string, outside: string, atMs: number): string | undefined {
    const config = this.#configOf(wire)
    const known = this.#connections.get(key)
    const isLive = known !== undefined && !isOpening && known.config === config && atMs - known.lastMs < SILENCE_MS
    const connection = known ?? { key, external, config, lastMs: atMs }
    const before = connection.external
    connection.external = external
    connection.config = config
    connection.lastMs = atMs
    this.#connections.set(key, connection)
    const user = this.#users.get(outside)
    this.#users.set(outside, connection)
    if (isLive && before !== external) return `the connection ${key} came from ${before} and comes from ${external} now`
    // A connection that has just ended may have left its port to another one; both going on at once may not be.
    if (user !== undefined && user !== connection && user.external === external && atMs - user.lastMs < 1) {
      return `the connections ${user.key} and ${key} both come from ${external}`
    }
    return undefined
  }
}

interface Ports {
  readonly source: number
  readonly peer: number
}

function portsOf(frame: Uint8Array, version: number, protocol: number, at: number): Ports | undefined {
  if (version === 0 || at < 0 || at + 8 > frame.length) return undefined
  if (protocol === TCP || protocol === UDP) {
    return { source: (frame[at]! << 8) | frame[at + 1]!, peer: (frame[at + 2]! << 8) | frame[at + 3]! }
  }
  const isEcho = version === 4 ? protocol === ICMP && frame[at] === ECHO : protocol === ICMPV6 && frame[at] === ECHO_V6
  if (isEcho) return { source: (frame[at + 4]! << 8) | frame[at + 5]!, peer: 0 }
  return undefined
}

function sourceOf(frame: Uint8Array, { version, at }: IpHeader): string {
  return version === 4 ? textAt(frame, at + 12, 4) : textAt(frame, at + 8, 16)
}

function destinationOf(frame: Uint8Array, { version, at }: IpHeader): string {
  return version === 4 ? textAt(frame, at + 16, 4) : textAt(frame, at + 24, 16)
}

function textAt(frame: Uint8Array, at: number, bytes: 4 | 16): string {
  const text = Ip.fromBytes(frame, at, bytes).toString()
  return bytes === 4 ? text : `[${text}]`
}
