/**
 * A laboratory that runs: the emulation of its topology, the nodes that drivers keep, the links as the document and its faults shape
 * them. On any clock: the same document runs in real time in a background process and in virtual time in a test.
 */
import type { HttpHandler } from '@lodestone/api'
import type { Clock, LogSink, Random } from '@lodestone/host'
import type { Link, Port } from '@lodestone/link'
import type { Netstack } from '@lodestone/netstack'
import type { Program } from '@lodestone/p4'
import { type CapturePoint, Emulation, type RackNode, World } from '@lodestone/testbed'
import { TopologyBuilder } from '../build/topology-of.ts'
import type { Fault, LabDocument, NodeDocument, NodeOf } from '../document/document.ts'
import { plan, type PlanStep } from '../document/plan.ts'
import { type DeviceBehaviour, DeviceNode } from './device-node.ts'
import { shellConsole, shellExec } from './host-shell.ts'
import { LabError } from './lab-error.ts'
import { LabFaults } from './lab-faults.ts'
import type { ConsoleSession, DriverContext, ExecOutput, LiveNode } from './live-node.ts'
import type { LossPredicate } from './loss-source.ts'
import { P4Switch } from './p4-switch.ts'
import { RackGuests } from './rack-guests.ts'

export type RealNode = Extract<NodeDocument, { kind: 'namespace' | 'machine' | 'external' }>

/** Makes nodes that live outside of the emulation. In virtual time there is none: such a node is refused. */
export type RealDriver = (document: RealNode, context: DriverContext, world: World) => LiveNode

export interface LabRuntimeOptions {
  readonly document: LabDocument
  readonly clock: Clock
  readonly random: Random
  /** Compiles what switches name; throws with diagnostics. */
  readonly program: (name: string) => Program
  readonly realDriver?: RealDriver
  /** What the program's devices do, by node. */
  readonly behaviours?: ReadonlyMap<string, DeviceBehaviour>
  /** The program's functions that say which frames are lost, by name. */
  readonly predicates?: ReadonlyMap<string, LossPredicate>
  readonly frames?: number
  readonly log?: LogSink
}

export interface Applied {
  readonly steps: readonly PlanStep[]
  /** Sentences about nodes that did not become what they should; the next plan begins with them. */
  readonly failures: readonly string[]
}

export class LabRuntime {
  readonly world: World
  readonly startedMs: number
  controlHandler: HttpHandler | undefined
  readonly #options: LabRuntimeOptions
  readonly #builder = new TopologyBuilder()
  readonly #live = new Map<string, LiveNode>()
  readonly #faults: LabFaults
  /** Why nodes are not what the document says. */
  readonly #failed = new Map<string, string>()
  #document: LabDocument
  #emulation: Emulation
  #guests: RackGuests
  /** When the timeline began. */
  #timelineMs = 0
  #changing: Promise<unknown> = Promise.resolve()
  #isClosed = false

  constructor(options: LabRuntimeOptions) {
    this.#options = options
    this.#document = options.document
    const { clock, random, frames, log } = options
    this.startedMs = clock.nowMs()
    this.world = new World({
      clock,
      random,
      ...(frames === undefined ? {} : { frames }),
      ...(log === undefined ? {} : { log }),
    })
    this.#emulation = this.#emulate()
    this.#guests = new RackGuests(this.#emulation, this.#document)
    this.#faults = new LabFaults(this)
  }

  get clock(): Clock {
    return this.world.clock
  }

  get predicates(): ReadonlyMap<string, LossPredicate> {
    return this.#options.predicates ?? new Map()
  }

  /** Why a node is not what the document says; undefined where it is. */
  failureOf(name: string): string | undefined {
    return this.#failed.get(name)
  }

  /** What the timeline could not do. */
  get problems(): readonly string[] {
    return this.#faults.problems
  }

  get document(): LabDocument {
    return this.#document
  }

  get emulation(): Emulation {
    return this.#emulation
  }

  get guests(): RackGuests {
    return this.#guests
  }

  get isVirtual(): boolean {
    return this.#options.realDriver === undefined
  }

  /** Nodes of drivers, by name. */
  get live(): ReadonlyMap<string, LiveNode> {
    return this.#live
  }

  /** Brings everything up, then begins the timeline. When this rejects, what was started is closed. */
  async start(): Promise<void> {
    try {
      const problems = this.#faults.problemsOf(this.#document)
      if (problems.length > 0) throw new LabError(problems.join('; '))
      for (const [name, node] of Object.entries(this.#document.nodes)) this.#make(name, node)
      for (const name of Object.keys(this.#document.links)) this.#faults.restoreLink(name)
      await this.#emulation.start()
      await Promise.all([...this.#live.values()].map((node) => node.start()))
      await this.#guests.provision()
      this.resetLateness()
      this.#timelineMs = this.clock.nowMs()
      this.#faults.followTimeline(0)
    } catch (error) {
      await this.close()
      throw error
    }
  }

  /** Starting is hard work, in which nobody expects time to be kept. */
  resetLateness(): void {
    for (const link of this.links().values()) link.resetLateness()
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#faults.close()
    this.#guests.close()
    await Promise.allSettled([...this.#live.values()].map((node) => node.close()))
    this.#live.clear()
    this.#emulation.close()
  }

  // ── Change ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  plan(next: LabDocument): readonly PlanStep[] {
    if (next.name !== this.#document.name) {
      throw new LabError(`the laboratory that runs is called ${this.#document.name}, not ${next.name}`)
    }
    const steps = plan(this.#document, next)
    if (steps.some(({ action }) => action === 'restart-all')) return steps
    const again = [...this.#failed.keys()].flatMap((name): PlanStep[] => {
      const node = next.nodes[name]
      const isMade = steps.some((step) => isMaking(step) && step.name === name)
      return node === undefined || isMade ? [] : [{ action: 'restart-node', name, kind: node.kind, because: [] }]
    })
    const repeated = new Set(again.map((step) => 'name' in step && step.name))
    return [...steps.filter((step) => step.action !== 'update-node' || !repeated.has(step.name)), ...again]
  }

  /**
   * Makes the running laboratory what the document says. Rejects before anything changed where the document is wrong; a node that
   * cannot start is told among the failures, and everything else is done.
   */
  apply(next: LabDocument): Promise<Applied> {
    const work = this.#changing.then(() => this.#apply(next))
    this.#changing = work.catch(() => undefined)
    return work
  }

  async #apply(next: LabDocument): Promise<Applied> {
    const steps = this.plan(next)
    const { topology, accept } = this.#builder.build(next)
    const problems = [...this.#faults.problemsOf(next), ...this.#nodeProblems(next, steps)]
    if (problems.length > 0) throw new LabError(problems.join('; '))
    const before = this.#document
    this.#document = next
    if (steps.some(({ action }) => action === 'restart-all')) return { steps, failures: await this.#restartAll() }
    for (const step of steps) {
      if (step.action === 'remove-node' || step.action === 'restart-node') await this.#drop(step.name)
    }
    const refused = this.#emulation.change(topology)
    if (refused.length > 0) {
      this.#document = before
      throw new LabError(refused.join('; '))
    }
    accept()
    for (const step of steps) {
      if (step.action !== 'update-node') continue
      const node = this.#live.get(step.name)
      // New ports first: what starts may send at once.
      if (node instanceof P4Switch) node.setPorts(this.#emulation.wiring.ports(step.name))
    }
    // Hosts that were started anew have their cables as they were wired: links keep their shape, new ones get theirs.
    for (const step of steps) {
      if (step.action === 'add-link' || step.action === 'update-link') this.#faults.restoreLink(step.name)
    }
    const outcomes = await Promise.all(steps.map((step) => this.#attempt(step)))
    if (steps.some((step) => 'kind' in step && step.kind === 'guest')) outcomes.push(await this.#restateGuests())
    if (steps.some((step) => step.action === 'update-lab' && step.because.includes('timeline'))) {
      this.#faults.followTimeline(this.clock.nowMs() - this.#timelineMs)
    }
    return { steps, failures: outcomes.filter((each) => each !== undefined) }
  }

  /** A step on a node of a driver. @returns why not. */
  #attempt(step: PlanStep): Promise<string | undefined> {
    if (!isMaking(step) && step.action !== 'update-node') return Promise.resolve(undefined)
    // because it was planned from this document
    const document = this.#document.nodes[step.name]!
    return this.#trying(step.name, () =>
      // What cannot be changed stays as it was, and starts anew with the next plan.
      step.action === 'update-node' ? this.#update(step.name, document) : this.#begin(step.name, document),
    )
  }

  async #update(name: string, document: NodeDocument): Promise<void> {
    this.#live.get(name)?.update?.(document)
  }

  /** A node that does not start is closed. */
  async #begin(name: string, document: NodeDocument): Promise<void> {
    this.#make(name, document)
    const node = this.#live.get(name)
    try {
      await node?.start()
    } catch (error) {
      this.#live.delete(name)
      await node?.close()
      throw error
    }
  }

  async #restateGuests(): Promise<string | undefined> {
    try {
      await this.#guests.restate(this.#document)
      return undefined
    } catch (error) {
      return (error as Error).message
    }
  }

  /** Does something about a node, and remembers where that failed. @returns why. */
  async #trying(name: string, work: () => Promise<void>): Promise<string | undefined> {
    try {
      await work()
      this.#failed.delete(name)
      return undefined
    } catch (error) {
      const { message } = error as Error
      this.#failed.set(name, message)
      return message.includes(name) ? message : `${name}: ${message}`
    }
  }

  /** What no schema can say about nodes that are to be made or changed. */
  #nodeProblems(next: LabDocument, steps: readonly PlanStep[]): readonly string[] {
    const isAll = steps.some(({ action }) => action === 'restart-all')
    const names = isAll
      ? Object.keys(next.nodes)
      : steps.flatMap((step) => (isMaking(step) || step.action === 'update-node' ? [step.name] : []))
    return names.flatMap((name) => {
      const document = next.nodes[name]!
      try {
        if (document.kind === 'switch') void this.#makeSwitch(name, document, new Map()).close()
        else if (document.kind === 'device') this.#behaviourOf(name)
        else if (this.isVirtual && isReal(document)) throw virtualRefusal(name, document)
        return []
      } catch (error) {
        return [(error as Error).message]
      }
    })
  }

  // ── Faults ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Throws `LabError` for a target that is not there. Resolves when nodes that get power have started. */
  fault(fault: Fault): Promise<void> {
    return this.#faults.inject(fault)
  }

  // ── Looking ────────────────────────────────────────────────────────────────────────────────────────────────────────

  links(): ReadonlyMap<string, Link> {
    return this.#emulation.links()
  }

  link(name: string): Link {
    const link = this.links().get(name)
    if (link === undefined)
      throw new LabError(`there is no link ${name}; there are ${[...this.links().keys()].join(', ')}`)
    return link
  }

  /** The TCP/IP stack of an emulated node; undefined for others. */
  stack(name: string): Netstack | undefined {
    return this.#emulation.nodes.get(name)?.stack
  }

  rackNode(name: string): RackNode | undefined {
    return this.#emulation.nodes.get(name)
  }

  /** Links and CPU ports by name. */
  capturePoints(): ReadonlyMap<string, CapturePoint> {
    const points = new Map<string, CapturePoint>()
    for (const link of this.links().values()) {
      points.set(link.name, { name: link.name, tap: (fn) => link.tap((slot, _direction, atMs) => fn(slot, atMs)) })
    }
    for (const each of this.#emulation.switches()) {
      points.set(`${each.name}-cpu`, { name: `${each.name}-cpu`, tap: (fn) => each.node.tapCpu(fn) })
    }
    return points
  }

  /** Names of links that a name stands for: a link, a group, or a node with its links. */
  linkNames(target: string): readonly string[] {
    return this.#faults.linkNames(target)
  }

  /** Runs a command on a node. @returns its exit code. */
  async exec(name: string, command: string, output: ExecOutput, signal: AbortSignal): Promise<number> {
    const live = this.#live.get(name)
    if (live?.exec !== undefined) return live.exec(command, output, signal)
    const stack = this.stack(name)
    if (stack !== undefined) return shellExec(stack, this.world.clock, name, command, output, signal)
    if (this.#guests.has(name)) {
      const exec = this.#guests.execOf(name)
      if (exec === undefined) throw new LabError(`${name} does not run`)
      const onOutput = (text: string): void => output.write('stdout', text)
      return (await exec(command, { timeoutMs: Infinity, signal, onOutput })).exitCode
    }
    throw new LabError(
      this.#document.nodes[name] === undefined ? this.#faults.noNode(name) : `${name} runs no commands`,
    )
  }

  /** Throws `LabError` where there is nothing to attach to. */
  checkConsole(name: string): void {
    if (this.#live.get(name)?.console !== undefined || this.stack(name) !== undefined) return
    const isThere = this.#document.nodes[name] !== undefined || this.rackNode(name) !== undefined
    throw new LabError(isThere ? `${name} has no console` : this.#faults.noNode(name))
  }

  /** After `checkConsole`. */
  console(name: string, onOutput: (bytes: Uint8Array) => void, onEnd: () => void): ConsoleSession {
    const live = this.#live.get(name)
    if (live?.console !== undefined) return live.console(onOutput, onEnd)
    const stack = this.stack(name)
    if (stack === undefined) throw new LabError(`${name} has no console`)
    return shellConsole(stack, this.world.clock, name, onOutput, onEnd)
  }

  // ── Inside ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  #emulate(): Emulation {
    const isRack = Object.values(this.#document.nodes).some(({ kind }) => kind === 'rack')
    const { topology, accept } = this.#builder.build(this.#document)
    accept()
    return new Emulation({
      world: this.world,
      topology,
      // because without a rack nobody asks for it
      program: isRack ? this.#options.program('switch') : (undefined as unknown as Program),
    })
  }

  /** @returns sentences about what did not start. */
  async #restartAll(): Promise<readonly string[]> {
    this.#guests.close()
    for (const name of [...this.#live.keys()]) await this.#drop(name)
    this.#failed.clear()
    this.#emulation.close()
    this.#emulation = this.#emulate()
    this.#guests = new RackGuests(this.#emulation, this.#document)
    for (const name of Object.keys(this.#document.links)) this.#faults.restoreLink(name)
    await this.#emulation.start()
    const outcomes = await Promise.all(
      Object.entries(this.#document.nodes).map(([name, node]) => this.#trying(name, () => this.#begin(name, node))),
    )
    outcomes.push(await this.#restateGuests())
    this.#faults.followTimeline(this.clock.nowMs() - this.#timelineMs)
    return outcomes.filter((each) => each !== undefined)
  }

  #make(name: string, document: NodeDocument): void {
    const ports = this.#emulation.wiring.ports(name)
    const { arena, clock, random } = this.world
    if (document.kind === 'switch') {
      this.#live.set(name, this.#makeSwitch(name, document, ports))
    } else if (document.kind === 'device') {
      const behaviour = this.#behaviourOf(name)
      this.#live.set(name, new DeviceNode({ name, arena, clock, random, ports, behaviour }))
    } else if (isReal(document)) {
      const { realDriver } = this.#options
      if (realDriver === undefined) throw virtualRefusal(name, document)
      this.#live.set(name, realDriver(document, { lab: this.#document.name, name, ports }, this.world))
    }
  }

  #makeSwitch(name: string, document: NodeOf<'switch'>, ports: NodePorts): P4Switch {
    const { arena, clock, tracer, random } = this.world
    const program = this.#options.program(document.program)
    const seed = random.fork(`switch:${name}`).u32()
    return new P4Switch({ name, arena, clock, tracer, program, document, ports, seed })
  }

  #behaviourOf(name: string): DeviceBehaviour {
    const behaviour = this.#options.behaviours?.get(name)
    if (behaviour === undefined) throw new LabError(`${name} is a device, which only its own program can play`)
    return behaviour
  }

  async #drop(name: string): Promise<void> {
    const node = this.#live.get(name)
    this.#live.delete(name)
    this.#failed.delete(name)
    this.#faults.forgetNode(name)
    await node?.close()
  }
}

/** The ports of a node, for drivers. */
export type NodePorts = ReadonlyMap<string, Port>

function isMaking(step: PlanStep): step is Extract<PlanStep, { action: 'add-node' | 'restart-node' }> {
  return step.action === 'add-node' || step.action === 'restart-node'
}

function isReal(document: NodeDocument): document is RealNode {
  return document.kind === 'namespace' || document.kind === 'machine' || document.kind === 'external'
}

function virtualRefusal(name: string, { kind }: RealNode): LabError {
  return new LabError(`${name} is a ${kind}, which lives in real time: this laboratory runs in virtual time`)
}
