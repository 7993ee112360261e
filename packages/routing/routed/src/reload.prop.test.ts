/** Reloading: from any configuration to any other, the end is as if the daemon had started with the other one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { configDifferences } from './config-difference.ts'
import { DaemonLab, type LabDaemon } from './daemon.fixture.ts'

interface PeerChoice {
  readonly policyIn: string
  readonly policyOut: string
  readonly holdTimeS: number
  readonly description: string
  readonly gracefulShutdown: boolean
}

interface Choice {
  readonly peers: readonly (PeerChoice | undefined)[]
  readonly originate: readonly string[]
  readonly statics: readonly { readonly prefix: string; readonly hop: string; readonly priority: number }[]
  readonly multipath: number
  readonly localPref: number
  readonly med: boolean
}

const NEIGHBOURS = [2, 3, 4]
const PREFIXES = ['198.51.100.0/24', '198.51.101.0/24', '203.0.113.0/24']

const policy = fc.constantFrom('accept', 'reject', 'some')
const peerChoice: fc.Arbitrary<PeerChoice> = fc.record({
  policyIn: policy,
  policyOut: policy,
  holdTimeS: fc.constantFrom(30, 90),
  description: fc.constantFrom('', 'x'),
  gracefulShutdown: fc.boolean(),
})
const choice: fc.Arbitrary<Choice> = fc.record({
  peers: fc.tuple(...NEIGHBOURS.map(() => fc.option(peerChoice, { nil: undefined, freq: 4 }))),
  originate: fc.subarray(PREFIXES),
  statics: fc.array(
    fc.record({
      prefix: fc.constantFrom('192.0.2.0/24', '198.18.0.0/24'),
      hop: fc.constantFrom('10.0.0.2', '10.0.0.3'),
      priority: fc.constantFrom(1, 30),
    }),
    { maxLength: 3 },
  ),
  multipath: fc.constantFrom(1, 4),
  localPref: fc.constantFrom(150, 250),
  med: fc.boolean(),
})

function textOf({ peers, originate, statics, multipath, localPref, med }: Choice): string {
  const lines = [
    `router: { asn: 65001, id: 10.0.0.1, listen: ["10.0.0.1:179"], multipath: ${multipath},`,
    `  decision: { always_compare_med: ${med} }, originate: [${originate.join(', ')}] }`,
    'policies:',
    `  some: [{ match: { prefix: [{ prefix: 198.18.0.0/15, le: 32 }] }, set: { local_pref: ${localPref} }, verdict: accept }]`,
    'peers:',
  ]
  for (const [i, peer] of peers.entries()) {
    if (peer === undefined) continue
    const n = NEIGHBOURS[i]!
    lines.push(
      `  - { address: 10.0.0.${n}, asn: 6500${n}, import: ${peer.policyIn}, export: ${peer.policyOut}, passive: true,`,
      `      hold_time_s: ${peer.holdTimeS}, description: "${peer.description}", graceful_shutdown: ${peer.gracefulShutdown} }`,
    )
  }
  if (lines.at(-1) === 'peers:') lines.pop()
  if (statics.length > 0) lines.push('static:')
  for (const { prefix, hop, priority } of statics)
    lines.push(`  - { prefix: ${prefix}, next_hop: ${hop}, priority: ${priority} }`)
  return lines.join('\n')
}

/** Neighbours that connect to the router, each with routes of its own and some that another has too. */
async function neighbourhood(): Promise<{ lab: DaemonLab; router: LabDaemon; neighbours: LabDaemon[] }> {
  const lab = new DaemonLab()
  const router = lab.add('router', '10.0.0.1')
  const neighbours: LabDaemon[] = []
  for (const n of NEIGHBOURS) {
    const neighbour = lab.add(`n${n}`, `10.0.0.${n}`)
    const own = [`198.18.${n}.0/24`, `198.18.${10 + (n >> 1)}.0/24`, `100.64.${n}.0/24`, '100.65.0.0/24']
    await lab.start(
      neighbour,
      [
        `router: { asn: 6500${n}, id: 10.0.0.${n}, originate: [${own.join(', ')}] }`,
        'peers: [{ address: 10.0.0.1, asn: 65001, import: accept, export: accept, connect_retry_s: 1, idle_hold_s: 1 }]',
      ].join('\n'),
    )
    neighbours.push(neighbour)
  }
  return { lab, router, neighbours }
}

/** Longer than any pause after failures. */
const SETTLE_MS = 150_000

/** Everything that can be seen of the end state. */
function viewOf(router: LabDaemon, neighbours: readonly LabDaemon[]): unknown {
  return {
    selected: router.selected(),
    refused: [...router.routed.rib.routes()]
      .flatMap(({ paths }) =>
        paths.flatMap((path) =>
          path.unusable === undefined ? [] : [`${path.prefix} ${path.source.peer} ${path.unusable.code}`],
        ),
      )
      .toSorted(),
    preferences: [...router.routed.rib.routes()]
      .flatMap(({ prefix, selected }) =>
        selected.map((path) => `${prefix} ${path.preference} ${path.attributes?.effectiveLocalPref}`),
      )
      .toSorted(),
    neighbours: neighbours.map((neighbour) =>
      [...neighbour.routed.rib.routes()]
        .flatMap(({ prefix, paths }) =>
          paths.map((path) => `${prefix} ${path.attributes?.asPathText} ${path.unusable?.code ?? ''}`),
        )
        .toSorted(),
    ),
    established: router.established().toSorted(),
    programmed: router.target
      .routes()
      .map(({ prefix }) => `${prefix}`)
      .toSorted(),
  }
}

const sessionsOf = ({ routed }: LabDaemon): Map<string, number> =>
  new Map(
    [...(routed.speaker?.peers() ?? [])].map((peer) => [
      peer.config.name,
      peer.status().counters['sessions-established'],
    ]),
  )

test('from A to B is the same as starting with B, and sessions that do not differ are not touched', async () => {
  await fc.assert(
    fc.asyncProperty(choice, choice, async (a, b) => {
      const moved = await neighbourhood()
      assert.ok((await moved.lab.start(moved.router, textOf(a))).ok)
      await moved.lab.clock.advance(SETTLE_MS)
      const configA = moved.router.daemon.config.router
      const sessionsBefore = sessionsOf(moved.router)
      const result = await moved.lab.start(moved.router, textOf(b))
      assert.ok(result.ok)
      await moved.lab.clock.advance(SETTLE_MS)

      const touched = new Set(
        configDifferences(configA, moved.router.daemon.config.router)
          .filter(({ effect }) => effect !== 'changed')
          .map(({ what }) => what),
      )
      const sessionsAfter = sessionsOf(moved.router)
      for (const [name, count] of sessionsBefore) {
        if (!touched.has(`peer ${name}`)) assert.equal(sessionsAfter.get(name), count, `${name} was disturbed`)
      }

      const fresh = await neighbourhood()
      await fresh.lab.start(fresh.router, textOf(b))
      await fresh.lab.clock.advance(2 * SETTLE_MS)
      assert.deepEqual(viewOf(moved.router, moved.neighbours), viewOf(fresh.router, fresh.neighbours))

      const again = await moved.lab.start(moved.router, textOf(b))
      assert.deepEqual(again, { ok: true, changes: [] })
      moved.lab.close()
      fresh.lab.close()
    }),
    { numRuns: 8 },
  )
})

test('a wrong file changes nothing, wherever it is wrong', async () => {
  const { lab, router, neighbours } = await neighbourhood()
  const good: Choice = {
    peers: NEIGHBOURS.map(() => ({
      policyIn: 'some',
      policyOut: 'accept',
      holdTimeS: 90,
      description: '',
      gracefulShutdown: false,
    })),
    originate: PREFIXES,
    statics: [{ prefix: '192.0.2.0/24', hop: '10.0.0.2', priority: 1 }],
    multipath: 4,
    localPref: 150,
    med: false,
  }
  const text = textOf(good)
  assert.ok((await lab.start(router, text)).ok)
  await lab.clock.advance(SETTLE_MS)
  const before = viewOf(router, neighbours)
  const sessions = sessionsOf(router)
  const wrong = [
    `${text}\nadmin: { listen: ["10.0.0.77:99999"] }`,
    text.replace('import: some', 'import: nothing'),
    text.replace('asn: 65001', 'asn: -1'),
    text.replace('asn: 65003', 'asn: 65003, holdtime: 3'),
    text.replace('10.0.0.2, priority', '0.0.0.0, priority'),
    text.slice(0, -2),
    '',
    `${text}\nkernel: {}`,
    `${text}\npeers: []`,
  ]
  for (const each of wrong) {
    assert.notEqual(each, text)
    const result = await lab.start(router, each)
    assert.ok(!result.ok, each)
    assert.ok(result.problems.length > 0 && result.text.startsWith('router.yaml:'), result.text)
    await lab.clock.advance(SETTLE_MS)
    assert.deepEqual(viewOf(router, neighbours), before)
    assert.deepEqual(sessionsOf(router), sessions)
  }
  lab.close()
})
