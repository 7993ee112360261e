import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Arena } from '@lodestone/frame'
import { Ip } from '@lodestone/net'
import { Icmpv6Type, IcmpType } from '@lodestone/packet'
import {
  checked,
  FRAME_B,
  FRAME_B_SOURCE,
  FRAME_E,
  icmp,
  packet,
  stripped,
  TUNNEL_SOURCE,
  udp,
} from './frames.fixture.ts'
import { buildIcmpError, findOffender, type OffenderResult, tunnelledKind } from './icmp-error.ts'

const arena = new Arena({ slots: 4, slotBytes: 2048 })

function find(frame: Uint8Array, tunnelSource = TUNNEL_SOURCE): OffenderResult {
  return findOffender(frame, 0, 14, frame.length, tunnelSource)
}

function build(frame: Uint8Array, kind: { type: number; code: number }, source: string): Uint8Array {
  const inArena = arena.from(frame)
  const found = findOffender(
    arena.bytes,
    arena.start(inArena),
    arena.start(inArena) + 14,
    arena.end(inArena),
    TUNNEL_SOURCE,
  )
  assert.ok(found.ok)
  const slot = buildIcmpError(arena, found.offender, kind, Ip.of(source), 9)
  const error = arena.peek(slot).slice()
  arena.free(slot)
  arena.free(inArena)
  return stripped(error)
}

test('an IPv4 error quotes up to 576 bytes in all, an IPv6 error up to 1280', () => {
  const large = udp(1, 2, 1400)
  const v4 = build(packet({ src: '10.0.0.1', dst: '10.0.0.2', payload: large }), { type: 11, code: 0 }, '10.0.0.9')
  assert.equal(v4.length, 14 + 576)
  const v6 = build(packet({ src: 'fd00::1', dst: 'fd00::2', payload: large }), { type: 3, code: 0 }, 'fd00::9')
  assert.equal(v6.length, 14 + 1280)
  for (const frame of [v4, v6]) checked(frame)
})

test('an error goes back to the sender, with its packet quoted as it was', () => {
  const offender = packet({ src: '10.0.0.1', dst: '203.0.113.9', ttl: 1, payload: udp(5, 6) })
  const error = build(offender, { type: IcmpType.timeExceeded, code: 0 }, '198.51.100.1')
  checked(error)
  assert.equal(Ip.fromBytes(error, 26, 4).toString(), '198.51.100.1')
  assert.equal(Ip.fromBytes(error, 30, 4).toString(), '10.0.0.1')
  assert.deepEqual([error[34], error[35]], [11, 0])
  assert.deepEqual(error.subarray(42), offender.subarray(14))
})

test('Ethernet padding is not quoted', () => {
  const padded = new Uint8Array(60)
  padded.set(packet({ src: '10.0.0.1', dst: '203.0.113.9', payload: udp(5, 6, 0) }))
  assert.equal(build(padded, { type: 3, code: 0 }, '198.51.100.1').length, 14 + 20 + 8 + 28)
})

test('no error answers an error, of either family, but a ping may be answered', () => {
  const v4 = { src: '10.0.0.1', dst: '10.0.0.2', protocol: 1 }
  const v6 = { src: 'fd00::1', dst: 'fd00::2', protocol: 58 }
  for (const type of [3, 4, 5, 11, 12]) assert.equal(find(packet({ ...v4, payload: icmp(type, 0) })).ok, false)
  for (const type of [1, 2, 3, 4, 127, 137]) assert.equal(find(packet({ ...v6, payload: icmp(type, 0) })).ok, false)
  for (const type of [0, 8, 13]) assert.equal(find(packet({ ...v4, payload: icmp(type, 0) })).ok, true)
  for (const type of [128, 129]) assert.equal(find(packet({ ...v6, payload: icmp(type, 0) })).ok, true)
})

test('no error goes to or about many hosts', () => {
  for (const [src, dst] of [
    ['10.0.0.1', '224.0.0.5'],
    ['10.0.0.1', '255.255.255.255'],
    ['0.0.0.0', '10.0.0.2'],
    ['240.0.0.1', '10.0.0.2'],
    ['fd00::1', 'ff0e::1'],
    ['::', 'fd00::2'],
    ['ff02::1', 'fd00::2'],
    ['fe80::1', 'fd00::2'],
  ]) {
    assert.equal(find(packet({ src: src!, dst: dst! })).ok, false, `${src} to ${dst}`)
  }
})

test('a first fragment may be answered, a later one may not', () => {
  const ends = { src: '10.0.0.1', dst: '10.0.0.2' }
  assert.equal(find(packet({ ...ends, flags: 1 })).ok, true)
  assert.equal(find(packet({ ...ends, flags: 1, fragmentOffset: 8 })).ok, false)
})

test('of a packet that this switch put into a tunnel, the sender of the inner one is told', () => {
  const ours = FRAME_B.slice()
  ours.set(TUNNEL_SOURCE.bytes, FRAME_B_SOURCE)
  const found = find(ours)
  assert.ok(found.ok && found.isTunnelled)
  assert.equal(found.offender.family, 4)
  assert.equal(found.offender.source.toString(), '203.0.113.9')
  assert.deepEqual(tunnelledKind({ type: Icmpv6Type.unreachable, code: 0 }, 4), { type: 3, code: 0 })
  assert.deepEqual(tunnelledKind({ type: Icmpv6Type.unreachable, code: 3 }, 4), { type: 3, code: 1 })
  checked(build(ours, { type: 3, code: 0 }, '198.51.100.1'))
  const unconfigured = find(FRAME_B, Ip.of('::'))
  assert.ok(unconfigured.ok && unconfigured.isTunnelled)
})

test('a tunnel packet of somebody else is a packet like any other', () => {
  const found = find(FRAME_E)
  assert.ok(found.ok && !found.isTunnelled)
  assert.equal(found.offender.source.toString(), 'fd00:1122:3344:104::1')
})

test('cut and damaged packets are judged without ever reading outside of them', () => {
  const whole = [FRAME_B, FRAME_E, packet({ src: '10.0.0.1', dst: '10.0.0.2', protocol: 1, payload: icmp(8, 0) })]
  fc.assert(
    fc.property(
      fc.constantFrom(...whole),
      fc.nat(),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
      (frame, cut, damage) => {
        const bytes = frame.slice(0, 15 + (cut % (frame.length - 14)))
        for (const [at, value] of damage) bytes[at % bytes.length] = value
        const found = find(bytes, Ip.of('::'))
        if (!found.ok) return assert.ok(found.reason.length > 0)
        assert.ok(found.offender.l3 >= 14 && found.offender.end <= bytes.length)
        assert.ok(found.offender.end > found.offender.l3)
      },
    ),
    { numRuns: 500 },
  )
})
