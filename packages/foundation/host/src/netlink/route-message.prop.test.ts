import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ip, Prefix } from '@lodestone/net'
import fc from 'fast-check'
import { decodeAnswer, netlinkMessages, NetlinkType, NetlinkWriter } from './netlink-message.ts'
import { decodeAddress, decodeLink } from './link-message.ts'
import {
  decodeRoute,
  type KernelNextHop,
  RouteMessageType,
  writeDumpRoutes,
  writeRemoveRoute,
  writeSetRoute,
} from './route-message.ts'

const address = (family: 4 | 6): fc.Arbitrary<Ip> => {
  const length = family === 4 ? 4 : 16
  return fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => Ip.fromBytes(bytes, 0, length))
}
const family = fc.constantFrom<4 | 6>(4, 6)
const prefix = family.chain((of) =>
  fc
    .tuple(address(of), fc.integer({ min: 0, max: of === 4 ? 32 : 128 }))
    .map(([ip, length]) => new Prefix(ip, length).masked()),
)
const nextHop = fc.record({
  via: fc.option(fc.oneof(address(4), address(6)), { nil: undefined }),
  interfaceIndex: fc.integer({ min: 1, max: 0x7fff_ffff }),
})
const owner = fc.record({
  table: fc.integer({ min: 1, max: 0xffff_ffff }),
  protocol: fc.integer({ min: 1, max: 255 }),
  priority: fc.integer({ min: 0, max: 0xffff_ffff }),
})

function shown(hops: readonly KernelNextHop[]): readonly string[] {
  return hops.map(({ via, interfaceIndex }) => `${via ?? ''}%${interfaceIndex}`)
}

test('a route that is written reads as it was, whatever its next hops', () => {
  fc.assert(
    fc.property(owner, prefix, fc.array(nextHop, { minLength: 1, maxLength: 8 }), (whose, to, hops) => {
      const writer = new NetlinkWriter(16)
      writeSetRoute(writer, 7, whose, to, hops)
      const [message, ...rest] = [...netlinkMessages(writer.bytes())]
      assert.equal(rest.length, 0)
      assert.equal(message?.sequence, 7)
      const route = message === undefined ? undefined : decodeRoute(message)
      assert.ok(route !== undefined)
      assert.deepEqual([`${route.prefix}`, shown(route.nextHops)], [`${to}`, shown(hops)])
      assert.deepEqual([route.table, route.protocol, route.priority], [whose.table, whose.protocol, whose.priority])
    }),
  )
})

test('many requests in one datagram are as many messages, in order', () => {
  fc.assert(
    fc.property(owner, fc.array(prefix, { maxLength: 50 }), (whose, prefixes) => {
      const writer = new NetlinkWriter()
      prefixes.forEach((to, i) => writeRemoveRoute(writer, i, whose, to))
      const messages = [...netlinkMessages(writer.bytes())]
      assert.equal(writer.count, prefixes.length)
      assert.deepEqual(
        messages.map(({ sequence }) => sequence),
        [...prefixes.keys()],
      )
      assert.ok(messages.every(({ type }) => type === RouteMessageType.remove))
    }),
  )
})

test('no bytes make the readers throw or read outside of them', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      for (const message of netlinkMessages(bytes)) {
        decodeRoute(message)
        decodeLink(message)
        decodeAddress(message)
        decodeAnswer(message)
      }
      // The same as the inside of one message, so that the attributes are reached.
      const inside = { type: 24, flags: 0x300, sequence: 1, payload: bytes }
      decodeRoute(inside)
      decodeLink(inside)
      decodeAddress(inside)
      decodeAnswer(inside)
    }),
    { numRuns: 2000 },
  )
})

test('a dump names its table and protocol; an answer carries the kernel’s own words', () => {
  const writer = new NetlinkWriter()
  writeDumpRoutes(writer, 3, 6, 1000, 177)
  const [dump] = [...netlinkMessages(writer.bytes())]
  assert.deepEqual([dump?.type, dump?.flags, dump?.payload[0], dump?.payload[5]], [26, 0x301, 10, 177])

  // EINVAL, the request's header echoed (capped), then the text as attribute 1.
  const answer = new Uint8Array(64)
  const view = new DataView(answer.buffer)
  view.setUint32(0, 64, true)
  view.setUint16(4, NetlinkType.error, true)
  view.setUint16(6, 0x300, true)
  view.setUint32(8, 9, true)
  view.setInt32(16, -22, true)
  view.setUint32(20, 16, true)
  view.setUint16(36, 24, true)
  view.setUint16(38, 1, true)
  answer.set(new TextEncoder().encode('Invalid gateway\0'), 40)
  const [message] = [...netlinkMessages(answer)]
  assert.deepEqual(message === undefined ? undefined : decodeAnswer(message), {
    sequence: 9,
    errno: 22,
    text: 'Invalid gateway',
  })
})
