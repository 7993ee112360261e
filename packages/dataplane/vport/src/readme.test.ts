/** Mirrors the example of README.md. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Arena } from '@lodestone/frame'
import { SeededRandom, VirtualClock } from '@lodestone/host'
import { Ip, Mac, Prefix } from '@lodestone/net'
import { Tracer } from '@lodestone/probe'
import { BOUNDARY_VNI, type PortConfig, VportEngine } from './index.ts'
import { portConfig } from './sled-fixture.ts'

test('the example of the README adds a port, attaches a guest and changes its rules', () => {
  const arena = new Arena({ slots: 16 })
  const clock = new VirtualClock()
  const tracer = new Tracer(() => clock.nowMs())
  const random = new SeededRandom(1)
  const sent: number[] = []
  const stack = { send: (slot: number) => sent.push(slot) }
  const peerMac = Mac.of('a8:40:25:f2:a4:ea')
  const nic = { receive: (): void => undefined }
  const config: PortConfig = portConfig()

  const engine = new VportEngine({
    node: 'sled1',
    arena,
    clock,
    tracer,
    random,
    underlayAddress: Ip.of('fd00:1122:3344:104::1'),
    sendUnderlay: (slot) => stack.send(slot),
  })
  engine.setVirtualToPhysical([
    { vni: 100001, ip: Ip.of('172.30.0.6'), sled: Ip.of('fd00:1122:3344:101::1'), mac: peerMac },
  ])
  engine.setTunnelEndpoints([
    {
      prefix: Prefix.of('0.0.0.0/0'),
      endpoints: [{ address: Ip.of('fdb1:a844:2ecd::1'), vni: BOUNDARY_VNI, metric: 1 }],
    },
  ])
  const port = engine.addPort(config)
  port.guest.attach(nic)
  const result = port.apply({ ...config, generation: 2, firewall: [] })
  assert.deepEqual(result, { ok: true, generation: 2, changed: ['firewall'] })
  engine.close()
})
