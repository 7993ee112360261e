/**
 * The operating system's network of a router: sockets as `OsNetwork`, and the kernel's interfaces, followed by netlink;
 * netlink and ICMPv6 sockets for who programs routes and discovers neighbours. Linux only.
 */
import type { Ip, Prefix } from '@lodestone/net'
import { AddressMessageType, type KernelAddress, type KernelLink, LinkMessageType } from './netlink/link-message.ts'
import { decodeAddress, decodeLink, writeDumpAddresses, writeDumpLinks } from './netlink/link-message.ts'
import { netlinkMessages, NetlinkType, NetlinkWriter } from './netlink/netlink-message.ts'
import { RtGroup } from './netlink/route-message.ts'
import type { Icmp6Options, Icmp6Socket, NetlinkOptions, NetlinkSocket } from './netlink-socket.ts'
import type { KernelNetwork, NetworkInterface } from './network.ts'
import { OsIcmp6Socket } from './os-icmp6.ts'
import { OsNetlinkSocket } from './os-netlink.ts'
import { OsNetwork } from './os-network.ts'

const GROUPS = RtGroup.link | RtGroup.ipv4Address | RtGroup.ipv6Address

export class OsKernelNetwork extends OsNetwork implements KernelNetwork {
  readonly #socket: NetlinkSocket
  readonly #links = new Map<number, KernelLink>()
  readonly #addresses = new Map<number, Map<string, KernelAddress>>()
  readonly #watchers = new Set<{ readonly notify: () => void }>()
  #interfaces: readonly NetworkInterface[] | undefined

  /** Throws a Node-style error where there is no netlink. */
  constructor() {
    super()
    this.#socket = this.openNetlink({ groups: GROUPS, onReadable: () => this.#follow() })
    this.#readAll()
  }

  /** All but loopback. */
  interfaces(): readonly NetworkInterface[] {
    this.#interfaces ??= [...this.#links.values()]
      .filter(({ isLoopback }) => !isLoopback)
      .map((link) => this.#view(link))
    return this.#interfaces
  }

  onInterfaceChange(fn: () => void): () => void {
    const entry = { notify: fn }
    this.#watchers.add(entry)
    return () => void this.#watchers.delete(entry)
  }

  interfaceIndex(name: string): number | undefined {
    for (const link of this.#links.values()) if (link.name === name) return link.index
    return undefined
  }

  interfaceName(index: number): string | undefined {
    return this.#links.get(index)?.name
  }

  openNetlink(options: NetlinkOptions = {}): NetlinkSocket {
    return new OsNetlinkSocket(options)
  }

  openIcmp6(options: Icmp6Options, onMessage: (message: Uint8Array, from: Ip) => void): Icmp6Socket {
    return new OsIcmp6Socket(options, onMessage)
  }

  /** Stops following interfaces; sockets live on. */
  close(): void {
    this.#socket.close()
  }

  /** The kernel answers while we send, so everything is there when we look. */
  #readAll(): void {
    this.#links.clear()
    this.#addresses.clear()
    const writer = new NetlinkWriter()
    for (const [sequence, write] of [writeDumpLinks, writeDumpAddresses].entries()) {
      writer.reset()
      write(writer, sequence + 1)
      this.#socket.send(writer.bytes())
      for (let isDone = false; !isDone;) {
        const datagram = this.#socket.receive()
        if (datagram === undefined) break
        if (datagram === 'overrun') continue
        isDone = this.#take(datagram)
      }
    }
    this.#interfaces = undefined
  }

  #follow(): void {
    let hasChanged = false
    for (;;) {
      const datagram = this.#socket.receive()
      if (datagram === undefined) break
      if (datagram === 'overrun') this.#readAll()
      else this.#take(datagram)
      hasChanged = true
    }
    if (!hasChanged) return
    this.#interfaces = undefined
    for (const { notify } of [...this.#watchers]) notify()
  }

  /** @returns whether it ended a dump. */
  #take(datagram: Uint8Array): boolean {
    for (const message of netlinkMessages(datagram)) {
      const { type } = message
      if (type === NetlinkType.done || type === NetlinkType.error) return true
      if (type === LinkMessageType.add || type === LinkMessageType.remove) {
        const link = decodeLink(message)
        if (link === undefined) continue
        if (type === LinkMessageType.add) this.#links.set(link.index, link)
        else this.#links.delete(link.index)
      } else if (type === AddressMessageType.add || type === AddressMessageType.remove) {
        const address = decodeAddress(message)
        if (address !== undefined) this.#keepAddress(address, type === AddressMessageType.add)
      }
    }
    return false
  }

  #keepAddress(address: KernelAddress, isAdded: boolean): void {
    const of = this.#addresses.get(address.interfaceIndex) ?? new Map<string, KernelAddress>()
    this.#addresses.set(address.interfaceIndex, of)
    const key = `${address.address.address}`
    if (isAdded && address.isUsable) of.set(key, address)
    else of.delete(key)
  }

  #view({ index, name, isUp, mtuBytes, mac }: KernelLink): NetworkInterface {
    const kept = [...(this.#addresses.get(index)?.values() ?? [])]
    const addresses = kept.map(({ address }): Ip => address.address)
    const subnets = kept.map(({ subnet }): Prefix => subnet)
    const macText = Array.from(mac, (byte) => byte.toString(16).padStart(2, '0')).join(':')
    const linkLocal = addresses.find((address) => address.family === 6 && address.isLinkLocal)
    return { name, isUp, mtuBytes, macText, addresses, subnets, linkLocal }
  }
}
