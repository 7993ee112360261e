/**
 * A ternary table of 10k entries, 4 keys of 32, 32, 16 and 8 bits, 64 combinations of masks, priorities that follow no order.
 * Two thirds of the packets match an entry. Priorities end a search early; tables where none does are in rows of their own. With half a million
 * flows nearly every packet is a search; with 4096 the memo of flows answers.
 */
import { createPipeline, type Pipeline } from '../src/index.ts'
import { constant, ProgramBuilder, state } from '../src/testing/program-builder.ts'
import { arenaOf, generator, measure, mpps, print, type Row, Traffic } from './harness.ts'
import { must } from './programs.ts'

const ENTRIES = 10_000
const MASKS = 64
/** The memo has 32,768 lines. */
const FLOWS = [2 ** 19, 4096]
const WARM_UP = 200_000
const PACKETS = 200_000
const ROUNDS = 5
const WIDTHS = [32, 32, 16, 8] as const

/** Extract four fields, look them up, send to port 1 or 2. */
function program(): ReturnType<ProgramBuilder['build']> {
  const b = new ProgramBuilder('ternary')
  b.intrinsic('ingress.port', 16)
  const port = b.intrinsic('egress.port', 16)
  b.intrinsic('egress.drop', 1)
  const header = b.header('hdr.key', { a: 32, b: 32, c: 16, d: 8 })
  b.parser('parser', [state('start', [{ kind: 'extract', header: header.id }])])
  const hit = b.action('ingress.hit', {}, () => [b.assign(port, 1n)])
  const miss = b.action('ingress.miss', {}, () => [b.assign(port, 2n)])
  const keys = (['a', 'b', 'c', 'd'] as const).map((name) => {
    return { name, match: 'ternary' as const, expression: b.load(header.slots[name]) }
  })
  const table = b.table('ingress.acl', keys, [hit, miss], { size: ENTRIES })
  b.control('ingress', [
    { kind: 'assign', slot: port, value: constant(16, 0n) },
    { kind: 'apply', table },
  ])
  b.control('deparser', [{ kind: 'emit', header: header.id }])
  return b.build()
}

function build(pipeline: Pipeline, isFlat: boolean, flows: number): Uint8Array {
  const next = generator(5)
  const value = (width: number): number => next() % 2 ** width
  const masks = Array.from({ length: MASKS }, (_, k) =>
    WIDTHS.map((width, field) => {
      // Some fields are ignored, some matched by prefix, some exactly.
      const kind = field === 0 ? k % 2 : (k >> field) % 3
      const full = 2 ** width - 1
      return kind === 0 ? full : kind === 1 ? full - (2 ** ((k % width) + 1) - 1) : k % 2 === 0 ? 0 : 2 ** (k % width)
    }),
  )
  const entries: { readonly fields: readonly number[]; readonly mask: readonly number[] }[] = []
  for (let k = 0; entries.length < ENTRIES; k++) {
    const mask = masks[k % MASKS]!
    const fields = WIDTHS.map(value)
    const result = pipeline.addEntry('acl', {
      keys: fields.map((field, f) => {
        const masked = BigInt(field) & BigInt(mask[f]!)
        return mask[f] === 0 ? { kind: 'any' } : { kind: 'ternary', value: masked, mask: BigInt(mask[f]!) }
      }),
      priority: isFlat ? 0 : 1 + (next() % 100_000),
      action: 'hit',
      parameters: [],
    })
    if (!result.ok && result.error.kind !== 'exists') must(result)
    if (result.ok) entries.push({ fields, mask })
  }
  const image = new Uint8Array(64 * flows)
  const view = new DataView(image.buffer)
  for (let flow = 0; flow < flows; flow++) {
    const entry = entries[next() % ENTRIES]!
    const [a, b, c, d] = WIDTHS.map((width, f) => {
      const random = value(width)
      return flow % 3 === 0 ? random : ((entry.fields[f]! & entry.mask[f]!) | (random & ~entry.mask[f]!)) >>> 0
    })
    const at = 64 * flow
    view.setUint32(at, a!)
    view.setUint32(at + 4, b!)
    view.setUint16(at + 8, c!)
    view.setUint8(at + 10, d!)
  }
  return image
}

function rows(): Row[] {
  const cases = FLOWS.flatMap((flows) => [false, true].map((isFlat) => ({ flows, isFlat })))
  return cases.map(({ flows, isFlat }) => {
    const arena = arenaOf()
    const pipeline = createPipeline(program(), { arena, nowMs: () => 0 })
    const traffic = new Traffic(arena, build(pipeline, isFlat, flows), 1, flows)
    measure(pipeline, traffic, WARM_UP)
    const ns = Math.min(...Array.from({ length: ROUNDS }, () => measure(pipeline, traffic, PACKETS)))
    const { hits, misses } = pipeline.usage('acl')!
    const share = `${((100 * hits) / (hits + misses)).toFixed(0)} % hits`
    const order = isFlat ? 'all of one priority' : 'random priorities'
    return {
      what: `ternary table, 10k entries, 4 fields, ${MASKS} masks, ${order}, ${flows} flows`,
      mustReach: '1 M lookups/s',
      reached: `${mpps(ns)}, ${share}`,
      isReached: ns <= 1000,
    }
  })
}

if (import.meta.main) print(rows())
