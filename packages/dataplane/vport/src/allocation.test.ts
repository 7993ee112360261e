import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Arena } from '@lodestone/frame'
import { TcpFlag } from '@lodestone/packet'
import { encapsulationBytes } from './encapsulation.ts'
import { encapsulated, frame } from './frame-fixture.ts'
import { GUEST_MAC, SledFixture } from './sled-fixture.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void // because node has no typed way to ask for it

/** One number on the heap takes this much; less than half of it per packet is the noise of the machine. */
const SMALLEST_OBJECT_BYTES = 12

/** Bytes that stay or pile up per packet; nothing but noise when nothing is allocated. */
function bytesPerPacket(packets: number, run: (count: number) => void): number {
  run(20_000)
  collect()
  const before = process.memoryUsage().heapUsed
  run(packets)
  return (process.memoryUsage().heapUsed - before) / packets
}

test('a packet in the flow cache allocates nothing, in either direction', () => {
  const arena = new Arena({ slots: 4 })
  const pushed = encapsulationBytes({ destination: new Uint8Array(16), vni: 1, option: 'mss' })
  // Between neighbours only MACs change, so the same frame can be sent again and again.
  const sled = new SledFixture({ arena, sendUnderlay: (slot) => void arena.shift(slot, pushed) })
  const port = sled.addPort()
  const slots = Int32Array.of(
    arena.from(frame({ src: '172.30.0.5', dst: '172.30.0.6', kind: 'tcp', flags: TcpFlag.ack })),
  )
  const outbound = bytesPerPacket(100_000, (count) => {
    for (let i = 0; i < count; i++) port.guest.send(slots, 1)
  })
  assert.ok(outbound < SMALLEST_OBJECT_BYTES / 2, `${outbound.toFixed(1)} bytes per outbound packet`)

  const inner = frame({ etherDst: GUEST_MAC, src: '172.30.0.6', dst: '172.30.0.5', kind: 'udp' })
  const whole = encapsulated(inner)
  const around = whole.length - inner.length
  port.guest.attach({ receive: (received) => void arena.shift(received[0]!, -around) })
  const inbound = Int32Array.of(arena.from(whole))
  const perPacket = bytesPerPacket(100_000, (count) => {
    for (let i = 0; i < count; i++) sled.engine.receiveUnderlay(inbound, 1)
  })
  assert.ok(perPacket < SMALLEST_OBJECT_BYTES / 2, `${perPacket.toFixed(1)} bytes per inbound packet`)
  assert.deepEqual([port.dump().counters.slowOut, port.dump().counters.slowIn], [1, 1])
})
