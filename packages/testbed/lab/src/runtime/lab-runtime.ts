/**
 * A laboratory that runs: the emulation of its topology, the nodes that drivers keep, the links as the document and its faults shape
 * them. On any clock: the same document runs in real time in a background process and in virtual time in a test.
 */
import type { HttpHandler } from '@lodestone/api'
import { type Clock, type LogSink, type Random, type Timer } from '@lodestone/host'
import { type Impairments, type Link, type LinkDirection, PERFECT, type Port } from '@lodestone/link'
import type { Netstack } from '@lodestone/netstack'
import type { Program } from '@lodestone/p4'
import { type CapturePoint, Emulation, type RackNode, World } from '@lodestone/testbed'
import { TopologyBuilder } from '../build/topology-of.ts'
import { endOf, type Fault, type LabDocument, type NodeDocument } from '../document/document.ts'
import { defined, directionsOf, profileNamed } from '../document/link-shape.ts'
import { plan, type PlanStep } from '../document/plan.ts'
import { type DeviceBehaviour, DeviceNode } from './device-node.ts'
import { shellConsole, shellExec } from './host-shell.ts'
import type { ConsoleSession, DriverContext, ExecOutput, LiveNode } from './live-node.ts'
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
  readonly frames?: number
  readonly log?: LogSink
}

/** Of the user: a node that is not there, a command where there is no shell. */
export class LabError extends Error {}

export class LabRuntime {
  readonly world: World
  readonly startedMs: number
  controlHandler: HttpHandler | undefined
  readonly #options: LabRuntimeOptions
  readonly #builder = new TopologyBuilder()
  readonly #live = new Map<string, LiveNode>()
  readonly #timers = new Set<Timer>()
  /** Nodes of drivers that a fault has switched off. */
  readonly #off = new Set<string>()
  #document: LabDocument
  #emulation: Emulation
  #guests: RackGuests
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
      for (const [name, node] of Object.entries(this.#document.nodes)) this.#make(name, node)
      for (const name of Object.keys(this.#document.links)) this.#shapeAsDocumented(name)
      await this.#emulation.start()
      await Promise.all([...this.#live.values()].map((node) => node.start()))
      await this.#guests.provision()
      // Starting is hard work, in which nobody expects time to be kept.
      for (const link of this.links().values()) link.resetLateness()
      for (const { atMs, fault } of this.#document.timeline) this.#later(atMs, () => this.fault(fault))
    } catch (error) {
      await this.close()
      throw error
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const timer of this.#timers) timer.cancel()
    this.#guests.close()
    await Promise.allSettled([...this.#live.values()].map((node) => node.close()))
    this.#live.clear()
    this.#emulation.close()
  }

  // ── Change ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  plan(next: LabDocument): readonly PlanStep[] {
    return plan(this.#document, next)
  }

  /** Makes the running laboratory what the document says. Throws before anything changed where the document is wrong. */
  async apply(next: LabDocument): Promise<readonly PlanStep[]> {
    const steps = this.plan(next)
    const topology = this.#builder.build(next)
    const before = this.#document
    this.#document = next
    if (steps.some(({ action }) => action === 'restart-all')) {
      await this.#restartAll()
      return steps
    }
    for (const step of steps) {
      if (step.action === 'remove-node' || step.action === 'restart-node') await this.#drop(step.name)
    }
    const problems = this.#emulation.change(topology)
    if (problems.length > 0) {
      this.#document = before
      throw new LabError(problems.join('; '))
    }
    for (const step of steps) {
      if (step.action === 'add-node' || step.action === 'restart-node') {
        this.#make(step.name, next.nodes[step.name]!)
        await this.#live.get(step.name)?.start()
      } else if (step.action === 'update-node') {
        const node = this.#live.get(step.name)
        if (node instanceof P4Switch) node.setPorts(this.#emulation.wiring.ports(step.name))
        node?.update?.(next.nodes[step.name]!)
      }
    }
    // A host that was started anew has its cables as they were wired: links keep their shape, new ones get theirs.
    for (const step of steps) {
      if (step.action === 'add-link' || step.action === 'update-link') this.#shapeAsDocumented(step.name)
    }
    return steps
  }

  // ── Faults ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Throws `LabError` for a target that is not there. */
  fault(fault: Fault): void {
    switch (fault.kind) {
      case 'down':
      case 'up':
        for (const link of this.#linksOf(fault.target)) link.setUp(fault.kind === 'up')
        return
      case 'shape':
        for (const link of this.#linksOf(fault.target)) this.#shape(link, fault)
        return
      case 'flap':
        for (const link of this.#linksOf(fault.target)) this.#flap(link, fault.downMs, fault.upMs, fault.times)
        return
      case 'off':
      case 'on':
        for (const name of this.#nodesOf(fault.target)) this.#setPower(name, fault.kind === 'on')
        return
      case 'pause':
      case 'resume':
        for (const name of this.#nodesOf(fault.target)) {
          const node = this.#live.get(name)
          if (node?.setPaused === undefined) throw new LabError(`${name} cannot be paused; take its links down instead`)
          node.setPaused(fault.kind === 'pause')
        }
        return
      case 'heal':
        for (const name of Object.keys(this.#document.links)) this.#shapeAsDocumented(name)
        for (const link of this.#emulation.wiring.links.values()) {
          if (this.#document.links[link.name] === undefined) link.setUp(true)
        }
        for (const name of this.#allNodes()) {
          this.#setPower(name, true)
          this.#live.get(name)?.setPaused?.(false)
        }
    }
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
    const { links, nodes } = this.#document
    const all = [...this.links().keys()]
    if (all.includes(target)) return [target]
    const grouped = Object.keys(links).filter((name) => links[name]!.groups.includes(target))
    const members = Object.keys(nodes).filter((name) => name === target || nodes[name]!.groups.includes(target))
    const ofNodes = this.#emulation.topology.links
      .filter(({ a, b }) => [a.node, b.node].some((node) => members.includes(node) || node === target))
      .map(({ name }) => name)
    return [...new Set([...grouped, ...ofNodes])]
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
      const result = await exec(command)
      output.write('stdout', result.output)
      return result.exitCode
    }
    throw new LabError(this.#document.nodes[name] === undefined ? this.#noNode(name) : `${name} runs no commands`)
  }

  console(name: string, onOutput: (bytes: Uint8Array) => void, onEnd: () => void): ConsoleSession {
    const live = this.#live.get(name)
    if (live?.console !== undefined) return live.console(onOutput, onEnd)
    const stack = this.stack(name)
    if (stack !== undefined) return shellConsole(stack, this.world.clock, name, onOutput, onEnd)
    throw new LabError(this.#document.nodes[name] === undefined ? this.#noNode(name) : `${name} has no console`)
  }

  // ── Inside ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  #emulate(): Emulation {
    const isRack = Object.values(this.#document.nodes).some(({ kind }) => kind === 'rack')
    return new Emulation({
      world: this.world,
      topology: this.#builder.build(this.#document),
      // because without a rack nobody asks for it
      program: isRack ? this.#options.program('switch') : (undefined as unknown as Program),
    })
  }

  async #restartAll(): Promise<void> {
    this.#guests.close()
    for (const name of [...this.#live.keys()]) await this.#drop(name)
    this.#emulation.close()
    this.#emulation = this.#emulate()
    this.#guests = new RackGuests(this.#emulation, this.#document)
    for (const [name, node] of Object.entries(this.#document.nodes)) this.#make(name, node)
    for (const name of Object.keys(this.#document.links)) this.#shapeAsDocumented(name)
    await this.#emulation.start()
    await Promise.all([...this.#live.values()].map((node) => node.start()))
    await this.#guests.provision()
  }

  #make(name: string, document: NodeDocument): void {
    const ports = this.#emulation.wiring.ports(name)
    const { arena, clock, tracer, random } = this.world
    if (document.kind === 'switch') {
      const program = this.#options.program(document.program)
      const seed = random.fork(`switch:${name}`).u32()
      this.#live.set(name, new P4Switch({ name, arena, clock, tracer, program, document, ports, seed }))
    } else if (document.kind === 'device') {
      const behaviour = this.#options.behaviours?.get(name)
      if (behaviour === undefined) throw new LabError(`${name} is a device, which only its own program can play`)
      this.#live.set(name, new DeviceNode({ name, arena, clock, random, ports, behaviour }))
    } else if (document.kind === 'namespace' || document.kind === 'machine' || document.kind === 'external') {
      const { realDriver } = this.#options
      if (realDriver === undefined) {
        throw new LabError(
          `${name} is a ${document.kind}, which lives in real time: this laboratory runs in virtual time`,
        )
      }
      this.#live.set(name, realDriver(document, { lab: this.#document.name, name, ports }, this.world))
    }
  }

  async #drop(name: string): Promise<void> {
    const node = this.#live.get(name)
    this.#live.delete(name)
    this.#off.delete(name)
    await node?.close()
  }

  #shapeAsDocumented(name: string): void {
    const spec = this.#document.links[name]
    const link = this.#emulation.wiring.links.get(name)
    if (spec === undefined || link === undefined) return
    const { aToB, bToA } = directionsOf(this.#document, spec)
    link.configure({ ...PERFECT, ...aToB }, 'a-to-b')
    link.configure({ ...PERFECT, ...bToA }, 'b-to-a')
    const isDark = [spec.a, spec.b].some((end) => this.#isOff(endOf(end).node))
    link.setUp(spec.isUp && !isDark)
  }

  /** Of an emulated node whose power is off. */
  #isOff(name: string): boolean {
    const kind = this.#emulation.topology.nodes.find((node) => node.name === name)?.kind
    if (kind === 'external') return this.#off.has(name)
    return kind !== undefined && !this.#emulation.nodes.has(name)
  }

  #shape(link: Link, { profile, change, direction }: Extract<Fault, { kind: 'shape' }>): void {
    const base = profile === undefined ? undefined : profileNamed(this.#document, profile)
    if (profile !== undefined && base === undefined) throw new LabError(`there is no link profile ${profile}`)
    const both: Partial<Impairments> = { ...(base === undefined ? {} : { ...PERFECT, ...base }), ...defined(change) }
    const directions: readonly LinkDirection[] = direction === undefined ? ['a-to-b', 'b-to-a'] : [direction]
    for (const each of directions) link.configure(both, each)
  }

  #flap(link: Link, downMs: number, upMs: number, times: number): void {
    link.setUp(false)
    this.#later(downMs, () => {
      link.setUp(true)
      if (times > 1) this.#later(upMs, () => this.#flap(link, downMs, upMs, times - 1))
    })
  }

  #setPower(name: string, isOn: boolean): void {
    const live = this.#live.get(name)
    if (live === undefined) return void this.#emulation.setPower(name, isOn)
    if (isOn === !this.#off.has(name)) return
    if (isOn) this.#off.delete(name)
    else this.#off.add(name)
    void live.setPower?.(isOn)
    for (const link of this.#linksOf(name)) link.setUp(isOn)
  }

  #later(delayMs: number, fn: () => void): void {
    const timer = this.world.clock.after(delayMs, () => {
      this.#timers.delete(timer)
      fn()
    })
    this.#timers.add(timer)
  }

  #linksOf(target: string): readonly Link[] {
    const names = this.linkNames(target)
    if (names.length === 0) throw new LabError(`there is no link, node or group ${target}`)
    return names.flatMap((name) => this.links().get(name) ?? [])
  }

  #allNodes(): readonly string[] {
    return this.#emulation.topology.nodes.map(({ name }) => name)
  }

  #nodesOf(target: string): readonly string[] {
    const { nodes } = this.#document
    const all = this.#allNodes()
    if (all.includes(target)) return [target]
    const members = Object.keys(nodes).filter((name) => name === target || nodes[name]!.groups.includes(target))
    const found = members.flatMap((name) =>
      nodes[name]!.kind === 'rack' ? all.filter((each) => each.startsWith(`${name}-`)) : [name],
    )
    if (found.length === 0) throw new LabError(this.#noNode(target))
    return found
  }

  #noNode(name: string): string {
    return `there is no node ${name}; there are ${[...Object.keys(this.#document.nodes), ...this.#emulation.nodes.keys()].filter((each, i, all) => all.indexOf(each) === i).join(', ')}`
  }
}

/** The ports of a node, for drivers. */
export type NodePorts = ReadonlyMap<string, Port>
