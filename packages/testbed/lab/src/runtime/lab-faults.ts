/**
 * What is done to a running laboratory's links and nodes: by hand, by the timeline, and back to what the document says. What a link
 * does to frames is always set here, so that a link's shape is the document's or a fault's.
 */
import type { Clock, Timer } from '@lodestone/host'
import { type Impairments, impairmentsWith, type Link, type LinkDirection, PERFECT } from '@lodestone/link'
import type { Emulation } from '@lodestone/testbed'
import { endOf, type Fault, type LabDocument } from '../document/document.ts'
import { directionsOf, profileNamed } from '../document/link-shape.ts'
import { LabError } from './lab-error.ts'
import type { LiveNode } from './live-node.ts'
import { impairmentsOf, type LossPredicate } from './loss-source.ts'

/** What faults reach. `document` and `emulation` are those of now: they are replaced while the laboratory runs. */
export interface FaultTargets {
  readonly clock: Clock
  readonly document: LabDocument
  readonly emulation: Emulation
  readonly live: ReadonlyMap<string, LiveNode>
  readonly predicates: ReadonlyMap<string, LossPredicate>
}

export class LabFaults {
  readonly #lab: FaultTargets
  /** Of flaps, and of the timeline. */
  readonly #timers = new Set<Timer>()
  readonly #timeline = new Set<Timer>()
  /** Nodes of drivers that a fault has switched off. */
  readonly #off = new Set<string>()
  /** What the timeline could not do, as sentences. */
  readonly problems: string[] = []

  constructor(lab: FaultTargets) {
    this.#lab = lab
  }

  /** Throws `LabError` for a target that is not there. Resolves when nodes that get power have started. */
  async inject(fault: Fault): Promise<void> {
    switch (fault.kind) {
      case 'down':
      case 'up':
        for (const link of this.#linksOf(fault.target)) link.setUp(fault.kind === 'up')
        return
      case 'shape':
        return this.#shape(fault)
      case 'flap':
        for (const link of this.#linksOf(fault.target)) this.#flap(link, fault.downMs, fault.upMs, fault.times)
        return
      case 'off':
      case 'on':
        await this.#setPowers(this.#nodesOf(fault.target), fault.kind === 'on')
        return
      case 'pause':
      case 'resume':
        for (const name of this.#nodesOf(fault.target)) {
          const node = this.#lab.live.get(name)
          if (node?.setPaused === undefined) throw new LabError(`${name} cannot be paused; take its links down instead`)
          node.setPaused(fault.kind === 'pause')
        }
        return
      case 'heal':
        await this.#heal()
    }
  }

  /** Begins the document's timeline, or goes on with it: what lies before `sinceMs` is over. */
  followTimeline(sinceMs: number): void {
    cancel(this.#timeline)
    for (const { atMs, fault } of this.#lab.document.timeline) {
      if (atMs < sinceMs) continue
      this.#later(this.#timeline, atMs - sinceMs, () => {
        this.inject(fault).catch((error: Error) => this.problems.push(`timeline at ${atMs} ms: ${error.message}`))
      })
    }
  }

  /** Makes a link what the document says, whatever was done to it. */
  restoreLink(name: string): void {
    const { document, emulation, predicates } = this.#lab
    const spec = document.links[name]
    const link = emulation.wiring.links.get(name)
    if (spec === undefined || link === undefined) return
    const { aToB, bToA } = directionsOf(document, spec)
    link.configure({ ...PERFECT, ...impairmentsOf(aToB, predicates) }, 'a-to-b')
    link.configure({ ...PERFECT, ...impairmentsOf(bToA, predicates) }, 'b-to-a')
    const isDark = [spec.a, spec.b].some((end) => this.#isOff(endOf(end).node))
    link.setUp(spec.isUp && !isDark)
  }

  /** Sentences about links of a document that no link could be like, and about targets of its timeline that it does not have. */
  problemsOf(document: LabDocument): readonly string[] {
    return [...this.#linkProblems(document), ...timelineProblems(document)]
  }

  #linkProblems(document: LabDocument): readonly string[] {
    return Object.entries(document.links).flatMap(([name, spec]) => {
      try {
        for (const each of Object.values(directionsOf(document, spec))) {
          impairmentsWith(PERFECT, impairmentsOf(each, this.#lab.predicates))
        }
        return []
      } catch (error) {
        return [`link ${name}: ${(error as Error).message}`]
      }
    })
  }

  /** A node that is made anew has power. */
  forgetNode(name: string): void {
    this.#off.delete(name)
  }

  /** Names of links that a name stands for: a link, a group, or a node with its links. */
  linkNames(target: string): readonly string[] {
    const { document, emulation } = this.#lab
    const { links, nodes } = document
    const all = [...emulation.links().keys()]
    if (all.includes(target)) return [target]
    const grouped = Object.keys(links).filter((name) => links[name]!.groups.includes(target))
    const members = Object.keys(nodes).filter((name) => name === target || nodes[name]!.groups.includes(target))
    const ofNodes = emulation.topology.links
      .filter(({ a, b }) => [a.node, b.node].some((node) => members.includes(node) || node === target))
      .map(({ name }) => name)
    return [...new Set([...grouped, ...ofNodes])]
  }

  noNode(name: string): string {
    const { document, emulation } = this.#lab
    const all = new Set([...Object.keys(document.nodes), ...emulation.nodes.keys()])
    return `there is no node ${name}; there are ${[...all].join(', ')}`
  }

  close(): void {
    cancel(this.#timers)
    cancel(this.#timeline)
  }

  async #heal(): Promise<void> {
    const { document, emulation, live } = this.#lab
    cancel(this.#timers)
    for (const name of Object.keys(document.links)) this.restoreLink(name)
    for (const link of emulation.wiring.links.values()) {
      if (document.links[link.name] === undefined) link.setUp(true)
    }
    for (const node of live.values()) node.setPaused?.(false)
    const names = emulation.topology.nodes.map(({ name }) => name)
    await this.#setPowers(names, true)
  }

  #shape({ target, profile, change, direction }: Extract<Fault, { kind: 'shape' }>): void {
    const { document, predicates } = this.#lab
    const base = profile === undefined ? undefined : profileNamed(document, profile)
    if (profile !== undefined && base === undefined) throw new LabError(`there is no link profile ${profile}`)
    const directions: readonly LinkDirection[] = direction === undefined ? ['a-to-b', 'b-to-a'] : [direction]
    for (const link of this.#linksOf(target)) {
      for (const each of directions) {
        // Made for each direction: a model that counts frames counts those of its own.
        const said: Partial<Impairments> = {
          ...(base === undefined ? {} : { ...PERFECT, ...impairmentsOf(base, predicates) }),
          ...(change === undefined ? {} : impairmentsOf(change, predicates)),
        }
        link.configure(said, each)
      }
    }
  }

  #flap(link: Link, downMs: number, upMs: number, times: number): void {
    link.setUp(false)
    this.#later(this.#timers, downMs, () => {
      link.setUp(true)
      if (times > 1) this.#later(this.#timers, upMs, () => this.#flap(link, downMs, upMs, times - 1))
    })
  }

  /** Rejects with the first reason, after all have been told. */
  async #setPowers(names: readonly string[], isOn: boolean): Promise<void> {
    const outcomes = await Promise.allSettled(names.map((name) => this.#setPower(name, isOn)))
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  async #setPower(name: string, isOn: boolean): Promise<void> {
    const { live, emulation, document } = this.#lab
    const node = live.get(name)
    if (node === undefined) {
      await emulation.setPower(name, isOn)
      return
    }
    if (isOn === !this.#off.has(name)) return
    if (isOn) this.#off.delete(name)
    else this.#off.add(name)
    for (const { name: cable, a, b } of emulation.topology.links) {
      if (a.node !== name && b.node !== name) continue
      const isDark = this.#isOff(a.node) || this.#isOff(b.node)
      emulation.wiring.links.get(cable)?.setUp(!isDark && (document.links[cable]?.isUp ?? true))
    }
    await node.setPower?.(isOn)
  }

  /** Of a node whose power is off. */
  #isOff(name: string): boolean {
    const { emulation } = this.#lab
    const kind = emulation.topology.nodes.find((node) => node.name === name)?.kind
    if (kind === 'external') return this.#off.has(name)
    return kind !== undefined && !emulation.nodes.has(name)
  }

  #linksOf(target: string): readonly Link[] {
    const names = this.linkNames(target)
    if (names.length === 0) throw new LabError(`there is no link, node or group ${target}`)
    const links = this.#lab.emulation.links()
    return names.flatMap((name) => links.get(name) ?? [])
  }

  #nodesOf(target: string): readonly string[] {
    const { document, emulation } = this.#lab
    const all = emulation.topology.nodes.map(({ name }) => name)
    if (all.includes(target)) return [target]
    const members = Object.entries(document.nodes).filter(
      ([name, { groups }]) => name === target || groups.includes(target),
    )
    const found = members.flatMap(([name, { kind }]) =>
      kind === 'rack' ? all.filter((each) => each.startsWith(`${name}-`)) : [name],
    )
    if (found.length === 0) throw new LabError(this.noNode(target))
    return found
  }

  #later(timers: Set<Timer>, delayMs: number, fn: () => void): void {
    const timer = this.#lab.clock.after(delayMs, () => {
      timers.delete(timer)
      fn()
    })
    timers.add(timer)
  }
}

function cancel(timers: Set<Timer>): void {
  for (const timer of timers) timer.cancel()
  timers.clear()
}

function timelineProblems({ timeline, links, nodes }: LabDocument): readonly string[] {
  const groups = [...Object.values(links), ...Object.values(nodes)].flatMap((each) => each.groups)
  // Parts of racks are found when they are there.
  const racks = Object.entries(nodes).flatMap(([name, { kind }]) => (kind === 'rack' ? [`${name}-`] : []))
  return timeline.flatMap(({ atMs, fault }) => {
    if (fault.kind === 'heal') return []
    const { target } = fault
    const isKnown = target in links || target in nodes || groups.includes(target)
    return isKnown || racks.some((rack) => target.startsWith(rack))
      ? []
      : [`timeline at ${atMs} ms: there is no node, link or group ${target}`]
  })
}
