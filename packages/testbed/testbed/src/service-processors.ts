/**
 * The service processors of a topology: a board and its processor for every sled and switch, the management network with one
 * half for each switch, ignition wires from every switch to every board, and a gateway beside each switch.
 *
 * Whether a node exists is the board's word and nobody else's: pulling a plug, a request over the management network,
 * ignition, heat and faults all end at its sequencer; in recovery it also waits for the host's image.
 */
import { Host, MemoryFabric, MemoryFiles } from '@lodestone/host'
import {
  Board,
  Gateway,
  HOST_PORT,
  type HostUart,
  type LabMember,
  type Load,
  Phase2Images,
  profileOf,
  type ReachableSp,
  ServiceProcessor,
  type SpId,
  vlanOf,
} from '@lodestone/sp'
import type { SledHardware } from '@lodestone/sled-agent'
import type { SledSpec, SwitchSpec } from './topology.ts'
import type { World } from './world.ts'

/** Ignition ports of the two switches; sleds have those of their slots. */
const SWITCH_IGNITION_PORT = 38
/** The power shelf's controller is wired like a board. */
const SHELF_IGNITION_PORT = 36
const POWER_ON_LIMIT_MS = 10_000
const REVISION = 6
/** What an emulated sled claims to have; nothing is kept on its disks. */
const HARDWARE_THREADS = 128
const RAM_BYTES = 1024 * 2 ** 30
const U2_DISKS = 10
const M2_DISKS = 2
const WATCH_MS = 5

interface PoweredBoard {
  readonly id: SpId
  readonly board: Board
  readonly sp: ServiceProcessor
}

export interface PoweredNode extends PoweredBoard {
  readonly spec: SledSpec | SwitchSpec
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
  readonly #nodes = new Map<string, PoweredNode>()
  readonly nodes: ReadonlyMap<string, PoweredNode> = this.#nodes
  readonly #world: World
  readonly #options: ServiceProcessorsOptions
  readonly #fabrics: readonly [MemoryFabric, MemoryFabric]
  /** No node of the topology: nothing runs behind it. */
  readonly #shelf: PoweredBoard
  readonly #gateways = new Map<number, Gateway>()
  /** Both gateways hold what either was given, and keep it when a switch goes. */
  readonly #phase2 = new Phase2Images()
  #isClosed = false

  constructor(options: ServiceProcessorsOptions) {
    const { world, specs } = options
    this.#options = options
    this.#world = world
    this.#fabrics = [new MemoryFabric(world.clock), new MemoryFabric(world.clock)]
    // Switches first: what runs beside one reaches the management network through it.
    for (const kind of ['switch', 'sled'] as const) {
      specs.forEach((spec, index) => {
        if (spec.kind === kind) this.#nodes.set(spec.name, this.#node(spec, index, true))
      })
    }
    this.#shelf = this.#board('power0', { type: 'power', slot: 0 }, new Uint8Array(6), {
      serialNumber: plannedSerial('power', 0),
      isRunning: true,
    })
    for (const each of this.#boards) this.#connect(each)
    for (const { id, board } of this.#all('switch')) {
      board.listen({ onStandby: (isOn) => void this.#setGateway(id.slot, isOn) })
    }
    for (const node of this.nodes.values()) this.#listen(node)
    this.#wire(this.#shelf)
  }

  /**
   * Puts a sled's board into the rack and its plug in: its processor starts and brings the host up. The sled's slot must be free.
   * @param index of the sled among the nodes, for one whose name has no number.
   */
  async add(spec: SledSpec, index: number): Promise<void> {
    const node = this.#node(spec, index, false)
    this.#nodes.set(spec.name, node)
    this.#connect(node)
    this.#listen(node)
    this.#tellGateways()
    await node.sp.start()
    node.board.setPlug(true)
  }

  /** Takes a sled's board out of the rack; its host is gone at once. */
  remove(name: string): void {
    const node = this.#nodes.get(name)
    if (node === undefined) return
    node.board.setPlug(false)
    node.sp.close()
    node.board.close()
    this.#nodes.delete(name)
    for (const { id, board } of this.#all('switch')) {
      board.ignitionController?.disconnect(ignitionPort(node.id))
      board.management?.disconnect(spAddress(id.slot, node.id))
    }
    this.#tellGateways()
  }

  async start(): Promise<void> {
    for (const { sp } of this.#boards) await sp.start()
    for (const { id, board } of this.#all('switch')) await this.#setGateway(id.slot, board.hasStandby)
  }

  /** The gateway beside a switch, while that has standby power. */
  gatewayOf(slot: number): Gateway | undefined {
    return this.#gateways.get(slot)
  }

  /** The gateway beside a switch that has standby power; the first of two. */
  get gateway(): Gateway | undefined {
    return this.#gateways.get(0) ?? this.#gateways.get(1)
  }

  get members(): readonly LabMember[] {
    return this.#boards.map(({ id, sp }) => ({ id, sp }))
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
    else if (!board.isHostRunning) {
      if (sp.firmware === undefined) return 'its service processor does not run'
      // From a state that only A2 leads out of, through A2.
      if (sp.firmware.powerState === 'A0') sp.firmware.power.request('A2', 'ControlPlane')
      sp.firmware.power.request('A0', 'ControlPlane')
    }
    const endMs = clock.nowMs() + POWER_ON_LIMIT_MS
    while (!board.isHostRunning && clock.nowMs() < endMs && !this.#isClosed) {
      if (sp.powerFault !== undefined) return sp.powerFault
      const boot = sp.firmware?.phase2.failure
      if (boot !== undefined) return `its host does not start: phase 2 ${boot}`
      await new Promise<void>((resolve) => clock.after(WATCH_MS, resolve))
    }
    if (board.isHostRunning) return undefined
    return board.isHostOn ? 'its host waits for phase 2' : (sp.powerFault ?? 'its power did not come')
  }

  close(): void {
    this.#isClosed = true
    for (const gateway of this.#gateways.values()) gateway.close()
    this.#gateways.clear()
    for (const { sp, board } of this.#boards) {
      sp.close()
      board.close()
    }
  }

  #all(type: 'sled' | 'switch'): readonly PoweredNode[] {
    return [...this.nodes.values()].filter((node) => node.id.type === type)
  }

  get #boards(): readonly PoweredBoard[] {
    return [...this.nodes.values(), this.#shelf]
  }

  /** @param isRunning it has been for a while, as when an emulation begins. */
  #node(spec: SledSpec | SwitchSpec, index: number, isRunning: boolean): PoweredNode {
    const options = this.#options
    const { name, kind } = spec
    const slot = slotOf(name, index)
    const baseMac = (kind === 'sled' ? spec.nics[0] : spec.ports[0])?.mac.bytes ?? new Uint8Array(6)
    const powered = this.#board(name, { type: kind, slot }, baseMac, {
      serialNumber: serialOf(spec, slot),
      isRunning,
      load: () => options.load(name),
      ...(kind === 'sled' ? { uart: options.uart(name) } : {}),
    })
    return { spec, ...powered }
  }

  #board(
    name: string,
    id: SpId,
    baseMac: Uint8Array,
    host: {
      readonly serialNumber: string
      readonly isRunning: boolean
      readonly load?: () => Load
      readonly uart?: HostUart
    },
  ): PoweredBoard {
    const { type, slot } = id
    const board = new Board({
      clock: this.#world.clock,
      profile: profileOf(type),
      ...(host.load === undefined ? {} : { load: host.load }),
      ...(type === 'switch' ? { ignitionIndex: slot === 0 ? 0 : 1 } : {}),
    })
    if (host.isRunning) board.startUp()
    const addresses = [0, 1].map((half) => ({
      network: `management${half}`,
      address: spAddress(half, id),
      vlan: vlanOf(half, ignitionPort(id)),
    }))
    const sp = new ServiceProcessor({
      name,
      board,
      host: this.#host(
        `${name}-sp`,
        addresses.map(({ address }) => address),
      ),
      vpd: {
        serialNumber: host.serialNumber,
        model: board.profile.model,
        revision: REVISION,
        baseMac,
      },
      addresses,
      ...(host.uart === undefined ? {} : { uart: host.uart }),
    })
    return { id, board, sp }
  }

  #listen({ spec, ...powered }: PoweredNode): void {
    powered.board.listen({
      onHostRunning: (isRunning) => this.#options.onHostPower(spec.name, isRunning),
      onThrottle: (isThrottled) => this.#options.onThrottle(spec.name, isThrottled),
    })
    this.#wire(powered)
  }

  /** To every switch. A board has the same place at ignition and at the management network's switch. */
  #connect({ id, board }: PoweredBoard): void {
    const port = ignitionPort(id)
    for (const each of this.#all('switch')) {
      const { slot } = each.id
      each.board.ignitionController?.connect(port, board.ignitionTarget)
      each.board.management?.connect(port, vlanOf(slot, port), spAddress(slot, id), () => board.hasStandby)
    }
  }

  #tellGateways(): void {
    for (const [slot, gateway] of this.#gateways) gateway.setSps(this.#reachable(slot))
  }

  #reachable(slot: number): ReachableSp[] {
    return this.#boards.map(({ id }) => ({ id, address: spAddress(slot, id), ignitionPort: ignitionPort(id) }))
  }

  #wire({ id, sp }: PoweredBoard): void {
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
      host: this.#host(`gateway${slot}`, [slot === 0 ? address : undefined, slot === 1 ? address : undefined], slot),
      network: `management${slot}`,
      address,
      switchSlot: slot,
      phase2: this.#phase2,
      sps: this.#reachable(slot),
    })
    this.#gateways.set(slot, gateway)
    await gateway.start()
  }

  /** @param beside a switch: everything passes its management switch, and without it is tagged by whoever sends. */
  #host(name: string, addresses: readonly (string | undefined)[], beside?: number): Host {
    const management = this.#all('switch').find(({ id }) => id.slot === beside)?.board.management
    const networks = addresses.flatMap((address, half) => {
      if (address === undefined) return []
      const inner = this.#fabrics[half]!.network(name, [address])
      return [[`management${half}`, management?.attach(HOST_PORT, inner) ?? inner] as const]
    })
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
  return { sled: 0, power: SHELF_IGNITION_PORT, switch: SWITCH_IGNITION_PORT }[type] + slot
}

/** The place of a board in the rack: the number that its name ends in. */
export function slotOf(name: string, index: number): number {
  return Number(/\d+$/.exec(name)?.[0] ?? index)
}

/** What a sled's host is told by its service processor, and finds on its buses. */
export function sledHardware(spec: SledSpec, index: number): SledHardware {
  const slot = slotOf(spec.name, index)
  const serial = serialOf(spec, slot)
  const disk = (formFactor: 'u2' | 'm2', model: string) => (at: number) => ({
    form_factor: formFactor,
    slot: at,
    vendor: 'lodestone',
    model,
    serial: `${serial}-${formFactor.toUpperCase()}${at}`,
  })
  return {
    baseboard: { serial, part: profileOf('sled').model, revision: REVISION },
    hardware_threads: HARDWARE_THREADS,
    physical_ram_bytes: RAM_BYTES,
    disks: [
      ...Array.from({ length: U2_DISKS }, (_, at) => disk('u2', 'LDS-U2-3200')(at)),
      ...Array.from({ length: M2_DISKS }, (_, at) => disk('m2', 'LDS-M2-960')(at)),
    ],
  }
}

/** What is written in a board's identity memory. */
export function serialOf(spec: SledSpec | SwitchSpec, slot: number): string {
  return (spec.kind === 'sled' ? spec.serial : undefined) ?? plannedSerial(spec.kind, slot)
}

function plannedSerial(type: SpId['type'], slot: number): string {
  return `LDS${SERIAL_DIGITS[type]}${String(slot).padStart(7, '0')}`
}

const SERIAL_DIGITS = { sled: '1', switch: '2', power: '3' } as const

/** In each half of the management network: switches from ::10, power shelves from ::20, sleds from ::100. */
function spAddress(half: number, { type, slot }: SpId): string {
  const first = { switch: 0x10, power: 0x20, sled: 0x100 }[type]
  return `fd00:1de:${half}::${(first + slot).toString(16)}`
}
