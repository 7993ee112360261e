/**
 * The service processors of a topology: a board and its processor for every sled and switch, the management network with one
 * half for each switch, ignition wires from every switch to every board, and a gateway beside each switch.
 *
 * Whether a node exists is the sequencer's word and nobody else's: pulling a plug, a request over the management network,
 * ignition, heat and faults all end there.
 */
import { Host, MemoryFabric, MemoryFiles } from '@lodestone/host'
import {
  Board,
  Gateway,
  type HostUart,
  type LabMember,
  type Load,
  profileOf,
  type ReachableSp,
  ServiceProcessor,
  type SpId,
} from '@lodestone/sp'
import type { SledSpec, SwitchSpec } from './topology.ts'
import type { World } from './world.ts'

/** Ignition ports of the two switches; sleds have those of their slots. */
const SWITCH_IGNITION_PORT = 38
const POWER_ON_LIMIT_MS = 10_000
const WATCH_MS = 5

export interface PoweredNode {
  readonly spec: SledSpec | SwitchSpec
  readonly id: SpId
  readonly board: Board
  readonly sp: ServiceProcessor
}

export interface ServiceProcessorsOptions {
  readonly world: World
  readonly specs: readonly (SledSpec | SwitchSpec)[]
  readonly load: (name: string) => Load
  readonly uart: (name: string) => HostUart
  readonly onHostPower: (name: string, isOn: boolean) => void
  readonly onThrottle: (name: string, isThrottled: boolean) => void
}

export class ServiceProcessors {
  readonly nodes: ReadonlyMap<string, PoweredNode>
  readonly #world: World
  readonly #fabrics: readonly [MemoryFabric, MemoryFabric]
  readonly #gateways = new Map<number, Gateway>()
  #isClosed = false

  constructor(options: ServiceProcessorsOptions) {
    const { world, specs } = options
    this.#world = world
    this.#fabrics = [new MemoryFabric(world.clock), new MemoryFabric(world.clock)]
    this.nodes = new Map(specs.map((spec, index) => [spec.name, this.#node(spec, index, options)]))
    for (const { id, board } of this.#all('switch')) {
      for (const node of this.nodes.values())
        board.ignitionController?.connect(ignitionPort(node.id), node.board.ignitionTarget)
      board.listen({ onStandby: (isOn) => void this.#setGateway(id.slot, isOn) })
    }
    for (const node of this.nodes.values()) this.#listen(node, options)
  }

  async start(): Promise<void> {
    for (const { sp } of this.nodes.values()) await sp.start()
    for (const { id, board } of this.#all('switch')) await this.#setGateway(id.slot, board.hasStandby)
  }

  /** The gateway beside a switch that has standby power; the first of two. */
  get gateway(): Gateway | undefined {
    return this.#gateways.get(0) ?? this.#gateways.get(1)
  }

  get members(): readonly LabMember[] {
    return [...this.nodes.values()].map(({ id, sp }) => ({ id, sp }))
  }

  /** Pulls a board's plug: at once. */
  unplug(name: string): void {
    this.nodes.get(name)?.board.setPlug(false)
  }

  /** Sees to it that a host gets power, whatever it is missing. @returns why it did not, or undefined when it has. */
  async powerOn(name: string): Promise<string | undefined> {
    // because the caller names a node of these
    const { board, sp } = this.nodes.get(name)!
    const { clock } = this.#world
    if (!board.isPlugged) board.setPlug(true)
    else if (!board.hasStandby) board.switchOn()
    else if (!board.isHostOn) {
      if (sp.firmware === undefined) return 'its service processor does not run'
      // From a state that only A2 leads out of, through A2.
      if (sp.firmware.powerState === 'A0') sp.firmware.power.request('A2', 'ControlPlane')
      sp.firmware.power.request('A0', 'ControlPlane')
    }
    const endMs = clock.nowMs() + POWER_ON_LIMIT_MS
    while (!board.isHostOn && clock.nowMs() < endMs && !this.#isClosed) {
      if (sp.powerFault !== undefined) return sp.powerFault
      await new Promise<void>((resolve) => clock.after(WATCH_MS, resolve))
    }
    return board.isHostOn ? undefined : (sp.powerFault ?? 'its power did not come')
  }

  close(): void {
    this.#isClosed = true
    for (const gateway of this.#gateways.values()) gateway.close()
    this.#gateways.clear()
    for (const { sp, board } of this.nodes.values()) {
      sp.close()
      board.close()
    }
  }

  #all(type: 'sled' | 'switch'): readonly PoweredNode[] {
    return [...this.nodes.values()].filter((node) => node.id.type === type)
  }

  #node(spec: SledSpec | SwitchSpec, index: number, options: ServiceProcessorsOptions): PoweredNode {
    const { name, kind } = spec
    const slot = Number(/\d+$/.exec(name)?.[0] ?? index)
    const id: SpId = { type: kind, slot }
    const board = new Board({
      clock: this.#world.clock,
      profile: profileOf(kind),
      load: () => options.load(name),
      ...(kind === 'switch' ? { ignitionIndex: slot === 0 ? 0 : 1 } : {}),
    })
    // The rack has been running when an emulation begins.
    board.startUp()
    const addresses = [0, 1].map((half) => ({ network: `management${half}`, address: spAddress(half, id) }))
    const sp = new ServiceProcessor({
      name,
      board,
      host: this.#host(
        `${name}-sp`,
        addresses.map(({ address }) => address),
      ),
      vpd: {
        serialNumber: `LDS${kind === 'sled' ? '1' : '2'}${String(slot).padStart(7, '0')}`,
        model: board.profile.model,
        revision: 6,
        baseMac: (kind === 'sled' ? spec.nics[0] : spec.ports[0])?.mac.bytes ?? new Uint8Array(6),
      },
      addresses,
      ...(kind === 'sled' ? { uart: options.uart(name) } : {}),
    })
    return { spec, id, board, sp }
  }

  #listen({ spec, id, board, sp }: PoweredNode, options: ServiceProcessorsOptions): void {
    board.listen({
      onHostPower: (isOn) => options.onHostPower(spec.name, isOn),
      onThrottle: (isThrottled) => options.onThrottle(spec.name, isThrottled),
    })
    sp.onIgnitionLink = (isUp, controller) => {
      for (const each of this.#all('switch')) {
        if (controller !== undefined && controller !== each.id.slot) continue
        each.board.ignitionController?.setWire(ignitionPort(id), isUp)
      }
    }
  }

  /** A gateway needs its switch's half of the management network. */
  async #setGateway(slot: number, isOn: boolean): Promise<void> {
    this.#gateways.get(slot)?.close()
    this.#gateways.delete(slot)
    if (!isOn || this.#isClosed) return
    const address = `fd00:1de:${slot}::1000`
    const gateway = new Gateway({
      host: this.#host(`gateway${slot}`, [slot === 0 ? address : undefined, slot === 1 ? address : undefined]),
      network: `management${slot}`,
      address,
      switchSlot: slot,
      sps: [...this.nodes.values()].map(({ id }): ReachableSp => ({
        id,
        address: spAddress(slot, id),
        ignitionPort: ignitionPort(id),
      })),
    })
    this.#gateways.set(slot, gateway)
    await gateway.start()
  }

  #host(name: string, addresses: readonly (string | undefined)[]): Host {
    const networks = addresses.flatMap((address, half) =>
      address === undefined ? [] : [[`management${half}`, this.#fabrics[half]!.network(name, [address])] as const],
    )
    return new Host({
      name,
      clock: this.#world.clock,
      random: this.#world.random.fork(name),
      files: new MemoryFiles(),
      networks: Object.fromEntries(networks),
    })
  }
}

function ignitionPort({ type, slot }: SpId): number {
  return type === 'switch' ? SWITCH_IGNITION_PORT + slot : slot
}

/** In each half of the management network: sleds from ::100, switches from ::10. */
function spAddress(half: number, { type, slot }: SpId): string {
  return `fd00:1de:${half}::${((type === 'switch' ? 0x10 : 0x100) + slot).toString(16)}`
}
