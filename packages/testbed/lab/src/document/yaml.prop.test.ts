/** Whatever a document says, YAML says it too: written and read again it is the same, and an exported one can be exported again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LabDocument, type LabDocumentInput } from './document.ts'
import { fromYaml, toYaml } from './yaml.ts'

type NodeInput = LabDocumentInput['nodes'][string]
type LinkInput = LabDocumentInput['links'][string]

/** Words that YAML could take for something else. */
const awkward = fc.oneof(
  fc.constantFrom(
    'yes',
    'null',
    '~',
    '0x10',
    '1e3',
    '- a: b',
    'a: b # c',
    "it's",
    '"',
    '\ttab',
    'two\nlines\n',
    '',
    ' ',
  ),
  fc.string(),
)
/** Also those of fields that are left out where they are empty. */
const name = fc.oneof(
  fc.constantFrom('groups', 'exec', 'ports', 'files', 'links', 'entries', 'yes', 'null'),
  fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/),
)
const share = fc.double({ min: 0, max: 1, noNaN: true })
const amount = fc.double({ min: 0, max: 1e6, noNaN: true })
const above = fc.double({ min: 1e-6, max: 1e12, noNaN: true })
const some = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(of, { maxLength: 3 })
const optional = <T extends object>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<Partial<T>> =>
  fc.record(fields, { requiredKeys: [] }) as fc.Arbitrary<Partial<T>>

const lossModel = fc.oneof(
  fc.record(
    { kind: fc.constant('gilbert-elliott' as const), toBad: share, toGood: share, goodLoss: share, badLoss: share },
    { requiredKeys: ['kind', 'toBad', 'toGood'] },
  ),
  fc.record({ kind: fc.constant('markov4' as const), p13: share, p31: share, p32: share, p23: share, p14: share }),
  fc.record({ kind: fc.constant('list' as const), frames: some(fc.integer({ min: 1, max: 1e6 })) }),
  fc.record({ kind: fc.constant('every' as const), nth: fc.integer({ min: 1, max: 1000 }) }),
  fc.record(
    { kind: fc.constant('filter' as const), filter: awkward, frames: fc.constant([1, 3]) },
    { requiredKeys: ['kind', 'filter'] },
  ),
  fc.record({ kind: fc.constant('function' as const), name: awkward }),
)
const queue = fc.oneof(
  fc.constant({ kind: 'drop-tail' as const }),
  fc.constant({ kind: 'drop-head' as const }),
  fc.record(
    { kind: fc.constant('codel' as const), targetMs: above, intervalMs: above, ecn: fc.boolean() },
    { requiredKeys: ['kind'] },
  ),
  fc.record(
    { kind: fc.constant('red' as const), minBytes: above, maxBytes: above, maxProbability: share, ecn: fc.boolean() },
    { requiredKeys: ['kind', 'minBytes', 'maxBytes'] },
  ),
)
const impairments = optional({
  delayMs: amount,
  jitterMs: amount,
  jitterDistribution: fc.constantFrom('uniform', 'normal', 'pareto', 'pareto-normal', 'exponential', 'table'),
  jitterTable: fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 2, maxLength: 5 }),
  delayWave: fc.record({ shape: fc.constantFrom('sawtooth', 'triangle'), rangeMs: amount, periodMs: above }),
  mayReorder: fc.boolean(),
  rateBps: above,
  opportunitiesMs: fc.array(amount, { minLength: 1, maxLength: 4 }),
  queue,
  lossModel,
  loss: share,
  duplicate: share,
  corrupt: share,
  outage: fc.record({ kind: fc.constant('exponential' as const), onMs: above, offMs: above }),
  checksFrames: fc.boolean(),
})

const interfaces = fc.dictionary(
  name,
  fc.record(
    { addresses: some(awkward), mac: awkward, mtuBytes: fc.integer({ min: 68, max: 9216 }) },
    { requiredKeys: [] },
  ),
  { maxKeys: 3 },
)
const routes = some(fc.record({ to: awkward, via: awkward }))
const word = fc.oneof(awkward, fc.integer())
const nodes: fc.Arbitrary<NodeInput> = fc.oneof(
  fc.record(
    {
      kind: fc.constant('host' as const),
      interfaces,
      loopbacks: some(awkward),
      forwarding: fc.boolean(),
      routes,
      bgp: fc.record({
        asn: fc.integer({ min: 1, max: 4_294_967_295 }),
        peers: some(fc.record({ address: awkward, asn: fc.integer({ min: 1 }) })),
        originate: some(awkward),
      }),
      ddm: fc.record({ interfaces: some(awkward), originate: some(awkward) }),
      groups: some(name),
    },
    { requiredKeys: ['kind'] },
  ),
  fc.record(
    {
      kind: fc.constant('switch' as const),
      program: awkward,
      ports: some(fc.integer({ min: 0, max: 511 })),
      entries: some(fc.record({ table: awkward, keys: some(word), action: awkward, args: some(word) })),
      defaults: fc.dictionary(name, fc.record({ action: awkward, args: some(word) }), { maxKeys: 2 }),
      multicast: fc.dictionary(fc.constantFrom('1', '2'), some(fc.integer()), { maxKeys: 2 }),
      groups: some(name),
    },
    { requiredKeys: ['kind', 'program'] },
  ),
  fc.record(
    {
      kind: fc.constant('rack' as const),
      sleds: fc.integer({ min: 1, max: 32 }),
      uplinks: some(
        fc.record(
          {
            switch: fc.integer({ min: 0, max: 1 }),
            port: fc.integer({ min: 0, max: 31 }),
            address: awkward,
            ddm: fc.boolean(),
          },
          { requiredKeys: ['switch', 'port'] },
        ),
      ),
    },
    { requiredKeys: ['kind'] },
  ),
  fc.record(
    {
      kind: fc.constant('namespace' as const),
      interfaces,
      exec: some(awkward),
      daemons: some(fc.record({ name, command: awkward })),
      files: fc.dictionary(name, awkward, { maxKeys: 2 }),
    },
    { requiredKeys: ['kind'] },
  ),
  fc.record(
    { kind: fc.constant('machine' as const), interfaces, routes, exec: some(awkward), clone: fc.boolean() },
    { requiredKeys: ['kind'] },
  ),
  fc.record({
    kind: fc.constant('guest' as const),
    rack: name,
    sled: fc.integer({ min: 0, max: 31 }),
    address: awkward,
    subnet: awkward,
  }),
  fc.record({
    kind: fc.constant('external' as const),
    attach: fc.oneof(
      fc.record({ type: fc.constant('interface' as const), device: awkward }),
      fc.record({
        type: fc.constant('tcp' as const),
        role: fc.constantFrom('listen' as const, 'connect' as const),
        address: awkward,
        port: fc.integer({ min: 0, max: 65_535 }),
      }),
    ),
  }),
  fc.record({ kind: fc.constant('device' as const), groups: some(name) }, { requiredKeys: ['kind'] }),
)
const end = fc.tuple(name, name).map(([node, port]) => `${node}:${port}`)
const links = fc.record(
  {
    a: end,
    b: end,
    profile: awkward,
    mtuBytes: fc.integer({ min: 68, max: 9216 }),
    isUp: fc.boolean(),
    both: impairments,
    aToB: impairments,
    bToA: impairments,
    groups: some(name),
  },
  { requiredKeys: ['a', 'b'] },
) as fc.Arbitrary<LinkInput>
const fault = fc.oneof(
  fc.record({ kind: fc.constant('down' as const), target: awkward }),
  fc.record(
    { kind: fc.constant('shape' as const), target: awkward, profile: awkward, change: impairments },
    { requiredKeys: ['kind', 'target'] },
  ),
  fc.constant({ kind: 'heal' as const }),
)
const documents = fc.record(
  {
    name,
    profiles: fc.dictionary(name, fc.record({ detail: awkward, impairments }), { maxKeys: 2 }),
    nodes: fc.dictionary(name, nodes, { maxKeys: 4 }),
    links: fc.dictionary(name, links, { maxKeys: 3 }),
    timeline: some(fc.record({ atMs: amount, fault })),
    latenessBoundMs: above,
  },
  { requiredKeys: ['name', 'nodes', 'links'] },
) as fc.Arbitrary<LabDocumentInput>

test('a document that was written as YAML is read as what it was', () => {
  fc.assert(
    fc.property(documents, (input) => {
      const parsed = LabDocument.safeParse(input)
      fc.pre(parsed.success)
      const document = parsed.data
      const text = toYaml(document)
      const back = fromYaml(text)
      assert.ok(back.ok, `${JSON.stringify(back)}\n${text}`)
      assert.deepEqual(back.document, document)
      assert.equal(toYaml(back.document), text)
    }),
    { numRuns: 120 },
  )
})
