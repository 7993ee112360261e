/** A node that the topology program itself plays: a function gets its frames, whatever protocol they speak, and sends others. */
import type { Arena } from '@lodestone/frame'
import type { Clock, Random } from '@lodestone/host'
import type { Port } from '@lodestone/link'
import type { ExecOutput, LiveNode, NodeState } from './live-node.ts'

/** What a behaviour may do. */
export interface Device {
  readonly name: string
  readonly clock: Clock
  readonly random: Random
  readonly ports: readonly string[]
  /** Sends a frame, Ethernet header and all. @returns false when there is no such port, no cable, or no room. */
  send(port: string, frame: Uint8Array): boolean
}

export interface DeviceActions {
  /** The bytes are the callee's. */
  onFrame?(port: string, frame: Uint8Array): void
  /** For `exec`: words after the node's name. @returns the exit code. */
  onCommand?(words: readonly string[], print: (text: string) => void): number | Promise<number>
  close?(): void
}

export type DeviceBehaviour = (device: Device) => DeviceActions

export interface DeviceNodeOptions {
  readonly name: string
  readonly arena: Arena
  readonly clock: Clock
  readonly random: Random
  readonly ports: ReadonlyMap<string, Port>
  readonly behaviour: DeviceBehaviour
}

export class DeviceNode implements LiveNode {
  readonly #arena: Arena
  readonly #ports: ReadonlyMap<string, Port>
  readonly #actions: DeviceActions
  #isOn = true
  #received = 0

  constructor(options: DeviceNodeOptions) {
    const { name, arena, clock, random, ports, behaviour } = options
    this.#arena = arena
    this.#ports = ports
    this.#actions = behaviour({
      name,
      clock,
      random: random.fork(`device:${name}`),
      ports: [...ports.keys()],
      send: (port, frame) => this.#send(port, frame),
    })
    for (const [key, port] of ports) port.attach({ receive: (slots, count) => this.#receive(key, slots, count) })
  }

  get state(): NodeState {
    return { state: this.#isOn ? 'running' : 'off', detail: `${this.#received} frames received` }
  }

  async start(): Promise<void> {}

  async exec(command: string, output: ExecOutput): Promise<number> {
    if (this.#actions.onCommand === undefined) throw new Error('this device takes no commands')
    return this.#actions.onCommand(command.trim().split(/\s+/), (text) => output.write('stdout', `${text}\n`))
  }

  async setPower(isOn: boolean): Promise<void> {
    this.#isOn = isOn
  }

  async close(): Promise<void> {
    this.#isOn = false
    this.#actions.close?.()
  }

  #send(key: string, frame: Uint8Array): boolean {
    const port = this.#ports.get(key)
    if (port === undefined || !port.isUp || !this.#isOn) return false
    const slot = this.#arena.from(frame)
    if (slot < 0) return false
    port.send(Int32Array.of(slot), 1)
    return true
  }

  #receive(key: string, slots: Int32Array, count: number): void {
    for (let i = 0; i < count; i++) {
      const frame = this.#arena.peek(slots[i]!).slice()
      this.#arena.free(slots[i]!)
      if (!this.#isOn) continue
      this.#received++
      this.#actions.onFrame?.(key, frame)
    }
  }
}
