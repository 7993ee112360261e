/**
 * The host side of router discovery (RFC 4861 §6.3) and stateless address autoconfiguration (RFC 4862 §5.5): asks for
 * routers, keeps the default routers and prefixes they advertise as long as they say, and makes addresses of autonomous
 * prefixes from the interface's MAC address.
 * NOT IMPLEMENTED: route information options (RFC 4191 §2.3), stable privacy addresses (RFC 7217), temporary addresses.
 */
import type { Timer } from '@lodestone/host'
import { Ip, Prefix } from '@lodestone/net'
import {
  IPV6_SRC,
  ndpRouterAdvertManaged,
  ndpRouterAdvertRouterLifetimeS,
  NDP_ROUTER_ADVERT_MIN,
  type NdpOption,
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
const FOREVER_S = 0xffffffff
/** RFC 4862 §5.5.3 e: a forged advertisement cannot take an address away sooner. */
const TWO_HOURS_MS = 7_200_000
/** What advertisements may make us remember. */
const ROUTER_LIMIT = 16
const PREFIX_LIMIT = 16

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

interface DefaultRouter {
  readonly ip: Ip
  untilMs: number
  /** RFC 4191 §2.1: -1, 0 or 1. */
  preference: number
  /** It did not answer neighbor solicitations. */
  isSilent: boolean
}

interface AutonomousAddress {
  readonly ip: Ip
  validUntilMs: number
  preferredUntilMs: number
}

type PrefixOption = Extract<NdpOption, { kind: 'prefix' }>

export class RouterDiscovery {
  readonly #network: Netstack
  readonly #iface: Interface
  readonly #onAdvert: (advert: RouterAdvert) => void
  readonly #unwatch: () => void
  readonly #routers = new Map<string, DefaultRouter>()
  readonly #onLink = new Map<string, { readonly prefix: Prefix; untilMs: number }>()
  readonly #addresses = new Map<string, AutonomousAddress>()
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
    this.#unwatch = options.network.onNeighbor((name, ip, mac) => {
      if (name === iface.name) this.#neighborChanged(ip, mac === undefined)
    })
    this.#solicit()
  }

  /** What the router said last. */
  get advert(): RouterAdvert | undefined {
    return this.#advert
  }

  /** Stops; what is configured stays. */
  close(): void {
    this.#unwatch()
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
    const { stack } = this.#network
    const { bytes } = stack.arena
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
    const preference = [0, 1, 0, -1][(bytes[l4 + 5]! >>> 3) & 3]! // 2 is reserved and taken as 0
    this.#takeRouter(advert, preference, stack.nowMs)
    for (const option of options) if (option.kind === 'prefix') this.#takePrefix(option, stack.nowMs)
    this.#settle()
    this.#onAdvert(advert)
  }

  #takeRouter(advert: RouterAdvert, preference: number, nowMs: number): void {
    const key = advert.router.toString()
    const known = this.#routers.get(key)
    if (advert.lifetimeS === 0) {
      this.#routers.delete(key)
      return
    }
    const untilMs = nowMs + advert.lifetimeS * 1000
    if (known !== undefined) Object.assign(known, { untilMs, preference, isSilent: false })
    else if (this.#routers.size < ROUTER_LIMIT) {
      this.#routers.set(key, { ip: advert.router, untilMs, preference, isSilent: false })
    }
  }

  #takePrefix(option: PrefixOption, nowMs: number): void {
    const address = Ip.fromBytes(option.prefix, 0, 16)
    if (address.isLinkLocal || address.isMulticast || option.prefixLength > 128) return
    const validUntilMs = dueMs(option.validLifetimeS, nowMs)
    if (option.isOnLink) {
      const prefix = new Prefix(address, option.prefixLength).masked()
      const isKnown = this.#onLink.has(prefix.toString())
      if (isKnown || (option.validLifetimeS > 0 && this.#onLink.size < PREFIX_LIMIT)) {
        this.#onLink.set(prefix.toString(), { prefix, untilMs: validUntilMs })
      }
    }
    // RFC 4862 §5.5.3 c and d; the interface identifier of Ethernet has 64 bits.
    const isUsable = option.isAutonomous && option.prefixLength === 64
    if (isUsable && option.preferredLifetimeS <= option.validLifetimeS) this.#takeAutonomous(option, nowMs)
  }

  #takeAutonomous(option: PrefixOption, nowMs: number): void {
    const bytes = this.#iface.mac.linkLocal().bytes.slice()
    bytes.set(option.prefix.subarray(0, 8))
    const ip = Ip.fromBytes(bytes, 0, 16)
    const known = this.#addresses.get(ip.toString())
    const validUntilMs = dueMs(option.validLifetimeS, nowMs)
    const preferredUntilMs = dueMs(option.preferredLifetimeS, nowMs)
    if (known === undefined) {
      if (option.validLifetimeS === 0 || this.#addresses.size >= PREFIX_LIMIT) return
      if (this.#iface.addresses.some((each) => each.equals(ip))) return // configured by hand
      const entry = { ip, validUntilMs, preferredUntilMs }
      this.#addresses.set(ip.toString(), entry)
      this.#iface.addAddressChecked(new Prefix(ip, option.isOnLink ? 64 : 128), (isAssigned) => {
        if (!isAssigned) this.#addresses.delete(ip.toString())
      })
      return
    }
    known.preferredUntilMs = preferredUntilMs
    const remainingMs = known.validUntilMs - nowMs
    if (validUntilMs - nowMs > TWO_HOURS_MS || validUntilMs > known.validUntilMs) known.validUntilMs = validUntilMs
    else if (remainingMs > TWO_HOURS_MS) known.validUntilMs = nowMs + TWO_HOURS_MS
  }

  /** Brings routes and addresses in line with what is known now, and waits for the next change. */
  #settle(): void {
    const { clock } = this.#network.stack
    const nowMs = clock.nowMs()
    for (const [key, router] of this.#routers) if (router.untilMs <= nowMs) this.#routers.delete(key)
    for (const [key, { prefix, untilMs }] of this.#onLink) {
      if (untilMs > nowMs) {
        this.#network.setInterfaceRoute(prefix, { interface: this.#iface.name, metric: this.#iface.index })
      } else {
        this.#network.removeInterfaceRoute(prefix, this.#iface.name)
        this.#onLink.delete(key)
      }
    }
    for (const [key, address] of this.#addresses) {
      if (address.validUntilMs <= nowMs) {
        this.#iface.removeAddress(address.ip)
        this.#addresses.delete(key)
      } else if (address.preferredUntilMs <= nowMs) {
        this.#iface.setDeprecated(key, true)
      } else {
        this.#iface.setDeprecated(key, false)
      }
    }
    this.#chooseRouter()
    this.#expiry?.cancel()
    const nextMs = this.#nextChangeMs(nowMs)
    this.#expiry = nextMs === Infinity ? undefined : clock.after(nextMs - nowMs, () => this.#settle())
  }

  #nextChangeMs(nowMs: number): number {
    let nextMs = Infinity
    const note = (dueMs: number): void => {
      if (dueMs > nowMs && dueMs < nextMs) nextMs = dueMs
    }
    for (const router of this.#routers.values()) note(router.untilMs)
    for (const prefix of this.#onLink.values()) note(prefix.untilMs)
    for (const address of this.#addresses.values()) {
      note(address.validUntilMs)
      note(address.preferredUntilMs)
    }
    return nextMs
  }

  /** RFC 4861 §6.3.6 with RFC 4191 §3.1: one that answers before one that does not, then by preference, then the oldest. */
  #chooseRouter(): void {
    let best: DefaultRouter | undefined
    for (const router of this.#routers.values()) {
      const isBetter =
        best === undefined ||
        (best.isSilent && !router.isSilent) ||
        (best.isSilent === router.isSilent && router.preference > best.preference)
      if (isBetter) best = router
    }
    const { name, index } = this.#iface
    if (best === undefined) this.#network.removeInterfaceRoute(DEFAULT, name)
    else this.#network.setInterfaceRoute(DEFAULT, { via: best.ip, interface: name, metric: index })
  }

  #neighborChanged(ip: Ip, isGone: boolean): void {
    const router = this.#routers.get(ip.toString())
    if (router === undefined || router.isSilent === isGone) return
    router.isSilent = isGone
    if (this.#routers.size > 1) this.#chooseRouter()
  }
}

function dueMs(lifetimeS: number, nowMs: number): number {
  return lifetimeS === FOREVER_S ? Infinity : nowMs + lifetimeS * 1000
}
