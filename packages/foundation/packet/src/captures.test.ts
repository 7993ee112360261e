/** pcap and pcapng, there and back, and against bytes put together by hand. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { captureTime, PcapngBlocks, PcapngWriter, readPcap, readPcapng, writePcap } from './index.ts'
import type { CapturedPacket } from './index.ts'
import { goldenFrames } from './golden-frames.ts'
import { concat } from './pcap.ts'

const packets: CapturedPacket[] = [
  { seconds: 0, nanoseconds: 1, bytes: goldenFrames.A, originalLength: 54 },
  { seconds: 1_790_000_000, nanoseconds: 999_999_999, bytes: goldenFrames.B, originalLength: 128 },
  { seconds: 4_294_967_295, nanoseconds: 0, bytes: goldenFrames.E.slice(0, 61), originalLength: 124 },
]

function pcapng(...names: string[]): { blocks: Uint8Array[]; writer: PcapngWriter } {
  const blocks: Uint8Array[] = []
  const writer = new PcapngWriter((block) => blocks.push(block))
  for (const name of names) writer.addInterface(name)
  return { blocks, writer }
}

test('pcap with nanoseconds is a round trip', () => {
  const file = readPcap(writePcap(packets, { linkType: 101 }))
  assert.deepEqual(file, { precision: 'ns', snapLength: 262144, linkType: 101, packets })
})

test('pcap with microseconds keeps them and drops the rest', () => {
  const file = readPcap(writePcap(packets, { precision: 'us' }))
  assert.equal(file.precision, 'us')
  assert.deepEqual(
    file.packets.map((packet) => packet.nanoseconds),
    [0, 999_999_000, 0],
  )
})

test('a big-endian pcap file is read', () => {
  const header = [0xa1, 0xb2, 0xc3, 0xd4, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 1]
  const record = [0, 0, 0, 7, 0, 0, 0, 8, 0, 0, 0, 2, 0, 0, 0, 9, 0xaa, 0xbb]
  const bytes = Uint8Array.from([...header, ...record])
  assert.deepEqual(readPcap(bytes), {
    precision: 'us',
    snapLength: 65535,
    linkType: 1,
    packets: [{ seconds: 7, nanoseconds: 8000, bytes: Uint8Array.of(0xaa, 0xbb), originalLength: 9 }],
  })
})

test('a pcap file cut anywhere gives the packets before the cut', () => {
  const file = writePcap(packets)
  for (let length = 0; length < file.length; length++) {
    const read = readPcap(file.slice(0, length))
    assert.ok(read.packets.length < packets.length)
    assert.deepEqual(read.packets, packets.slice(0, read.packets.length))
    const isBetween = read.error === undefined
    assert.equal(isBetween, [24, 24 + 70, 24 + 70 + 144].includes(length), `${length} bytes`)
  }
})

test('pcapng is a round trip: names, nanoseconds, comments, direction, packet number', () => {
  const { blocks, writer } = pcapng('qsfp0')
  assert.equal(writer.addInterface('rear4', { description: 'to sled 4', linkType: 101 }), 1)
  writer.write({ interfaceId: 0, ...packets[0]!, comments: ['NAT hit: 1.2.3.4', 'zweite Zeile: ü'], direction: 'in' })
  writer.write({ interfaceId: 1, ...packets[1]!, direction: 'out', packetId: 0xfffffffe })
  writer.write({ interfaceId: 1, ...packets[2]! })
  assert.equal(blocks.length, 6)
  for (const block of blocks) assert.equal(block.length % 4, 0)
  const file = readPcapng(concat(blocks))
  assert.equal(file.error, undefined)
  assert.deepEqual(
    file.interfaces.map(({ name, description, linkType }) => [name, description, linkType]),
    [
      ['qsfp0', '', 1],
      ['rear4', 'to sled 4', 101],
    ],
  )
  assert.deepEqual(file.packets, [
    { interfaceId: 0, ...packets[0]!, comments: ['NAT hit: 1.2.3.4', 'zweite Zeile: ü'], direction: 'in' },
    { interfaceId: 1, ...packets[1]!, direction: 'out', packetId: 0xfffffffe },
    { interfaceId: 1, ...packets[2]! },
  ])
})

test('pcapng that comes in pieces and ends anywhere is cut after its last whole block', () => {
  const { blocks, writer } = pcapng('a', 'b')
  for (const packet of packets) writer.write({ interfaceId: 1, ...packet, comments: ['why'] })
  const whole = concat(blocks)
  const ends = blocks.map((_, index) => concat(blocks.slice(0, index + 1)).length)
  fc.assert(
    fc.property(fc.array(fc.nat(whole.length)), fc.nat(whole.length), (cuts, length) => {
      const cutter = new PcapngBlocks()
      const borders = [0, ...cuts.filter((cut) => cut < length).toSorted((a, b) => a - b), length]
      const pieces = borders.slice(1).map((end, index) => cutter.push(whole.subarray(borders[index]!, end)))
      const end = ends.findLast((each) => each <= length) ?? 0
      assert.deepEqual(concat(pieces), whole.subarray(0, end))
    }),
  )
  const none = new PcapngBlocks()
  const text = new TextEncoder().encode('no\0\0\0\0\0\0capture')
  assert.deepEqual(
    concat([none.push(text.subarray(0, 9)), none.push(text.subarray(9))]),
    text,
    'what is none goes through',
  )
})

test('any time survives pcapng to the nanosecond', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffffffff }), fc.nat(999_999_999), (seconds, nanoseconds) => {
      const { blocks, writer } = pcapng('x')
      writer.write({ interfaceId: 0, seconds, nanoseconds, bytes: new Uint8Array(1) })
      const packet = readPcapng(concat(blocks)).packets[0]
      assert.deepEqual([packet?.seconds, packet?.nanoseconds], [seconds, nanoseconds])
    }),
  )
})

test('a big-endian pcapng section with microseconds and a simple packet is read', () => {
  const words = (...values: number[]): number[] =>
    values.flatMap((value) => [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff])
  const bytes = Uint8Array.from([
    ...words(0x0a0d0d0a, 28, 0x1a2b3c4d, 0x00010000, 0xffffffff, 0xffffffff, 28),
    ...words(1, 20, 0x00010000, 3, 20),
    ...words(6, 36, 0, 0, 2_000_005, 3, 60, 0xaabbcc00, 36),
    ...words(0xbad, 12, 12),
    ...words(3, 20, 60, 0xddeeff00, 20),
  ])
  const file = readPcapng(bytes)
  assert.deepEqual(file.error, undefined)
  assert.deepEqual(file.packets, [
    { interfaceId: 0, seconds: 2, nanoseconds: 5000, bytes: Uint8Array.of(0xaa, 0xbb, 0xcc), originalLength: 60 },
    { interfaceId: 0, seconds: 0, nanoseconds: 0, bytes: Uint8Array.of(0xdd, 0xee, 0xff), originalLength: 60 },
  ])
})

test('a cut or damaged pcapng file gives what precedes the damage, never an exception', () => {
  const { blocks, writer } = pcapng('a', 'b')
  for (const packet of packets) writer.write({ interfaceId: 1, ...packet, comments: ['c'] })
  const file = concat(blocks)
  for (let length = 0; length < file.length; length++) {
    const read = readPcapng(file.slice(0, length))
    assert.ok(read.packets.length < packets.length)
  }
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { maxLength: 8 }), (changes) => {
      const damaged = file.slice()
      for (const [at, value] of changes) damaged[at] = value
      readPcapng(damaged)
      readPcap(damaged)
    }),
    { numRuns: 300 },
  )
  assert.equal(readPcapng(writePcap(packets)).error?.kind, 'not-a-capture')
  assert.equal(readPcap(file).error?.kind, 'not-a-capture')
})

test("a packet for an interface that was not declared is the caller's mistake", () => {
  const { writer } = pcapng('only')
  assert.throws(() => writer.write({ interfaceId: 1, ...packets[0]! }), RangeError)
})

test('times in milliseconds are split without a nanosecond count of a whole second', () => {
  assert.deepEqual(captureTime(1500.25), { seconds: 1, nanoseconds: 500_250_000 })
  assert.deepEqual(captureTime(0.999999999999 + 999), { seconds: 0, nanoseconds: 999_999_999 })
})
