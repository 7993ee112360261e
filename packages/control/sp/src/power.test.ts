/** Power, from the gateway to the rails and back. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Rig, value } from './rig.fixture.ts'

const SLED0 = { type: 'sled', slot: 0 } as const

test('A2 ends the host’s power at once, A0 brings it back by groups of rails', async () => {
  const rig = await Rig.start()
  const { hostPower, sp } = rig.sleds[0]!
  assert.equal(value(await rig.run(rig.api.sp_power_state_get({ params: SLED0 }))), 'A0')
  assert.deepEqual(value(await rig.run(rig.api.sp_power_state_set({ params: SLED0, body: 'A2' }))), { changed: true })
  assert.deepEqual(value(await rig.run(rig.api.sp_power_state_set({ params: SLED0, body: 'A2' }))), { changed: false })
  assert.deepEqual(
    hostPower.map((each) => each.isOn),
    [true, false],
  )
  const beganMs = rig.clock.nowMs()
  assert.deepEqual(value(await rig.run(rig.api.sp_power_state_set({ params: SLED0, body: 'A0' }))), { changed: true })
  const tookMs = rig.clock.nowMs() - beganMs
  assert.ok(tookMs >= 20 + 25 + 30, `${tookMs} ms for three groups of rails`)
  assert.equal(hostPower.at(-1)?.isOn, true)
  await rig.clock.advance(100)
  assert.equal(sp.firmware?.power.status.state, 'A0PlusHP')
  rig.close()
})

test('a board that gets input power boots its service processor and powers its host up by itself', async () => {
  const rig = await Rig.start({ isCold: true })
  const { board, sp, hostPower } = rig.sleds[0]!
  assert.equal(sp.counters.get('boots'), 0)
  board.setPlug(true)
  await rig.clock.advance(2000)
  assert.equal(sp.firmware?.power.status.state, 'A0PlusHP')
  assert.equal(sp.firmware?.power.status.reason, 'InitialPowerOn')
  assert.equal(hostPower.length, 1)
  board.setPlug(false)
  assert.equal(sp.firmware, undefined)
  assert.equal(hostPower.at(-1)?.isOn, false)
  rig.close()
})

for (const [rail, code, name] of [
  [0, 1, 'A1Timeout'],
  [3, 2, 'A0Timeout'],
  [5, 3, 'A0TimeoutGroupC'],
] as const) {
  test(`a rail that never comes up ends the sequence in A2 with ${name}, and the next try works when it is mended`, async () => {
    const rig = await Rig.start()
    const { sp, hostPower } = rig.sleds[0]!
    value(await rig.run(rig.api.sp_power_state_set({ params: SLED0, body: 'A2' })))
    sp.inject({ kind: 'rail-stuck', rail })
    const failed = await rig.run(rig.api.sp_power_state_set({ params: SLED0, body: 'A0' }))
    assert.ok(!failed.ok)
    assert.match(failed.message, new RegExp(`power state error: code ${code}$`))
    assert.equal(sp.firmware?.power.status.fault, name)
    assert.equal(hostPower.at(-1)?.isOn, false)
    assert.equal(value(await rig.run(rig.api.sp_power_state_get({ params: SLED0 }))), 'A2')
    const reports = value(await rig.run(rig.api.sp_ereports({ params: SLED0 })))
    assert.ok(reports.items.some((each) => each.data['k'] === `power.fault.${name}`))
    sp.clear()
    value(await rig.run(rig.api.sp_power_state_set({ params: SLED0, body: 'A0' })))
    assert.equal(hostPower.at(-1)?.isOn, true)
    rig.close()
  })
}

test('a processor that is absent or unknown, and a sequencer that does not answer, are faults of their own', async () => {
  const rig = await Rig.start()
  const { sp } = rig.sleds[0]!
  value(await rig.run(rig.api.sp_power_state_set({ params: SLED0, body: 'A2' })))
  const faultOf = async (): Promise<string | undefined> => {
    assert.ok(!(await rig.run(rig.api.sp_power_state_set({ params: SLED0, body: 'A0' }))).ok)
    const fault = sp.firmware?.power.status.fault
    sp.clear()
    return fault
  }
  sp.inject({ kind: 'processor', found: 'absent' })
  assert.equal(await faultOf(), 'CPUNotPresent')
  sp.inject({ kind: 'processor', found: 'unknown' })
  assert.equal(await faultOf(), 'UnrecognizedCPU')
  sp.inject({ kind: 'sequencer-bus' })
  assert.equal(await faultOf(), 'I2cFault')
  assert.ok(!(await rig.run(rig.api.sp_power_state_set({ params: SLED0, body: 'A1' }))).ok, 'A1 is only passed through')
  rig.close()
})

test('thermal trip and reset of the host are left only through A2', async () => {
  for (const [fault, state] of [
    ['thermal-trip', 'A0Thermtrip'],
    ['host-reset', 'A0Reset'],
  ] as const) {
    const rig = await Rig.start()
    const { sp, hostPower } = rig.sleds[0]!
    sp.inject({ kind: fault })
    await rig.clock.advance(10)
    assert.equal(sp.firmware?.power.status.state, state)
    assert.equal(hostPower.at(-1)?.isOn, false)
    const refused = await rig.run(rig.api.sp_power_state_set({ params: SLED0, body: 'A0' }))
    assert.ok(!refused.ok && /code 7/.test(refused.message))
    value(await rig.run(rig.api.sp_power_state_set({ params: SLED0, body: 'A2' })))
    value(await rig.run(rig.api.sp_power_state_set({ params: SLED0, body: 'A0' })))
    assert.equal(hostPower.at(-1)?.isOn, true)
    rig.close()
  }
})

test('a rail that falls and a supply that sags take the host down and are reported', async () => {
  const rig = await Rig.start()
  const { sp, hostPower } = rig.sleds[0]!
  sp.inject({ kind: 'rail-lost', rail: 5 })
  await rig.clock.advance(10)
  assert.equal(sp.firmware?.power.status.fault, 'RailLost')
  assert.equal(hostPower.at(-1)?.isOn, false)
  value(await rig.run(rig.api.sp_power_state_set({ params: SLED0, body: 'A0' })))
  sp.inject({ kind: 'brown-out', millivolts: 42_000 })
  await rig.clock.advance(10)
  assert.equal(sp.firmware?.power.status.fault, 'BrownOut')
  const { items } = value(await rig.run(rig.api.sp_ereports({ params: SLED0 })))
  const classes = items.map((each) => each.data['k'])
  for (const each of ['power.rail.lost', 'power.supply.brown_out']) assert.ok(classes.includes(each), String(classes))
  sp.clear()
  sp.inject({ kind: 'brown-out', millivolts: 20_000 })
  await rig.clock.advance(10)
  assert.equal(sp.firmware, undefined, 'standby goes too')
  rig.close()
})

test('ignition switches a board off and on whose service processor is dead', async () => {
  const rig = await Rig.start()
  const { sp, board, hostPower } = rig.sleds[0]!
  sp.inject({ kind: 'unresponsive' })
  await rig.clock.advance(100)
  assert.equal(hostPower.at(-1)?.isOn, true, 'the host runs without it')
  assert.ok(!(await rig.run(rig.api.sp_power_state_get({ params: SLED0 }))).ok)
  const seen = value(await rig.run(rig.api.ignition_get({ params: SLED0 })))
  assert.deepEqual([seen.details.present, seen.details.flt_sp, seen.details.power], [true, true, 'on'])
  value(await rig.run(rig.api.ignition_command({ params: { ...SLED0, command: 'power-off' } })))
  await rig.clock.advance(500)
  assert.equal(board.hasStandby, false)
  assert.equal(hostPower.at(-1)?.isOn, false)
  sp.clear()
  value(await rig.run(rig.api.ignition_command({ params: { ...SLED0, command: 'power-on' } })))
  await rig.clock.advance(2000)
  assert.equal(hostPower.at(-1)?.isOn, true)
  value(await rig.run(rig.api.ignition_command({ params: { ...SLED0, command: 'power-reset' } })))
  await rig.clock.advance(5000)
  assert.deepEqual(
    hostPower.map((each) => each.isOn),
    [true, false, true, false, true],
  )
  rig.close()
})

test('a service processor that was dead when power came brings the host up when it lives again', async () => {
  const rig = await Rig.start()
  const { sp, hostPower } = rig.sleds[0]!
  sp.inject({ kind: 'unresponsive' })
  value(await rig.run(rig.api.ignition_command({ params: { ...SLED0, command: 'power-reset' } })))
  await rig.clock.advance(5000)
  assert.equal(hostPower.at(-1)?.isOn, false)
  sp.clear()
  await rig.clock.advance(2000)
  assert.equal(hostPower.at(-1)?.isOn, true)
  rig.close()
})

test('the ignition list names every board, and a broken wire leaves traces until they are cleared', async () => {
  const rig = await Rig.start({ sleds: 3, switches: 2 })
  const list = value(await rig.run(rig.api.ignition_list()))
  assert.deepEqual(
    list.map(
      ({ id, details }) =>
        `${id.type}${id.slot} ${details.system_type} ${details.ctrl_detect_0}${details.ctrl_detect_1}`,
    ),
    [
      'sled0 gimlet truetrue',
      'sled1 gimlet truetrue',
      'sled2 gimlet truetrue',
      'switch0 sidecar truetrue',
      'switch1 sidecar truetrue',
    ],
  )
  const { sp } = rig.sleds[1]!
  sp.inject({ kind: 'ignition-link', controller: 0 })
  const broken = value(await rig.run(rig.api.ignition_get({ params: { type: 'sled', slot: 1 } })))
  assert.equal(broken.details.present, false)
  const refused = await rig.run(rig.api.ignition_command({ params: { type: 'sled', slot: 1, command: 'power-off' } }))
  assert.ok(!refused.ok && /no target present/.test(refused.message), refused.ok ? '' : refused.message)
  sp.clear()
  const back = value(await rig.run(rig.api.ignition_get({ params: { type: 'sled', slot: 1 } })))
  assert.deepEqual(back.details.link_events.controller, ['encoding_error', 'decoding_error', 'ordered_set_invalid'])
  value(await rig.run(rig.api.ignition_command({ params: { type: 'sled', slot: 1, command: 'clear-events' } })))
  const cleared = value(await rig.run(rig.api.ignition_get({ params: { type: 'sled', slot: 1 } })))
  assert.deepEqual(cleared.details.link_events.controller, [])
  rig.close()
})
