import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode, encode } from 'dns-packet'
import fc from 'fast-check'
import { decodeQuery, encodeAnswer, MAX_UDP_BYTES, PLAIN_UDP_BYTES, udpLimit } from './message.ts'
import { ZoneSet } from './zone-set.ts'
import { RACK_ZONE } from './zone.fixture.ts'

const zones = new ZoneSet(RACK_ZONE)
const names = [
  'oxide.test',
  'eng.sys.oxide.test',
  'many.oxide.test',
  'none.oxide.test',
  'sys.oxide.test',
  'example.com',
]
const query = fc.record({
  name: fc.constantFrom(...names),
  type: fc.constantFrom('A', 'AAAA', 'NS', 'SOA', 'SRV', 'ANY', 'TXT', 'MX'),
  udpBytes: fc.option(fc.integer({ min: 0, max: 0xffff })),
})

function queryBytes({ name, type, udpBytes }: { name: string; type: string; udpBytes: number | null }): Buffer {
  return encode({
    type: 'query',
    id: 1,
    // because the types are names that dns-packet knows, `ANY` among them, which its declaration leaves out
    questions: [{ name, type: type as 'A' }],
    additionals:
      udpBytes === null
        ? []
        : [
            {
              type: 'OPT',
              name: '.',
              udpPayloadSize: udpBytes,
              extendedRcode: 0,
              ednsVersion: 0,
              flags: 0,
              flag_do: false,
              options: [],
            },
          ],
  })
}

test('an answer fits into what the client takes, can be read, and says nothing or everything', () => {
  fc.assert(
    fc.property(query, (asked) => {
      const decoded = decodeQuery(queryBytes(asked))
      assert.ok(decoded.kind === 'query')
      const limit = udpLimit(decoded.query)
      assert.ok(limit >= PLAIN_UDP_BYTES && limit <= MAX_UDP_BYTES)
      const answer = zones.answer(decoded.query.question)
      const bytes = encodeAnswer(decoded.query, answer, limit)
      assert.ok(bytes.length <= limit)
      const packet = decode(Buffer.from(bytes))
      assert.equal(packet.answers!.length, packet.flag_tc ? 0 : answer.answers.length)
      assert.equal(
        packet.additionals!.some((record) => record.type === 'OPT'),
        asked.udpBytes !== null,
      )
    }),
    { numRuns: 300 },
  )
})

test('bytes of any kind are dropped, refused with a header, or a query that can be answered', () => {
  const mutated = fc
    .tuple(query, fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 4 }))
    .map(([asked, edits]) => {
      const bytes = Uint8Array.from(queryBytes(asked))
      for (const [offset, value] of edits) if (offset < bytes.length) bytes[offset] = value
      return bytes
    })
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 100 })), (bytes) => {
      const decoded = decodeQuery(bytes)
      if (decoded.kind === 'drop') return
      if (decoded.kind === 'reply') {
        assert.equal(decoded.message.length, 12)
        assert.deepEqual([...decoded.message.subarray(0, 2)], [...bytes.subarray(0, 2)])
        return
      }
      const limit = udpLimit(decoded.query)
      const answer = encodeAnswer(decoded.query, zones.answer(decoded.query.question), limit)
      assert.ok(answer.length <= limit)
      assert.ok((answer[2]! & 0x80) !== 0)
    }),
    { numRuns: 2000 },
  )
})
