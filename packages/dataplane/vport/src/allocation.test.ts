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

/** So few that what they allocate is not collected before it is counted. */
const PACKETS = 50_000

/**
 * Bytes that pile up per packet. What allocates does so every time. What does not may be seen to until V8 has compiled it in its other
 * threads, which is whenever they get the processor; so the least of several counts says how much it is.
 */
function bytesPerPacket(run: (count: number) => void): number {
  let least = Infinity
  for (let round = 0; round < 50 && least >= SMALLEST_OBJECT_BYTES / 2; round++) {
    collect()
    const before = process.memoryUsage().heapUsed
    run(PACKETS)
    least = Math.min(least, (process.memoryUsage().heapUsed - before) / PACKETS)
  }
  return least
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
  const outbound = bytesPerPacket((count) => {
    for (let i = 0; i < count; i++) port.guest.send(slots, 1)
  })
  assert.ok(outbound < SMALLEST_OBJECT_BYTES / 2, `${outbound.toFixed(1)} bytes per outbound packet`)

  const inner = frame({ etherDst: GUEST_MAC, src: '172.30.0.6', dst: '172.30.0.5', kind: 'udp' })
  const whole = encapsulated(inner)
  const around = whole.length - inner.length
  port.guest.attach({ receive: (received) => void arena.shift(received[0]!, -around) })
  const inbound = Int32Array.of(arena.from(whole))
  const perPacket = bytesPerPacket((count) => {
    for (let i = 0; i < count; i++) sled.engine.receiveUnderlay(inbound, 1)
  })
  assert.ok(perPacket < SMALLEST_OBJECT_BYTES / 2, `${perPacket.toFixed(1)} bytes per inbound packet`)
  assert.deepEqual([port.dump().counters.slowOut, port.dump().counters.slowIn], [1, 1])
})
