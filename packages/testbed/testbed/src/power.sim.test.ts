/** Power is real: what service processors, ignition and heat do to a rack, and what the rest of the rack sees of it. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { type CallResult, client } from '@lodestone/api'
import { spApi, type SpClient } from '@lodestone/contract-sp'
import { gatewayHandler } from '@lodestone/sp'
import { allowTcp, defaultRules, type InstanceSpec } from './control-plane.fixture.ts'
import { playFaults, type TimedFault } from './fault-timeline.ts'
import { RackLab } from './rack-lab.fixture.ts'

const VPC = { vni: 1000, subnet: '172.30.0.0/22' }
const FLOATING = '198.51.100.10'
const WEB: InstanceSpec = { name: 'web', sled: 1, vpc: VPC, ip: '172.30.0.5', floating: [FLOATING] }
const SLED1 = { type: 'sled', slot: 1 } as const

function gatewayOf(lab: RackLab): SpClient {
  return client(
    spApi,
    gatewayHandler(() => lab.emulation.serviceProcessors.gateway),
    'http://gateway',
  )
}

function value<T>(result: CallResult<T>): T {
  if (!result.ok) throw new Error(result.message)
  return result.value
}

async function rackWithWeb(): Promise<RackLab> {
  const lab = await RackLab.start()
  await lab.run(lab.control.setRules(VPC.vni, [...defaultRules(VPC.vni), allowTcp(VPC.vni, 80)]))
  await lab.boot(WEB)
  return lab
}

async function restate(lab: RackLab): Promise<void> {
  await lab.untilReady(30_000)
  await lab.clock.advance(1000)
  lab.control.instances.pop()
  await lab.boot(WEB)
}

function serves(lab: RackLab): Promise<boolean> {
  return lab.fetch(lab.client.stack, `http://${FLOATING}/`).then(
    (page) => page.status === 200,
    () => false,
  )
}

test('A2 kills a sled’s agent, instances and links; the control plane sees it; A0 brings the sled back, empty', async () => {
  const lab = await rackWithWeb()
  const gateway = gatewayOf(lab)
  assert.ok(await serves(lab))
  value(await lab.run(gateway.sp_power_state_set({ params: SLED1, body: 'A2' })))
  assert.equal(lab.emulation.nodes.has('sled1'), false)
  assert.equal(lab.emulation.links().has('web-nic0'), false)
  for (const cable of ['sled1-switch0', 'sled1-switch1']) assert.equal(lab.link(cable).isUp, false)
  assert.equal((await lab.run(lab.control.sleds[1]!.instance_list())).ok, false, 'the agent does not answer')
  assert.equal(await serves(lab), false)
  assert.equal(value(await lab.run(gateway.sp_power_state_get({ params: SLED1 }))), 'A2')

  value(await lab.run(gateway.sp_power_state_set({ params: SLED1, body: 'A0' })))
  await lab.untilReady(30_000)
  await lab.clock.advance(1000)
  assert.deepEqual(value(await lab.run(lab.control.sleds[1]!.instance_list())), [])
  await restate(lab)
  assert.ok(await serves(lab))
  lab.close()
})

test('a plug, the service processor and ignition are three ways to one power', async () => {
  const lab = await RackLab.start()
  const gateway = gatewayOf(lab)
  const { board } = lab.emulation.serviceProcessors.nodes.get('sled1')!
  const isOn = (): boolean => lab.emulation.nodes.has('sled1')
  await lab.run(lab.emulation.setPower('sled1', false))
  assert.deepEqual([isOn(), board.isPlugged, board.hasStandby], [false, false, false])
  assert.equal(value(await lab.run(gateway.ignition_get({ params: SLED1 }))).details.present, false)
  await lab.run(lab.emulation.setPower('sled1', true))
  assert.ok(isOn())
  // Off by ignition, on by hand.
  value(await lab.run(gateway.ignition_command({ params: { ...SLED1, command: 'power-off' } })))
  await lab.clock.advance(1000)
  assert.deepEqual([isOn(), board.isPlugged, board.hasStandby], [false, true, false])
  await lab.run(lab.emulation.setPower('sled1', true))
  assert.ok(isOn())
  // Off by the service processor, on by hand.
  value(await lab.run(gateway.sp_power_state_set({ params: SLED1, body: 'A2' })))
  assert.deepEqual([isOn(), board.hasStandby], [false, true])
  await lab.run(lab.emulation.setPower('sled1', true))
  assert.ok(isOn())
  lab.close()
})

test('ignition restarts a sled whose service processor is dead, and its host ran all the while before', async () => {
  const lab = await rackWithWeb()
  const gateway = gatewayOf(lab)
  const { sp } = lab.emulation.serviceProcessors.nodes.get('sled1')!
  sp.inject({ kind: 'unresponsive' })
  await lab.clock.advance(5000)
  assert.ok(await serves(lab))
  assert.equal((await lab.run(gateway.sp_power_state_set({ params: SLED1, body: 'A2' }))).ok, false)
  assert.equal(value(await lab.run(gateway.ignition_get({ params: SLED1 }))).details.flt_sp, true)
  value(await lab.run(gateway.ignition_command({ params: { ...SLED1, command: 'power-off' } })))
  await lab.clock.advance(1000)
  assert.equal(lab.emulation.nodes.has('sled1'), false)
  sp.clear()
  value(await lab.run(gateway.ignition_command({ params: { ...SLED1, command: 'power-on' } })))
  await lab.clock.advance(2000)
  assert.equal(lab.emulation.nodes.has('sled1'), true)
  await restate(lab)
  assert.ok(await serves(lab))
  lab.close()
})

test('a sled without fans is throttled, then shut down, and stays whole; mended it comes back', async () => {
  const lab = await rackWithWeb()
  const gateway = gatewayOf(lab)
  const { board, sp } = lab.emulation.serviceProcessors.nodes.get('sled1')!
  const cable = lab.link('sled1-switch0')
  const fullBps = cable.impairments('a-to-b').rateBps
  await lab.clock.advance(60_000)
  for (let fan = 0; fan < board.profile.fanCount; fan++) sp.inject({ kind: 'fan', fan, health: 'dead' })
  assert.ok(await lab.clock.until(() => board.sequencer.isThrottled, 3_600_000), 'throttled')
  assert.ok(lab.emulation.nodes.has('sled1'), 'and still on')
  assert.equal(cable.impairments('a-to-b').rateBps, fullBps / 10)
  assert.ok(await lab.clock.until(() => !lab.emulation.nodes.has('sled1'), 600_000), 'shut down')
  assert.equal(cable.impairments('a-to-b').rateBps, fullBps)
  assert.equal(board.plant.isDamaged, false)
  const { items } = value(await lab.run(gateway.sp_ereports({ params: SLED1 })))
  const classes = items.map((each) => each.data['k'])
  for (const each of ['fan.stalled', 'thermal.critical', 'thermal.uncontrollable'])
    assert.ok(classes.includes(each), each)
  sp.clear()
  await lab.clock.advance(300_000)
  value(await lab.run(gateway.sp_power_state_set({ params: SLED1, body: 'A0' })))
  await lab.untilReady(30_000)
  lab.close()
})

test('guests warm a sled, and packets its NIC', async () => {
  const lab = await RackLab.start()
  const warmth = async (name: string): Promise<readonly number[]> => {
    await lab.clock.advance(120_000)
    return [...lab.emulation.serviceProcessors.nodes.get(name)!.board.plant.temperaturesC]
  }
  const idle = await warmth('sled1')
  for (let guest = 0; guest < 4; guest++) {
    await lab.boot({ ...WEB, name: `web${guest}`, ip: `172.30.0.${10 + guest}`, floating: [] })
  }
  const busy = await warmth('sled1')
  assert.ok(busy[0]! > idle[0]! + 3, `${idle[0]!.toFixed(1)} °C idle, ${busy[0]!.toFixed(1)} °C with four guests`)
  lab.close()
})

test('the console of a sled’s host is a shell on it, and goes with its power', async () => {
  const lab = await RackLab.start()
  const gateway = gatewayOf(lab)
  const params = { ...SLED1, component: 'sp3-host-cpu' }
  value(await lab.run(gateway.sp_component_serial_console_attach({ params })))
  const type = async (text: string): Promise<string> => {
    const base64_data = Buffer.from(text).toString('base64')
    value(await lab.run(gateway.sp_component_serial_console_write({ params, body: { base64_data } })))
    await lab.clock.advance(100)
    const read = value(await lab.run(gateway.sp_component_serial_console_read({ params })))
    return Buffer.from(read.base64_data, 'base64').toString()
  }
  assert.match(await type('hostname\r'), /sled1\r?\n/)
  value(await lab.run(gateway.sp_power_state_set({ params: SLED1, body: 'A2' })))
  const before = await type('hostname\r')
  assert.equal(await type('hostname\r'), before, 'nobody answers')
  value(await lab.run(gateway.sp_power_state_set({ params: SLED1, body: 'A0' })))
  assert.ok((await type('hostname\r')).length > before.length)
  lab.close()
})

test('a switch whose plug is pulled takes its gateway and its half of ignition along; the other goes on', async () => {
  const lab = await RackLab.start()
  const gateway = gatewayOf(lab)
  assert.deepEqual(value(await lab.run(gateway.local_switch_id())), { type: 'switch', slot: 0 })
  await lab.run(lab.emulation.setPower('switch0', false))
  assert.deepEqual(value(await lab.run(gateway.local_switch_id())), { type: 'switch', slot: 1 })
  const seen = value(await lab.run(gateway.ignition_get({ params: SLED1 }))).details
  assert.deepEqual([seen.ctrl_detect_0, seen.ctrl_detect_1], [false, true])
  assert.equal(value(await lab.run(gateway.sp_power_state_get({ params: SLED1 }))), 'A0')
  await lab.run(lab.emulation.setPower('switch0', true))
  assert.deepEqual(value(await lab.run(gateway.local_switch_id())), { type: 'switch', slot: 0 })
  lab.close()
})

const TIMELINE: readonly TimedFault[] = [
  { atMs: 500, fault: { kind: 'link', link: 'sled0-switch0', isUp: false } },
  { atMs: 700, fault: { kind: 'sp', node: 'sled0', fault: { kind: 'network', loss: 0.2, duplicate: 0.2 } } },
  { atMs: 900, fault: { kind: 'sp', node: 'sled1', fault: { kind: 'rail-lost', rail: 5 } } },
  { atMs: 1500, fault: { kind: 'link', link: 'sled0-switch0', isUp: true } },
  { atMs: 2500, fault: { kind: 'power', node: 'sled1', state: 'A0' } },
  { atMs: 4000, fault: { kind: 'sp', node: 'switch1', fault: { kind: 'thermal-trip' } } },
  { atMs: 5000, fault: { kind: 'plug', node: 'switch1', isIn: false } },
  { atMs: 6000, fault: { kind: 'plug', node: 'switch1', isIn: true } },
]

test('faults of links, power and service processors share one timeline, and a seed repeats it', async () => {
  const run = async (seed: number): Promise<{ hash: string; frames: number }> => {
    const lab = await RackLab.start({ seed })
    const gateway = gatewayOf(lab)
    const hash = createHash('sha256')
    let frames = 0
    for (const link of lab.emulation.links().values()) {
      link.configure({ loss: 0.002 })
      link.tap((slot, direction, atMs) => {
        frames++
        hash.update(`${atMs} ${link.name} ${direction} `)
        hash.update(lab.world.arena.peek(slot))
      })
    }
    playFaults(lab.emulation, TIMELINE)
    for (let second = 0; second < 10; second++) {
      const state = await lab.run(gateway.sp_power_state_get({ params: { type: 'sled', slot: 0 } }))
      hash.update(`${lab.clock.nowMs()} ${JSON.stringify(state.ok ? state.value : state.message)}`)
      await lab.clock.advance(1000)
    }
    for (const { sp, board } of lab.emulation.serviceProcessors.nodes.values()) {
      const rings = [...(sp.firmware?.rings ?? [])].map(([task, ring]) => [task, ring.entries])
      hash.update(
        JSON.stringify([sp.name, rings, sp.counters.snapshot(), sp.portCounters, [...board.plant.temperaturesC]]),
      )
    }
    assert.ok(lab.emulation.nodes.has('sled1') && lab.emulation.nodes.has('switch1'))
    lab.close()
    return { hash: hash.digest('hex'), frames }
  }
  const first = await run(42)
  assert.ok(first.frames > 500, `${first.frames} frames`)
  assert.deepEqual(await run(42), first)
  assert.notEqual((await run(43)).hash, first.hash)
})

test('a timeline that names what is not there is refused before anything happens', async () => {
  const lab = await RackLab.start()
  assert.throws(
    () => playFaults(lab.emulation, [{ atMs: 0, fault: { kind: 'plug', node: 'sled9', isIn: false } }]),
    /no such node: sled9/,
  )
  lab.close()
})
