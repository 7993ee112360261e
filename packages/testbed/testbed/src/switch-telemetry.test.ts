/**
 * `p4/switch.p4`, compiled, on frames with delay telemetry: byte for byte what it makes of them. The frames were written down by
 * hand from the header's layout; those that sleds make are compared with them.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Arena } from '@lodestone/frame'
import { VirtualClock } from '@lodestone/host'
import { createBatch, createPipeline, type Pipeline } from '@lodestone/npu'
import { Tracer } from '@lodestone/probe'
import { switchPipelineOptions } from '@lodestone/switchd'
import { compileSwitchProgram } from './os-switch-program.ts'
import { insertTelemetry, makeAnswer, stripTelemetry, telemetryLength } from './telemetry-frame.ts'

const REAR0 = 1
const REAR1 = 2
const NOW_MS = 20_000.5
/** 20 000 500 µs modulo 2^24. */
const STAMP = '312ef4'

/** A tunnel packet of 8 bytes UDP payload from sled 0 to sled 1, on sled 0's wire. */
const PLAIN = hex(`
  a8402505 0064a840 25040070 86dd6000 00000010 1180fd00 11223344 01010000
  00000000 0001fd00 11223344 01020000 00000000 00013b37 17c20010 00000102
  03040506 0708`)
/** The same with the sled's element: id 0x21, time 0xabcdef. */
const STAMPED = hex(`
  a8402505 0064a840 25040070 86dd6000 00000018 dd80fd00 11223344 01010000
  00000000 0001fd00 11223344 01020000 00000000 00011107 010021ab cdef3b37
  17c20010 00000102 03040506 0708`)
/** Behind the switch: its element on top (it came by port 1), 4 bytes more, one hop less, the next wire's addresses. */
const BEHIND = hex(`
  a8402504 0170a840 25050065 86dd6000 0000001c dd7ffd00 11223344 01010000
  00000000 0001fd00 11223344 01020000 00000000 0001110b 01000131 2ef421ab
  cdef3b37 17c20010 00000102 03040506 0708`)
/** Sled 1's answer: the switch's element, its own clock 0x123456, the sender's element. */
const ANSWER = hex(`
  a8402505 0065a840 25040170 86dd6000 00000010 dd40fd00 11223344 01020000
  00000000 0001fd00 11223344 01010000 00000000 00013b0f 01800131 2ef4ff12
  345621ab cdef`)
/** Behind the switch: without the switch's element. */
const ANSWER_BEHIND = hex(`
  a8402504 0070a840 25050064 86dd6000 0000000c dd3ffd00 11223344 01020000
  00000000 0001fd00 11223344 01010000 00000000 00013b0b 0180ff12 345621ab
  cdef`)

const program = compileSwitchProgram()

function bench(): {
  readonly arena: Arena
  readonly send: (port: number, frame: Uint8Array) => string[]
  readonly pipeline: Pipeline
} {
  const arena = new Arena({ slots: 64, slotBytes: 2048 })
  const clock = new VirtualClock()
  const tracer = new Tracer(() => 0)
  const pipeline = createPipeline(program, {
    ...switchPipelineOptions({ name: 'switch0', arena, clock, tracer, ports: ['rear0', 'rear1'] }),
    nowMs: () => NOW_MS,
  })
  const sleds = [
    { port: REAR0, prefix: 0xfd001122334401010000000000000000n, mac: 0xa84025040070n, own: 0xa84025050064n },
    { port: REAR1, prefix: 0xfd001122334401020000000000000000n, mac: 0xa84025040170n, own: 0xa84025050065n },
  ]
  for (const [i, { port, prefix, mac, own }] of sleds.entries()) {
    const nextHop = 0xfe80n << 112n
    add('ingress.router.route_v6', [exact(BigInt(i))], 'forward_v6', [BigInt(port), nextHop])
    add('ingress.router.lookup_v6', [{ kind: 'lpm', value: prefix, length: 64 }], 'index', [BigInt(i), 1n])
    add('ingress.resolver.ndp', [exact(BigInt(port)), exact(nextHop)], 'rewrite', [mac])
    add('ingress.mac_rewrite.mac_rewrite', [exact(BigInt(port))], 'rewrite', [own])
  }
  function add(
    table: string,
    keys: Parameters<Pipeline['addEntry']>[1]['keys'],
    action: string,
    parameters: bigint[],
  ): void {
    const result = pipeline.addEntry(table, { keys, action, parameters })
    assert.ok(result.ok, `${table}: ${JSON.stringify(result)}`)
  }
  const batch = createBatch(4)
  const send = (port: number, frame: Uint8Array): string[] => {
    batch.slots[0] = arena.from(frame)
    batch.ports[0] = port
    batch.count = 1
    pipeline.process(batch)
    return Array.from({ length: batch.outCount }, (_, k) => {
      const text = `${batch.outPorts[k]} ${text16(arena.peek(batch.outSlots[k]!))}`
      arena.free(batch.outSlots[k]!)
      return text
    })
  }
  return { arena, send, pipeline }
}

test('the switch puts its port and the time before the element of the sled', () => {
  const { send, arena } = bench()
  assert.deepEqual(send(REAR0, STAMPED), [`${REAR1} ${text16(BEHIND)}`])
  assert.equal(arena.freeSlots, arena.slots)
  assert.equal(Number.parseInt(STAMP, 16), (NOW_MS * 1000) % 2 ** 24)
})

test('it takes its element off the answer that leaves by that port', () => {
  const { send } = bench()
  assert.deepEqual(send(REAR1, ANSWER), [`${REAR0} ${text16(ANSWER_BEHIND)}`])
})

test('an answer whose top element is another switch’s passes with all elements', () => {
  const { send } = bench()
  const foreign = ANSWER.slice()
  foreign[58] = 0x07
  const behind = only(send(REAR1, foreign))
  assert.equal(behind.length, `${REAR0} `.length + 2 * foreign.length)
})

test('a packet without the header leaves as ever', () => {
  const { send } = bench()
  const expected = PLAIN.slice()
  expected.set(BEHIND.subarray(0, 12))
  expected[21] = 0x7f
  assert.deepEqual(send(REAR0, PLAIN), [`${REAR1} ${text16(expected)}`])
})

test('a full header passes as it is, and one of a wrong length or version is dropped by the parser', () => {
  const { send, pipeline } = bench()
  const full = withElements(16)
  const behind = only(send(REAR0, full))
  assert.equal(behind, `${REAR1} ${text16(rewritten(full))}`)
  const room = withElements(15)
  assert.equal(only(send(REAR0, room)).length, `${REAR1} `.length + 2 * (room.length + 4))
  for (const [at, value] of [
    [55, 8],
    [55, 6],
    [55, 71],
    [56, 2],
  ] as const) {
    const bad = STAMPED.slice()
    bad[at] = value
    assert.deepEqual(send(REAR0, bad), [], `byte ${at} is ${value}`)
  }
  assert.equal(
    [...pipeline.drops().values()].reduce((a, b) => a + b, 0),
    4,
  )
})

test('sleds write the same bytes', () => {
  const arena = new Arena({ slots: 8, slotBytes: 2048 })
  const slot = arena.from(PLAIN)
  arena.shift(slot, 14)
  assert.ok(insertTelemetry(arena, slot, 0x21, 0xabcdef))
  assert.equal(text16(arena.peek(slot)), text16(STAMPED.subarray(14)))

  const received = arena.from(BEHIND)
  assert.equal(telemetryLength(arena, received), 12)
  const answer = makeAnswer(arena, received, 0x123456)
  // The payload's length is what it is; everything else is the answer above.
  assert.equal(text16(arena.peek(answer)), text16(ANSWER))
  stripTelemetry(arena, received)
  assert.equal(text16(arena.peek(received)), text16(rewritten(PLAIN)))
})

/** Frame `STAMPED` with as many elements. */
function withElements(count: number): Uint8Array {
  const frame = new Uint8Array(STAMPED.length + 4 * (count - 1))
  frame.set(STAMPED.subarray(0, 62))
  for (let i = 0; i < count; i++) frame.set([i, 1, 2, 3], 58 + 4 * i)
  frame.set(STAMPED.subarray(62), 58 + 4 * count)
  frame[19] = 0x10 + 4 + 4 * count
  frame[55] = 3 + 4 * count
  return frame
}

/** As the switch sends it on: MAC addresses of the next wire, one hop less. */
function rewritten(frame: Uint8Array): Uint8Array {
  const copy = frame.slice()
  copy.set(BEHIND.subarray(0, 12))
  copy[21]!--
  return copy
}

function exact(value: bigint): { readonly kind: 'exact'; readonly value: bigint } {
  return { kind: 'exact', value }
}

function only(texts: readonly string[]): string {
  assert.equal(texts.length, 1)
  return texts[0]!
}

function hex(text: string): Uint8Array {
  const digits = text.replace(/\s+/g, '')
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => parseInt(digits.slice(2 * i, 2 * i + 2), 16))
}

function text16(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
