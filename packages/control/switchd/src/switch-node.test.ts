import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Arena } from '@lodestone/frame'
import { NODE_DROP } from './drop-reason.ts'
import { FakePipeline, type Forward } from './fake-pipeline.fixture.ts'
import { FRAME_A, packet } from './frames.fixture.ts'
import { BenchPort, makeRig, type Rig } from './rig.fixture.ts'
import { SwitchNode } from './switch-node.ts'

/** The first byte of a frame says where it goes. */
const byFirstByte: Forward = (frame) => (frame[0] === 0xff ? 'drop' : frame[0]!)

function rig(forward: Forward = byFirstByte): Rig & { pipeline: FakePipeline } {
  let pipeline: FakePipeline | undefined
  const made = makeRig((arena) => (pipeline = new FakePipeline({ arena, forward })))
  assert.ok(made.switchd.start().ok)
  return { ...made, pipeline: pipeline! }
}

function frame(to: number, mark = 0, length = 64): Uint8Array {
  const bytes = new Uint8Array(length)
  bytes[0] = to
  bytes[1] = mark
  return bytes
}

test('a delivered batch runs through the pipeline once and leaves in one batch per port, in order', () => {
  const { port, pipeline, arena } = rig()
  const free = arena.freeSlots
  port('qsfp0').arrive(frame(1, 1), frame(2, 2), frame(1, 3), frame(0xff), frame(1, 4))
  assert.deepEqual(pipeline.batches, [5])
  assert.deepEqual(port('rear0').sendCounts, [3])
  assert.deepEqual(
    port('rear0').sent.map((sent) => sent[1]),
    [1, 3, 4],
  )
  assert.deepEqual(
    port('rear1').sent.map((sent) => sent[1]),
    [2],
  )
  assert.equal(arena.freeSlots, free)
})

test('a batch larger than the pipeline takes is cut, and nothing is lost or reordered', () => {
  const arena = new Arena({ slots: 1024, slotBytes: 512 })
  let pipeline: FakePipeline | undefined
  const { port, switchd } = makeRig((a) => (pipeline = new FakePipeline({ arena: a, forward: byFirstByte })), { arena })
  switchd.start()
  port('qsfp0').arrive(...Array.from({ length: 700 }, (_, i) => frame(1, i & 0xff)))
  assert.deepEqual(pipeline!.batches, [256, 256, 188])
  assert.deepEqual(
    port('rear0').sent.map((sent) => sent[1]),
    Array.from({ length: 700 }, (_, i) => i & 0xff),
  )
  assert.equal(arena.freeSlots, 1024)
})

test('frames for a port that does not exist, has no carrier or is disabled are counted and freed', () => {
  const { port, node, switchd, arena } = rig()
  const free = arena.freeSlots
  port('rear0').setUp(false)
  switchd.setLink(2, { isEnabled: false })
  port('qsfp0').arrive(frame(64), frame(200), frame(1), frame(2))
  assert.equal(node.drops().get(NODE_DROP.portUnknown), 2)
  assert.equal(node.drops().get(NODE_DROP.portDown), 1)
  assert.equal(node.drops().get(NODE_DROP.portDisabled), 1)
  assert.equal(node.portCounters().find(({ port: number }) => number === 1)?.txDrops, 1)
  port('rear1').arrive(frame(33))
  assert.equal(node.drops().get(NODE_DROP.portDisabled), 2)
  assert.equal(node.portCounters().find(({ port: number }) => number === 2)?.rxDrops, 1)
  assert.deepEqual(port('qsfp0').sent, [])
  assert.equal(arena.freeSlots, free)
})

test('ports count what they take and give', () => {
  const { port, node } = rig()
  port('qsfp0').arrive(frame(1, 0, 100), frame(1, 0, 60))
  const [, rear0, , qsfp0] = node.portCounters()
  assert.deepEqual([rear0!.txPackets, rear0!.txBytes, rear0!.rxPackets], [2, 160, 0])
  assert.deepEqual([qsfp0!.rxPackets, qsfp0!.rxBytes, qsfp0!.txPackets], [2, 160, 0])
})

test('a port that delivers from inside send waits for its turn', async () => {
  // The frame comes back in by rear0 and is for rear1 then.
  let passes = 0
  const { port, settle, arena } = rig((bytes) => (passes++ === 0 ? 1 : bytes[1]!))
  const rear0 = port('rear0')
  rear0.send = (slots, count) => rear0.sink!.receive(slots.slice(0, count), count)
  port('qsfp0').arrive(frame(1, 2))
  assert.equal(passes, 1)
  await settle()
  assert.equal(passes, 2)
  assert.equal(port('rear1').sent.length, 1)
  assert.equal(arena.freeSlots, arena.slots)
})

test('tfports follow their port and its link', () => {
  const { port, node, switchd } = rig()
  const tfport = node.cpu.tfports.get('tfportqsfp0')!
  const seen: boolean[] = []
  tfport.onState((isUp) => seen.push(isUp))
  assert.equal(tfport.isUp, true)
  port('qsfp0').setUp(false)
  switchd.setLink(33, { isEnabled: false })
  port('qsfp0').setUp(true)
  switchd.setLink(33, { isEnabled: true })
  assert.deepEqual(seen, [false, true])
})

test('a switch refuses ports that it cannot have', () => {
  const arena = new Arena({ slots: 8, slotBytes: 512 })
  const { clock, tracer } = rig()
  const pipeline = new FakePipeline({ arena })
  for (const name of ['int0', 'qsfp32', 'eth0']) {
    const ports = new Map([[name, new BenchPort(name, arena)]])
    assert.throws(() => new SwitchNode({ name: 's', arena, clock, tracer, pipeline, ports }), /no port is called/)
  }
})

test('a closed node frees what waits and drops what comes', () => {
  const { port, node, arena, sendFrom } = rig()
  sendFrom('tfportqsfp0', FRAME_A, packet({ src: '10.0.0.1', dst: '10.0.0.2' }))
  node.close()
  assert.equal(arena.freeSlots, arena.slots)
  port('qsfp0').arrive(FRAME_A)
  assert.equal(arena.freeSlots, arena.slots)
})
