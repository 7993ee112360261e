/**
 * A timeline from a seed, by swarm: each seed draws which kinds of faults there are at all and how often, because a fault that is always
 * there hides what happens without it.
 */
import type { Random } from '@lodestone/host'
import type { LinkDirection } from '@lodestone/link'
import type { TaskName } from '@lodestone/sp'
import type { Topology } from '@lodestone/testbed'
import { INSTANCES, PROJECTS } from '../scenery.ts'
import type { Fault, SimEvent, SpTrouble } from './sim-event.ts'
import { drawRequests } from './draw-requests.ts'
import { drawTraffic } from './draw-traffic.ts'

type Draw = (random: Random, topology: Topology) => Fault

const DIRECTIONS: readonly LinkDirection[] = ['a-to-b', 'b-to-a']

const SP_TASKS: readonly TaskName[] = ['net', 'sequencer', 'sensor', 'thermal', 'host_sp_comms', 'control_plane_agent']
const SP_TROUBLES: readonly ((random: Random) => SpTrouble)[] = [
  () => ({ kind: 'unresponsive' }),
  (random) => ({ kind: 'slow', delayMs: 20 + random.float() * 2000 }),
  (random) => ({ kind: 'network', loss: random.float() * 0.7, duplicate: random.float() * 0.3 }),
  (random) => ({ kind: 'task-crash', task: pick(random, SP_TASKS), everyMs: 50 + random.float() * 2000 }),
]

const DRAWS: Readonly<Record<string, Draw>> = {
  loss: (random, { links }) => ({
    kind: 'loss',
    link: pick(random, links).name,
    ratio: 0.02 + random.float() ** 2 * 0.4,
    ...(random.below(2) === 0 ? {} : { direction: pick(random, DIRECTIONS) }),
  }),
  noise: (random, { links }) => ({
    kind: 'noise',
    link: pick(random, links).name,
    duplicate: random.float() * 0.1,
    jitterMs: random.float() * 5,
  }),
  cut: (random, { links }) => ({ kind: 'cut', link: pick(random, links).name }),
  flap: (random, { links }) => ({ kind: 'flap', link: pick(random, links).name, times: 2 + random.below(6) }),
  partition: (random, { nodes }) => ({
    kind: 'partition',
    nodes: nodes.map(({ name }) => name).filter(() => random.below(4) === 0),
    direction: pick(random, ['both', 'in', 'out']),
  }),
  clog: (random, { links }) => ({
    kind: 'clog',
    link: pick(random, links).name,
    direction: pick(random, DIRECTIONS),
    delayMs: 50 - 700 * Math.log(1 - random.float() * 0.98),
  }),
  slow: (random, { nodes }) => ({ kind: 'slow', node: pick(random, nodes).name, delayMs: 5 + random.float() * 120 }),
  power: (random, { nodes }) => ({ kind: 'power', node: pick(random, nodes).name }),
  nexus: () => ({ kind: 'crash', daemon: 'nexus' }),
  agent: (random, { nodes }) => ({ kind: 'crash', daemon: 'agent', node: pick(random, nodes.filter(isSled)).name }),
  switchd: (random, { nodes }) => ({
    kind: 'crash',
    daemon: 'switchd',
    node: pick(
      random,
      nodes.filter(({ kind }) => kind === 'switch'),
    ).name,
  }),
  routing: (random, { nodes }) => ({
    kind: 'crash',
    daemon: 'routing',
    node: pick(random, nodes.filter(isRouter)).name,
  }),
  skew: (random, { nodes }) => ({
    kind: 'skew',
    node: pick(random, nodes).name,
    ppm: Math.round((random.float() - 0.5) * 100_000),
  }),
  step: (random, { nodes }) => ({
    kind: 'step',
    node: pick(random, nodes).name,
    ms: Math.round((random.float() - 0.5) * 7_200_000),
  }),
  disk: (random) => ({
    kind: 'disk',
    fault: pick(random, ['slow', 'full', 'error']),
    delayMs: random.below(2) === 0 ? 0 : 1 + random.float() * 40,
  }),
  sp: (random, { nodes }) => ({
    kind: 'sp',
    node: pick(
      random,
      nodes.filter((each) => each.kind === 'sled' || each.kind === 'switch'),
    ).name,
    fault: pick(random, SP_TROUBLES)(random),
  }),
}

export function drawTimeline(random: Random, topology: Topology, durationMs: number): SimEvent[] {
  const swarm = random.fork('swarm')
  const kinds = Object.keys(DRAWS).filter(() => swarm.below(2) === 0)
  const gapMs = 1500 + swarm.float() * 8500
  const longestMs = 2000 + swarm.float() * 18_000
  const events: SimEvent[] = []
  const faults = random.fork('faults')
  for (let atMs = gap(faults, gapMs); kinds.length > 0 && atMs < durationMs; atMs += gap(faults, gapMs)) {
    const action = DRAWS[pick(faults, kinds)]!(faults, topology)
    // All faults end with the first phase.
    events.push({ atMs, forMs: Math.min(200 + faults.float() * longestMs, durationMs - atMs), action })
  }
  events.push(...drawAnnouncements(random.fork('announcements'), topology, durationMs))
  events.push(...drawRequests(random.fork('requests'), PROJECTS, durationMs))
  events.push(...drawTraffic(random.fork('traffic'), INSTANCES, durationMs))
  return events.toSorted((a, b) => a.atMs - b.atMs)
}

/** Routes outside that come and go, as the internet's do. */
function drawAnnouncements(random: Random, { nodes }: Topology, durationMs: number): SimEvent[] {
  const routers = nodes.filter((node) => node.kind === 'host' && node.bgp !== undefined)
  const events: SimEvent[] = []
  if (routers.length === 0) return events
  const gapMs = 3000 + random.float() * 12_000
  let number = 0
  for (let atMs = gap(random, gapMs); atMs < durationMs; atMs += gap(random, gapMs)) {
    const action = {
      kind: 'announce',
      router: pick(random, routers).name,
      prefix: `10.77.${number++ % 256}.0/24`,
    } as const
    events.push({ atMs, forMs: Math.min(500 + random.float() * 20_000, durationMs - atMs), action })
  }
  return events
}

function gap(random: Random, meanMs: number): number {
  return -meanMs * Math.log(1 - random.float() * 0.999)
}

export function pick<T>(random: Random, from: readonly T[]): T {
  const one = from[random.below(from.length)]
  if (one === undefined) throw new Error('there is nothing to choose from')
  return one
}

function isSled(node: Topology['nodes'][number]): boolean {
  return node.kind === 'sled'
}

function isRouter(node: Topology['nodes'][number]): boolean {
  return node.kind !== 'host' || node.bgp !== undefined
}
