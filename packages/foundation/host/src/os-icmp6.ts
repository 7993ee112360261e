/** Raw ICMPv6 sockets of Linux through the C library: one link, hop limit 255 sent and demanded. */
import { Ip } from '@lodestone/net'
import type { Icmp6Options, Icmp6Socket } from './netlink-socket.ts'
import { checked, type Libc, requireLibc, Sol } from './os-libc.ts'
import { Poller } from './os-poll.ts'
import { bindToInterface, dropBelowHopLimit, setIntOption } from './os-socket-options.ts'
import { addressOfSocketAddress6, AF_INET6, socketAddressBytes } from './socket-address.ts'

const SOCK_RAW_NONBLOCK_CLOEXEC = 3 | 0x800 | 0x80000
const IPPROTO_ICMPV6 = 58
const ICMP6_FILTER = 1
const FILTER_BYTES = 32
const IPV6_UNICAST_HOPS = 16
const IPV6_MULTICAST_IF = 17
const IPV6_MULTICAST_HOPS = 18
const IPV6_MULTICAST_LOOP = 19
const IPV6_ADD_MEMBERSHIP = 20
const HOP_LIMIT = 255
const ALL_ROUTERS: Ip = Ip.of('ff02::2')
/** An advertisement has to fit into the link's packets. */
const MESSAGE_BYTES = 9216
const SOCKET_ADDRESS_BYTES = 28

export class OsIcmp6Socket implements Icmp6Socket {
  readonly #libc: Libc
  readonly #onMessage: (message: Uint8Array, from: Ip) => void
  readonly #buffer = new Uint8Array(MESSAGE_BYTES)
  readonly #from = new Uint8Array(SOCKET_ADDRESS_BYTES)
  readonly #fromLength = new Uint8Array(4)
  readonly #interfaceIndex: number
  readonly #unwatch: () => void
  #fd: number

  /** Throws a Node-style error. @param onMessage gets messages of the types wanted, valid during the call. */
  constructor(options: Icmp6Options, onMessage: (message: Uint8Array, from: Ip) => void) {
    const c = requireLibc('ICMPv6')
    this.#libc = c
    this.#onMessage = onMessage
    this.#fd = checked(c, c.socket(AF_INET6, SOCK_RAW_NONBLOCK_CLOEXEC, IPPROTO_ICMPV6), 'ICMPv6 socket')
    this.#interfaceIndex = c.ifNameToIndex(options.interface)
    try {
      // Before anything can come in: a bit that is set keeps a type out.
      const filter = new Uint8Array(FILTER_BYTES).fill(0xff)
      for (const type of options.types) filter[type >> 3]! &= ~(1 << (type & 7))
      checked(c, c.setsockopt(this.#fd, Sol.icmpv6, ICMP6_FILTER, filter, filter.length), 'ICMP6_FILTER')
      dropBelowHopLimit(c, this.#fd, 6, HOP_LIMIT)
      bindToInterface(c, this.#fd, options.interface)
      setIntOption(c, this.#fd, Sol.ipv6, IPV6_MULTICAST_IF, this.#interfaceIndex, 'IPV6_MULTICAST_IF')
      setIntOption(c, this.#fd, Sol.ipv6, IPV6_MULTICAST_HOPS, HOP_LIMIT, 'IPV6_MULTICAST_HOPS')
      setIntOption(c, this.#fd, Sol.ipv6, IPV6_UNICAST_HOPS, HOP_LIMIT, 'IPV6_UNICAST_HOPS')
      setIntOption(c, this.#fd, Sol.ipv6, IPV6_MULTICAST_LOOP, 0, 'IPV6_MULTICAST_LOOP')
      this.#join(ALL_ROUTERS)
    } catch (error) {
      c.close(this.#fd)
      throw error
    }
    this.#unwatch = Poller.shared(c).watch(this.#fd, () => this.#read())
  }

  send(message: Uint8Array, destination: string): void {
    const ip = Ip.parse(destination)
    if (ip === undefined || this.#fd < 0) return
    const to = socketAddressBytes(ip, 0, this.#interfaceIndex)
    this.#libc.sendto(this.#fd, message, message.length, 0, to, to.length) // best effort: the link may be down
  }

  close(): void {
    if (this.#fd < 0) return
    this.#unwatch()
    this.#libc.close(this.#fd)
    this.#fd = -1
  }

  #join(group: Ip): void {
    const request = new Uint8Array(20)
    request.set(group.bytes)
    new DataView(request.buffer).setInt32(16, this.#interfaceIndex, true)
    const c = this.#libc
    checked(c, c.setsockopt(this.#fd, Sol.ipv6, IPV6_ADD_MEMBERSHIP, request, request.length), `join ${group}`)
  }

  #read(): void {
    const MOST_AT_ONCE = 64
    for (let i = 0; i < MOST_AT_ONCE && this.#fd >= 0; i++) {
      this.#fromLength[0] = SOCKET_ADDRESS_BYTES
      const { length } = this.#buffer
      const received = this.#libc.recvfrom(this.#fd, this.#buffer, length, 0, this.#from, this.#fromLength)
      if (received < 0) return
      this.#onMessage(this.#buffer.subarray(0, received), addressOfSocketAddress6(this.#from))
    }
  }
}
