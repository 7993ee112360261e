/**
 * The daemon of one rack switch: it owns the tables of the pipeline and what the CPU does for it. It keeps nothing over
 * a restart: its tables are empty when it starts, and whoever wants something of the switch says so again.
 *
 * Everything here is synchronous, so no packet ever sees half of a change. The HTTP interface is in `api/`; who runs
 * in the same process (the routing daemon's lower half) calls these methods directly.
 */
import type { HttpHandler } from '@lodestone/api'
import { every, type Host, type Timer } from '@lodestone/host'
import { Ip, Mac, type Prefix } from '@lodestone/net'
import { AddressTable } from './address-table.ts'
import { switchdHandler } from './api/handler.ts'
import { ipValue } from './entry-key.ts'
import { defaultLink, LinkTable, type LinkSettings, type PortSettings, type SwitchLink } from './link-table.ts'
import { NatTable } from './nat-table.ts'
import type { LldpPort } from './lldp/lldp-port.ts'
import type { NeighborSource } from './neighbor-source.ts'
import { type Neighbor, NeighborTable } from './neighbor-table.ts'
import { DONE, failed, invalid, type Outcome } from './outcome.ts'
import { portName, tfportName } from './port-number.ts'
import { type Route, type RoutePath, RouteTable } from './route-table.ts'
import { SlowPath } from './slow-path.ts'
import type { SwitchNode } from './switch-node.ts'
import type { SwitchZone } from './switch-zone.ts'
import { type SwitchTables, switchTables } from './switch-tables.ts'
import type { TableJournal } from './table-journal.ts'
import { TableWriter } from './table-writer.ts'
import type { Origin } from './write-record.ts'

/** How often what failed is tried again. */
const RETRY_MS = 5000

export interface SwitchdOptions {
  readonly node: SwitchNode
  /** Port `n` has this MAC address plus `n`. */
  readonly macBase: Mac
  /** The ARP and NDP tables of the switch zone's stack; without it, next hops are known only when set by hand. */
  readonly neighbors?: NeighborSource
  /** The stack whose interfaces get the addresses of ports and loopbacks. */
  readonly zone?: SwitchZone
  /** Gives every port a link with the default settings at the start; default true. */
  readonly autoLink?: boolean
  /** Told how to take back what is written to the tables. */
  readonly journal?: TableJournal
}

export class Switchd {
  readonly node: SwitchNode
  readonly slowPath: SlowPath
  readonly tables: SwitchTables
  readonly writer: TableWriter
  readonly nat: NatTable
  readonly handler: HttpHandler
  readonly #host: Host
  readonly #options: SwitchdOptions
  readonly #links: LinkTable
  readonly #addresses: AddressTable
  readonly #neighbors: NeighborTable
  readonly #v4: RouteTable
  readonly #v6: RouteTable
  readonly #subnets = new Map<number, readonly Prefix[]>()
  #tunnelSource = UNSPECIFIED
  #incarnation = 0
  #retries: Timer | undefined
  #unsubscribe: (() => void) | undefined

  constructor(host: Host, options: SwitchdOptions) {
    this.#host = host
    this.#options = options
    this.node = options.node
    this.tables = switchTables(options.node.pipeline)
    this.writer = new TableWriter(options.node.pipeline, () => host.clock.wallMs(), options.journal)
    this.nat = new NatTable(this.tables, this.writer)
    this.#links = new LinkTable(this.tables)
    this.#addresses = new AddressTable(this.tables)
    this.#neighbors = new NeighborTable(this.tables, this.writer, host.clock)
    this.#v4 = new RouteTable(4, this.tables.lookupV4, this.tables.routeV4, this.writer)
    this.#v6 = new RouteTable(6, this.tables.lookupV6, this.tables.routeV6, this.writer)
    this.slowPath = new SlowPath({
      node: options.node,
      links: this.#links,
      addresses: this.#addresses,
      neighbors: this.#neighbors,
      resolve: (port, ip) => options.neighbors?.resolve(tfportName(port), ip),
      vlanId: (port, nextHop) => this.#v4.vlanId(port, nextHop) ?? this.#v6.vlanId(port, nextHop),
      tunnelSource: () => this.#tunnelSource,
    })
    this.handler = switchdHandler(this, host)
  }

  /** Empties the tables, makes the links, and begins to serve the CPU port. */
  start(): Outcome {
    const cleared = this.clear()
    if (!cleared.ok) return cleared
    this.node.cpu.onPunt((slot, code) => this.slowPath.handle(slot, code))
    this.#unsubscribe = this.#options.neighbors?.onNeighbor((name, ip, mac) => this.#onNeighbor(name, ip, mac))
    this.#retries = every(this.#host.clock, RETRY_MS, () => this.retry())
    return DONE
  }

  /** Since when its tables are the work of this life of it: milliseconds on the wall clock, and never the same twice. */
  get incarnation(): number {
    return this.#incarnation
  }

  /** Stops serving; the node goes on forwarding with the tables as they are. */
  close(): void {
    this.#retries?.cancel()
    this.#unsubscribe?.()
    this.slowPath.close()
  }

  /** Back to what the switch is after its start: no routes, translations or addresses. */
  clear(): Outcome {
    this.#incarnation = Math.max(this.#incarnation + 1, Math.floor(this.#host.clock.wallMs()))
    const cleared = this.writer.clear()
    this.#subnets.clear()
    for (const table of [this.#links, this.#addresses, this.#neighbors, this.#v4, this.#v6, this.nat]) table.reset()
    for (const port of this.node.ports) this.node.setEnabled(port, false)
    if (!cleared.ok) return cleared
    const source = this.setTunnelSource(UNSPECIFIED)
    if (!source.ok) return source
    if (this.#options.autoLink ?? true) {
      for (const port of this.node.ports) {
        const outcome = this.setPort(port, { link: defaultLink(port), addresses: [] }, 'start')
        if (!outcome.ok) return outcome
      }
    }
    this.#mirrorNeighbors()
    return DONE
  }

  /** Tries again what tables refused. Also done every few seconds. */
  retry(): void {
    this.writer.settle()
    this.#neighbors.retry()
    this.nat.retry()
  }

  // Links and addresses

  links(): readonly SwitchLink[] {
    return this.#links.list()
  }

  link(port: number): SwitchLink | undefined {
    return this.#links.get(port)
  }

  /** The MAC address of a port, whether it has a link or not; the zone's stack uses the same on the tfport. */
  portMac(port: number): Mac {
    return Mac.fromNumber(this.#options.macBase.toNumber() + port)
  }

  /** Addresses that were given to a port; its link-local address is not among them. */
  addresses(port: number): readonly Ip[] {
    const own = this.#links.get(port)?.linkLocal
    return this.#addresses.ofPort(port).filter((ip) => own === undefined || !ip.equals(own))
  }

  /** Those of a port's addresses whose subnet is on the link. */
  subnets(port: number): readonly Prefix[] {
    return this.#subnets.get(port) ?? []
  }

  /** Who speaks LLDP on a port. */
  lldp(port: number): LldpPort | undefined {
    return this.#options.zone?.lldp(tfportName(port))
  }

  loopbacks(family: 4 | 6): readonly Ip[] {
    return this.#addresses.loopbacks(family)
  }

  /** Makes a port what `settings` say, all or nothing; undefined takes its link and addresses away. */
  setPort(port: number, settings: PortSettings | undefined, by: 'port' | 'start' = 'port'): Outcome {
    if (!this.node.ports.includes(port)) return failed({ kind: 'notFound', type: 'port', name: portName(port) })
    const bad = settings?.addresses.find((ip) => !isHostAddress(ip))
    if (bad !== undefined) return invalid(`${bad} cannot be the address of a port`)
    const mac = this.portMac(port)
    const wanted = settings === undefined ? [] : [...settings.addresses, mac.linkLocal()]
    const removed = this.#addresses.ofPort(port).filter((ip) => !wanted.some((other) => other.equals(ip)))
    const addresses = this.#addresses.plan([
      ...wanted.map((ip) => ({ kind: 'add', ip, port }) as const),
      ...removed.map((ip) => ({ kind: 'remove', ip, port }) as const),
    ])
    const link =
      settings === undefined
        ? this.#links.planRemove(port)
        : this.#links.planSet({ ...settings.link, port, mac, linkLocal: mac.linkLocal() })
    const { causes } = settings ?? {}
    const origin: Origin = { by, about: portName(port), ...(causes === undefined ? {} : { causes }) }
    const outcome = this.writer.run(origin, link, addresses)
    if (!outcome.ok) return outcome
    this.node.setEnabled(port, settings?.link.isEnabled ?? false)
    const subnets = settings === undefined ? [] : settings.subnets
    if (subnets !== undefined) {
      this.#subnets.set(port, subnets)
      this.#options.zone?.setAddresses(tfportName(port), subnets)
    }
    if (settings === undefined) {
      for (const neighbor of [...this.neighbors(4), ...this.neighbors(6)]) {
        if (neighbor.port === port) this.#neighbors.delete(port, neighbor.ip)
      }
    }
    return DONE
  }

  /** Changes single settings of a link. */
  setLink(port: number, change: Partial<LinkSettings>): Outcome {
    const link = this.#links.get(port)
    if (link === undefined) return failed({ kind: 'notFound', type: 'link', name: `${portName(port)}/0` })
    const outcome = this.writer.run({ by: 'port', about: portName(port) }, this.#links.planSet({ ...link, ...change }))
    if (outcome.ok) this.node.setEnabled(port, change.isEnabled ?? link.isEnabled)
    return outcome
  }

  /** @param port the address is a loopback when absent. Adding it twice changes nothing. */
  addAddress(ip: Ip, port?: number): Outcome {
    if (!isHostAddress(ip)) return invalid(`${ip} cannot be an address of the switch`)
    if (port !== undefined && this.#links.get(port) === undefined) {
      return failed({ kind: 'notFound', type: 'link', name: `${portName(port)}/0` })
    }
    const change = { kind: 'add', ip, ...(port === undefined ? {} : { port }) } as const
    return this.writer.run(addressOrigin(port), this.#addresses.plan([change]))
  }

  removeAddress(ip: Ip, port?: number): Outcome {
    const change = { kind: 'remove', ip, ...(port === undefined ? {} : { port }) } as const
    if (!this.#addresses.has(change)) {
      return failed({ kind: 'notFound', type: port === undefined ? 'loopback' : 'address', name: ip.toString() })
    }
    return this.writer.run(addressOrigin(port), this.#addresses.plan([change]))
  }

  /** An address of the switch on no port, which the zone answers on. */
  addLoopback(ip: Ip): Outcome {
    const outcome = this.addAddress(ip)
    if (outcome.ok) this.#options.zone?.addLoopback(ip)
    return outcome
  }

  removeLoopback(ip: Ip): Outcome {
    const outcome = this.removeAddress(ip)
    if (outcome.ok) this.#options.zone?.removeLoopback(ip)
    return outcome
  }

  // Routes

  routes(family: 4 | 6): readonly Route[] {
    return this.#routeTable(family).list()
  }

  route(prefix: Prefix): Route | undefined {
    return this.#routeTable(prefix.family).get(prefix)
  }

  /** Sets all paths of a prefix, replacing those it has. */
  setRoute(prefix: Prefix, paths: readonly RoutePath[]): Outcome {
    const unknown = paths.find(({ port }) => !this.node.ports.includes(port))
    if (unknown !== undefined) return invalid(`this switch has no port ${portName(unknown.port)}`)
    return this.#routeTable(prefix.family).set(prefix, paths)
  }

  deleteRoute(prefix: Prefix): Outcome {
    return this.#routeTable(prefix.family).delete(prefix)
  }

  // Tunnels

  get tunnelSource(): Ip {
    return this.#tunnelSource
  }

  /** The IPv6 source address of the tunnel packets that this switch makes: its tunnel endpoint. */
  setTunnelSource(ip: Ip): Outcome {
    if (ip.family !== 6 || ip.isMulticast) return invalid(`the tunnel source ${ip} must be an IPv6 address of a host`)
    const outcome = this.writer.setDefault(this.tables.tunnelSource, 'set_tunnel_source', [ipValue(ip)])
    if (outcome.ok) this.#tunnelSource = ip
    return outcome
  }

  // Neighbours

  neighbors(family: 4 | 6): readonly Neighbor[] {
    return this.#neighbors.list(family)
  }

  /** Sets a MAC address by hand; what the stack learns does not replace it. */
  setNeighbor(port: number, ip: Ip, mac: Mac): Outcome {
    if (!this.node.ports.includes(port)) return invalid(`this switch has no port ${portName(port)}`)
    const outcome = this.#neighbors.set(port, ip, mac, true)
    if (outcome.ok) this.slowPath.resolved(port, ip, mac)
    return outcome
  }

  /** Forgets a neighbour; if it is needed, the stack is asked again. */
  deleteNeighbor(port: number, ip: Ip): void {
    this.#neighbors.delete(port, ip)
  }

  #routeTable(family: 4 | 6): RouteTable {
    return family === 4 ? this.#v4 : this.#v6
  }

  #onNeighbor(interfaceName: string, ip: Ip, mac: Mac | undefined): void {
    const port = this.node.cpu.tfports.get(interfaceName)?.port
    if (port === undefined) return
    if (mac === undefined) {
      if (this.#neighbors.get(port, ip)?.isStatic !== true) this.#neighbors.delete(port, ip)
      return
    }
    const outcome = this.#neighbors.set(port, ip, mac)
    if (!outcome.ok) this.#host.log('warn', 'neighbor-not-installed', { port: portName(port), ip: ip.toString() })
    // because a static entry may have another
    this.slowPath.resolved(port, ip, this.#neighbors.get(port, ip)?.mac ?? mac)
  }

  #mirrorNeighbors(): void {
    for (const { interfaceName, ip, mac } of this.#options.neighbors?.neighbors() ?? []) {
      this.#onNeighbor(interfaceName, ip, mac)
    }
  }
}

const UNSPECIFIED = Ip.of('::')

function addressOrigin(port: number | undefined): Origin {
  return port === undefined ? { by: 'loopback', about: 'the switch' } : { by: 'address', about: portName(port) }
}

function isHostAddress(ip: Ip): boolean {
  return !ip.isMulticast && !ip.isUnspecified && !(ip.family === 4 && ip.word(0) === 0xffffffff)
}
