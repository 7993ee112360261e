import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  Arena,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_PACKET,
  DESCRIPTOR_START,
  DESCRIPTOR_TAINT,
  DESCRIPTOR_WORDS,
} from './index.ts'

test('a new frame has head room, and its L3 header is aligned to 4 bytes', () => {
  const arena = new Arena({ slots: 8 })
  for (let i = 0; i < 8; i++) {
    const slot = arena.alloc(64)
    assert.equal(arena.start(slot) % 4, 2)
    assert.equal(arena.length(slot), 64)
    assert.equal(arena.end(slot), arena.start(slot) + 64)
    assert.ok(arena.shift(slot, -arena.headroomBytes))
    assert.ok(!arena.shift(slot, -1))
  }
})

test('the default slot holds a frame of 9216 bytes', () => {
  const arena = new Arena({ slots: 1 })
  assert.ok(arena.alloc(9216) >= 0)
})

test('an exhausted arena and an oversized frame give -1 and are counted', () => {
  const arena = new Arena({ slots: 2, slotBytes: 512 })
  assert.equal(arena.alloc(512 - arena.headroomBytes + 1), -1)
  const slots = [arena.alloc(1), arena.alloc(1)]
  assert.equal(arena.alloc(1), -1)
  assert.equal(arena.from(new Uint8Array(1)), -1)
  assert.equal(arena.clone(slots[0]!), -1)
  assert.equal(arena.exhausted, 4)
  arena.free(slots[1]!)
  assert.equal(arena.freeSlots, 1)
  assert.equal(arena.alloc(1), slots[1])
})

test('slots do not share bytes', () => {
  const arena = new Arena({ slots: 16, slotBytes: 256 + 64 })
  const frames = Array.from({ length: 16 }, (_, i) => new Uint8Array(60).fill(i + 1))
  const slots = frames.map((frame) => arena.from(frame))
  assert.equal(new Set(slots).size, 16)
  slots.forEach((slot, i) => assert.deepEqual(arena.peek(slot), frames[i]))
})

test('shift moves the start and keeps the end, within the slot', () => {
  const arena = new Arena({ slots: 2 })
  const slot = arena.from(Uint8Array.of(1, 2, 3, 4))
  const end = arena.end(slot)
  assert.ok(arena.shift(slot, 3))
  assert.deepEqual([...arena.peek(slot)], [4])
  assert.ok(arena.shift(slot, -1))
  assert.deepEqual([...arena.peek(slot)], [3, 4])
  assert.equal(arena.end(slot), end)
  assert.ok(!arena.shift(slot, 3), 'more than the frame has')
  assert.deepEqual([...arena.peek(slot)], [3, 4], 'a refused shift changes nothing')
})

test('every allocation is a new packet, and a clone is the same packet with bytes of its own', () => {
  const arena = new Arena({ slots: 4 })
  const first = arena.from(Uint8Array.of(1, 2))
  const second = arena.from(Uint8Array.of(3))
  assert.notEqual(arena.packet(first), arena.packet(second))
  arena.setTaint(first, 77)
  arena.shift(first, -6)
  const copy = arena.clone(first)
  assert.equal(arena.packet(copy), arena.packet(first))
  assert.equal(arena.taint(copy), 77)
  assert.deepEqual(arena.peek(copy), arena.peek(first))
  arena.bytes[arena.start(copy)] = 0xee
  assert.notEqual(arena.bytes[arena.start(first)], 0xee)
  arena.free(first)
  const reused = arena.alloc(1)
  assert.equal(reused, first)
  assert.notEqual(arena.packet(reused), arena.packet(copy))
  assert.equal(arena.taint(reused), 0, 'taint does not outlive a slot')
})

test('the descriptors in memory say what the accessors say', () => {
  const arena = new Arena({ slots: 3 })
  const slot = arena.from(new Uint8Array(99))
  arena.setTaint(slot, 0xfffffffe)
  arena.setLength(slot, 98)
  const words = new DataView(arena.memory.buffer)
  const word = (field: number): number => words.getUint32((slot * DESCRIPTOR_WORDS + field) * 4, true)
  assert.equal(word(DESCRIPTOR_START), arena.start(slot))
  assert.equal(word(DESCRIPTOR_LENGTH), 98)
  assert.equal(word(DESCRIPTOR_PACKET), arena.packet(slot))
  assert.equal(word(DESCRIPTOR_TAINT), 0xfffffffe)
})

test('sizes that would break alignment are refused', () => {
  assert.throws(() => new Arena({ slotBytes: 100 }), /multiple of 64/)
  assert.throws(() => new Arena({ headroomBytes: 256 }), /congruent to 2 modulo 4/)
})
