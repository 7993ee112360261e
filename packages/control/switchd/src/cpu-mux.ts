/**
 * The switch zone's side of the CPU port. What the pipeline hands to the CPU goes to the stack behind the tfport of its
 * ingress port, or, where the pipeline only wants something done, to whoever does it (`onPunt`). What the stack sends on
 * a tfport gets the header that makes it leave by that port.
 *
 * Invariant: every slot that comes in is freed, delivered, injected or handed to the punt handler, exactly once.
 */
import type { Arena } from '@lodestone/frame'
import { ETHERNET_MIN, nameOf, SidecarCode, sidecarCode, sidecarEgress, sidecarIngress } from '@lodestone/packet'
import type { Tracer } from '@lodestone/probe'
import { NODE_DROP } from './drop-reason.ts'
import { PORT_COUNT, portName, tfportName } from './port-number.ts'
import { FROM_USER, pushSidecar, sidecarOffset, stripSidecar } from './sidecar-frame.ts'
import { Tfport } from './tfport.ts'

/** Frames handed to a stack in one call. */
const BATCH = 64

/** Takes a frame that still has its sidecar header. The slot becomes the callee's. */
export type PuntHandler = (slot: number, code: number) => void

export interface CpuMuxOptions {
  readonly name: string
  readonly arena: Arena
  readonly tracer: Tracer
  /** Port numbers that get a tfport, with their present state. */
  readonly ports: ReadonlyMap<number, boolean>
  /** Queues a frame with its sidecar header for the pipeline. */
  readonly inject: (slot: number) => void
  /** Counts, traces and frees. */
  readonly drop: (slot: number, reason: number) => void
}

export class CpuMux {
  /** By interface name. */
  readonly tfports: ReadonlyMap<string, Tfport>
  readonly #name: string
  readonly #arena: Arena
  readonly #tracer: Tracer
  readonly #inject: (slot: number) => void
  readonly #drop: (slot: number, reason: number) => void
  readonly #byPort: (Tfport | undefined)[]
  readonly #batch = new Int32Array(BATCH)
  #batchCount = 0
  #batchPort: Tfport | undefined
  #punt: PuntHandler | undefined

  constructor(options: CpuMuxOptions) {
    this.#name = options.name
    this.#arena = options.arena
    this.#tracer = options.tracer
    this.#inject = options.inject
    this.#drop = options.drop
    this.#byPort = Array.from({ length: PORT_COUNT }, () => undefined)
    const tfports = new Map<string, Tfport>()
    const send = (port: number, slots: Int32Array, count: number): void => this.#send(port, slots, count)
    for (const [port, isUp] of options.ports) {
      const tfport = new Tfport(tfportName(port), port, isUp, send)
      tfports.set(tfport.name, tfport)
      this.#byPort[port] = tfport
    }
    this.tfports = tfports
  }

  /** The tfport of a port number. */
  tfport(port: number): Tfport | undefined {
    return this.#byPort[port]
  }

  /** Who gets packets that need a neighbour or an ICMP error. Without one they are dropped. */
  onPunt(handler: PuntHandler): void {
    this.#punt = handler
  }

  /** Frames from the pipeline's CPU port. The array is read during the call only. */
  deliver(slots: Int32Array, count: number): void {
    for (let i = 0; i < count; i++) this.#deliverOne(slots[i]!)
    this.#flush()
  }

  #deliverOne(slot: number): void {
    const header = sidecarOffset(this.#arena, slot)
    if (header < 0) return this.#drop(slot, NODE_DROP.cpuRunt)
    const code = sidecarCode(this.#arena.bytes, header)
    if (this.#tracer.isOn) this.#tracePunt(slot, header, code)
    if (code !== SidecarCode.forwardToUser) {
      if (this.#punt === undefined) return this.#drop(slot, NODE_DROP.cpuCode)
      return this.#punt(slot, code)
    }
    const tfport = this.#byPort[sidecarIngress(this.#arena.bytes, header)]
    if (tfport?.sink === undefined) return this.#drop(slot, NODE_DROP.cpuNoReceiver)
    stripSidecar(this.#arena, slot)
    if (tfport !== this.#batchPort || this.#batchCount === BATCH) this.#flush()
    this.#batchPort = tfport
    this.#batch[this.#batchCount++] = slot
  }

  #flush(): void {
    const count = this.#batchCount
    if (count === 0) return
    this.#batchCount = 0
    // because frames are only batched for a tfport with a sink
    this.#batchPort!.sink!.receive(this.#batch, count)
  }

  #send(port: number, slots: Int32Array, count: number): void {
    const isUp = this.#byPort[port]!.isUp
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!
      if (!isUp) this.#drop(slot, NODE_DROP.portDown)
      else if (this.#arena.length(slot) < ETHERNET_MIN) this.#drop(slot, NODE_DROP.cpuRunt)
      else if (!pushSidecar(this.#arena, slot, FROM_USER.forward, port)) this.#drop(slot, NODE_DROP.cpuNoHeadroom)
      else this.#inject(slot)
    }
  }

  #tracePunt(slot: number, header: number, code: number): void {
    const bytes = this.#arena.bytes
    const from = portName(sidecarIngress(bytes, header))
    const egress = sidecarEgress(bytes, header)
    const isForward = code === SidecarCode.forwardToUser
    this.#tracer.emit(this.#name, this.#arena.packet(slot), {
      kind: 'punted',
      to: isForward ? (this.#byPort[sidecarIngress(bytes, header)]?.name ?? 'cpu') : 'cpu',
      detail:
        isForward || egress === 0 ? `from ${from}` : `${nameOf(SidecarCode, code)} from ${from} to ${portName(egress)}`,
    })
  }
}
