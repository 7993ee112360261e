/**
 * One instance's network interface on the sled: the side that the guest's NIC attaches to, and the configuration. Frames
 * are handled by the engine that the port belongs to.
 */
import { SpareTime } from '@lodestone/host'
import type { FrameSink, Port } from '@lodestone/link'
import type { ConfigError } from './config-check.ts'
import type { DroppedPacket } from './drop-ring.ts'
import { type FlowSnapshot, type RestoreResult, restoreFlows, saveFlows } from './flow-snapshot.ts'
import { dumpPort, type PortDump } from './port-dump.ts'
import type { PortConfig } from './port-config.ts'
import type { ApplyResult, PortState } from './port-state.ts'
import { runSteps } from './steps.ts'
import type { Direction, Explanation } from './walk.ts'

/** What a port needs from its engine. */
export interface PortOwner {
  fromGuest(port: VirtualPort, slots: Int32Array, count: number): void
  explain(port: VirtualPort, frame: Uint8Array, direction: Direction): Explanation
}

export class VirtualPort {
  readonly guest: GuestSide
  readonly state: PortState
  readonly #owner: PortOwner
  isRemoved = false

  constructor(state: PortState, owner: PortOwner) {
    this.state = state
    this.#owner = owner
    this.guest = new GuestSide(this, owner)
  }

  get id(): string {
    return this.state.config.id
  }

  get name(): string {
    return this.state.config.name
  }

  get vni(): number {
    return this.state.config.vni
  }

  get config(): PortConfig {
    return this.state.config
  }

  /** Makes the port what `config` says, at once and entirely; on an error nothing changes. Live flows obey at once. */
  apply(config: PortConfig): ApplyResult {
    return runSteps(this.state.apply(config))
  }

  /**
   * As `apply`, but prepared in pieces between which packets pass: for many rules. The last configuration wins.
   * Atomic as well: until the promise is settled the old configuration holds entirely.
   */
  applyInSteps(config: PortConfig): Promise<ApplyResult> {
    return SpareTime.of(this.state.clock).run(this.state.apply(config))
  }

  /** What keeps a configuration from being applied. */
  check(config: PortConfig): ConfigError | undefined {
    return this.state.check(config)
  }

  /** As `check`, in pieces between which packets pass. */
  checkInSteps(config: PortConfig): Promise<ConfigError | undefined> {
    return SpareTime.of(this.state.clock).run(this.state.checkInSteps(config))
  }

  /**
   * What would happen to a frame now. Nothing changes: no counter, no connection, no port lease.
   * @param frame outbound: as the guest sends it; inbound: whole, from the outer Ethernet header on.
   */
  explain(frame: Uint8Array, direction: Direction): Explanation {
    return this.#owner.explain(this, frame, direction)
  }

  /** The last drops with their reasons, oldest first. */
  recentDrops(): DroppedPacket[] {
    return this.state.drops.list()
  }

  /** The connections as plain data, for another engine or another sled. */
  saveFlows(): FlowSnapshot {
    return saveFlows(this.state)
  }

  /** Lets saved connections go on here, as far as the configuration allows. */
  restoreFlows(snapshot: FlowSnapshot): RestoreResult {
    return restoreFlows(this.state, snapshot)
  }

  dump(): PortDump {
    return dumpPort(this.state)
  }
}

/** The guest's NIC sends here and attaches here. */
export class GuestSide implements Port {
  readonly #port: VirtualPort
  readonly #owner: PortOwner
  readonly #listeners = new Set<(isUp: boolean) => void>()
  #sink: FrameSink | undefined
  #pending = new Int32Array(64)
  #count = 0

  constructor(port: VirtualPort, owner: PortOwner) {
    this.#port = port
    this.#owner = owner
  }

  get name(): string {
    return this.#port.name
  }

  get isUp(): boolean {
    return !this.#port.isRemoved
  }

  send(slots: Int32Array, count: number): void {
    this.#owner.fromGuest(this.#port, slots, count)
  }

  attach(sink: FrameSink): void {
    this.#sink = sink
  }

  get isAttached(): boolean {
    return this.#sink !== undefined
  }

  onState(fn: (isUp: boolean) => void): () => void {
    this.#listeners.add(fn)
    return () => this.#listeners.delete(fn)
  }

  /** Tells listeners that the port went away. */
  goDown(): void {
    for (const listener of this.#listeners) listener(false)
  }

  /** Queues a frame for the guest until `flush`. @returns whether it is the first one. */
  queue(slot: number): boolean {
    if (this.#count === this.#pending.length) {
      const larger = new Int32Array(this.#count * 2)
      larger.set(this.#pending)
      this.#pending = larger
    }
    this.#pending[this.#count++] = slot
    return this.#count === 1
  }

  /** Hands over what was queued. The engine makes sure that nothing is queued meanwhile. */
  flush(): void {
    const count = this.#count
    this.#count = 0
    if (count > 0) this.#sink?.receive(this.#pending, count)
  }
}
