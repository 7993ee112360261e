import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Ip, Mac } from '@lodestone/net'
import fc from 'fast-check'
import type { Netstack } from '../netstack.ts'
import { TestNetwork } from '../test-network.ts'
import { Dhcp6Client } from './dhcp6-client.ts'
import { type Dhcp6Event, type Dhcp6Machine, INITIAL6, step6 } from './dhcp6-machine.ts'
import { decodeReply6, encodeRequest6 } from './dhcp6-message.ts'

const SERVER_ID = [0, 3, 0, 1, 2, 0, 0, 0, 0, 9]

interface Lease {
  address: string
  preferredS: number
  validS: number
  status?: number
}

function u32(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]
}

function option(code: number, data: readonly number[]): number[] {
  return [code >> 8, code & 255, data.length >> 8, data.length & 255, ...data]
}

/** What a server answers to `asked`: echoes the client's identifier and association. */
function answer(asked: Uint8Array, type: number, lease: Lease | undefined, isRapid = false): Uint8Array {
  const found = new Map<number, number[]>()
  for (let at = 4; at < asked.length;) {
    const length = (asked[at + 2]! << 8) | asked[at + 3]!
    found.set((asked[at]! << 8) | asked[at + 1]!, [...asked.subarray(at + 4, at + 4 + length)])
    at += 4 + length
  }
  const inner =
    lease === undefined
      ? option(13, [0, 2])
      : option(5, [...Ip.of(lease.address).bytes, ...u32(lease.preferredS), ...u32(lease.validS)])
  const status = lease?.status === undefined ? [] : option(13, [0, lease.status])
  return Uint8Array.from([
    type,
    ...asked.subarray(1, 4),
    ...option(1, found.get(1)!),
    ...option(2, SERVER_ID),
    ...option(3, [...found.get(3)!.slice(0, 4), ...u32(0), ...u32(0), ...inner, ...status]),
    ...(isRapid ? option(14, []) : []),
    ...option(23, [...Ip.of('fd00::53').bytes]),
  ])
}

async function lab(respond: (asked: Uint8Array) => Uint8Array | undefined) {
  const network = new TestNetwork()
  const host = network.host('host')
  const router = network.host('router')
  network.join(host, 'nic0', [], router, 'port0', ['fd00:7::1/64'], { delayMs: 1 })
  const asked: number[] = []
  const socket = await router.bindUdp({ address: '::', port: 547, groups: ['ff02::1:2%port0'] }, (datagram) => {
    asked.push(datagram.payload[0]!)
    const reply = respond(datagram.payload)
    if (reply !== undefined) socket.send(reply, datagram.remoteAddress, datagram.remotePort)
  })
  return { network, host, router, asked }
}

const addressesOf = (host: Netstack): string[] =>
  host
    .interface('nic0')!
    .addresses.filter((ip) => !ip.isLinkLocal)
    .map(String)

const LEASE: Lease = { address: 'fd00:7::5', preferredS: 1000, validS: 2000 }

describe('DHCPv6 client', () => {
  test('solicits, requests what is offered, assigns it, and renews it at half of its preferred lifetime', async () => {
    const { network, host, asked } = await lab((message) => answer(message, message[0] === 1 ? 2 : 7, LEASE))
    const client = new Dhcp6Client({ network: host, interface: 'nic0' })
    await network.clock.advance(100)
    assert.deepEqual(addressesOf(host), ['fd00:7::5'])
    assert.deepEqual(asked, [1, 3])
    assert.deepEqual(client.lease!.dns.map(String), ['fd00::53'])
    await network.clock.advance(500_000)
    assert.deepEqual(asked, [1, 3, 5])
    assert.equal(client.state, 'bound')
    client.close()
  })

  test('takes a rapid commit at once', async () => {
    const { network, host, asked } = await lab((message) => answer(message, 7, LEASE, true))
    const client = new Dhcp6Client({ network: host, interface: 'nic0' })
    await network.clock.advance(100)
    assert.deepEqual(addressesOf(host), ['fd00:7::5'])
    assert.deepEqual(asked, [1])
    client.close()
  })

  test('renews, rebinds and at the end gives the address up when the server falls silent', async () => {
    let isSilent = false
    const { network, host, asked } = await lab((message) => (isSilent ? undefined : answer(message, 7, LEASE, true)))
    const leases: (string | undefined)[] = []
    const client = new Dhcp6Client({
      network: host,
      interface: 'nic0',
      onLease: (lease) => leases.push(lease?.address?.toString()),
    })
    await network.clock.advance(100)
    isSilent = true
    await network.clock.advance(799_000)
    assert.ok(asked.slice(1).every((type) => type === 5) && asked.length > 3, 'renewals to the server')
    await network.clock.advance(5_000)
    assert.equal(asked.at(-1), 6, 'then rebinding with anyone, after four fifths of the preferred lifetime')
    await network.clock.advance(1_185_000)
    assert.deepEqual(addressesOf(host), ['fd00:7::5'])
    await network.clock.advance(20_000)
    assert.deepEqual(addressesOf(host), [])
    assert.deepEqual(leases, ['fd00:7::5', undefined])
    isSilent = false
    await network.clock.advance(3_600_000)
    assert.deepEqual(addressesOf(host), ['fd00:7::5'])
    client.close()
  })

  test('a server without addresses, or one that forgot the lease, is asked again from the beginning', async () => {
    let lease: Lease | undefined
    const { network, host, asked } = await lab((message) => answer(message, message[0] === 1 ? 2 : 7, lease))
    const client = new Dhcp6Client({ network: host, interface: 'nic0' })
    await network.clock.advance(10_000)
    assert.equal(client.state, 'soliciting')
    assert.ok(asked.length >= 3 && asked.every((type) => type === 1))
    lease = LEASE
    await network.clock.advance(20_000)
    assert.equal(client.state, 'bound')
    lease = { ...LEASE, status: 3 }
    await network.clock.advance(500_000)
    assert.deepEqual(addressesOf(host), [])
    client.close()
  })

  test('an address that somebody has already is declined, and another one asked for', async () => {
    const network = new TestNetwork()
    const router = network.host('router')
    const host = network.host('host')
    network.join(router, 'port0', ['fd00:7::5/64'], host, 'unused', [], {})
    const link = network.join(router, 'port1', ['fd00:8::5/64'], host, 'other', [], { delayMs: 1 })
    assert.ok(link.isUp)
    const careful = network.host('careful')
    network.join(careful, 'nic0', [], router, 'port2', ['fd00:9::5/64'], { delayMs: 1 }, 1500)
    careful.interface('nic0')!.detectsDuplicates = true
    const asked: number[] = []
    const socket = await router.bindUdp({ address: '::', port: 547, groups: ['ff02::1:2%port2'] }, (datagram) => {
      asked.push(datagram.payload[0]!)
      const wasDeclined = asked.includes(9)
      const address = wasDeclined ? 'fd00:9::6' : 'fd00:9::5'
      const isRapid = datagram.payload[0] === 1
      if (datagram.payload[0] === 9) return
      socket.send(answer(datagram.payload, 7, { ...LEASE, address }, isRapid), datagram.remoteAddress, 546)
    })
    const client = new Dhcp6Client({ network: careful, interface: 'nic0' })
    await network.clock.advance(10_000)
    assert.deepEqual(addressesOf(careful), ['fd00:9::6'])
    assert.deepEqual(asked, [1, 9, 1])
    client.close()
  })

  test('no message, however mangled, makes the decoder throw; those for others are not taken', () => {
    const mac = Mac.of('02:00:00:00:00:01')
    const asked = encodeRequest6({
      type: 'solicit',
      transaction: 0x123456,
      mac,
      associationId: 2,
      elapsedMs: 0,
      server: undefined,
      address: undefined,
    })
    const good = answer(asked, 7, LEASE, true)
    assert.equal(decodeReply6(good, mac, 2)!.address!.toString(), 'fd00:7::5')
    assert.equal(decodeReply6(good, mac, 2)!.transaction, 0x123456)
    assert.equal(decodeReply6(good, Mac.of('02:00:00:00:00:02'), 2), undefined)
    assert.equal(decodeReply6(good, mac, 3)!.address, undefined)
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (at, value, length) => {
        const bad = good.slice(0, length)
        if (at < length) bad[at] = value
        decodeReply6(bad, mac, 2)
      }),
      { numRuns: 2000 },
    )
  })

  test('whatever arrives in whatever order, an address is configured once before it is taken away', () => {
    const reply = decodeReply6(
      answer(
        encodeRequest6({
          type: 'solicit',
          transaction: 1,
          mac: Mac.of('02:00:00:00:00:01'),
          associationId: 2,
          elapsedMs: 0,
          server: undefined,
          address: undefined,
        }),
        7,
        LEASE,
        true,
      ),
      Mac.of('02:00:00:00:00:01'),
      2,
    )!
    const event = fc.record({
      kind: fc.constantFrom('start' as const, 'reply' as const, 'timer' as const, 'conflict' as const),
      type: fc.constantFrom('advertise' as const, 'reply' as const),
      isRapid: fc.boolean(),
      status: fc.constantFrom(0, 0, 3),
      afterMs: fc.nat(3_000_000),
    })
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (events) => {
        let machine: Dhcp6Machine = INITIAL6
        let nowMs = 0
        let isConfigured = false
        for (const { kind, type, isRapid, status, afterMs } of events) {
          // Nothing happens after the time at which the timer is due but the timer.
          nowMs =
            kind === 'timer' && machine.dueMs < Infinity ? machine.dueMs : Math.min(nowMs + afterMs, machine.dueMs)
          const chance = { transaction: 1, jitter: 0.05 }
          const given: Dhcp6Event =
            kind === 'reply' ? { kind, reply: { ...reply, type, isRapid, status }, ...chance } : { kind, ...chance }
          const { next, actions } = step6(machine, given, nowMs)
          for (const action of actions) {
            if (action.kind === 'deconfigure') {
              assert.ok(isConfigured)
              isConfigured = false
            }
            if (action.kind === 'configure') isConfigured = true
          }
          machine = next
          assert.equal(isConfigured, ['bound', 'renewing', 'rebinding'].includes(machine.state))
          assert.ok(machine.dueMs > nowMs || kind !== 'timer', `${machine.state} waits for the past`)
        }
      }),
    )
  })
})
