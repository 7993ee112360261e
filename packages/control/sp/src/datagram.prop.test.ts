/** Whatever arrives, nothing throws: it is answered with a reason and counted, and the processor goes on. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HOST_PORT } from './device/management-switch.ts'
import fc from 'fast-check'
import { decodeCbor, encodeCbor } from './firmware/cbor.ts'
import { decodeEreportResponse } from './firmware/ereport-log.ts'
import { readImage } from './firmware/image.ts'
import { lzssCompress, lzssExpand } from './firmware/lzss.ts'
import { decodeDatagram, EREPORT_SP_PORT, SP_PORT } from './protocol/message.ts'
import { decodeTlvs, deviceOf, measurementOf } from './protocol/tlv.ts'
import { Rig } from './rig.fixture.ts'

const bytes = fc.uint8Array({ maxLength: 1100 })
/** Bytes that come further: a good header and a message's number first. */
const nearly = fc
  .tuple(fc.integer({ min: 2, max: 26 }), fc.nat(4), fc.nat(60), fc.uint8Array({ maxLength: 300 }))
  .map(([version, kind, variant, rest]) => Uint8Array.of(version, 0, 0, 0, 1, 2, 3, 4, kind, variant, ...rest))

test('readers of bytes from outside give a value or a reason', () => {
  fc.assert(
    fc.property(fc.oneof(bytes, nearly), (input) => {
      const decoded = decodeDatagram(input)
      assert.equal(typeof decoded.ok, 'boolean')
      for (const tlv of decodeTlvs(input) ?? []) {
        deviceOf(tlv)
        measurementOf(tlv)
      }
      decodeCbor(input)
      decodeEreportResponse(input)
      lzssExpand(input, 600)
      readImage(input)
    }),
    { numRuns: 3000 },
  )
})

test('a service processor answers or drops any datagram, counts the malformed ones, and goes on', async () => {
  const rig = await Rig.start()
  const host = rig.host('stranger', 'fd00::2000', HOST_PORT)
  const socket = await host.network('management').bindUdp({ address: 'fd00::2000', port: 5555 }, () => {})
  const samples = [...fc.sample(nearly, { numRuns: 1500, seed: 7 }), ...fc.sample(bytes, { numRuns: 500, seed: 7 })]
  const { sp, board } = rig.sleds[0]!
  for (const [index, sample] of samples.entries()) {
    socket.send(sample, index % 2 === 0 ? 'fd00::16' : 'fd00::1', SP_PORT)
    if (index % 10 === 0) socket.send(sample, 'fd00::16', EREPORT_SP_PORT)
    if (index % 100 === 0) await rig.clock.advance(10)
  }
  await rig.clock.advance(10_000)
  assert.ok(sp.counters.get('malformed') > 500, `${sp.counters.get('malformed')} malformed`)
  board.setPlug(false)
  board.setPlug(true)
  await rig.clock.advance(5000)
  assert.equal(sp.firmware?.powerState, 'A0')
  rig.close()
})

test('CBOR and LZSS give back what was put in', () => {
  const value = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.maxSafeInteger(),
      fc.bigInt({ min: 2n ** 60n, max: 2n ** 64n - 1n }),
      fc.string(),
      fc.boolean(),
      fc.constant(null),
      fc.uint8Array({ maxLength: 40 }),
      fc.double({ noNaN: true, noInteger: true }),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(
        fc.string().filter((key) => key !== '__proto__'),
        tie('value'),
        { maxKeys: 4 },
      ),
    ),
  })).value
  fc.assert(
    fc.property(value, (each) => {
      // because the arbitrary makes what CBOR of ours can hold
      const packed = encodeCbor(each as Parameters<typeof encodeCbor>[0])
      const decoded = decodeCbor(packed)
      assert.deepEqual(plain(decoded?.value), plain(each))
      assert.equal(decoded?.end, packed.length)
    }),
  )
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 600 }), fc.string().map(textBytes)), (input) => {
      assert.deepEqual(lzssExpand(lzssCompress(input), input.length), input)
    }),
  )
  const text = textBytes('the same words over and over, the same words '.repeat(20))
  assert.ok(lzssCompress(text).length < text.length / 2)
})

function textBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** Records without prototypes compare as records; -0 is 0 on the wire. */
function plain(value: unknown): unknown {
  if (Object.is(value, -0)) return 0
  if (value instanceof Uint8Array || value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map(plain)
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]))
}
