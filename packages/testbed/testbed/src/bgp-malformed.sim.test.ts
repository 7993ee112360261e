/**
 * An upstream router that sends malformed BGP to the rack, over TCP across the emulated uplink and the switch's CPU port, gets
 * the NOTIFICATION that RFC 4271 section 6 asks for; and the session comes back when the router behaves.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { TcpSocket } from '@lodestone/host'
import { BGP_PORT } from '@lodestone/bgp'
import type { HostNode } from './host-node.ts'
import { RackLab } from './rack-lab.fixture.ts'

const SWITCH = '192.0.2.2'
const MARKER = 'ff'.repeat(16)
const KEEPALIVE = `${MARKER} 0013 04`
/** AS 64500, hold time 6 s, identifier 192.0.2.129; IPv4 unicast and four-byte AS numbers. */
const OPEN = `${MARKER} 002b 01 04 fbf4 0006 c0000281 0e 02 0c 01 04 0001 00 01 41 04 0000fbf4`
const KIND = { open: 1, update: 2, notification: 3, keepalive: 4 } as const

let lab: RackLab
let router: HostNode

before(async () => {
  lab = await RackLab.start({ sleds: 1 })
  router = lab.emulation.hosts().find((node) => node.name === 'isp0')!
  router.routed!.close() // from here on the test speaks for it
  await lab.clock.advance(1000)
})
after(() => lab.close())

/** What the switch must say: code, subcode and data, in hexadecimal. */
const cases: readonly (readonly [string, 'OpenSent' | 'Established', string, string])[] = [
  ['a marker that is not all ones', 'OpenSent', `${'ff'.repeat(15)}fe 0013 04`, '0101'],
  ['a length under 19', 'OpenSent', `${MARKER} 0012 04`, '01020012'],
  ['a length over 4096', 'Established', `${MARKER} 1001 02`, '01021001'],
  ['a message of type 9', 'Established', `${MARKER} 0013 09`, '010309'],
  ['an OPEN of version 3', 'OpenSent', `${MARKER} 001d 01 03 fbf4 0006 c0000281 00`, '02010004'],
  ['an OPEN of the wrong AS', 'OpenSent', `${MARKER} 001d 01 04 fde9 0006 c0000281 00`, '0202'],
  ['an OPEN with identifier 0.0.0.0', 'OpenSent', `${MARKER} 001d 01 04 fbf4 0006 00000000 00`, '0203'],
  ['an OPEN with a hold time of 1 s', 'OpenSent', `${MARKER} 001d 01 04 fbf4 0001 c0000281 00`, '0206'],
  ['an UPDATE whose lengths contradict it', 'Established', `${MARKER} 0017 02 0009 0000`, '0301'],
]

for (const [what, stage, message, wanted] of cases) {
  test(`${what} is answered with NOTIFICATION ${wanted.slice(0, 2)}/${wanted.slice(2, 4)}, and the connection ends`, async () => {
    const peer = await connect()
    if (stage === 'Established') {
      peer.send(OPEN)
      await lab.clock.until(() => peer.messages().some(({ kind }) => kind === KIND.keepalive), 1000)
      peer.send(KEEPALIVE)
      await lab.clock.until(() => peer.messages().some(({ kind }) => kind === KIND.update), 1000)
    }
    peer.send(message)
    await lab.clock.until(() => peer.isEnded, 1000)
    const last = peer.messages().at(-1)
    assert.equal(last?.kind, KIND.notification)
    assert.equal(last.body, wanted)
    assert.ok(peer.isEnded)
    peer.socket.destroy()
  })
}

test('the other session is untouched meanwhile, and this one comes back with the router', async () => {
  const { speaker } = lab.emulation.switches()[0]!.routed!
  const states = (): Record<string, string> =>
    Object.fromEntries([...speaker!.peers()].map((peer) => [peer.status().name, peer.status().state]))
  assert.equal(states()['isp1'], 'Established')
  const other = [...speaker!.peers()].find((peer) => peer.status().name === 'isp1')!
  assert.equal(other.status().counters['sessions-lost'], 0)
  await lab.run(lab.emulation.setPower('isp0', false))
  await lab.run(lab.emulation.setPower('isp0', true))
  await lab.untilReady(10_000)
  assert.equal(states()['isp0'], 'Established')
})

interface RawPeer {
  readonly socket: TcpSocket
  readonly isEnded: boolean
  send(hex: string): void
  messages(): { kind: number; body: string }[]
}

/** A connection on which the switch has said OPEN. After each error it refuses for longer (RFC 4271 §8.1.1, DampPeerOscillations). */
async function connect(): Promise<RawPeer> {
  for (let attempt = 0; attempt < 240; attempt++) {
    const peer = await tryToConnect()
    if (peer !== undefined) return peer
    await lab.clock.advance(500)
  }
  throw new Error('the switch does not accept a connection')
}

async function tryToConnect(): Promise<RawPeer | undefined> {
  let received = ''
  let isEnded = false
  let socket: TcpSocket
  try {
    socket = await lab.run(router.stack.connectTcp({ address: SWITCH, port: BGP_PORT, timeoutMs: 1000 }))
  } catch {
    return undefined
  }
  socket.on('data', (chunk: Buffer) => (received += chunk.toString('hex')))
  socket.on('end', () => (isEnded = true))
  socket.on('error', () => (isEnded = true))
  socket.on('close', () => (isEnded = true))
  const peer: RawPeer = {
    socket,
    get isEnded() {
      return isEnded
    },
    send: (hex) => void socket.write(Buffer.from(hex.replaceAll(' ', ''), 'hex')),
    messages() {
      const out: { kind: number; body: string }[] = []
      for (let at = 0; at + 38 <= received.length;) {
        const length = parseInt(received.slice(at + 32, at + 36), 16) * 2
        out.push({ kind: parseInt(received.slice(at + 36, at + 38), 16), body: received.slice(at + 38, at + length) })
        at += length
      }
      return out
    },
  }
  await lab.clock.until(() => isEnded || peer.messages().length > 0, 1000)
  return peer.messages()[0]?.kind === KIND.open ? peer : undefined
}
