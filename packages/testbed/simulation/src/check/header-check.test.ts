import assert from 'node:assert/strict'
import { test } from 'node:test'
import { headerProblem } from './header-check.ts'

/** An ICMP echo of 28 bytes from 192.0.2.1 to 192.0.2.2, header checksum right. */
function packet(): Uint8Array {
  const frame = new Uint8Array(14 + 28)
  frame.set([0x08, 0x00], 12)
  frame.set([0x45, 0, 0, 28, 0, 1, 0, 0, 64, 1, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2], 14)
  let sum = 0
  for (let at = 14; at < 34; at += 2) sum += (frame[at]! << 8) | frame[at + 1]!
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  frame[24] = (~sum >>> 8) & 0xff
  frame[25] = ~sum & 0xff
  return frame
}

test('a good IPv4 packet is no problem; one with a bit of its header changed is', () => {
  assert.equal(headerProblem(packet()), undefined)
  for (let at = 14; at < 34; at++) {
    const frame = packet()
    frame[at] = frame[at]! ^ 0x10
    assert.notEqual(headerProblem(frame), undefined, `byte ${at}`)
  }
})

test('an IPv6 packet with a hop limit of 0, or longer than its frame, is a problem', () => {
  const frame = new Uint8Array(54)
  frame.set([0x86, 0xdd, 0x60], 12)
  assert.match(headerProblem(frame) ?? '', /hop limit/)
  frame[21] = 1
  assert.equal(headerProblem(frame), undefined)
  frame[19] = 9
  assert.match(headerProblem(frame) ?? '', /longer/)
})
