import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Arena } from '@lodestone/frame'
import {
  hasPayload,
  insertTelemetry,
  isAnswer,
  makeAnswer,
  receiverStamp,
  senderId,
  senderStamp,
  stripTelemetry,
  TELEMETRY_BYTES,
  telemetryLength,
} from './telemetry-frame.ts'

const HEADERS = 14 + 40

/** An Ethernet and IPv6 frame with this after it. */
function frameOf(payload: Uint8Array, nextHeader: number): Uint8Array {
  const frame = new Uint8Array(HEADERS + payload.length)
  for (let i = 0; i < HEADERS; i++) frame[i] = i
  frame.set([0x86, 0xdd, 0x60, 0, 0, 0, payload.length >> 8, payload.length & 0xff, nextHeader, 64], 12)
  frame.set(payload, HEADERS)
  return frame
}

test('whatever stands after IPv6, telemetry is read inside the frame, answered and taken out, or refused; nothing leaks', () => {
  const bytes = fc.uint8Array({ minLength: 0, maxLength: 90 })
  const likely = fc
    .record({ elements: fc.nat({ max: 17 }), ack: fc.nat({ max: 255 }), next: fc.constantFrom(17, 59), rest: bytes })
    .map(({ elements, ack, next, rest }) => Uint8Array.of(next, 3 + 4 * elements, 1, ack, ...rest))
  fc.assert(
    fc.property(fc.oneof(bytes, likely), fc.integer({ min: -4, max: 4 }), (payload, lie) => {
      const arena = new Arena({ slots: 4, slotBytes: 512 })
      const frame = frameOf(payload, 0xdd)
      frame[19] = Math.max(0, frame[19]! + lie)
      const slot = arena.from(frame)
      const length = telemetryLength(arena, slot)
      if (length > 0) {
        assert.ok(length % 4 === 0 && length <= payload.length)
        assert.ok(senderId(arena, slot) >= -1 && receiverStamp(arena, slot) >= -2)
        if (senderId(arena, slot) >= 0) {
          const answer = makeAnswer(arena, slot, 0x010203)
          if (length < 68) {
            assert.equal(arena.length(answer), HEADERS + length + 4)
            assert.equal(telemetryLength(arena, answer), length + 4)
            assert.ok(isAnswer(arena, answer) && !hasPayload(arena, answer))
            assert.deepEqual(
              [senderId(arena, answer), senderStamp(arena, answer)],
              [senderId(arena, slot), senderStamp(arena, slot)],
            )
            if (length === TELEMETRY_BYTES) assert.equal(receiverStamp(arena, answer), 0x010203)
            arena.free(answer)
          } else assert.equal(answer, -1)
        }
        stripTelemetry(arena, slot)
        assert.equal(arena.length(slot), frame.length - length)
        assert.deepEqual(arena.peek(slot).subarray(HEADERS), frame.subarray(HEADERS + length))
      }
      arena.free(slot)
      assert.equal(arena.freeSlots, arena.slots)
    }),
    { numRuns: 2000 },
  )
})

test('a header that was put in and taken out leaves the packet as it was', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 90 }),
      fc.nat({ max: 255 }),
      fc.nat({ max: 0xffffff }),
      (payload, id, stamp) => {
        const arena = new Arena({ slots: 4, slotBytes: 512 })
        const frame = frameOf(payload, 17)
        const slot = arena.from(frame)
        arena.shift(slot, 14)
        assert.ok(insertTelemetry(arena, slot, id, stamp))
        arena.shift(slot, -14)
        arena.peek(slot).set(frame.subarray(0, 14))
        assert.deepEqual(
          [senderId(arena, slot), senderStamp(arena, slot), telemetryLength(arena, slot)],
          [id, stamp, 8],
        )
        stripTelemetry(arena, slot)
        assert.deepEqual(arena.peek(slot), frame)
      },
    ),
  )
})
