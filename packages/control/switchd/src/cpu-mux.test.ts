import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Arena } from '@lodestone/frame'
import { SidecarCode, sidecarEgress, sidecarEtherType } from '@lodestone/packet'
import { NODE_DROP } from './drop-reason.ts'
import { FakePipeline } from './fake-pipeline.fixture.ts'
import { FRAME_A, punted, stripped, toHex } from './frames.fixture.ts'
import { makeRig, type Rig } from './rig.fixture.ts'

/** A pipeline that sends everything from the ports to the CPU, and keeps what the CPU sends. */
function rig(arena?: Arena): Rig & { injected: Uint8Array[] } {
  const injected: Uint8Array[] = []
  const made = makeRig(
    (own) =>
      new FakePipeline({
        arena: own,
        forward: (frame, ingress) => {
          if (ingress !== 0) return 0
          injected.push(frame.slice())
          return 'drop'
        },
      }),
    arena === undefined ? {} : { arena },
  )
  assert.ok(made.switchd.start().ok)
  return { ...made, injected }
}

test('a frame for the stack arrives on the tfport of its ingress port, as it was on the wire', () => {
  const { port, listen, arena } = rig()
  const onFront = listen('tfportqsfp0')
  const onRear = listen('tfportrear0')
  const toUser = (ingress: number): Uint8Array => punted(FRAME_A, { code: SidecarCode.forwardToUser, ingress })
  port('qsfp0').arrive(toUser(33), toUser(1), toUser(33))
  assert.deepEqual(onFront.map(toHex), [toHex(FRAME_A), toHex(FRAME_A)])
  assert.deepEqual(onRear.map(toHex), [toHex(FRAME_A)])
  assert.equal(arena.freeSlots, arena.slots)
})

test('what the stack sends gets a header that names its port, in the next turn of the clock', async () => {
  const { sendFrom, settle, injected, arena } = rig()
  sendFrom('tfportrear1', FRAME_A)
  assert.equal(injected.length, 0)
  await settle()
  assert.equal(injected.length, 1)
  assert.equal(injected[0]![14], 0)
  assert.equal(sidecarEgress(injected[0]!, 14), 2)
  assert.equal(sidecarEtherType(injected[0]!, 14), 0x0800)
  assert.equal(toHex(stripped(injected[0]!)), toHex(FRAME_A))
  assert.equal(arena.freeSlots, arena.slots)
})

test('a stack that answers while it receives does not recurse into the pipeline', async () => {
  const { port, node, settle, injected, arena } = rig()
  const tfport = node.cpu.tfports.get('tfportqsfp0')!
  tfport.attach({ receive: (slots, count) => tfport.send(slots, count) })
  port('qsfp0').arrive(punted(FRAME_A, { code: SidecarCode.forwardToUser, ingress: 33 }))
  assert.equal(injected.length, 0)
  await settle()
  assert.equal(toHex(stripped(injected[0]!)), toHex(FRAME_A))
  assert.equal(arena.freeSlots, arena.slots)
})

test('a sent burst beyond the queue is counted and freed', async () => {
  const { node, settle, injected, arena } = rig(new Arena({ slots: 1100, slotBytes: 512 }))
  const slots = Int32Array.from({ length: 1100 }, () => arena.from(FRAME_A))
  node.cpu.tfports.get('tfportqsfp0')!.send(slots, slots.length)
  assert.equal(node.drops().get(NODE_DROP.cpuQueueFull), 76)
  await settle()
  assert.equal(injected.length, 1024)
  assert.equal(arena.freeSlots, 1100)
})

test('frames that the mux cannot handle are counted with a reason', () => {
  const { port, node, sendFrom, arena } = rig()
  const toUser = punted(FRAME_A, { code: SidecarCode.forwardToUser, ingress: 33 })
  port('qsfp0').arrive(
    toUser, // nobody listens on tfportqsfp0
    punted(FRAME_A, { code: SidecarCode.forwardToUser, ingress: 99 }),
    FRAME_A, // no sidecar header
    toUser.slice(0, 37), // not a whole one
    punted(FRAME_A, { code: 0x77, ingress: 33 }),
  )
  assert.equal(node.drops().get(NODE_DROP.cpuNoReceiver), 2)
  assert.equal(node.drops().get(NODE_DROP.cpuRunt), 2)
  assert.equal(node.drops().get(NODE_DROP.cpuCode), 1)
  sendFrom('tfportqsfp0', new Uint8Array(13))
  assert.equal(node.drops().get(NODE_DROP.cpuRunt), 3)
  port('qsfp0').setUp(false)
  sendFrom('tfportqsfp0', FRAME_A)
  assert.equal(node.drops().get(NODE_DROP.portDown), 1)
  assert.equal(arena.freeSlots, arena.slots)
})

test('a frame without head room is dropped, not damaged', () => {
  const { node, sendFrom, arena } = rig(new Arena({ slots: 16, slotBytes: 512, headroomBytes: 22 }))
  sendFrom('tfportqsfp0', FRAME_A)
  assert.equal(node.drops().get(NODE_DROP.cpuNoHeadroom), 1)
  assert.equal(arena.freeSlots, 16)
})

test('stories tell what the CPU was given', () => {
  const { port, stories, listen } = rig()
  const events = stories()
  listen('tfportqsfp0')
  port('qsfp0').arrive(
    punted(FRAME_A, { code: SidecarCode.forwardToUser, ingress: 33 }),
    punted(FRAME_A, { code: 0x77, ingress: 33 }),
  )
  const steps = events.map(({ step }) => step)
  assert.deepEqual(
    steps.filter(({ kind }) => kind === 'punted').map((step) => step.kind === 'punted' && step.to),
    ['tfportqsfp0', 'cpu'],
  )
  const dropped = steps.find(({ kind }) => kind === 'dropped')
  assert.equal(dropped?.kind === 'dropped' && dropped.reason.code, 'SW_CPU_CODE')
})
