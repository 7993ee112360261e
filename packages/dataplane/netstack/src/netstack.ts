/**
 * A userspace TCP/IP host on emulated interfaces: sockets behind the `Network` interface, routing, neighbors, ICMP,
 * forwarding. Everything it does is bytes on its ports; time and randomness are given to it.
 */
import {
  type BindOptions,
  type ConnectOptions,
  type Datagram,
  type DiscoveryNetwork,
  type Icmp6Options,
  type Icmp6Socket,
  type ListenOptions,
  type TcpListener,
  type TcpSocket,
  type UdpSocket,
  unsupported,
} from '@lodestone/host'
import type { Port } from '@lodestone/link'
import { type Ip, type Mac, Prefix } from '@lodestone/net'
import { keyOf } from './address-map.ts'
import { LinkIcmp6Socket } from './icmp6-socket.ts'
import type { Interface } from './interface.ts'
import { outputIp, outputOn } from './ip-output.ts'
import type { NeighborEntry } from './neighbor-cache.ts'
import type { PingOptions, PingResult } from './ping.ts'
import type { Hop, NextHop, Route, RouteEntry } from './route-table.ts'
import { Stack, type StackOptions } from './stack.ts'
import type { ConnectionEntry } from './tcp/tcp.ts'
import type { TcpObserver } from './tcp/tcp-event.ts'
import type { FrameHandler } from './udp.ts'

export interface InterfaceOptions {
  readonly name: string
  readonly port: Port
  readonly mac: Mac
  /** Default 1500. */
  readonly mtuBytes?: number
  readonly addresses?: readonly Prefix[]
  /** Whether the interface gets the link-local address of its MAC (RFC 4291 appendix A); default true. */
  readonly ipv6LinkLocal?: boolean
  /** Whether IPv6 addresses are used only after nobody answered for them for a second (RFC 4862 §5.4); default false. */
  readonly duplicateAddressDetection?: boolean
  /** Whether joined IPv6 groups are reported without being asked (MLD, RFC 3810); default false. */
  readonly listenerReports?: boolean
}

export class Netstack implements DiscoveryNetwork {
  readonly name: string
  /** The inside, for what lives on top of single packets (DHCP, router advertisements). */
  readonly stack: Stack

  constructor(options: StackOptions) {
    this.name = options.name
    this.stack = new Stack(options)
  }

  // ── Interfaces ─────────────────────────────────────────────────────────────────────────────────────────────────────

  addInterface(options: InterfaceOptions): Interface {
    const iface = this.stack.addInterface(options.name, options.mac, options.mtuBytes ?? 1500, options.port)
    iface.detectsDuplicates = options.duplicateAddressDetection ?? false
    iface.reportsGroups = options.listenerReports ?? false
    if (options.ipv6LinkLocal ?? true) iface.addAddressChecked(new Prefix(options.mac.linkLocal(), 64))
    for (const prefix of options.addresses ?? []) iface.addAddressChecked(prefix)
    this.stack.interfaceChanged(iface)
    return iface
  }

  interface(name: string): Interface | undefined {
    return this.stack.interface(name)
  }

  /** All interfaces but loopback. */
  interfaces(): readonly Interface[] {
    return this.stack.interfaces.filter((iface) => iface.port !== undefined)
  }

  onInterfaceChange(fn: () => void): () => void {
    return this.stack.onInterfaceChange(fn)
  }

  /** Router solicitations and advertisements of a link; other types of ICMPv6 are the stack's own. Throws `ENODEV`. */
  openIcmp6(options: Icmp6Options, onMessage: (message: Uint8Array, from: Ip) => void): Icmp6Socket {
    return new LinkIcmp6Socket(this, options, onMessage)
  }

  /** An address of the host that belongs to no link. */
  addLoopbackAddress(ip: Ip): void {
    this.stack.loopback.interface.addAddress(Prefix.host(ip))
  }

  removeLoopbackAddress(ip: Ip): void {
    this.stack.loopback.interface.removeAddress(ip)
  }

  // ── Routes and neighbors ───────────────────────────────────────────────────────────────────────────────────────────

  /** Sets all next hops of a prefix; flows spread over those whose interface is up. Throws for an unknown interface. */
  setRoute(prefix: Prefix, nextHops: readonly NextHop[], options: { readonly source?: Ip } = {}): void {
    const hops = nextHops.map((hop) => this.#hop(hop))
    this.stack.routes.configure(prefix, hops, options.source)
  }

  /**
   * Sets the next hop of a prefix out of one interface; those out of others stay. For whoever configures interfaces one by
   * one (DHCP, router advertisements).
   */
  setInterfaceRoute(prefix: Prefix, nextHop: NextHop): void {
    const hop = this.#hop(nextHop)
    const route = this.stack.routes.find(prefix)
    const others = route?.configured.filter((each) => each.interface !== hop.interface) ?? []
    this.stack.routes.configure(prefix, [...others, hop], route?.source)
  }

  removeInterfaceRoute(prefix: Prefix, interfaceName: string): void {
    const route = this.stack.routes.find(prefix)
    if (route === undefined) return
    const others = route.configured.filter((each) => each.interface.name !== interfaceName)
    if (others.length < route.configured.length) this.stack.routes.configure(prefix, others, route.source)
  }

  #hop({ via, interface: name, metric = 0 }: NextHop): Hop {
    const iface = this.stack.interface(name)
    if (iface === undefined) throw new Error(`${this.name} has no interface ${name}`)
    return { via, viaKey: via && keyOf(via), interface: iface, metric, neighbor: undefined }
  }

  /** Removes what `setRoute` set; connected routes go with their address. */
  removeRoute(prefix: Prefix): void {
    if (this.stack.routes.find(prefix) !== undefined) this.stack.routes.configure(prefix, [], undefined)
  }

  routes(): RouteEntry[] {
    return this.stack.routes.all().flatMap((route) => routeEntries(route))
  }

  /** The route that packets to `ip` take now, with the next hops that can be used. */
  lookup(ip: Ip): RouteEntry | undefined {
    const route = this.stack.routes.match(ip.family, keyOf(ip))
    if (route === undefined) return undefined
    const isConnected = route.connected.includes(route.usable[0]!)
    return routeEntry(route, isConnected ? 'connected' : 'configured', route.usable)
  }

  neighbors(): NeighborEntry[] {
    return this.stack.neighbors.dump()
  }

  /** Asks who has an address on an interface; `onNeighbor` gets the answer, also when it was known before. */
  resolve(interfaceName: string, ip: Ip): void {
    const iface = this.stack.interface(interfaceName)
    if (iface === undefined) throw new Error(`${this.name} has no interface ${interfaceName}`)
    this.stack.enter()
    this.stack.neighbors.resolve(iface, ip)
    this.stack.leave()
  }

  /** Called when a neighbor becomes known, changes or is confirmed, and with undefined when it is forgotten. @returns unsubscribe. */
  onNeighbor(fn: (interfaceName: string, ip: Ip, mac: Mac | undefined) => void): () => void {
    return this.stack.neighbors.watch(fn)
  }

  /** A fixed neighbor that is never asked for. */
  setNeighbor(interfaceName: string, ip: Ip, mac: Mac): void {
    const iface = this.stack.interface(interfaceName)
    if (iface === undefined) throw new Error(`${this.name} has no interface ${interfaceName}`)
    this.stack.enter()
    this.stack.neighbors.setPermanent(iface, ip, mac)
    this.stack.leave()
  }

  // ── Sockets ────────────────────────────────────────────────────────────────────────────────────────────────────────

  async listenTcp(options: ListenOptions, onConnection: (socket: TcpSocket) => void): Promise<TcpListener> {
    const refusal = unsupported(options)
    if (refusal !== undefined) throw refusal
    return this.stack.tcp.listen(options, onConnection)
  }

  connectTcp(options: ConnectOptions): Promise<TcpSocket> {
    const refusal = unsupported(options)
    return refusal === undefined ? this.stack.tcp.connect(options) : Promise.reject(refusal)
  }

  async bindUdp(options: BindOptions, onDatagram: (datagram: Datagram) => void): Promise<UdpSocket> {
    const refusal = unsupported(options)
    if (refusal !== undefined) throw refusal
    return this.stack.udp.bind(options, onDatagram)
  }

  connections(): ConnectionEntry[] {
    return this.stack.tcp.connections()
  }

  /** Watches all TCP connections of this host: see `TcpEvent`. @returns the end of it. */
  observeTcp(observer: TcpObserver): () => void {
    return this.stack.tcp.observe(observer)
  }

  /** ICMP echo to an address, with a zone where it is link-local. Rejects when the text is no address. */
  ping(address: string, options: PingOptions = {}): Promise<PingResult[]> {
    return this.stack.icmp.echo.ping(address, options)
  }

  // ── Packets ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Hands received frames for a local UDP port to `handler` instead of a socket: whole, starting at Ethernet, ownership
   * passes. Header checks are done; a UDP checksum of zero is let through over IPv6, too (RFC 6935). @returns undo.
   */
  interceptUdp(port: number, handler: FrameHandler): () => void {
    return this.stack.udp.intercept(port, handler)
  }

  /**
   * Routes and sends a packet that starts at its IP header, checksums done. Takes the slot. Allocates nothing when the
   * next hop's MAC address is known. Frames leave when the caller's turn ends; `batch` makes one turn of many.
   */
  outputIp(slot: number): void {
    this.stack.enter()
    outputIp(this.stack, slot)
    this.stack.leave()
  }

  /** The same for a destination on the link of an interface (link-local, multicast). */
  outputIpOn(iface: Interface, slot: number): void {
    this.stack.enter()
    outputOn(this.stack, iface, slot)
    this.stack.leave()
  }

  /** Everything sent inside `fn` leaves in one batch per port. */
  batch(fn: () => void): void {
    this.stack.enter()
    try {
      fn()
    } finally {
      this.stack.leave()
    }
  }

  /** Packets received, sent, forwarded, delivered, and drops by `NS_…` code. */
  counters(): Readonly<Record<string, number>> {
    return this.stack.counters()
  }

  /** Resets all connections, gives all held frames back, and drops what still arrives. */
  close(): void {
    this.stack.close()
  }
}

function routeEntries(route: Route): RouteEntry[] {
  const entries: RouteEntry[] = []
  if (route.connected.length > 0) entries.push(routeEntry(route, 'connected', route.connected))
  if (route.configured.length > 0) entries.push(routeEntry(route, 'configured', route.configured))
  return entries
}

function routeEntry(route: Route, origin: RouteEntry['origin'], hops: readonly Hop[]): RouteEntry {
  return {
    prefix: route.prefix,
    origin,
    nextHops: hops.map((hop) => ({
      ...(hop.via === undefined ? {} : { via: hop.via }),
      interface: hop.interface.name,
    })),
    ...(route.source === undefined ? {} : { source: route.source }),
  }
}
