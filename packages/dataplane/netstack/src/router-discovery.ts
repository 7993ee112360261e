/**
 * The host side of router discovery (RFC 4861 §6.3): asks for routers, takes their default route and MTU, and addresses
 * of autonomous prefixes (RFC 4862 §5.5.3).
 * NOT IMPLEMENTED: preferred lifetimes, more than one router, and DHCPv6, which `isManaged` asks for.
 */
import type { Timer } from '@lodestone/host'
import { Ip, Prefix } from '@lodestone/net'
import {
  IPV6_SRC,
  ndpRouterAdvertManaged,
  ndpRouterAdvertRouterLifetimeS,
  NDP_ROUTER_ADVERT_MIN,
  readNdpOptions,
} from '@lodestone/packet'
import type { Interface } from './interface.ts'
import { sendRouterSolicit } from './ndp.ts'
import type { Netstack } from './netstack.ts'

/** RFC 4861 §10. */
const SOLICIT_INTERVAL_MS = 4000
const MAX_SOLICITS = 3
const LEAST_MTU = 1280
const DEFAULT = Prefix.of('::/0')

export interface RouterAdvert {
  readonly router: Ip
  readonly lifetimeS: number
  /** Addresses are to be had by DHCPv6. */
  readonly isManaged: boolean
  readonly mtuBytes: number | undefined
}

export interface RouterDiscoveryOptions {
  readonly network: Netstack
  readonly interface: string
  readonly onAdvert?: (advert: RouterAdvert) => void
}

export class RouterDiscovery {
  readonly #network: Netstack
  readonly #iface: Interface
  readonly #onAdvert: (advert: RouterAdvert) => void
  #solicits = 0
  #solicitTimer: Timer | undefined
  #expiry: Timer | undefined
  #advert: RouterAdvert | undefined

  /** Starts at once. Throws when the interface does not exist. */
  constructor(options: RouterDiscoveryOptions) {
    const iface = options.network.interface(options.interface)
    if (iface === undefined) throw new Error(`${options.network.name} has no interface ${options.interface}`)
    this.#network = options.network
    this.#iface = iface
    this.#onAdvert = options.onAdvert ?? (() => undefined)
    iface.onRouterAdvert = (_slot, l3, l4, end) => this.#receive(l3, l4, end)
    this.#solicit()
  }

  /** What the router said last. */
  get advert(): RouterAdvert | undefined {
    return this.#advert
  }

  close(): void {
    this.#solicitTimer?.cancel()
    this.#expiry?.cancel()
    this.#iface.onRouterAdvert = undefined
  }

  #solicit(): void {
    const { stack } = this.#network
    this.#network.batch(() => sendRouterSolicit(stack, this.#iface))
    if (++this.#solicits >= MAX_SOLICITS) return
    this.#solicitTimer = stack.clock.after(SOLICIT_INTERVAL_MS, () => this.#solicit())
  }

  #receive(l3: number, l4: number, end: number): void {
    const { bytes } = this.#network.stack.arena
    const options = readNdpOptions(bytes, l4 + NDP_ROUTER_ADVERT_MIN, end) ?? []
    const mtu = options.find((option) => option.kind === 'mtu')
    const advert: RouterAdvert = {
      router: Ip.fromBytes(bytes, l3 + IPV6_SRC, 16),
      lifetimeS: ndpRouterAdvertRouterLifetimeS(bytes, l4),
      isManaged: ndpRouterAdvertManaged(bytes, l4) === 1,
      mtuBytes: mtu?.mtu,
    }
    this.#solicitTimer?.cancel()
    this.#advert = advert
    if (mtu !== undefined && mtu.mtu >= LEAST_MTU) this.#iface.mtuBytes = Math.min(this.#iface.mtuBytes, mtu.mtu)
    for (const option of options) {
      if (option.kind !== 'prefix' || !option.isAutonomous || option.prefixLength !== 64) continue
      if (option.validLifetimeS > 0) this.#addAutonomous(option.prefix)
    }
    this.#setDefault(advert)
    this.#onAdvert(advert)
  }

  #setDefault(advert: RouterAdvert): void {
    this.#expiry?.cancel()
    if (advert.lifetimeS === 0) return this.#network.removeRoute(DEFAULT)
    this.#network.setRoute(DEFAULT, [{ via: advert.router, interface: this.#iface.name }])
    this.#expiry = this.#network.stack.clock.after(advert.lifetimeS * 1000, () => this.#network.removeRoute(DEFAULT))
  }

  #addAutonomous(prefix: Uint8Array): void {
    const bytes = this.#iface.mac.linkLocal().bytes.slice()
    bytes.set(prefix.subarray(0, 8))
    const address = Ip.fromBytes(bytes, 0, 16)
    if (address.isLinkLocal || address.isMulticast) return
    if (!this.#iface.addresses.some((each) => each.equals(address))) this.#iface.addAddress(new Prefix(address, 64))
  }
}
