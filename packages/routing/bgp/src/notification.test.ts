/** What a speaker answers to a peer that misbehaves (RFC 4271 §6), over a socket: bytes in, NOTIFICATION out. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TcpSocket } from '@lodestone/host'
import { Ip } from '@lodestone/net'
import { hex, MARKER, toHex } from './hex.fixture.ts'
import { Lab, type LabRouter } from './lab.fixture.ts'

const KEEPALIVE = `${MARKER} 0013 04`
/** AS 65001, hold time 90, identifier 10.0.0.9, both families. */
const OPEN = `${MARKER} 0031 01 04 fde9 005a 0a000009 14 02 12 01 04 0001 00 01 01 04 0002 00 01 41 04 0000fde9`

/** A hand-operated peer. */
class RawPeer {
  readonly socket: TcpSocket
  received = ''
  isEnded = false

  constructor(socket: TcpSocket) {
    this.socket = socket
    socket.on('data', (chunk: Uint8Array) => (this.received += toHex(chunk)))
    socket.on('end', () => (this.isEnded = true))
    socket.on('error', () => (this.isEnded = true))
  }

  /** Messages received, as type and body. */
  messages(): { type: number; body: string }[] {
    const out: { type: number; body: string }[] = []
    for (let at = 0; at < this.received.length;) {
      const length = parseInt(this.received.slice(at + 32, at + 36), 16) * 2
      const message = this.received.slice(at, at + length)
      out.push({ type: parseInt(message.slice(36, 38), 16), body: message.slice(38) })
      at += length
    }
    return out
  }
}

async function setUp(): Promise<{ lab: Lab; router: LabRouter; peer: RawPeer; send: (text: string) => Promise<void> }> {
  const lab = new Lab()
  const router = await lab.router('r', 64512)
  const network = lab.fabric.network('raw', ['203.0.113.99'])
  router.speaker.addPeer({ name: 'raw', remoteAddress: Ip.of('203.0.113.99'), remoteAsn: 65001, isPassive: true })
  const peer = new RawPeer(await lab.clock.run(network.connectTcp({ address: router.address, port: 179 })))
  const send = async (text: string): Promise<void> => {
    peer.socket.write(hex(text))
    await lab.clock.advance(10)
  }
  await lab.clock.advance(10)
  return { lab, router, peer, send }
}

type Stage = 'OpenSent' | 'OpenConfirm' | 'Established'

const update = (attributes: string, nlri = '18 c63364', withdrawn = ''): string => {
  const size = (text: string): string => hex(text).length.toString(16).padStart(4, '0')
  const body = `${size(withdrawn)} ${withdrawn} ${size(attributes)} ${attributes} ${nlri}`
  return `${MARKER} ${(hex(body).length + 19).toString(16).padStart(4, '0')} 02 ${body}`
}
const GOOD_ATTRIBUTES = '40 01 01 00  40 02 06 02 01 0000fde9  40 03 04 cb007163'

/** Name, stage, message, expected code, subcode and data. */
const table: [string, Stage, string, string][] = [
  ['a marker that is not all ones', 'OpenSent', `${'ff'.repeat(15)} fe 0013 04`, '01 01'],
  ['a length under 19', 'OpenSent', `${MARKER} 0012 04`, '01 02 0012'],
  ['a length over 4096', 'Established', `${MARKER} 1001 02`, '01 02 1001'],
  ['a KEEPALIVE of 20 bytes', 'Established', `${MARKER} 0014 04 00`, '01 02 0014'],
  ['an OPEN under 29 bytes', 'OpenSent', `${MARKER} 001c 01 04 fde9 005a 0a0000`, '01 02 001c'],
  ['an UPDATE under 23 bytes', 'Established', `${MARKER} 0016 02 000000`, '01 02 0016'],
  ['a NOTIFICATION under 21 bytes', 'Established', `${MARKER} 0014 03 06`, '01 02 0014'],
  ['message type 0', 'OpenSent', `${MARKER} 0013 00`, '01 03 00'],
  ['message type 9', 'Established', `${MARKER} 0013 09`, '01 03 09'],
  ['BGP version 3', 'OpenSent', `${MARKER} 001d 01 03 fde9 005a 0a000009 00`, '02 01 0004'],
  ['the wrong AS', 'OpenSent', `${MARKER} 001d 01 04 fdea 005a 0a000009 00`, '02 02'],
  ['identifier 0.0.0.0', 'OpenSent', `${MARKER} 001d 01 04 fde9 005a 00000000 00`, '02 03'],
  ['an authentication parameter', 'OpenSent', `${MARKER} 0020 01 04 fde9 005a 0a000009 03 01 01 00`, '02 04'],
  ['a hold time of 2 s', 'OpenSent', `${MARKER} 001d 01 04 fde9 0002 0a000009 00`, '02 06'],
  ['parameters that overrun the OPEN', 'OpenSent', `${MARKER} 001f 01 04 fde9 005a 0a000009 09 02 07`, '02 00'],
  ['a capability that overruns', 'OpenSent', `${MARKER} 0021 01 04 fde9 005a 0a000009 04 02 02 01 04`, '02 00'],
  ['lengths that contradict the UPDATE', 'Established', `${MARKER} 0017 02 0009 0000`, '03 01'],
  ['an unknown well-known attribute', 'Established', update(`${GOOD_ATTRIBUTES} 40 63 01 00`), '03 02 40630100'],
  ['a /33', 'Established', update(GOOD_ATTRIBUTES, '21 c633640000'), '03 0a'],
  ['a withdrawn prefix cut off', 'Established', update('', '', '18 c633'), '03 0a'],
  ['an UPDATE in OpenSent', 'OpenSent', update(GOOD_ATTRIBUTES), '05 01 02'],
  ['an UPDATE in OpenConfirm', 'OpenConfirm', update(GOOD_ATTRIBUTES), '05 02 02'],
  ['a KEEPALIVE in OpenSent', 'OpenSent', KEEPALIVE, '05 01 04'],
  ['a second OPEN', 'Established', OPEN, '05 03 01'],
]

for (const [name, stage, message, expected] of table) {
  test(`${name} in ${stage} is answered with ${expected}`, async () => {
    const { lab, router, peer, send } = await setUp()
    if (stage !== 'OpenSent') await send(OPEN)
    if (stage === 'Established') await send(KEEPALIVE)
    assert.equal(router.peer('raw').status().state, stage)
    await send(message)
    const notification = peer.messages().at(-1)!
    assert.equal(notification.type, 3)
    assert.equal(notification.body, toHex(hex(expected)))
    assert.equal(peer.isEnded, true, 'the connection is closed after it')
    assert.equal(router.peer('raw').status().state, 'Idle')
    assert.equal(router.rib.routeCount, 0)
    await lab.clock.advance(5000)
    assert.equal(router.peer('raw').status().state, 'Active', 'and the peer may try again')
  })
}

test('RFC 7606: a malformed attribute withdraws its prefixes and leaves the session and the other routes alone', async () => {
  const { router, send } = await setUp()
  await send(OPEN)
  await send(KEEPALIVE)
  await send(update(GOOD_ATTRIBUTES, '18 c63364 08 0a'))
  assert.equal(router.rib.selectedCount, 2)
  await send(update('40 01 01 09  40 02 06 02 01 0000fde9  40 03 04 cb007163', '18 c63364'))
  assert.equal(router.rib.selectedCount, 1)
  const status = router.peer('raw').status()
  assert.equal(status.state, 'Established')
  assert.equal(status.counters['updates-treated-as-withdraw'], 1)
  assert.equal(status.counters['notifications-sent'], 0)
})

test('RFC 7606: a broken MP attribute disables the family; the other family goes on', async () => {
  const { router, send } = await setUp()
  await send(OPEN)
  await send(KEEPALIVE)
  const v6 = '80 0e 1a 0002 01 10 20010db8000000000000000000000001 00 20 20010db8 40 01 01 00 40 02 06 02 01 0000fde9'
  await send(update(v6, ''))
  await send(update(GOOD_ATTRIBUTES, '08 0a'))
  assert.equal(router.rib.selectedCount, 2)
  await send(update('80 0f 05 0002 01 20 20', ''))
  assert.equal(router.rib.selectedCount, 1)
  await send(update(v6, ''))
  assert.equal(router.rib.selectedCount, 1, 'what still comes for the family is ignored')
  assert.equal(router.peer('raw').status().state, 'Established')
})

test('an AS_PATH that does not begin with the peer is refused, and the refusal is kept', async () => {
  const { router, send } = await setUp()
  await send(OPEN)
  await send(KEEPALIVE)
  await send(update('40 01 01 00  40 02 06 02 01 0000fdea  40 03 04 cb007163', '08 0a'))
  assert.equal(router.rib.selectedCount, 0)
  const route = [...router.rib.routes()][0]!
  assert.equal(route.paths[0]!.unusable?.code, 'first-as')
})

test('a peer that says goodbye takes its routes along', async () => {
  const { router, peer, send } = await setUp()
  await send(OPEN)
  await send(KEEPALIVE)
  await send(update(GOOD_ATTRIBUTES, '08 0a'))
  await send(`${MARKER} 0015 03 06 04`)
  assert.equal(router.rib.routeCount, 0)
  const status = router.peer('raw').status()
  assert.equal(status.lastNotificationReceived?.text, 'cease: administrative reset (6/4)')
  assert.equal(peer.messages().at(-1)!.type !== 3, true, 'a NOTIFICATION is not answered')
})
