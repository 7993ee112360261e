/**
 * One instance on this sled: its packet engine ports, its guest, its console. States: creating → stopped ⇄ (starting →
 * running → stopping); failed from anywhere. Requests are carried out in the order they come.
 */
import type { InstanceEnsure, Nic, PortSettings, SledInstance } from '@lodestone/contract-sled-agent'
import type { Arena } from '@lodestone/frame'
import { type Host, SpareTime } from '@lodestone/host'
import { Link, type Port } from '@lodestone/link'
import { Ip } from '@lodestone/net'
import { Mac } from '@lodestone/net'
import type { Tracer } from '@lodestone/probe'
import type { ConfigError, PortConfig, VirtualPort, VportEngine } from '@lodestone/vport'
import { ConsoleBuffer } from './console-buffer.ts'
import type { EntryLedger } from './entry-ledger.ts'
import type { Guest, InstanceRunner } from './instance-runner.ts'
import {
  convertRules,
  finish,
  isSetOf,
  portConfigFromContract,
  type PortInputs,
  routeFromContract,
} from './port-config-from-contract.ts'

const GUEST_MTU = 1500
/** How many rules are written into the books in one go: a few tens of microseconds. */
const RULES_PER_STEP = 8

export interface InstanceOptions {
  readonly id: string
  readonly host: Host
  /** Of the rules of its ports. */
  readonly ledger: EntryLedger
  readonly engine: VportEngine
  readonly runner: InstanceRunner
  readonly arena: Arena
  readonly tracer: Tracer
  /** Told when the wire between a guest's NIC and its port appears or goes, so that it can be captured. */
  readonly onWire: (link: Link, isThere: boolean) => void
}

interface Wired {
  readonly port: VirtualPort
  readonly wire: Link
}

/** The parts of a description that say how the packets of an instance are treated. */
export type NetworkParts = Partial<Pick<InstanceEnsure, 'external_ips' | 'firewall_rules' | 'routes'>>

export class Instance {
  readonly id: string
  readonly console = new ConsoleBuffer()
  readonly #options: InstanceOptions
  readonly #ports = new Map<string, Wired>()
  #desired: InstanceEnsure
  /** What `setPort` has stated since the last description. */
  readonly #settings = new Map<string, PortSettings>()
  /** Of the statements that rules and routes are from, by layer. */
  readonly #partGenerations = new Map<string, number>()
  readonly #settingsGenerations = new Map<string, number>()
  /** Counts every change that the ports must see, whoever made it. */
  #revision = 0
  #state: SledInstance['state'] = 'creating'
  #reason: string | undefined
  #updatedMs: number
  #guest: Guest | undefined
  #work: Promise<void> = Promise.resolve()
  #changes: Promise<unknown> = Promise.resolve()
  readonly #spare: SpareTime

  constructor(options: InstanceOptions, desired: InstanceEnsure) {
    this.id = options.id
    this.#options = options
    this.#desired = desired
    this.#updatedMs = options.host.clock.wallMs()
    this.#spare = SpareTime.of(options.host.clock)
  }

  get desired(): InstanceEnsure {
    return this.#desired
  }

  get guest(): Guest | undefined {
    return this.#guest
  }

  get ports(): readonly VirtualPort[] {
    return [...this.#ports.values()].map((wired) => wired.port)
  }

  view(): SledInstance {
    return {
      id: this.id,
      generation: this.#desired.generation,
      state: this.#state,
      ...(this.#reason === undefined ? {} : { reason: this.#reason }),
      time_updated: new Date(this.#updatedMs).toISOString(),
    }
  }

  /** @returns why the description cannot be had, or undefined when every port is as described. */
  ensure(desired: InstanceEnsure): string | undefined {
    this.#desired = desired
    this.#settings.clear()
    const wanted = new Set(desired.nics.map((nic) => nic.id))
    for (const id of this.#ports.keys()) if (!wanted.has(id)) this.#removePort(id)
    const problem = this.#applyPorts()
    if (problem !== undefined) {
      this.#enter('failed', problem)
      return problem
    }
    if (this.#state === 'creating') this.#enter('stopped')
    return undefined
  }

  /** Changes a part of the description and brings the ports up to date. */
  update(change: Partial<InstanceEnsure>): string | undefined {
    return this.ensure({ ...this.#desired, ...change })
  }

  /**
   * As `update`, but with rules prepared in pieces between which packets pass: a VPC may have many. What is stated is the last
   * word from now on; it holds when the promise is settled, or something newer does.
   * @param generation of what is stated.
   */
  restate(
    change: Partial<Pick<InstanceEnsure, 'firewall_rules' | 'routes'>>,
    generation: number,
  ): Promise<string | undefined> {
    this.#desired = { ...this.#desired, ...change }
    if (change.firewall_rules !== undefined) this.#partGenerations.set('firewall', generation)
    if (change.routes !== undefined) this.#partGenerations.set('router', generation)
    this.#settings.clear()
    return this.#inTurn(async () => {
      await this.#spare.rest()
      await this.#spare.run(convertRules(this.#desired.firewall_rules))
      const configs = this.#configs()
      await this.#spare.rest()
      // All or nothing: an error in the second port leaves the first as it was.
      for (const config of configs) {
        const error = await this.#ports.get(config.id)?.port.checkInSteps(config)
        // Older than what is applied: a newer description has come meanwhile.
        if (error === undefined || error.kind === 'stale-generation') continue
        const problem = problemOf(config, error)
        this.#enter('failed', problem)
        return problem
      }
      // A port that refuses now has got something newer meanwhile.
      await Promise.all(configs.map((config) => this.#ports.get(config.id)?.port.applyInSteps(config)))
      for (const nic of this.#desired.nics) {
        await this.#spare.rest()
        if (this.#ports.has(nic.id)) await this.#spare.run(this.#keepBooks(nic, this.#settings.get(nic.id)))
      }
      await this.#spare.rest()
      return undefined
    })
  }

  /** Changes that take several turns of the event loop wait for each other. */
  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#changes.then(change)
    this.#changes = done.catch(() => undefined)
    return done
  }

  /** Of the settings that `setPort` has applied to a port; 0 for none. */
  settingsGeneration(portId: string): number {
    return this.#settingsGenerations.get(portId) ?? 0
  }

  /**
   * States a port's addresses, rules and routes at once. They hold until something else is stated about the instance: the
   * last word wins. Prepared in pieces, so that packets pass meanwhile; on an error everything stays as it was.
   * @returns the sections that changed, or why it cannot be.
   */
  setPort(portId: string, settings: PortSettings): Promise<readonly string[] | string> {
    return this.#inTurn(() => this.#setPort(portId, settings))
  }

  async #setPort(portId: string, settings: PortSettings): Promise<readonly string[] | string> {
    await this.#spare.rest()
    await this.#spare.run(convertRules(settings.firewall_rules))
    const nic = this.#desired.nics.find((each) => each.id === portId)
    const port = this.#ports.get(portId)?.port
    if (nic === undefined || port === undefined) return `there is no port ${portId}`
    this.#revision++
    const config = this.#configOf(nic, settings)
    const result = await port.applyInSteps(config)
    if (!result.ok) return problemOf(config, result.error)
    this.#settings.set(portId, settings)
    this.#settingsGenerations.set(portId, settings.generation)
    await this.#spare.rest()
    if (this.#ports.has(portId)) await this.#spare.run(this.#keepBooks(nic, settings))
    await this.#spare.rest()
    return result.changed
  }

  /** What a port would be configured to if parts of the description were these. Nothing changes. @returns text: why they cannot be. */
  configWith(portId: string, change: NetworkParts): PortConfig | string | undefined {
    const nic = this.#desired.nics.find((each) => each.id === portId)
    const port = this.#ports.get(portId)?.port
    if (nic === undefined || port === undefined) return undefined
    // What is stated of an instance ends what was stated of a port by itself, as in `restate`.
    const config = this.#configOf(nic, undefined, { ...this.#desired, ...change })
    const problem = port.check({ ...config, generation: port.config.generation + 1 })
    return problem === undefined ? config : problemOf(config, problem)
  }

  run(): void {
    if (this.#state === 'running' || this.#state === 'starting') return
    this.#enter('starting')
    this.#queue(async () => {
      if (this.#state !== 'starting') return
      try {
        this.console.reset()
        this.#guest = await this.#options.runner.start({
          id: this.id,
          hostname: this.#desired.hostname,
          nics: this.#desired.nics
            .toSorted((a, b) => a.slot - b.slot)
            .map((nic) => ({
              name: `eth${nic.slot}`,
              mac: Mac.of(nic.mac),
              mtuBytes: GUEST_MTU,
              port: this.#ports.get(nic.id)!.wire.a,
            })),
          userData: Buffer.from(this.#desired.user_data, 'base64'),
          console: this.console,
        })
        this.#enter('running')
      } catch (error) {
        this.#enter('failed', `the guest did not start: ${(error as Error).message}`)
      }
    })
  }

  stop(): void {
    if (this.#state === 'stopped' || this.#state === 'stopping') return
    this.#enter('stopping')
    this.#queue(async () => {
      this.#guest?.stop()
      this.#guest = undefined
      this.#enter('stopped')
    })
  }

  reboot(): void {
    this.stop()
    this.#queue(async () => this.run())
  }

  destroy(): void {
    this.#guest?.stop()
    this.#guest = undefined
    for (const id of [...this.#ports.keys()]) this.#removePort(id)
  }

  #configs(): PortConfig[] {
    this.#revision++
    return this.#desired.nics.map((nic) => this.#configOf(nic, this.#settings.get(nic.id)))
  }

  /** All or nothing: an error in the second port leaves the first as it was. */
  #check(configs: readonly PortConfig[]): string | undefined {
    for (const config of configs) {
      const existing = this.#ports.get(config.id)?.port
      const error = existing === undefined ? this.#options.engine.checkPort(config) : existing.check(config)
      if (error !== undefined) return problemOf(config, error)
    }
    return undefined
  }

  #applyPorts(): string | undefined {
    const configs = this.#configs()
    const problem = this.#check(configs)
    if (problem !== undefined) return problem
    for (const config of configs) {
      const existing = this.#ports.get(config.id)
      if (existing === undefined) this.#addPort(config.id, this.#options.engine.addPort(config))
      else existing.port.apply(config)
    }
    for (const nic of this.#desired.nics) finish(this.#keepBooks(nic, this.#settings.get(nic.id)))
    return undefined
  }

  /** The rules of a port by layer, as its dump names them, and what follows from its addresses by layer alone. */
  *#keepBooks(nic: Nic, settings: PortSettings | undefined): Generator<undefined, void> {
    const { externalIps, firewall, routes } = this.#parts(nic, settings)
    const statement = this.#options.ledger.begin(nic.id, (key) => this.#partGenerations.get(key.split(' ', 1)[0]!))
    for (let i = 0; i < firewall.length; i++) {
      if (i % RULES_PER_STEP === RULES_PER_STEP - 1) yield
      const rule = firewall[i]!
      statement.add(`firewall ${rule.name}`, rule, rule.causes)
    }
    for (let i = 0; i < routes.length; i++) {
      if (i % RULES_PER_STEP === RULES_PER_STEP - 1) yield
      const route = routes[i]!
      statement.add(`router ${routeFromContract(route).name}`, route, route.causes)
    }
    statement.add('nat', externalIps, externalIps.causes)
    statement.add('gateway', nic, nic.causes)
    statement.end()
  }

  #parts(
    nic: Nic,
    settings: PortSettings | undefined,
    desired: InstanceEnsure = this.#desired,
  ): Pick<PortInputs, 'externalIps' | 'firewall' | 'routes'> {
    return {
      externalIps: settings?.external_ips ?? desired.external_ips,
      firewall: settings?.firewall_rules ?? desired.firewall_rules,
      routes: settings?.routes ?? desired.routes.filter((set) => isSetOf(set, nic)).flatMap((set) => set.routes),
    }
  }

  #configOf(nic: Nic, settings: PortSettings | undefined, desired: InstanceEnsure = this.#desired): PortConfig {
    return portConfigFromContract({
      generation: this.#revision,
      name: `${desired.hostname}-nic${nic.slot}`,
      nic,
      ...this.#parts(nic, settings, desired),
      dhcp: { hostname: desired.hostname, dns: (desired.dns_servers ?? []).map((ip) => Ip.of(ip)) },
      mtuBytes: GUEST_MTU,
      ...(settings?.multicast === undefined ? {} : { multicast: settings.multicast }),
      ...(settings?.multicast_permitted === undefined ? {} : { multicastPermitted: settings.multicast_permitted }),
      ...(settings?.rate_limits === undefined ? {} : { rateLimits: settings.rate_limits }),
    })
  }

  #addPort(id: string, port: VirtualPort): void {
    const { host, arena, tracer, onWire } = this.#options
    const wire = new Link({
      name: port.name,
      a: `${this.#desired.hostname}/${port.name.slice(port.name.lastIndexOf('-') + 1)}`,
      b: `${host.name}/${port.name}`,
      clock: host.clock,
      random: host.random,
      arena,
      tracer,
      mtuBytes: GUEST_MTU,
    })
    join(wire.b, port.guest)
    this.#ports.set(id, { port, wire })
    onWire(wire, true)
  }

  #removePort(id: string): void {
    const { port, wire } = this.#ports.get(id)!
    this.#ports.delete(id)
    this.#options.onWire(wire, false)
    wire.setUp(false)
    this.#options.engine.removePort(port.id)
    this.#options.ledger.forget(id)
  }

  #enter(state: SledInstance['state'], reason?: string): void {
    this.#state = state
    this.#reason = reason
    this.#updatedMs = this.#options.host.clock.wallMs()
    this.#options.host.log(state === 'failed' ? 'warn' : 'info', 'instance-state', { instance: this.id, state, reason })
  }

  #queue(task: () => Promise<void>): void {
    this.#work = this.#work.then(task)
  }
}

function problemOf({ name }: PortConfig, { path, message }: ConfigError): string {
  return `port ${name}: ${path}: ${message}`
}

/** What arrives at one port is sent out of the other, both ways. */
function join(a: Port, b: Port): void {
  a.attach({ receive: (slots, count) => b.send(slots, count) })
  b.attach({ receive: (slots, count) => a.send(slots, count) })
}
