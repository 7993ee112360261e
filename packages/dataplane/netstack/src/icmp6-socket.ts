/**
 * Router discovery messages of one link for a routing protocol (`DiscoveryNetwork` of the host): BGP's unnumbered peers find each other
 * by them. The stack checks what arrives (RFC 4861 §6.1) and fills in addresses, hop limit and checksum of what is sent.
 */
import { type Icmp6Options, type Icmp6Socket, socketError } from '@lodestone/host'
import { Ip } from '@lodestone/net'
import type { Interface } from './interface.ts'
import { ALL_ROUTERS, sendNdpMessage } from './ndp.ts'
import type { Netstack } from './netstack.ts'

export class LinkIcmp6Socket implements Icmp6Socket {
  readonly types: readonly number[]
  readonly onMessage: (message: Uint8Array, from: Ip) => void
  readonly #network: Netstack
  readonly #iface: Interface
  #isOpen = true

  /** Throws `ENODEV` for an interface that is not there. */
  constructor(network: Netstack, options: Icmp6Options, onMessage: (message: Uint8Array, from: Ip) => void) {
    const iface = network.interface(options.interface)
    if (iface?.port === undefined) throw socketError('ENODEV', `no interface ${options.interface}`)
    this.types = options.types
    this.onMessage = onMessage
    this.#network = network
    this.#iface = iface
    iface.icmp6Sockets.push(this)
    iface.join(ALL_ROUTERS)
  }

  send(message: Uint8Array, destination: string): void {
    const to = Ip.parse(destination)
    if (!this.#isOpen || to === undefined || this.#iface.linkLocal === undefined) return
    this.#network.batch(() => sendNdpMessage(this.#network.stack, this.#iface, message, to))
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    const { icmp6Sockets } = this.#iface
    icmp6Sockets.splice(icmp6Sockets.indexOf(this), 1)
    this.#iface.leave(ALL_ROUTERS)
  }
}
