import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ip } from '@lodestone/net'
import { TcpFlag } from '@lodestone/packet'
import type { Step } from '@lodestone/probe'
import { frame, type FrameFields } from './frame-fixture.ts'
import { ROW_MAX_BYTES } from './kernel/layout.ts'
import { portConfig, SledFixture } from './sled-fixture.ts'
import type { VirtualPort } from './virtual-port.ts'

const SNAT = { ip: Ip.of('5.6.7.8'), firstPort: 16384, lastPort: 16391 }
const shared = portConfig({ externalIps4: { floating: [], snat: SNAT } })

const tcp = (flags: number, fields: Partial<FrameFields> = {}): Uint8Array =>
  frame({ src: '172.30.0.5', dst: '203.0.113.9', kind: 'tcp', srcPort: 4001, dstPort: 80, flags, ...fields })

function flowOf(port: VirtualPort, bytes: Uint8Array): Extract<Step, { kind: 'flow' }> {
  const found = port.explain(bytes, 'out').steps.find((step) => step.kind === 'flow')
  assert.ok(found)
  return found
}

test('a packet that begins a connection says what state and which port of a shared address it would get', () => {
  const sled = new SledFixture()
  const port = sled.addPort(shared)
  const { flow, tcp: change, natPort, restMs } = flowOf(port, tcp(TcpFlag.syn))
  assert.deepEqual(
    { flow, change, natPort, restMs },
    { flow: 'new', change: { before: 'Closed', after: 'SynSent' }, natPort: 16385, restMs: 5000 },
  )
  sled.send(port, tcp(TcpFlag.syn))
  assert.equal(port.dump().flows[0]!.external, '5.6.7.8:16385 (snat)')
})

test('a row that answers is told from one that is too old, and from a connection that has none', async () => {
  const sled = new SledFixture()
  const port = sled.addPort(shared)
  sled.send(port, tcp(TcpFlag.ack))
  await sled.clock.advance(2000)
  const cached = flowOf(port, tcp(TcpFlag.ack))
  assert.deepEqual([cached.flow, cached.agrees, cached.ageMs, cached.restMs], ['cached', true, 2000, 7_998_000])
  port.apply({ ...shared, generation: 2, firewall: [] })
  const stale = flowOf(port, tcp(TcpFlag.ack))
  assert.deepEqual([stale.flow, stale.madeEpoch, stale.epoch], ['stale', 1, 2])
  assert.match(stale.detail, /judged at epoch 1, now 2/)
  assert.deepEqual(flowOf(port, tcp(TcpFlag.rst)).tcp, { before: 'Established', after: 'Closed' })
})

test('a row that says otherwise than the layers is told of loudly', () => {
  const sled = new SledFixture()
  const port = sled.addPort(shared)
  sled.send(port, tcp(TcpFlag.ack))
  const { cache } = port.state
  cache.forEach((connection) => {
    cache.table.memory.view.setUint16(connection.row(true) + ROW_MAX_BYTES, 1400, true)
  })
  const { agrees, detail } = flowOf(port, tcp(TcpFlag.ack))
  assert.equal(agrees, false)
  assert.match(detail, /THE ROW SAYS OTHERWISE THAN THE LAYERS \(the largest packet\)/)
})

test('a packet that is dropped opens nothing, and says nothing of a connection', () => {
  const port = new SledFixture().addPort(portConfig({ externalIps4: { floating: [] } }))
  const { verdict, steps } = port.explain(tcp(TcpFlag.syn), 'out')
  assert.equal(verdict, 'dropped')
  assert.ok(!steps.some(({ kind }) => kind === 'flow'))
})
