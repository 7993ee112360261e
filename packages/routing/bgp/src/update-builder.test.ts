import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Ip, Prefix } from '@lodestone/net'
import { RouteStore } from '@lodestone/rib'
import { encodeAttributes } from './attribute-encoding.ts'
import { AttributeSet } from './attribute-set.ts'
import { ExportTable } from './export-table.ts'
import { MAX_MESSAGE_BYTES } from './message.ts'
import { MessageStream } from './message-stream.ts'
import { RouteLists } from './route-lists.ts'
import { MAX_ATTRIBUTE_BYTES, UpdateBuilder } from './update-builder.ts'
import { decodeUpdate, type UpdateMessage } from './update-message.ts'

const prefix4 = fc
  .tuple(fc.integer({ min: 0, max: 0xffffffff }), fc.nat(32))
  .map(([word, length]) => new Prefix(Ip.v4(word), length).masked())
const prefix6 = fc
  .tuple(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.nat(128))
  .map(([bytes, length]) => new Prefix(Ip.fromBytes(bytes, 0, 16), length).masked())

/** Everything that the builder wrote, decoded. */
function built(
  store: RouteStore,
  hasPathIds: boolean,
  write: (builder: UpdateBuilder) => void,
): readonly UpdateMessage[] {
  const out: UpdateMessage[] = []
  const stream = new MessageStream()
  const builder = new UpdateBuilder(store, ({ bytes, count, tailAt }) => {
    let seen = 0
    assert.deepEqual(
      [...bytes.subarray(tailAt, tailAt + 16)],
      Array<number>(16).fill(0xff),
      'the tail begins a message',
    )
    const error = stream.push(bytes, (raw) => {
      seen++
      assert.ok(raw.bytes.length <= MAX_MESSAGE_BYTES)
      const decoded = decodeUpdate(raw.body, {
        isFourOctetAs: true,
        isExternal: false,
        addPath: hasPathIds ? [4, 6] : [],
      })
      assert.ok(decoded.ok)
      assert.deepEqual(decoded.value.errors, [])
      out.push(decoded.value.update)
      return true
    })
    assert.equal(error, undefined)
    assert.equal(seen, count)
  })
  write(builder)
  builder.flush()
  return out
}

test('every prefix is told once, in order, with its path identifier, and no message exceeds 4096 bytes', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(prefix4, { minLength: 1, maxLength: 1800, selector: String }),
      fc.uniqueArray(prefix6, { minLength: 1, maxLength: 500, selector: String }),
      fc.boolean(),
      fc.nat(3000),
      (four, six, hasPathIds, padding) => {
        const store = new RouteStore()
        const exports = new ExportTable()
        const set = AttributeSet.of({ origin: 0, asPath: [], unknown: [{ type: 99, value: new Uint8Array(padding) }] })
        for (const [family, prefixes, nextHop] of [
          [4, four, Ip.of('192.0.2.1')],
          [6, six, Ip.of('2001:db8::1')],
          [4, four, Ip.of('2001:db8::1')],
        ] as const) {
          const lists = new RouteLists()
          prefixes.forEach((prefix, i) => lists.add(1, store.insert(prefix), i + 7))
          const isNative = nextHop.family === 4
          const bytes = encodeAttributes(set.fields(), isNative ? nextHop : undefined, { isFourOctetAs: true })
          assert.ok(bytes.length <= MAX_ATTRIBUTE_BYTES)
          exports.scratch.set(bytes)
          const id = exports.intern(bytes.length, isNative ? new Uint8Array(0) : nextHop.bytes, family, 0)
          const told = built(store, hasPathIds, (builder) => builder.announce(exports, id, lists, 0, hasPathIds))
          const reaches = told.map((update) => update.ipv4 ?? update.mpReach!)
          assert.deepEqual(
            reaches.flatMap((reach) => reach.prefixes.map(String)),
            prefixes.map(String),
          )
          if (hasPathIds)
            assert.deepEqual(
              reaches.flatMap((reach) => reach.pathIds!),
              prefixes.map((_, i) => i + 7),
            )
          for (const update of told) assert.deepEqual(update.attributes?.fields(), set.fields())
          for (const reach of reaches) assert.ok(reach.nextHop.equals(nextHop))

          const gone = built(store, hasPathIds, (builder) => builder.withdraw(family, lists, 0, hasPathIds))
          const withdrawn = gone.flatMap((update) => (family === 4 ? update.withdrawnIpv4 : update.mpUnreach!.prefixes))
          assert.deepEqual(withdrawn.map(String), prefixes.map(String))
        }
      },
    ),
    { numRuns: 25 },
  )
})
