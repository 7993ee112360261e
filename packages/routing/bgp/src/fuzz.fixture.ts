/**
 * A fuzzer over everything that a peer's bytes reach: framing, decoders, state machine, import. Seeds are well-formed messages; mutations
 * flip, cut, repeat, splice and lie about lengths. Used by a test for a bounded time and by `bench/fuzz.ts` for as long as one likes.
 */
import assert from 'node:assert/strict'
import { Ip, Prefix } from '@lodestone/net'
import { AttributeSet } from './attribute-set.ts'
import { Lab } from './lab.fixture.ts'
import { decodeMessage, encodeMessage, type Message } from './message.ts'
import { MessageStream } from './message-stream.ts'

export type Generator = () => number

/** xorshift32: 32 unsigned bits per call. */
export function generator(seed: number): Generator {
  let state = seed >>> 0 || 1
  return () => {
    state ^= state << 13
    state >>>= 0
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state
  }
}

const SET = AttributeSet.of({
  origin: 0,
  asPath: [{ kind: 'sequence', asns: [65001, 100_000] }],
  med: 5,
  communities: [65001 * 65536 + 1],
  largeCommunities: new Uint8Array(12),
  extendedCommunities: new Uint8Array(8),
  otc: 65001,
  unknown: [{ type: 99, value: new Uint8Array(3) }],
})
const NONE = {
  kind: 'update',
  attributes: undefined,
  ipv4: undefined,
  mpReach: undefined,
  withdrawnIpv4: [],
  mpUnreach: undefined,
} as const
const PREFIXES4 = ['10.0.0.0/8', '198.51.100.0/24', '192.0.2.1/32'].map((text) => Prefix.of(text))
const PREFIXES6 = ['2001:db8::/32', '2001:db8:1::/48'].map((text) => Prefix.of(text))

const OPEN: Message = {
  kind: 'open',
  version: 4,
  myAs: 65001,
  holdTimeS: 90,
  bgpIdentifier: 0x0a000009,
  capabilities: [
    { kind: 'multiprotocol', family: 4 },
    { kind: 'multiprotocol', family: 6 },
    { kind: 'route-refresh' },
    { kind: 'enhanced-route-refresh' },
    { kind: 'four-octet-as', asn: 65001 },
    {
      kind: 'graceful-restart',
      isRestarting: false,
      hasNotification: false,
      restartTimeS: 120,
      families: [{ family: 4, isForwardingPreserved: true }],
    },
    { kind: 'add-path', families: [{ family: 4, receive: true, send: true }] },
    { kind: 'role', value: 4 },
  ],
}

export const SEEDS: readonly Uint8Array[] = (
  [
    OPEN,
    { kind: 'keepalive' },
    { kind: 'notification', code: 6, subcode: 2, data: new Uint8Array(3) },
    { kind: 'route-refresh', family: 4, subtype: 0 },
    { kind: 'route-refresh', family: 6, subtype: 1 },
    { ...NONE },
    { ...NONE, withdrawnIpv4: PREFIXES4 },
    { ...NONE, attributes: SET, ipv4: { family: 4, nextHop: Ip.of('203.0.113.99'), prefixes: PREFIXES4 } },
    { ...NONE, attributes: SET, mpReach: { family: 6, nextHop: Ip.of('2001:db8::9'), prefixes: PREFIXES6 } },
    { ...NONE, mpUnreach: { family: 6, prefixes: PREFIXES6 } },
  ] satisfies readonly Message[]
).map((message) => encodeMessage(message))

/** One of the seeds, damaged. */
export function mutate(random: Generator): Uint8Array {
  let bytes: Uint8Array = SEEDS[random() % SEEDS.length]!.slice()
  for (let n = random() % 5; n > 0; n--) {
    const at = random() % bytes.length
    switch (random() % 6) {
      case 0:
        bytes[at] = random()
        break
      case 1:
        bytes[at] = bytes[at]! ^ (1 << (random() % 8))
        break
      case 2:
        bytes = bytes.slice(0, at + 1)
        break
      case 3:
        bytes = Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(random() % bytes.length)])
        break
      case 4: {
        const other = SEEDS[random() % SEEDS.length]!
        bytes = Uint8Array.from([...bytes.subarray(0, at), ...other.subarray(random() % other.length)])
        break
      }
      default:
        bytes[at] = random() % 2 === 0 ? 0xff : 0
    }
    if (bytes.length > 4096) bytes = bytes.slice(0, 4096)
  }
  // Half of them say their own length, so that the damage is met behind the header.
  if (bytes.length >= 19 && random() % 2 === 0) {
    bytes.fill(0xff, 0, 16)
    bytes[16] = bytes.length >>> 8
    bytes[17] = bytes.length
  }
  return bytes
}

/** Framing and decoding of one damaged message: a value or an error that has a code, never an exception. */
export function fuzzDecoders(random: Generator): void {
  const bytes = mutate(random)
  const stream = new MessageStream()
  const context = {
    isFourOctetAs: random() % 4 !== 0,
    isExternal: random() % 2 === 0,
    addPath: random() % 3 === 0 ? ([4, 6] as const) : [],
  }
  const error = stream.push(bytes, (raw) => {
    const decoded = decodeMessage(raw, context)
    if (!decoded.ok) assert.ok(decoded.error.code >= 1 && decoded.error.code <= 3)
    return true
  })
  if (error !== undefined) assert.equal(error.code, 1)
}

/**
 * A speaker and a peer that sends `count` damaged messages, connecting anew whenever it is thrown out. Afterwards the speaker has nothing of it
 * left and takes a correct session.
 * @returns how many connections it took.
 */
export async function fuzzSession(random: Generator, count: number): Promise<number> {
  const lab = new Lab()
  const router = await lab.router('r', 64512)
  const good = await lab.router('g', 64513)
  lab.link(router, good)
  const address = '203.0.113.99'
  const network = lab.fabric.network('raw', [address])
  router.speaker.addPeer({
    name: 'raw',
    remoteAddress: Ip.of(address),
    remoteAsn: 65001,
    isPassive: true,
    idleHoldS: 0.01,
    gracefulRestart: { restartTimeS: 1 },
    addPath: random() % 2 === 0 ? { receive: [4], send: [4] } : undefined,
    role: random() % 2 === 0 ? 'peer' : undefined,
    maxPrefixes: { ipv4: { limit: 2, action: random() % 2 === 0 ? 'ignore' : 'stop' } },
  })
  await lab.clock.advance(2000)
  let connections = 0
  for (let sent = 0; sent < count;) {
    const socket = await lab.clock.run(network.connectTcp({ address: router.address, port: 179 }))
    connections++
    let isOpen = true
    socket.on('error', () => (isOpen = false))
    socket.on('end', () => (isOpen = false))
    socket.on('close', () => (isOpen = false))
    socket.resume()
    if (random() % 8 !== 0) socket.write(SEEDS[0]!)
    if (random() % 8 !== 0) socket.write(SEEDS[1]!)
    for (let i = 0; i < 20 && isOpen && sent < count; i++, sent++) {
      socket.write(mutate(random))
      await lab.clock.advance(1)
    }
    socket.destroy()
    await lab.clock.advance(random() % 200)
  }
  await lab.clock.advance(300_000)
  assert.equal(router.rib.routeCount, 0, 'nothing of the broken peer is left')
  const status = router.peer('g').status()
  assert.equal(status.counters['sessions-established'], 1, 'the other session has not been disturbed')
  assert.equal(status.state, 'Established')
  const socket = await lab.clock.run(network.connectTcp({ address: router.address, port: 179 }))
  socket.on('error', () => undefined)
  socket.resume()
  socket.write(SEEDS[0]!)
  socket.write(SEEDS[1]!)
  await lab.clock.advance(100)
  assert.equal(router.peer('raw').status().state, 'Established', 'a correct session works')
  return connections
}
