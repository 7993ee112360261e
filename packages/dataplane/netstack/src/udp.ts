/**
 * UDP (RFC 768, RFC 8200 §8.1): sockets with groups and zones, and interception, by which a packet engine takes whole
 * frames for a port (Geneve) instead of a socket.
 */
import { type BindOptions, type Datagram, socketError, type UdpSocket } from '@lodestone/host'
import type { Ip } from '@lodestone/net'
import {
  fixTransportChecksum,
  IPV4_DST,
  IPV4_SRC,
  ipv4Ttl,
  IPV6_DST,
  IPV6_SRC,
  ipv6HopLimit,
  IpProtocol,
  ROW_DST_PORT,
  ROW_L3,
  ROW_L4,
  ROW_SRC_PORT,
  UDP_MIN,
  udpChecksum,
  udpLength,
  verifyTransportChecksum,
  writeUdp,
} from '@lodestone/packet'
import { AddressCache } from './address-cache.ts'
import { formatZoned, parseZoned, type ZonedAddress } from './address-text.ts'
import { NS_DROP, type NsDrop } from './drop.ts'
import { ErrorKind } from './error-kind.ts'
import type { Interface } from './interface.ts'
import { TO_UNICAST } from './ip-input.ts'
import { outputDatagram } from './fragment.ts'
import { ipHeaderLength, writeIpHeader } from './ip-output.ts'
import { PortSpace } from './port-space.ts'
import type { Stack } from './stack.ts'

/** Takes whole frames, starting at Ethernet; ownership passes, the array is valid during the call only. */
export type FrameHandler = (slots: Int32Array, count: number) => void

const HOP_LIMIT = 64
const INTERCEPT_BATCH = 256
/** Destinations that a socket remembers. */
const DESTINATION_LIMIT = 64

interface Interceptor {
  readonly handler: FrameHandler
  readonly slots: Int32Array<ArrayBuffer>
  count: number
}

interface Group {
  readonly ip: Ip
  readonly interface: Interface
}

interface Binding {
  readonly port: number
  readonly address: Ip | undefined
  readonly interface: Interface | undefined
  readonly groups: readonly Group[]
  readonly deliver: (datagram: Datagram) => void
}

/** Where a socket sends to, and how: valid while the two generations are the stack's. */
interface Destination {
  readonly to: ZonedAddress
  routesGeneration: number
  sourcesGeneration: number
  /** Undefined: there is no way, for this reason. */
  from: Ip | undefined
  reason: NsDrop
  /** For destinations of a link. */
  interface: Interface | undefined
}

export class Udp {
  readonly #stack: Stack
  readonly #bindings = new Map<number, Binding[]>()
  readonly #ports: PortSpace
  readonly #interceptors = new Map<number, Interceptor>()
  readonly #addresses = new AddressCache()
  #intercepted = 0

  constructor(stack: Stack) {
    this.#stack = stack
    this.#ports = new PortSpace(stack.random.fork('udp-ports'))
  }

  get hasWork(): boolean {
    return this.#intercepted > 0
  }

  // ── Input ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The datagram described by the stack's row. */
  input(iface: Interface, slot: number, addressed: number): void {
    const stack = this.#stack
    const { bytes } = stack.arena
    const l3 = stack.row[ROW_L3]!
    const l4 = stack.row[ROW_L4]!
    const port = stack.row[ROW_DST_PORT]!
    const interceptor = this.#interceptors.size === 0 ? undefined : this.#interceptors.get(port)
    // RFC 6935 §5: only a tunnel may leave out the checksum over IPv6.
    const isTunnelled = interceptor !== undefined && udpChecksum(bytes, l4) === 0
    if (!isTunnelled && !verifyTransportChecksum(bytes, l3, l4, stack.arena.end(slot))) {
      return stack.drop(slot, NS_DROP.TRANSPORT_CHECKSUM)
    }
    if (interceptor !== undefined) return this.#intercept(interceptor, slot)
    const bindings = this.#bindings.get(port)
    const count = bindings === undefined ? 0 : this.#deliver(bindings, iface, slot, l3, l4, addressed)
    if (count === 0) {
      if (addressed === TO_UNICAST) stack.icmp.refuse(iface, slot, l3, ErrorKind.port)
      return stack.drop(slot, NS_DROP.UDP_NO_PORT)
    }
    stack.arena.free(slot)
  }

  #intercept(interceptor: Interceptor, slot: number): void {
    if (interceptor.count === INTERCEPT_BATCH) this.#handOver(interceptor)
    interceptor.slots[interceptor.count++] = slot
    this.#intercepted++
  }

  /** Hands intercepted frames over. */
  endTurn(): void {
    if (this.#intercepted === 0) return
    for (const interceptor of this.#interceptors.values()) if (interceptor.count > 0) this.#handOver(interceptor)
  }

  #handOver(interceptor: Interceptor): void {
    const { count } = interceptor
    interceptor.count = 0
    this.#intercepted -= count
    interceptor.handler(interceptor.slots, count)
  }

  /** @returns how many sockets took it. */
  #deliver(
    bindings: readonly Binding[],
    iface: Interface,
    slot: number,
    l3: number,
    l4: number,
    addressed: number,
  ): number {
    const stack = this.#stack
    const { bytes } = stack.arena
    const isV4 = bytes[l3]! >>> 4 === 4
    const to = isV4 ? this.#addresses.at(bytes, l3 + IPV4_DST, 4) : this.#addresses.at(bytes, l3 + IPV6_DST, 16)
    const takers = addressed === TO_UNICAST ? unicastTaker(bindings, iface, to) : groupTakers(bindings, iface, to)
    if (takers.length === 0) return 0
    stack.noteDelivered(slot, l3)
    const from = isV4 ? this.#addresses.at(bytes, l3 + IPV4_SRC, 4) : this.#addresses.at(bytes, l3 + IPV6_SRC, 16)
    const remoteAddress = formatZoned(from, iface.name)
    const remotePort = stack.row[ROW_SRC_PORT]!
    const hopLimit = isV4 ? ipv4Ttl(bytes, l3) : ipv6HopLimit(bytes, l3)
    const end = l4 + udpLength(bytes, l4)
    for (const taker of takers) {
      const payload = bytes.slice(l4 + UDP_MIN, end)
      taker.deliver({ payload, remoteAddress, remotePort, hopLimit, interfaceName: iface.name })
    }
    return takers.length
  }

  // ── Sockets ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Throws a Node-style error. */
  bind(options: BindOptions, onDatagram: (datagram: Datagram) => void): UdpSocket {
    const stack = this.#stack
    const local = options.address === undefined ? undefined : this.#parseLocal(options.address)
    const groups = (options.groups ?? []).map((text) => this.#parseGroup(text))
    const binding: Binding = {
      port: options.port === 0 ? this.#ports.pick((port) => this.#bindings.has(port)) : options.port,
      address: local?.ip.isUnspecified === true ? undefined : local?.ip,
      interface: local?.zone === undefined ? undefined : stack.interface(local.zone),
      groups,
      deliver: onDatagram,
    }
    const bindings = this.#bindings.get(binding.port) ?? []
    if (this.#interceptors.has(binding.port) || bindings.some((other) => conflicts(other, binding))) {
      throw socketError('EADDRINUSE', `UDP port ${binding.port} of ${options.address ?? '*'} is in use`)
    }
    this.#bindings.set(binding.port, [...bindings, binding])
    for (const group of groups) group.interface.join(group.ip)
    const destinations = new Map<string, Destination>()
    return {
      port: binding.port,
      send: (payload, address, port) => {
        let destination = destinations.get(address)
        if (destination === undefined) {
          destination = destinationOf(address)
          if (destinations.size >= DESTINATION_LIMIT) destinations.clear()
          destinations.set(address, destination)
        }
        this.#send(binding, payload, destination, port, options.hopLimit)
      },
      close: () => this.#close(binding),
    }
  }

  /** Whether a socket may have sent a datagram from this port. */
  isBound(port: number): boolean {
    return this.#bindings.has(port)
  }

  #close(binding: Binding): void {
    const rest = (this.#bindings.get(binding.port) ?? []).filter((other) => other !== binding)
    const wasOpen = rest.length !== (this.#bindings.get(binding.port)?.length ?? 0)
    if (rest.length > 0) this.#bindings.set(binding.port, rest)
    else this.#bindings.delete(binding.port)
    if (wasOpen) for (const group of binding.groups) group.interface.leave(group.ip)
  }

  #send(
    binding: Binding,
    payload: Uint8Array,
    destination: Destination,
    port: number,
    hopLimit: number | undefined,
  ): void {
    const stack = this.#stack
    stack.enter()
    try {
      const isFresh =
        destination.routesGeneration === stack.routes.generation &&
        destination.sourcesGeneration === stack.sourcesGeneration
      if (!isFresh) this.#findWay(binding, destination)
      const { from, to } = destination
      if (from === undefined) return stack.countDrop(destination.reason)
      this.sendFrom(from, binding.port, to.ip, port, payload, hopLimit ?? HOP_LIMIT, destination.interface)
    } finally {
      stack.leave()
    }
  }

  /** From which address, and for scoped destinations by which interface; remembered until routes or addresses change. */
  #findWay(binding: Binding, destination: Destination): void {
    const stack = this.#stack
    const { to } = destination
    destination.routesGeneration = stack.routes.generation
    destination.sourcesGeneration = stack.sourcesGeneration
    destination.from = undefined
    destination.interface = undefined
    const groupInterface = binding.groups.find((group) => group.ip.equals(to.ip))?.interface
    const zone = to.zone === undefined ? (binding.interface ?? groupInterface) : stack.interface(to.zone)
    const isScoped = to.ip.isMulticast || (to.ip.family === 6 && to.ip.isLinkLocal)
    const route = isScoped ? undefined : stack.route(to.ip)
    const iface = isScoped ? zone : route?.interface
    destination.reason = isScoped && iface === undefined ? NS_DROP.NO_SCOPE : NS_DROP.NO_ROUTE
    if (iface === undefined) return
    const bound = binding.address?.family === to.ip.family ? binding.address : undefined
    destination.from = stack.sourceFor(to.ip, iface, bound ?? route?.source)
    if (isScoped) destination.interface = iface
  }

  /** Sends one datagram; on `iface` where that is given, else by route. */
  sendFrom(
    from: Ip,
    fromPort: number,
    to: Ip,
    toPort: number,
    payload: Uint8Array,
    hopLimit: number,
    iface: Interface | undefined,
  ): void {
    const stack = this.#stack
    const header = ipHeaderLength(to.family)
    const length = UDP_MIN + payload.length
    if (header + length > stack.loopback.interface.mtuBytes) return stack.countDrop(NS_DROP.TOO_BIG)
    const slot = stack.allocIp(header + length)
    if (slot < 0) return
    const { bytes } = stack.arena
    const at = stack.arena.start(slot)
    writeIpHeader(stack, slot, from, to, IpProtocol.udp, hopLimit)
    writeUdp(bytes, at + header, { srcPort: fromPort, dstPort: toPort, length })
    bytes.set(payload, at + header + UDP_MIN)
    fixTransportChecksum(bytes, at, at + header, at + header + length)
    outputDatagram(stack, iface, slot)
  }

  #parseLocal(text: string): ZonedAddress {
    const parsed = parseZoned(text)
    if (parsed === undefined) throw socketError('EINVAL', `${text} is not an IP address`)
    if (!parsed.ip.isUnspecified && !this.#stack.hasAddress(parsed.ip, parsed.zone)) {
      throw socketError('EADDRNOTAVAIL', `${text} is not an address of ${this.#stack.name}`)
    }
    return parsed
  }

  #parseGroup(text: string): Group {
    const parsed = parseZoned(text)
    const iface = parsed?.zone === undefined ? undefined : this.#stack.interface(parsed.zone)
    if (parsed === undefined || !parsed.ip.isMulticast || iface === undefined) {
      throw socketError('EINVAL', `${text} is not a multicast group with one of the interfaces of ${this.#stack.name}`)
    }
    return { ip: parsed.ip, interface: iface }
  }

  // ── Interception ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** From now on frames to this local UDP port go to `handler`. @returns undo. Throws when the port is taken. */
  intercept(port: number, handler: FrameHandler): () => void {
    if (this.#interceptors.has(port) || this.#bindings.has(port)) {
      throw socketError('EADDRINUSE', `UDP port ${port} of ${this.#stack.name} is in use`)
    }
    const interceptor: Interceptor = { handler, slots: new Int32Array(INTERCEPT_BATCH), count: 0 }
    this.#interceptors.set(port, interceptor)
    return () => {
      if (this.#interceptors.get(port) !== interceptor) return
      this.#interceptors.delete(port)
      if (interceptor.count > 0) this.#handOver(interceptor)
    }
  }
}

function destinationOf(text: string): Destination {
  const to = parseZoned(text)
  if (to === undefined) throw new Error(`not an IP address: ${JSON.stringify(text)}`)
  return {
    to,
    routesGeneration: -1,
    sourcesGeneration: -1,
    from: undefined,
    reason: NS_DROP.NO_ROUTE,
    interface: undefined,
  }
}

/** An exact address beats a wildcard. */
function unicastTaker(bindings: readonly Binding[], iface: Interface, to: Ip): readonly Binding[] {
  let wildcard: Binding | undefined
  for (const binding of bindings) {
    if (binding.interface !== undefined && binding.interface !== iface) continue
    if (binding.address === undefined) wildcard ??= binding
    else if (binding.address.equals(to)) return [binding]
  }
  return wildcard === undefined ? [] : [wildcard]
}

/** Everyone who joined the group on this interface; broadcasts go to every wildcard. */
function groupTakers(bindings: readonly Binding[], iface: Interface, to: Ip): readonly Binding[] {
  if (!to.isMulticast) {
    return bindings.filter(
      (binding) => binding.address === undefined && (binding.interface === undefined || binding.interface === iface),
    )
  }
  return bindings.filter((binding) => binding.groups.some((group) => group.interface === iface && group.ip.equals(to)))
}

/** Sockets may share a port when their addresses, zones or groups tell them apart. */
function conflicts(a: Binding, b: Binding): boolean {
  if (a.interface !== undefined && b.interface !== undefined && a.interface !== b.interface) return false
  if (a.address !== undefined && b.address !== undefined) {
    return a.address.equals(b.address) && (a.interface === undefined || a.interface === b.interface)
  }
  if (a.address !== undefined || b.address !== undefined) return false
  if (a.groups.length === 0 || b.groups.length === 0) return a.groups.length === b.groups.length
  return a.groups.some((x) => b.groups.some((y) => x.interface === y.interface && x.ip.equals(y.ip)))
}
