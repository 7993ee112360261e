import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fixTransportChecksum } from '@lodestone/packet'
import { HopCheck } from './hop-check.ts'
import { IcmpCheck } from './icmp-check.ts'
import { IpView } from './ip-view.ts'
import { NatCheck } from './nat-check.ts'
import { transportProblem } from './transport-check.ts'
import { WayCheck } from './way-check.ts'

interface Fields {
  readonly source?: number
  readonly hopLimit?: number
  readonly type?: number
  readonly identifier?: number
  readonly quoted?: Uint8Array
}

/** An ICMP message from 192.0.2.`source` to 192.0.2.9 in an IPv4 packet; checksums are not looked at here. */
function icmp({ source = 1, hopLimit = 64, type = 8, identifier = 7, quoted = new Uint8Array(0) }: Fields): Uint8Array {
  const packet = new Uint8Array(28 + quoted.length)
  packet.set([0x45, 0, 0, packet.length, 0, 0, 0, 0, hopLimit, 1, 0, 0, 192, 0, 2, source, 192, 0, 2, 9])
  packet.set([type, 0, 0, 0, 0, identifier], 20)
  packet.set(quoted, 28)
  return packet
}

function plain(packet: Uint8Array): Uint8Array {
  const frame = new Uint8Array(14 + packet.length)
  frame.set([0x08, 0x00], 12)
  frame.set(packet, 14)
  return frame
}

/** In Geneve over IPv6, with one option of four bytes. */
function tunnelled(packet: Uint8Array, hopLimit: number): Uint8Array {
  const frame = new Uint8Array(14 + 40 + 8 + 12 + 14 + packet.length)
  frame.set([0x86, 0xdd, 0x60], 12)
  frame.set([17, hopLimit], 14 + 6)
  frame.set([0x17, 0xc1, 0x17, 0xc1], 54)
  frame[62] = 1
  frame.set([0x08, 0x00], 74 + 12)
  frame.set(packet, 88)
  return frame
}

const viewOf = (frame: Uint8Array): IpView => {
  const view = new IpView()
  view.read(frame)
  return view
}

test('who forwards a packet takes one from its hop limit: not two, not none', () => {
  for (const [hopLimit, isRight] of [
    [63, true],
    [62, false],
    [64, false],
    [255, false],
  ] as const) {
    const check = new HopCheck()
    check.entered(5, 1, viewOf(plain(icmp({}))))
    assert.equal(check.left(5, 1, viewOf(plain(icmp({ hopLimit })))) === undefined, isRight, `${hopLimit}`)
    assert.equal(check.left(6, 1, viewOf(plain(icmp({ hopLimit })))), undefined, 'another packet')
    assert.equal(check.left(5, 2, viewOf(plain(icmp({ hopLimit })))), undefined, 'another node')
    assert.equal(check.left(5, 1, viewOf(plain(icmp({ hopLimit, source: 2 })))), undefined, 'an answer in its frame')
  }
})

test('a tunnel takes nothing on the way in and under way, and one on the way out', () => {
  const steps: [Uint8Array, Uint8Array, boolean][] = [
    [plain(icmp({})), tunnelled(icmp({}), 254), true],
    [plain(icmp({})), tunnelled(icmp({ hopLimit: 63 }), 254), false],
    [tunnelled(icmp({}), 254), tunnelled(icmp({}), 253), true],
    [tunnelled(icmp({}), 254), tunnelled(icmp({}), 254), false],
    [tunnelled(icmp({}), 254), tunnelled(icmp({ hopLimit: 63 }), 253), false],
    [tunnelled(icmp({}), 254), plain(icmp({ hopLimit: 63 })), true],
    [tunnelled(icmp({}), 254), plain(icmp({})), false],
  ]
  for (const [index, [before, after, isRight]] of steps.entries()) {
    const check = new HopCheck()
    check.entered(5, 1, viewOf(before))
    assert.equal(check.left(5, 1, viewOf(after)) === undefined, isRight, `step ${index}`)
  }
})

test('ICMP errors have a quota a second, and none is about another', () => {
  const check = new IcmpCheck()
  const error = plain(icmp({ type: 11, quoted: icmp({}) }))
  const { outer } = viewOf(error)
  const sent = (atMs: number): string | undefined => check.sent(3, 10, error, outer, atMs)
  for (let k = 0; k < 50; k++) assert.equal(sent(k * 100), undefined)
  assert.match(sent(4950) ?? '', /more than 10/)
  const second = plain(icmp({ type: 3, quoted: icmp({ type: 11 }) }))
  assert.match(check.sent(4, 10, second, viewOf(second).outer, 0) ?? '', /about an ICMP error/)
})

test('a connection keeps its address and port outside, and shares them with nobody', () => {
  let config = 'a'
  const check = new NatCheck(() => config)
  let packet = 0
  /** From a guest by a translation. */
  const send = (wire: string, outside: Fields, atMs: number): string | undefined => {
    packet++
    const frame = plain(icmp({ source: 50 }))
    check.guestSent(wire, packet, frame, viewOf(frame))
    const translated = tunnelled(icmp(outside), 255)
    return check.tunnelled(packet, translated, viewOf(translated), atMs)
  }
  assert.equal(send('web-nic0', { identifier: 1 }, 0), undefined)
  assert.equal(send('web-nic0', { identifier: 1 }, 1000), undefined)
  assert.match(send('web-nic0', { identifier: 2 }, 2000) ?? '', /came from 192.0.2.1:1 and comes from 192.0.2.1:2/)
  config = 'b'
  assert.equal(send('web-nic0', { identifier: 3 }, 3000), undefined, 'its instance has other addresses')
  check.forget('web-nic0')
  assert.equal(send('web-nic0', { identifier: 4 }, 4000), undefined, 'another instance')
  assert.match(send('db-nic0', { identifier: 4 }, 4000.5) ?? '', /both come from 192.0.2.1:4/)
  assert.equal(send('web-nic0', { identifier: 9 }, 60_000), undefined, 'after a long silence')
})

/** An ICMPv6 echo request from fd00::`source` to fd00::9. */
function echo6(source: number, identifier: number): Uint8Array {
  const packet = new Uint8Array(48)
  packet.set([0x60, 0, 0, 0, 0, 8, 58, 64])
  packet.set([0xfd], 8)
  packet[23] = source
  packet.set([0xfd], 24)
  packet[39] = 9
  packet.set([128, 0, 0, 0, 0, identifier], 40)
  return packet
}

function plain6(packet: Uint8Array): Uint8Array {
  const frame = plain(packet)
  frame.set([0x86, 0xdd], 12)
  return frame
}

function tunnelled6(packet: Uint8Array): Uint8Array {
  const frame = tunnelled(packet, 255)
  frame.set([0x86, 0xdd], 74 + 12)
  return frame
}

test('translation of IPv6 is held to the same', () => {
  const check = new NatCheck(() => '')
  let packet = 0
  const send = (outside: Uint8Array, atMs: number): string | undefined => {
    packet++
    const frame = plain6(echo6(1, 7))
    check.guestSent('web-nic0', packet, frame, viewOf(frame))
    const translated = tunnelled6(outside)
    return check.tunnelled(packet, translated, viewOf(translated), atMs)
  }
  assert.equal(send(echo6(50, 1), 0), undefined)
  assert.equal(send(echo6(50, 1), 1000), undefined)
  assert.match(send(echo6(51, 1), 2000) ?? '', /came from \[fd00::32\]:1 and comes from \[fd00::33\]:1/)
})

test('a flow keeps to one of several ways until a route changes', () => {
  const check = new WayCheck()
  const udp = (fields: Fields): Uint8Array => {
    const packet = icmp(fields)
    packet[9] = 17
    return plain(packet)
  }
  const frame = udp({})
  const { outer } = viewOf(frame)
  assert.equal(check.left(1, 10, 5, frame, outer), undefined)
  assert.equal(check.left(1, 10, 5, frame, outer), undefined)
  assert.match(check.left(1, 11, 5, frame, outer) ?? '', /^the UDP flow from 192.0.2.1 port .* has taken another way/)
  assert.equal(check.left(1, 10, 6, frame, outer), undefined, 'a route has changed')
  assert.equal(check.left(2, 11, 6, frame, outer), undefined, 'another node')
  const other = udp({ source: 2 })
  assert.equal(check.left(1, 11, 6, other, viewOf(other).outer), undefined, 'another flow')
  for (const cable of [1, 2]) {
    const echo = plain(icmp({ source: 3, identifier: cable }))
    assert.equal(check.left(1, cable, 6, echo, viewOf(echo).outer), undefined, 'ICMP goes by identifiers')
  }
})

test('a wrong checksum of a transport header is a problem, in a tunnel too; what none can be told of is not', () => {
  const checked = (packet: Uint8Array): Uint8Array => {
    const copy = packet.slice()
    assert.ok(fixTransportChecksum(copy, 0, 20, copy.length))
    return copy
  }
  const good = checked(icmp({}))
  const bad = good.slice()
  bad[22] = bad[22]! ^ 1
  const fragment = bad.slice()
  fragment[6] = 0x20
  const problem = (frame: Uint8Array): string | undefined => transportProblem(frame, viewOf(frame))
  assert.equal(problem(plain(good)), undefined)
  assert.match(problem(plain(bad)) ?? '', /IP protocol 1 with a wrong checksum/)
  assert.equal(problem(tunnelled(good, 255)), undefined)
  assert.match(problem(tunnelled(bad, 255)) ?? '', /in a tunnel/)
  assert.equal(problem(plain(fragment)), undefined)
})
