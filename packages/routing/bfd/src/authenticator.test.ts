import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sealPacket } from './authentication-section.ts'
import type { Authentication } from './authenticator.ts'
import { checkAuthentication } from './authenticator.ts'
import { type ControlPacket, decodeControlPacket, encodeControlPacket } from './control-packet.ts'
import { type BfdAction, type BfdEvent, type BfdSession, createSession, step } from './session.ts'
import { configOf, hears, LOCAL, packetOf } from './session.fixture.ts'

const SECRET = new TextEncoder().encode('correct horse')
const OTHER = new TextEncoder().encode('battery staple')

type Sha1 = 'keyed-sha1' | 'meticulous-keyed-sha1'

function signed(kind: Sha1, sequence: number, secret = SECRET, more: Partial<ControlPacket> = {}, keyId = 1): BfdEvent {
  const authentication = { kind, keyId, sequence, digest: new Uint8Array(20) }
  const bytes = encodeControlPacket(packetOf('Down', { yourDiscriminator: 0, ...more, authentication }))
  sealPacket(bytes, secret)
  const result = decodeControlPacket(bytes)
  assert.ok(result.ok)
  return { kind: 'packet', packet: result.packet, bytes }
}

function sessionWith(kind: Authentication['kind'], secret = SECRET): BfdSession {
  return createSession(configOf({ authentication: { kind, keys: [{ id: 1, secret }] } }), LOCAL, 0xfffffffe, 0)
}

function refusal(actions: readonly BfdAction[]): string | undefined {
  const refused = actions.find((action) => action.kind === 'refused')
  return refused?.kind === 'refused' ? refused.reason : undefined
}

test('authentication on one side only is refused on both (§6.8.6)', () => {
  const plain = createSession(configOf(), LOCAL, 1, 0)
  assert.equal(refusal(step(plain, signed('keyed-sha1', 5), 10)), 'authentication-unexpected')
  const wary = sessionWith('keyed-sha1')
  assert.equal(refusal(step(wary, hears('Down', { yourDiscriminator: 0 }), 10)), 'authentication-missing')
  assert.equal(wary.state, 'Down')
  assert.equal(wary.remote.discriminator, 0)
})

test('another type, key id or secret is refused and changes nothing', () => {
  const session = sessionWith('keyed-sha1')
  assert.equal(refusal(step(session, signed('meticulous-keyed-sha1', 5), 10)), 'authentication-type')
  assert.equal(refusal(step(session, signed('keyed-sha1', 5, SECRET, {}, 2), 10)), 'authentication-key-id')
  assert.equal(refusal(step(session, signed('keyed-sha1', 5, OTHER), 10)), 'authentication-mismatch')
  assert.equal(session.authentication.receivedSequence, undefined, 'a forger does not set the sequence number')
  assert.equal(session.state, 'Down')
  assert.equal(refusal(step(session, signed('keyed-sha1', 5), 10)), undefined)
  assert.equal(session.state, 'Init')
})

test('a single changed bit anywhere in a signed packet is refused', () => {
  const event = signed('keyed-sha1', 5)
  assert.ok(event.kind === 'packet')
  for (let bit = 0; bit < event.bytes.length * 8; bit++) {
    const bytes = event.bytes.slice()
    bytes[bit >> 3] = bytes[bit >> 3]! ^ (0x80 >> (bit & 7))
    const result = decodeControlPacket(bytes)
    if (!result.ok) continue
    const session = sessionWith('keyed-sha1')
    assert.notEqual(
      refusal(step(session, { kind: 'packet', packet: result.packet, bytes }, 10)),
      undefined,
      `bit ${bit}`,
    )
  }
})

test('a replayed meticulous packet is refused; the plain kind allows the same number again', () => {
  const meticulous = sessionWith('meticulous-keyed-sha1')
  assert.equal(refusal(step(meticulous, signed('meticulous-keyed-sha1', 5), 10)), undefined)
  assert.equal(refusal(step(meticulous, signed('meticulous-keyed-sha1', 5), 20)), 'authentication-sequence')
  assert.equal(refusal(step(meticulous, signed('meticulous-keyed-sha1', 4), 20)), 'authentication-sequence')
  assert.equal(refusal(step(meticulous, signed('meticulous-keyed-sha1', 6), 20)), undefined)
  const keyed = sessionWith('keyed-sha1')
  for (const sequence of [5, 5, 6]) assert.equal(refusal(step(keyed, signed('keyed-sha1', sequence), 10)), undefined)
  assert.equal(refusal(step(keyed, signed('keyed-sha1', 5), 10)), 'authentication-sequence')
})

test('sequence numbers may run ahead by three times the multiplier, around the end of their circle', () => {
  const session = sessionWith('meticulous-keyed-sha1')
  assert.equal(refusal(step(session, signed('meticulous-keyed-sha1', 0xfffffffc), 10)), undefined)
  assert.equal(refusal(step(session, signed('meticulous-keyed-sha1', 6), 20)), 'authentication-sequence')
  assert.equal(refusal(step(session, signed('meticulous-keyed-sha1', 5), 20)), undefined)
})

test('after two detection times of silence any sequence number is new (§6.8.1)', () => {
  const session = sessionWith('meticulous-keyed-sha1')
  step(session, signed('meticulous-keyed-sha1', 1000), 0)
  step(session, { kind: 'tick' }, 3000)
  assert.equal(session.remote.discriminator, 0, 'the detection time is 3 s')
  assert.equal(refusal(step(session, signed('meticulous-keyed-sha1', 7), 5999)), 'authentication-sequence')
  assert.equal(refusal(step(session, signed('meticulous-keyed-sha1', 7), 6000)), undefined)
})

test('what we send verifies, and its number moves with every packet or with every change', () => {
  for (const kind of ['keyed-sha1', 'meticulous-keyed-sha1'] as const) {
    const session = sessionWith(kind)
    const sequences: number[] = []
    for (const atMs of [0, 1000, 2000]) {
      for (const action of step(session, { kind: 'tick' }, atMs)) {
        if (action.kind !== 'send') continue
        const result = decodeControlPacket(action.bytes)
        assert.ok(result.ok && result.packet.authentication?.kind === kind)
        sequences.push(result.packet.authentication.sequence)
        const peer = sessionWith(kind)
        assert.equal(
          refusal(step(peer, { kind: 'packet', packet: result.packet, bytes: action.bytes }, atMs)),
          undefined,
        )
      }
    }
    assert.deepEqual(sequences, kind === 'keyed-sha1' ? [0xffffffff, 0xffffffff, 0xffffffff] : [0xffffffff, 0, 1])
    step(session, signed(kind, 1), 2100)
    assert.equal(session.authentication.sentSequence, kind === 'keyed-sha1' ? 0 : 2)
  }
})

test('a simple password is compared whole', () => {
  const session = sessionWith('simple-password')
  const say = (password: Uint8Array): string | undefined => {
    const authentication = { kind: 'simple-password', keyId: 1, password } as const
    return refusal(step(session, hears('Down', { yourDiscriminator: 0, authentication }), 10))
  }
  assert.equal(say(SECRET.subarray(0, 5)), 'authentication-mismatch')
  assert.equal(say(Uint8Array.of(...SECRET, 0)), 'authentication-mismatch')
  assert.equal(say(SECRET), undefined)
})

test('a second key is accepted before it is sent with: keys change under a running session', () => {
  const keys = [
    { id: 1, secret: SECRET },
    { id: 2, secret: OTHER },
  ]
  const session = createSession(configOf({ authentication: { kind: 'keyed-sha1', keys } }), LOCAL, 1, 0)
  assert.equal(refusal(step(session, signed('keyed-sha1', 5, OTHER, {}, 2), 10)), undefined)
  assert.equal(refusal(step(session, signed('keyed-sha1', 6, SECRET, {}, 1), 20)), undefined)
})

test('keys that cannot be used are refused in words', () => {
  assert.match(checkAuthentication({ kind: 'keyed-sha1', keys: [] })!, /needs a key/)
  assert.match(checkAuthentication({ kind: 'keyed-sha1', keys: [{ id: 256, secret: SECRET }] })!, /256/)
  assert.match(checkAuthentication({ kind: 'simple-password', keys: [{ id: 1, secret: new Uint8Array(17) }] })!, /17/)
  assert.match(checkAuthentication({ kind: 'keyed-sha1', keys: [{ id: 1, secret: new Uint8Array(0) }] })!, /0 bytes/)
  assert.equal(checkAuthentication({ kind: 'keyed-sha1', keys: [{ id: 1, secret: new Uint8Array(20) }] }), undefined)
})
