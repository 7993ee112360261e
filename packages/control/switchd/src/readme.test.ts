import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Arena } from '@lodestone/frame'
import { Host, MemoryFiles, SeededRandom, VirtualClock } from '@lodestone/host'
import { Ip, Mac, Prefix } from '@lodestone/net'
import { createPipeline } from '@lodestone/npu'
import { Tracer } from '@lodestone/probe'
import { switchProgram } from './compiled-switch.fixture.ts'
import { packet } from './frames.fixture.ts'
import { portNumber, Switchd, SwitchNode, switchPipelineOptions } from './index.ts'
import { BenchPort } from './rig.fixture.ts'

const P4 = new URL('../../../../p4/', import.meta.url)

test('the example of the README works', () => {
  const arena = new Arena({ slots: 64, slotBytes: 2048 })
  const clock = new VirtualClock()
  const tracer = new Tracer(() => clock.nowMs())
  const host = new Host({ name: 'switch0', clock, random: new SeededRandom(1), files: new MemoryFiles() })
  const rear0 = new BenchPort('rear0', arena)
  const qsfp0 = new BenchPort('qsfp0', arena)
  const ports = new Map([rear0, qsfp0].map((port) => [port.name, port]))
  const program = switchProgram((path) => {
    const url = new URL(path, P4)
    return existsSync(url) ? readFileSync(url, 'utf8') : undefined
  })

  const node = new SwitchNode({
    name: 'switch0',
    arena,
    clock,
    tracer,
    ports,
    pipeline: createPipeline(
      program,
      switchPipelineOptions({ name: 'switch0', arena, clock, tracer, ports: ports.keys() }),
    ),
  })
  const switchd = new Switchd(host, { node, macBase: Mac.of('a8:40:25:05:00:63') })
  switchd.start()
  switchd.addAddress(Ip.of('192.0.2.2'), portNumber('qsfp0'))
  switchd.setRoute(Prefix.of('203.0.113.0/24'), [{ port: portNumber('qsfp0')!, nextHop: Ip.of('192.0.2.1') }])
  switchd.setNeighbor(portNumber('qsfp0')!, Ip.of('192.0.2.1'), Mac.of('02:00:5e:00:01:01'))

  rear0.arrive(packet({ src: '10.0.0.1', dst: '203.0.113.9' }))
  assert.equal(qsfp0.sent.length, 1)
  assert.equal(Mac.fromBytes(qsfp0.sent[0]!, 0).toString(), '02:00:5e:00:01:01')
  switchd.close()
})
