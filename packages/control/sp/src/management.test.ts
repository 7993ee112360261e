/** The management network as it is wired: VLANs, the technician's ports, what the switch and the identity memories tell. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { client } from '@lodestone/api'
import { spLabApi } from '@lodestone/contract-sp'
import { PostCode } from './device/board.ts'
import { HOST_PORT, TECHNICIAN_PORTS } from './device/management-switch.ts'
import { labHandler } from './lab-api.ts'
import { decodeDatagram, encodeDatagram, SP_PORT } from './protocol/message.ts'
import { tagged, untagged, vlanOf } from './protocol/vlan-tag.ts'
import { Rig, value } from './rig.fixture.ts'

const SLED0 = { type: 'sled', slot: 0 } as const
const SWITCH0 = { type: 'switch', slot: 0 } as const
const POWER0 = { type: 'power', slot: 0 } as const
const SLED0_ADDRESS = 'fd00::16'
const QUICK = { perAttemptTimeoutMs: 100, maxAttempts: 2, maxAttemptsReset: 2 }

/** A laptop at a technician's port that asks the first sled's service processor who it is. */
async function laptop(rig: Rig, port: number) {
  const host = rig.host('laptop', 'fd00::3000', port)
  let answers = 0
  const socket = await host.network('management').bindUdp({ address: 'fd00::3000', port: 5555 }, ({ payload }) => {
    if (decodeDatagram(payload).ok) answers += 1
  })
  return {
    ask: async (address = SLED0_ADDRESS): Promise<number> => {
      answers = 0
      socket.send(encodeDatagram(1, { kind: 'MgsRequest', message: { kind: 'Discover' } }).bytes, address, SP_PORT)
      await rig.clock.advance(100)
      return answers
    },
  }
}

async function unlock(rig: Rig, timeS: number): Promise<void> {
  const connection = rig.gateway.connection(rig.gateway.ignition!)
  const component = 'monorail'
  const challenge = { kind: 'Monorail', action: { kind: 'RequestChallenge' } } as const
  const asked = await rig.run(
    connection.ask({ kind: 'ComponentAction', component, action: challenge }, ['ComponentAction']),
  )
  assert.ok(asked.ok && asked.response.response.kind === 'Monorail')
  const given = asked.response.response.response.challenge
  assert.ok(given.kind === 'Trivial')
  const action = {
    kind: 'Monorail',
    action: { kind: 'Unlock', challenge: given, response: { kind: 'Trivial', timestamp: given.timestamp }, timeS },
  } as const
  const done = await rig.run(connection.ask({ kind: 'ComponentAction', component, action }, ['ComponentActionAck']))
  assert.ok(done.ok, JSON.stringify(done))
}

test('a tag says its VLAN, and only that VLAN’s payload is taken', () => {
  const payload = Uint8Array.of(1, 2, 3)
  assert.deepEqual([...tagged(0x102, payload)], [0x81, 0x00, 0x01, 0x02, 1, 2, 3])
  assert.deepEqual(untagged(0x102, tagged(0x102, payload)), payload)
  assert.equal(untagged(0x103, tagged(0x102, payload)), undefined)
  for (let length = 0; length < 4; length++)
    assert.equal(untagged(0x102, tagged(0x102, payload).subarray(0, length)), undefined)
  assert.equal(untagged(1, Uint8Array.of(8, 0, 0, 1, 0)), undefined, 'no tag')
  assert.equal(new Set([0, 1].flatMap((half) => [...Array(43).keys()].map((port) => vlanOf(half, port)))).size, 86)
})

test('a port of a service processor in another VLAN hears nobody, and nobody hears it; both ends count', async () => {
  const rig = await Rig.start({ retry: QUICK })
  const { sp } = rig.sleds[0]!
  const { management } = rig.switches[0]!.board
  assert.ok((await rig.run(rig.api.sp_get({ params: SLED0 }))).ok)
  sp.inject({ kind: 'vlan', port: 0, vlan: vlanOf(0, 7) })
  const deaf = await rig.run(rig.api.sp_get({ params: SLED0 }))
  assert.ok(!deaf.ok && deaf.kind === 'refused' && deaf.status === 503)
  assert.equal(sp.portCounters[0]?.['wrong-vlan'], 2, 'both attempts had the right tag, which is not the port’s')

  assert.equal(sp.clear('vlan'), 1)
  assert.ok((await rig.run(rig.api.sp_get({ params: SLED0 }))).ok)

  // From the same board without a tag, and with that of another board's port.
  const before = management!.refused(0).wrongVlan
  const sled = rig.host('untagged', SLED0_ADDRESS)
  const bare = await sled.network('management').bindUdp({ address: SLED0_ADDRESS, port: 7777 }, () => {})
  bare.send(Uint8Array.of(1, 2, 3, 4, 5), 'fd00::1000', 22222)
  bare.send(tagged(vlanOf(0, 7), Uint8Array.of(1)), 'fd00::1000', 22222)
  await rig.clock.advance(10)
  assert.equal(management!.refused(0).wrongVlan - before, 2)
  rig.close()
})

test('a technician’s port passes nothing until it is unlocked, counts what it refused, and closes when the time is over', async () => {
  const rig = await Rig.start()
  const { board, sp } = rig.switches[0]!
  const [port] = TECHNICIAN_PORTS
  const { ask } = await laptop(rig, port)
  assert.equal(await ask(), 0)
  assert.equal(board.management!.refused(port).closed, 1)
  await unlock(rig, 60)
  assert.equal(await ask(), 1)
  assert.equal(await ask('ff02::1de:2'), 2, 'the discovery reaches every board')
  await rig.clock.advance(60_000)
  assert.equal(await ask(), 0)
  assert.equal(board.management!.refused(port).closed, 2)
  await unlock(rig, 3600)
  assert.equal(await ask(), 1)
  sp.inject({ kind: 'unresponsive' })
  sp.clear()
  await rig.clock.advance(1000)
  assert.equal(await ask(), 0, 'firmware that starts anew closes them')
  rig.close()
})

test('the management switch tells of its ports: lines, transceivers, counts; what was down stays told until it is cleared', async () => {
  const rig = await Rig.start({ sleds: 2 })
  const ports = async () => {
    const details = value(await rig.run(rig.api.sp_component_get({ params: { ...SWITCH0, component: 'monorail' } })))
    return details.flatMap((each) => (each.type === 'port_status' ? [each] : []))
  }
  const first = await ports()
  assert.deepEqual(
    first.map(({ port }) => port),
    [0, 1, 38, ...TECHNICIAN_PORTS, HOST_PORT],
  )
  assert.deepEqual([first[0]!.link, first[0]!.phy?.type, first[0]!.phy?.media], ['up', 'Vsc8552', 'up'])
  assert.equal(first.at(-1)!.phy, undefined, 'the host’s port has no transceiver')
  rig.sleds[1]!.board.setPlug(false)
  assert.deepEqual([(await ports())[1]!.link, (await ports())[1]!.phy_was_down], ['down', true])
  rig.sleds[1]!.board.setPlug(true)
  await rig.clock.advance(1000)
  assert.deepEqual([(await ports())[1]!.link, (await ports())[1]!.link_was_down], ['up', true])
  value(await rig.run(rig.api.sp_component_clear_status({ params: { ...SWITCH0, component: 'monorail' } })))
  assert.equal((await ports())[1]!.link_was_down, false)
  const asked = (await ports())[0]!
  await rig.run(rig.api.sp_get({ params: SLED0 }))
  const after = (await ports())[0]!
  assert.deepEqual([after.tx.unicast - asked.tx.unicast, after.rx.unicast - asked.rx.unicast], [1, 1])
  rig.close()
})

test('the host shows codes while it starts, the last sixteen are kept, and a new start begins anew', async () => {
  const rig = await Rig.start()
  const { board } = rig.sleds[0]!
  const codes = async () =>
    value(await rig.run(rig.api.sp_component_get({ params: { ...SLED0, component: 'sp5-post-codes' } }))).map((each) =>
      each.type === 'post_code' ? each.code : 0,
    )
  const started = [PostCode.reset, PostCode.memory, PostCode.loader, PostCode.runs]
  assert.deepEqual(await codes(), started)
  for (let code = 0; code < 20; code++) board.sequencer.post(code)
  assert.deepEqual(
    await codes(),
    [...Array(16).keys()].map((index) => index + 4),
  )
  value(await rig.run(rig.api.sp_startup_options_set({ params: SLED0, body: { bits: 1 } })))
  value(await rig.run(rig.api.sp_power_state_set({ params: SLED0, body: 'A2' })))
  value(await rig.run(rig.api.sp_power_state_set({ params: SLED0, body: 'A0' })))
  assert.deepEqual(await codes(), [...started.slice(0, 3), PostCode.waitsForImage])
  rig.close()
})

test('identity memories leave the factory locked: the lock is told, and writes are refused, counted and change nothing', async () => {
  const rig = await Rig.start()
  const { board, sp } = rig.sleds[0]!
  const lab = client(
    spLabApi,
    labHandler(() => [{ id: SLED0, sp }]),
    'http://lab',
  )
  const connection = rig.gateway.connection(rig.gateway.find(SLED0)!)
  const lockState = async () => {
    const result = await rig.run(connection.ask({ kind: 'VpdLockState' }, ['VpdLockState']))
    if (result.ok) return [...result.data]
    return result.failure.kind === 'refused' ? JSON.stringify(result.failure.error) : result.failure.kind
  }
  const write = async (offset: number) => {
    const body = { offset, base64_data: Buffer.from([1, 2, 3, 4]).toString('base64') }
    return lab.lab_vpd_write({ params: { ...SLED0, index: 1 }, body })
  }
  const memory = async () => value(await lab.lab_vpd_list({ params: SLED0 }))[1]!
  assert.deepEqual(await lockState(), [1, 1])
  const listed = value(await rig.run(rig.api.sp_component_list({ params: SLED0 })))
  assert.deepEqual(
    listed.filter((each) => each.capabilities.includes('has_vpd')).map((each) => each.component),
    ['vpd', 'fan-vpd'],
  )
  const before = await memory()
  const refused = await write(0)
  assert.ok(!refused.ok && refused.kind === 'refused' && refused.status === 409)
  assert.match(refused.message, /IsLocked/)
  assert.deepEqual(await memory(), { ...before, refused_writes: before.refused_writes + 1 })
  assert.equal(sp.firmware?.vpd.lock(1), 'AlreadyLocked')

  // A part from before it was locked.
  board.vpd.setLock(1, 0, false)
  assert.deepEqual(await lockState(), [1, 0])
  assert.ok((await write(124)).ok)
  assert.ok(!(await write(126)).ok && !(await write(128)).ok, 'beside a word, and behind the end')
  board.vpd.setLock(1, 0b0001, true)
  assert.match(String(await lockState()), /PartiallyLocked/)
  assert.ok(!(await write(0)).ok)
  assert.ok((await write(32)).ok, 'only the first quarter is protected')
  board.vpd.setLock(1, 0, false)
  assert.equal(sp.firmware?.vpd.lock(1), undefined)
  assert.deepEqual(await lockState(), [1, 1])
  board.vpd.bus.isBroken = true
  assert.match(String(await lockState()), /NotPresent/)
  rig.close()
})

test('a power shelf is on the ignition wire and on the network, and refuses to move power', async () => {
  const rig = await Rig.start({ hasShelf: true })
  const { board } = rig.shelves[0]!
  const ignition = async () => value(await rig.run(rig.api.ignition_get({ params: POWER0 }))).details
  assert.deepEqual([(await ignition()).system_type, (await ignition()).power], ['psc', 'on'])
  assert.equal(value(await rig.run(rig.api.sp_get({ params: POWER0 }))).power_state, 'A2')
  for (const state of ['A0', 'A2'] as const) {
    const refused = await rig.run(rig.api.sp_power_state_set({ params: POWER0, body: state }))
    assert.ok(!refused.ok && refused.kind === 'refused' && refused.status === 400, state)
  }
  const off = { ...POWER0, command: 'power-off' } as const
  value(await rig.run(rig.api.ignition_command({ params: off })))
  await rig.clock.advance(1000)
  assert.deepEqual([board.hasStandby, (await ignition()).power], [false, 'off'])
  value(await rig.run(rig.api.ignition_command({ params: { ...POWER0, command: 'power-on' } })))
  await rig.clock.advance(2000)
  assert.deepEqual([board.hasStandby, board.isHostOn], [true, false])
  rig.close()
})
