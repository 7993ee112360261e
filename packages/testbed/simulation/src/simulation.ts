/**
 * A whole rack in virtual time from one seed. First everything is well; then, for some minutes, what the timeline says goes wrong while
 * users ask for things; then everything is mended, and within a bound the rack has to be as it should be, and nothing that was acknowledged
 * may be lost. The same seed and timeline give the same frames, whichever process runs them.
 */
import type { FetchLike } from '@lodestone/api'
import { SeededRandom, VirtualClock } from '@lodestone/host'
import type { Program } from '@lodestone/p4'
import type { ProbeSource } from '@lodestone/probe'
import {
  compileSwitchProgram,
  Emulation,
  HttpProbes,
  rackChecks,
  rackProbes,
  rackTopology,
  type Topology,
  World,
  type WorldOptions,
} from '@lodestone/testbed'
import { guardAmbient } from './ambient-guard.ts'
import { conservationProblems } from './check/conservation.ts'
import type { NodeFrames } from './check/last-frames.ts'
import { type Intent, readIntent } from './check/intent.ts'
import { overlayProblems } from './check/overlay-check.ts'
import { reachProblems } from './check/reach-check.ts'
import { routingProblems } from './check/routing-check.ts'
import { SilenceCheck } from './check/silence-check.ts'
import { WithdrawalCheck } from './check/withdrawal-check.ts'
import { WireMonitor } from './check/wire-monitor.ts'
import { ControlPlane } from './control-plane.ts'
import { drawTimeline } from './fault/draw-timeline.ts'
import { LinkFaults } from './fault/link-faults.ts'
import { playTimeline } from './fault/play.ts'
import type { ApiOperation, SimEvent } from './fault/sim-event.ts'
import { NodeClock } from './node-clock.ts'
import { RoutingSupervisor } from './routing-supervisor.ts'
import { arrange, PROJECTS } from './scenery.ts'
import { type SimulatedDatabase, SimulatedDisk } from './simulated-database.ts'
import { Acknowledged } from './workload/acknowledged.ts'
import { ApiUser } from './workload/api-user.ts'
import { TrafficSource } from './workload/traffic.ts'

export interface SimulationOptions {
  readonly seed: number
  /** Of the first phase; default 2. */
  readonly minutes?: number
  /** How soon after the last fault everything has to be right; default 90 s. */
  readonly healWithinMs?: number
  /** Default: four sleds, two switches, two routers, one client. */
  readonly topology?: Topology
  /** Instead of what the seed draws. */
  readonly timeline?: readonly SimEvent[]
  /** One for all simulations of this process. */
  readonly database: SimulatedDatabase
  /** To put a bug in: a world whose networks lie, calls of reconcilers that are tampered with. */
  readonly makeWorld?: (options: WorldOptions) => World
  readonly wrapFetch?: (fetch: FetchLike) => FetchLike
  /** The same, in what is on the cables: runs before anybody looks at them. */
  readonly tamper?: (emulation: Emulation) => void
}

export interface Failure {
  /** Of virtual time since the beginning. */
  readonly atMs: number
  readonly phase: 'start' | 'faults' | 'heal'
  readonly problems: readonly string[]
  /** What each node sent and received before. */
  readonly lastFrames: readonly NodeFrames[]
}

export interface Verdict {
  readonly seed: number
  /** Of every frame on every link, and of the tables at the end. */
  readonly hash: string
  readonly failure?: Failure
  readonly timeline: readonly SimEvent[]
  readonly simulatedMs: number
  readonly frames: number
  readonly events: number
  /** Until everything was as it should be again, from the last fault's end. */
  readonly healedMs?: number
  readonly answers: Readonly<Record<string, number>>
  readonly loops: number
}

const START_WITHIN_MS = 60_000
const HEAL_WITHIN_MS = 90_000
/** Sums of times are not exact. */
const ROUNDING_MS = 1e-6
const LOOK_EVERY_MS = 1000
/** Of conservation and what the wires showed, during the first phase. */
const WATCH_EVERY_MS = 2000

let program: Program | undefined

export class Simulation {
  readonly clock = new VirtualClock()
  readonly emulation: Emulation
  readonly monitor: WireMonitor
  readonly control: ControlPlane
  readonly timeline: readonly SimEvent[]
  readonly disk: SimulatedDisk
  readonly model = new Acknowledged()
  readonly log: string[] = []
  /** What probe programs can watch; to be asked for before `run`, for whoever wants to see the beginning. */
  readonly probes: readonly ProbeSource[]
  readonly #options: SimulationOptions
  readonly #clocks = new Map<string, NodeClock>()
  readonly #links: LinkFaults
  readonly #routing: RoutingSupervisor
  readonly #withdrawals: WithdrawalCheck
  readonly #traffic: TrafficSource
  /** Withdrawals that took too long, and sessions that did not see that nobody was there. */
  readonly #late: string[] = []
  readonly #users: readonly ApiUser[]
  readonly #random: SeededRandom
  #token = ''
  #phase: Failure['phase'] = 'start'
  #pending = 0

  constructor(options: SimulationOptions) {
    this.#options = options
    program ??= compileSwitchProgram()
    this.#random = new SeededRandom(options.seed)
    const topology = options.topology ?? rackTopology({ sleds: 4 })
    const durationMs = (options.minutes ?? 2) * 60_000
    this.timeline = options.timeline ?? drawTimeline(this.#random.fork('timeline'), topology, durationMs)
    const worldOptions: WorldOptions = {
      clock: this.clock,
      random: this.#random.fork('world'),
      clockOf: (node) => this.#clockOf(node),
    }
    const world = options.makeWorld?.(worldOptions) ?? new World(worldOptions)
    this.emulation = new Emulation({
      world,
      topology,
      program,
      configuration: 'control-plane',
      onPower: (name, isOn) => this.#powerChanged(name, isOn),
      onGuestWire: (link, isThere) => {
        const project = PROJECTS.findIndex((each) => link.name.startsWith(`${each}-`))
        this.monitor.guestWire(link, isThere, () => (project < 0 ? undefined : project))
      },
    })
    options.tamper?.(this.emulation)
    this.monitor = new WireMonitor(this.emulation)
    this.#withdrawals = new WithdrawalCheck({
      clock: this.clock,
      emulation: this.emulation,
      onProblem: (problem) => this.#late.push(problem),
    })
    this.#traffic = new TrafficSource(this.emulation, this.clock)
    const silence = new SilenceCheck({
      clock: this.clock,
      emulation: this.emulation,
      onProblem: (problem) => this.#late.push(problem),
    })
    this.#links = new LinkFaults(this.emulation, (link, direction, isSilent) => silence.set(link, direction, isSilent))
    this.#routing = new RoutingSupervisor(this.emulation)
    this.disk = new SimulatedDisk(this.clock, this.#random.fork('disk'))
    const probes = {
      api: new HttpProbes('api', 'nexus', this.clock),
      reconcilers: new HttpProbes('reconciler', 'nexus', this.clock),
    }
    this.probes = rackProbes(this.emulation, probes.api, probes.reconcilers)
    this.control = new ControlPlane({
      probes,
      emulation: this.emulation,
      clock: this.clock,
      clockOf: (node) => this.#clockOf(node),
      database: options.database,
      disk: this.disk,
      ...(options.wrapFetch === undefined ? {} : { wrapFetch: options.wrapFetch }),
      onProblem: (event, fields) => this.#note(`${event} ${String(fields['error'] ?? '')}`),
    })
    const sleds = this.emulation.specs('sled')
    this.#users = [sleds.at(-1), sleds[1] ?? sleds[0]].map(
      (sled) => new ApiUser({ emulation: this.emulation, clock: this.clock, sled: sled?.name ?? '' }),
    )
  }

  get phase(): Failure['phase'] {
    return this.#phase
  }

  /** Everything from the first frame to the verdict. `close` ends what it holds. */
  async run(): Promise<Verdict> {
    await this.#options.database.empty()
    const unguard = guardAmbient(this.clock)
    try {
      let failure = await this.begin()
      let healedMs: number | undefined
      if (failure === undefined) {
        failure = await this.suffer()
        if (failure === undefined) {
          const healing = await this.heal()
          if (typeof healing === 'number') healedMs = healing
          else failure = healing
        }
      }
      this.#hashTables()
      return {
        seed: this.#options.seed,
        hash: this.monitor.hash.digest(),
        ...(failure === undefined ? {} : { failure }),
        timeline: this.timeline,
        simulatedMs: this.clock.nowMs(),
        frames: this.monitor.hash.frames,
        events: this.clock.eventsRun,
        ...(healedMs === undefined ? {} : { healedMs }),
        answers: this.model.counts,
        loops: this.monitor.loops,
      }
    } finally {
      unguard()
    }
  }

  /** The rack comes up and gets what people use. @returns why it does not. */
  async begin(): Promise<Failure | undefined> {
    await this.emulation.start()
    this.#routing.applyAll()
    this.control.watch()
    const isUp = (): boolean => this.control.nexus !== undefined && this.#isConnected()
    if (!(await this.clock.until(isUp, START_WITHIN_MS)))
      return this.#failure(['the rack does not come up', ...this.#unready()])
    try {
      const random = this.#random.fork('users')
      const nowMs = (): number => this.clock.nowMs()
      this.#token = await this.clock.run(arrange(this.#users, random, this.model, nowMs), START_WITHIN_MS)
    } catch (error) {
      return this.#failure([`the rack cannot be set up: ${String(error)}`])
    }
    const rest = await this.untilRight(START_WITHIN_MS)
    return typeof rest === 'number' ? undefined : rest
  }

  /** The first phase: the timeline. @returns what must never be, and was. */
  async suffer(): Promise<Failure | undefined> {
    this.#phase = 'faults'
    const stop = playTimeline(
      {
        clock: this.clock,
        emulation: this.emulation,
        links: this.#links,
        control: this.control,
        disk: this.disk,
        clockOf: (node) => this.#clockOf(node),
        routing: this.#routing,
        announce: (announcement, isOn) => {
          const isLeft = this.#routing.announce(announcement, isOn)
          if (!isLeft) this.#withdrawals.withdrawn(announcement.prefix)
        },
        request: (operation) => this.#request(operation),
        send: (traffic) => this.#traffic.send(traffic),
        onFault: (isBeginning) => {
          if (isBeginning) this.#withdrawals.faultBegins()
          else this.#withdrawals.faultEnds()
        },
      },
      this.timeline,
    )
    const endMs = this.clock.nowMs() + (this.#options.minutes ?? 2) * 60_000
    while (endMs - this.clock.nowMs() > ROUNDING_MS) {
      await this.clock.advance(Math.min(WATCH_EVERY_MS, endMs - this.clock.nowMs()))
      const problems = this.alwaysProblems()
      if (problems.length > 0) {
        stop()
        return this.#failure(problems)
      }
    }
    stop()
    return undefined
  }

  /** The second phase. @returns how long it took, or why it is not as it should be. */
  heal(): Promise<number | Failure> {
    this.#phase = 'heal'
    for (const { name } of this.emulation.topology.nodes) {
      this.emulation.serviceProcessors.nodes.get(name)?.sp.clear()
      if (!this.emulation.nodes.has(name)) void this.emulation.setPower(name, true)
    }
    return this.untilRight(this.#options.healWithinMs ?? HEAL_WITHIN_MS)
  }

  /** Waits until all is as it should be. */
  async untilRight(withinMs: number): Promise<number | Failure> {
    const startMs = this.clock.nowMs()
    let problems: readonly string[] = []
    while (startMs + withinMs - this.clock.nowMs() > ROUNDING_MS) {
      // Often at first; what takes long is looked at less often.
      const waitMs = Math.max(LOOK_EVERY_MS, (this.clock.nowMs() - startMs) / 4)
      await this.clock.advance(Math.min(waitMs, startMs + withinMs - this.clock.nowMs()))
      problems = this.alwaysProblems()
      if (problems.length > 0) return this.#failure(problems)
      problems = [...this.#unready(), ...this.#restless()]
      if (problems.length > 0) continue
      const restMs = this.clock.nowMs()
      problems = await this.#restProblems()
      if (problems.length === 0) return restMs - startMs
    }
    return this.#failure(problems)
  }

  /** What may not be at any time. */
  alwaysProblems(): string[] {
    return [...this.monitor.problems, ...this.#late, ...conservationProblems(this.emulation.wiring.links.values())]
  }

  close(): void {
    this.monitor.close()
    this.control.close()
    this.emulation.close()
  }

  /** What only holds at rest. */
  async #restProblems(): Promise<string[]> {
    const routing = await routingProblems(this.emulation)
    if (routing.length > 0) return routing
    const { nexus } = this.control
    if (nexus === undefined) return ['no control plane runs']
    let intent: Intent
    try {
      intent = await this.clock.run(readIntent(nexus.handler, this.#token), LOOK_EVERY_MS)
    } catch (error) {
      return [String(error)]
    }
    const problems = [...(await overlayProblems(this.emulation, intent)), ...this.model.problems(intent.observed)]
    if (problems.length > 0) return problems
    const loops = this.monitor.loops
    const reach = await this.clock.run(reachProblems(this.emulation, intent, this.clock), 60_000)
    if (this.monitor.loops > loops) reach.push('packets go round')
    return reach
  }

  #isConnected(): boolean {
    return rackChecks(this.emulation).every((check) => check.ready)
  }

  #unready(): string[] {
    const off = this.emulation.topology.nodes.filter(({ name }) => !this.emulation.nodes.has(name))
    return [
      ...off.map(({ name }) => `${name} has no power: ${this.emulation.powerFault(name) ?? 'it is on its way'}`),
      ...rackChecks(this.emulation).flatMap((check) => (check.ready ? [] : [check.detail])),
    ]
  }

  #restless(): string[] {
    const { nexus } = this.control
    if (nexus === undefined) return ['no control plane runs']
    const busy = nexus.reconcilers().filter((each) => each.state !== 'idle')
    const waiting = busy.map(({ reconciler, target, items, error }) => {
      const failed = items.find((item) => item.state === 'failed')
      return `reconciler ${reconciler} of ${target} is not done: ${error ?? failed?.detail ?? 'it is at work'}`
    })
    return this.#pending === 0 ? waiting : [...waiting, `${this.#pending} requests of users are open`]
  }

  #request(operation: ApiOperation): void {
    const user = this.#users[this.#pending % this.#users.length]!
    const startMs = this.clock.nowMs()
    this.#pending++
    void user
      .ask(operation)
      .catch(() => 'unknown' as const)
      .then((outcome) => {
        this.#pending--
        this.model.record(operation, startMs, this.clock.nowMs(), outcome)
        this.#note(`${Object.values(operation).join(' ')}: ${outcome}`)
      })
  }

  #powerChanged(name: string, isOn: boolean): void {
    if (isOn) {
      this.#routing.apply(name)
      this.#links.reapply()
      this.control.nexus?.repeat()
    } else this.control.nodeLost(name)
    this.#note(`${name} is ${isOn ? 'on' : 'off'}`)
  }

  #clockOf(node: string): NodeClock {
    const known = this.#clocks.get(node)
    if (known !== undefined) return known
    const clock = new NodeClock(this.clock)
    this.#clocks.set(node, clock)
    return clock
  }

  #failure(problems: readonly string[]): Failure {
    const atMs = this.clock.nowMs()
    return { atMs, phase: this.#phase, problems, lastFrames: this.monitor.lastFrames.read(atMs) }
  }

  #hashTables(): void {
    for (const node of this.emulation.nodes.values()) {
      for (const { prefix, origin, nextHops } of node.stack.routes()) {
        this.monitor.hash.addText(`${prefix} ${origin} ${nextHops.map((hop) => hop.interface).join(' ')}`)
      }
    }
  }

  #note(text: string): void {
    this.log.push(`${(this.clock.nowMs() / 1000).toFixed(3)} ${text}`)
  }
}

/** One seed, from nothing to its verdict. */
export async function simulate(options: SimulationOptions): Promise<Verdict> {
  const simulation = new Simulation(options)
  try {
    return await simulation.run()
  } finally {
    simulation.close()
  }
}
