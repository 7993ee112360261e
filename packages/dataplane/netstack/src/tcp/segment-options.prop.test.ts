import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeTcpOptions, setTcpDataOffset, TCP_MIN } from '@lodestone/packet'
import fc from 'fast-check'
import { readSegmentOptions, segmentOptionsLength, writeSegmentOptions } from './segment-options.ts'
import { InSegment, OutSegment, startSegment } from './segment.ts'

const u32 = fc.integer({ min: 0, max: 0xffffffff })
const option = fc.record({
  mss: fc.option(fc.integer({ min: 1, max: 0xffff }), { nil: 0 }),
  shift: fc.option(fc.integer({ min: 0, max: 14 }), { nil: -1 }),
  isSack: fc.boolean(),
  stamps: fc.option(fc.tuple(u32, u32), { nil: undefined }),
  sack: fc.array(fc.tuple(u32, u32), { maxLength: 2 }),
})

test('options written are read back the same, here and by the packet package', () => {
  fc.assert(
    fc.property(option, ({ mss, shift, isSack, stamps, sack }) => {
      const out = new OutSegment()
      startSegment(out, 0, 0, 0)
      Object.assign(out, { mss, windowShift: shift, sackPermitted: isSack, sackCount: sack.length })
      if (stamps !== undefined) Object.assign(out, { hasTimestamps: true, tsValue: stamps[0], tsEcho: stamps[1] })
      sack.forEach(([start, end], i) => {
        out.sackStarts[i] = start
        out.sackEnds[i] = end
      })
      const length = segmentOptionsLength(out)
      if (length > 40) return
      assert.equal(length % 4, 0)
      const bytes = new Uint8Array(60).fill(0xee)
      writeSegmentOptions(out, bytes, TCP_MIN)
      assert.ok(bytes.subarray(TCP_MIN + length).every((byte) => byte === 0xee))
      setTcpDataOffset(bytes, 0, (TCP_MIN + length) / 4)
      const segment = new InSegment()
      readSegmentOptions(segment, bytes, 0, TCP_MIN + length)
      const read = {
        mss: segment.mss,
        shift: segment.windowShift,
        isSack: segment.sackPermitted,
        stamps: segment.hasTimestamps ? [segment.tsValue, segment.tsEcho] : undefined,
        sack: Array.from({ length: segment.sackCount }, (_, i) => [segment.sackStarts[i], segment.sackEnds[i]]),
      }
      assert.deepEqual(read, { mss, shift, isSack, stamps, sack })
      const other = decodeTcpOptions(bytes, 0)
      assert.equal(other.mss ?? 0, mss)
      assert.equal(other.windowScale ?? -1, shift)
      assert.equal(other.sackPermitted ?? false, isSack)
      assert.deepEqual(other.timestamps && [other.timestamps.value, other.timestamps.echo], stamps)
      assert.deepEqual(other.sack ?? [], sack.flat())
    }),
  )
})

test('any option bytes are read without reading outside or throwing, as the packet package reads them', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 0, maxLength: 40 }), (raw) => {
      const options = raw.subarray(0, raw.length & ~3)
      const bytes = new Uint8Array(TCP_MIN + options.length)
      bytes.set(options, TCP_MIN)
      setTcpDataOffset(bytes, 0, bytes.length / 4)
      const segment = new InSegment()
      readSegmentOptions(segment, bytes, 0, bytes.length)
      const other = decodeTcpOptions(bytes, 0)
      assert.equal(segment.mss, other.mss ?? 0)
      assert.equal(segment.windowShift, other.windowScale ?? -1)
      assert.equal(segment.hasTimestamps, other.timestamps !== undefined)
      assert.equal(segment.sackCount, Math.min(4, (other.sack?.length ?? 0) / 2))
    }),
    { numRuns: 2000 },
  )
})
