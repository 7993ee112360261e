/** A switch on a bench: ports that record what they send, a virtual clock, and a daemon over a pipeline. */
import { Arena } from '@lodestone/frame'
import { type Clock, Host, type LogLine, MemoryFiles, SeededRandom, VirtualClock } from '@lodestone/host'
import type { FrameSink, Port } from '@lodestone/link'
import { type Ip, Mac } from '@lodestone/net'
import type { SwitchPipeline } from './switch-pipeline.ts'
import { type StoryEvent, Tracer } from '@lodestone/probe'
import type { NeighborSource } from './neighbor-source.ts'
import { SwitchNode } from './switch-node.ts'
import { Switchd } from './switchd.ts'

export class BenchPort implements Port {
  readonly name: string
  readonly #arena: Arena
  /** What the switch sent, as copies. */
  readonly sent: Uint8Array[] = []
  /** Frames per call of `send`. */
  readonly sendCounts: number[] = []
  sink: FrameSink | undefined
  #isUp = true
  readonly #listeners = new Set<(isUp: boolean) => void>()

  constructor(name: string, arena: Arena) {
    this.name = name
    this.#arena = arena
  }

  get isUp(): boolean {
    return this.#isUp
  }

  setUp(isUp: boolean): void {
    this.#isUp = isUp
    for (const listener of this.#listeners) listener(isUp)
  }

  send(slots: Int32Array, count: number): void {
    this.sendCounts.push(count)
    for (let i = 0; i < count; i++) {
      this.sent.push(this.#arena.peek(slots[i]!).slice())
      this.#arena.free(slots[i]!)
    }
  }

  attach(sink: FrameSink): void {
    this.sink = sink
  }

  onState(fn: (isUp: boolean) => void): () => void {
    this.#listeners.add(fn)
    return () => void this.#listeners.delete(fn)
  }

  /** Lets frames arrive from the wire, as one batch. */
  arrive(...frames: readonly Uint8Array[]): void {
    const slots = Int32Array.from(frames, (frame) => this.#arena.from(frame))
    this.sink!.receive(slots, slots.length)
  }

  /** Returns and forgets what was sent. */
  take(): Uint8Array[] {
    return this.sent.splice(0)
  }
}

/** A stack's neighbour table that the test fills. */
export class BenchNeighbors implements NeighborSource {
  readonly asked: string[] = []
  readonly known = new Map<string, { interfaceName: string; ip: Ip; mac: Mac }>()
  readonly #listeners = new Set<(interfaceName: string, ip: Ip, mac: Mac | undefined) => void>()

  resolve(interfaceName: string, ip: Ip): void {
    this.asked.push(`${interfaceName} ${ip}`)
  }

  onNeighbor(fn: (interfaceName: string, ip: Ip, mac: Mac | undefined) => void): () => void {
    this.#listeners.add(fn)
    return () => void this.#listeners.delete(fn)
  }

  neighbors(): Iterable<{ interfaceName: string; ip: Ip; mac: Mac }> {
    return this.known.values()
  }

  learn(interfaceName: string, ip: Ip, mac: Mac | undefined): void {
    if (mac === undefined) this.known.delete(`${interfaceName} ${ip}`)
    else this.known.set(`${interfaceName} ${ip}`, { interfaceName, ip, mac })
    for (const listener of this.#listeners) listener(interfaceName, ip, mac)
  }
}

export interface RigOptions {
  readonly ports?: readonly string[]
  readonly arena?: Arena
  readonly autoLink?: boolean
}

export interface Rig {
  readonly arena: Arena
  readonly clock: VirtualClock
  readonly tracer: Tracer
  readonly host: Host
  readonly node: SwitchNode
  readonly switchd: Switchd
  readonly neighbors: BenchNeighbors
  readonly logged: LogLine[]
  port(name: string): BenchPort
  /** What the switch zone's stack got on a tfport since it was listened to. */
  listen(tfport: string): Uint8Array[]
  /** Sends from the zone's stack. */
  sendFrom(tfport: string, ...frames: readonly Uint8Array[]): void
  /** Records stories from now on. */
  stories(): StoryEvent[]
  /** Runs what is due now. */
  settle(): Promise<void>
}

/** MAC addresses of the bench: `rear0` is …64, `qsfp0` is …84, as in the golden frames. */
export const MAC_BASE = Mac.of('a8:40:25:05:00:63')

export const DEFAULT_PORTS: readonly string[] = ['rear0', 'rear1', 'qsfp0', 'qsfp1']

export function makeRig(
  makePipeline: (arena: Arena, clock: Clock, tracer: Tracer) => SwitchPipeline,
  options: RigOptions = {},
): Rig {
  const arena = options.arena ?? new Arena({ slots: 512, slotBytes: 2048 })
  const clock = new VirtualClock()
  const tracer = new Tracer(() => clock.nowMs())
  const names = options.ports ?? DEFAULT_PORTS
  const ports = new Map(names.map((name) => [name, new BenchPort(name, arena)]))
  const logged: LogLine[] = []
  const host = new Host({
    name: 'switch0',
    clock,
    random: new SeededRandom(1),
    files: new MemoryFiles(),
    log: (line) => logged.push(line),
  })
  const node = new SwitchNode({
    name: 'switch0',
    arena,
    clock,
    tracer,
    pipeline: makePipeline(arena, clock, tracer),
    ports,
  })
  const neighbors = new BenchNeighbors()
  const switchd = new Switchd(host, {
    node,
    macBase: MAC_BASE,
    neighbors,
    ...(options.autoLink === undefined ? {} : { autoLink: options.autoLink }),
  })
  return {
    arena,
    clock,
    tracer,
    host,
    node,
    switchd,
    neighbors,
    logged,
    port: (name) => ports.get(name)!,
    listen: (tfport) => {
      const got: Uint8Array[] = []
      node.cpu.tfports.get(tfport)!.attach({
        receive: (slots, count) => {
          for (let i = 0; i < count; i++) {
            got.push(arena.peek(slots[i]!).slice())
            arena.free(slots[i]!)
          }
        },
      })
      return got
    },
    sendFrom: (tfport, ...frames) => {
      const slots = Int32Array.from(frames, (frame) => arena.from(frame))
      node.cpu.tfports.get(tfport)!.send(slots, slots.length)
    },
    stories: () => {
      const events: StoryEvent[] = []
      tracer.listen((event) => events.push(event))
      return events
    },
    settle: () => clock.advance(0),
  }
}
