/** For tests and measurements: boards with service processors on a management network in memory, and a gateway, in virtual time. */
import { type CallResult, client } from '@lodestone/api'
import { spApi, type SpClient } from '@lodestone/contract-sp'
import { Host, MemoryFabric, MemoryFiles, SeededRandom, VirtualClock } from '@lodestone/host'
import { Board } from './device/board.ts'
import { profileOf } from './device/board-profile.ts'
import { HOST_PORT } from './device/management-switch.ts'
import { IDLE, type Load } from './device/thermal-plant.ts'
import type { HostUart } from './firmware/console-task.ts'
import { Gateway, type ReachableSp } from './gateway/gateway.ts'
import { gatewayHandler } from './gateway/gateway-api.ts'
import type { RetryConfig } from './gateway/sp-connection.ts'
import { vlanOf } from './protocol/vlan-tag.ts'
import { ServiceProcessor } from './service-processor.ts'

export interface RigOptions {
  readonly sleds?: number
  readonly switches?: number
  readonly seed?: number
  readonly load?: () => Load
  readonly uart?: HostUart
  readonly retry?: RetryConfig
  /** Boards begin without power instead of having run for a while. */
  readonly isCold?: boolean
  readonly unlockKeys?: readonly Uint8Array[]
  readonly hasShelf?: boolean
}

type Kind = 'sled' | 'switch' | 'power'

export interface RigBoard {
  readonly kind: Kind
  readonly slot: number
  readonly board: Board
  readonly sp: ServiceProcessor
  readonly hostPower: { readonly atMs: number; readonly isOn: boolean }[]
}

export class Rig {
  readonly clock = new VirtualClock()
  readonly fabric = new MemoryFabric(this.clock)
  readonly sleds: readonly RigBoard[]
  readonly switches: readonly RigBoard[]
  readonly shelves: readonly RigBoard[]
  readonly gateway: Gateway
  readonly api: SpClient
  load: () => Load
  readonly #random: SeededRandom

  static async start(options: RigOptions = {}): Promise<Rig> {
    const rig = new Rig(options)
    for (const { sp } of rig.boards) await sp.start()
    await rig.gateway.start()
    return rig
  }

  private constructor(options: RigOptions) {
    this.#random = new SeededRandom(options.seed ?? 1)
    this.load = options.load ?? (() => IDLE)
    this.sleds = Array.from({ length: options.sleds ?? 1 }, (_, slot) => this.#board('sled', slot, options))
    this.switches = Array.from({ length: options.switches ?? 1 }, (_, slot) => this.#board('switch', slot, options))
    this.shelves = options.hasShelf === true ? [this.#board('power', 0, options)] : []
    const all: ReachableSp[] = [
      ...this.sleds.map((_, slot) => ({
        id: { type: 'sled', slot } as const,
        address: `fd00::${slot + 16}`,
        ignitionPort: slot,
      })),
      ...this.switches.map((_, slot) => ({
        id: { type: 'switch', slot } as const,
        address: `fd00::${slot + 1}`,
        ignitionPort: 38 + slot,
      })),
      ...this.shelves.map((_, slot) => ({
        id: { type: 'power', slot } as const,
        address: addressOf('power', slot),
        ignitionPort: portOf('power', slot),
      })),
    ]
    for (const { board, sp } of this.switches) {
      const { ignitionController, management } = board
      for (const each of this.boards) {
        management?.connect(
          portOf(each.kind, each.slot),
          vlanOf(0, portOf(each.kind, each.slot)),
          addressOf(each.kind, each.slot),
          () => each.board.hasStandby,
        )
      }
      this.shelves.forEach((shelf, slot) =>
        ignitionController?.connect(portOf('power', slot), shelf.board.ignitionTarget),
      )
      this.sleds.forEach((sled, slot) => ignitionController?.connect(slot, sled.board.ignitionTarget))
      this.switches.forEach((other, slot) => ignitionController?.connect(38 + slot, other.board.ignitionTarget))
      sp.onIgnitionLink = () => {}
    }
    this.sleds.forEach(({ sp }, slot) => {
      sp.onIgnitionLink = (isUp, controller) => {
        for (const [index, each] of this.switches.entries()) {
          if (controller === undefined || controller === index) each.board.ignitionController?.setWire(slot, isUp)
        }
      }
    })
    this.gateway = new Gateway({
      host: this.host('gateway', 'fd00::1000', HOST_PORT),
      network: 'management',
      address: 'fd00::1000',
      switchSlot: 0,
      sps: all,
      ...(options.retry === undefined ? {} : { retry: options.retry }),
    })
    this.api = client(
      spApi,
      gatewayHandler(() => this.gateway),
      'http://gateway',
    )
  }

  /** Waits in virtual time. */
  run<T>(promise: Promise<T>, withinMs?: number): Promise<T> {
    return this.clock.run(promise, withinMs)
  }

  close(): void {
    this.gateway.close()
    for (const { sp, board } of this.boards) {
      sp.close()
      board.close()
    }
  }

  get boards(): readonly RigBoard[] {
    return [...this.sleds, ...this.switches, ...this.shelves]
  }

  /** @param port at the first switch's management switch; without one it is a board's own host. */
  host(name: string, address: string, port?: number): Host {
    const inner = this.fabric.network(name, [address])
    const management = port === undefined ? undefined : this.switches[0]?.board.management
    return new Host({
      name,
      clock: this.clock,
      random: this.#random.fork(name),
      files: new MemoryFiles(),
      networks: { management: port === undefined ? inner : (management?.attach(port, inner) ?? inner) },
    })
  }

  #board(kind: Kind, slot: number, options: RigOptions): RigBoard {
    const name = `${kind}${slot}`
    const address = addressOf(kind, slot)
    const board = new Board({
      clock: this.clock,
      profile: profileOf(kind),
      load: () => this.load(),
      ...(kind === 'switch' ? { ignitionIndex: slot === 0 ? 0 : 1 } : {}),
    })
    const hostPower: { atMs: number; isOn: boolean }[] = []
    board.listen({ onHostPower: (isOn) => hostPower.push({ atMs: this.clock.nowMs(), isOn }) })
    if (options.isCold !== true) board.startUp()
    const sp = new ServiceProcessor({
      name,
      host: this.host(name, address),
      board,
      vpd: {
        serialNumber: `BRM${String(slot).padStart(8, '0')}`,
        model: board.profile.model,
        revision: 6,
        baseMac: Uint8Array.of(0xa8, 0x40, 0x25, 0x04, slot, 0),
      },
      addresses: [{ network: 'management', address, vlan: vlanOf(0, portOf(kind, slot)) }],
      ...(options.unlockKeys === undefined ? {} : { unlockKeys: options.unlockKeys }),
      ...(options.uart === undefined || kind !== 'sled' ? {} : { uart: options.uart }),
    })
    return { kind, slot, board, sp, hostPower }
  }
}

function addressOf(kind: Kind, slot: number): string {
  return kind === 'sled' ? `fd00::${slot + 16}` : kind === 'switch' ? `fd00::${slot + 1}` : `fd00::${slot + 8}`
}

/** At ignition and at the management switch alike. */
function portOf(kind: Kind, slot: number): number {
  return { sled: 0, power: 36, switch: 38 }[kind] + slot
}

/** Of a call that has to go well. */
export function value<T>(result: CallResult<T>): T {
  if (!result.ok) throw new Error(result.message)
  return result.value
}
