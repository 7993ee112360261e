import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ip } from '@lodestone/net'
import {
  fixIpv4Checksum,
  IPV4_MIN,
  IpProtocol,
  setIpv4Flags,
  setIpv4FragmentOffset,
  setIpv4Identification,
  UDP_MIN,
  writeUdp,
} from '@lodestone/packet'
import fc from 'fast-check'
import { fuzzRuns } from './fuzz-runs.fixture.ts'
import { outputIp, writeIpHeader } from './ip-output.ts'
import { TestNetwork } from './test-network.ts'

const LENGTH = 1600

/** A datagram of which every byte tells its place and its packet. */
function datagram(identification: number): Uint8Array {
  const out = Uint8Array.from({ length: LENGTH }, (_, i) => i * 7 + (i >> 8) + identification * 13)
  writeUdp(out, 0, { srcPort: 5, dstPort: 9, length: LENGTH, checksum: 0 })
  return out
}

const piece = fc.record({
  identification: fc.integer({ min: 1, max: 3 }),
  /** In units of 8 bytes. */
  from: fc.integer({ min: 0, max: LENGTH / 8 - 1 }),
  units: fc.integer({ min: 1, max: 60 }),
  isForged: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
})

test('of whatever pieces arrive, only packets exactly as they were sent are delivered, and nothing is left behind', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(piece, { maxLength: 25 }),
      fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 }),
      async (strays, wholes) => {
        const network = new TestNetwork()
        const left = network.host('left')
        const right = network.host('right')
        network.join(left, 'nic0', ['10.0.0.1/24'], right, 'nic0', ['10.0.0.2/24'])
        const got: Uint8Array[] = []
        await right.bindUdp({ port: 9 }, ({ payload }) => void got.push(payload))
        await network.clock.run(left.ping('10.0.0.2'))
        const send = (identification: number, from: number, until: number, isForged: boolean): void => {
          const { stack } = left
          const slot = stack.allocIp(IPV4_MIN + until - from)
          const { bytes } = stack.arena
          const at = stack.arena.start(slot)
          writeIpHeader(stack, slot, Ip.of('10.0.0.1'), Ip.of('10.0.0.2'), IpProtocol.udp, 64)
          setIpv4Identification(bytes, at, identification)
          setIpv4Flags(bytes, at, until < LENGTH ? 1 : 0)
          setIpv4FragmentOffset(bytes, at, from / 8)
          fixIpv4Checksum(bytes, at)
          bytes.set(datagram(identification).subarray(from, until), at + IPV4_MIN)
          if (isForged) bytes[at + IPV4_MIN + until - from - 1]! ^= 0x55
          left.batch(() => outputIp(stack, slot))
        }
        const forged = new Set<number>()
        for (const { identification, from, units, isForged } of strays) {
          if (isForged) forged.add(identification)
          send(identification, from * 8, Math.min(LENGTH, (from + units) * 8), isForged)
        }
        for (const identification of wholes) {
          for (let from = 0; from < LENGTH; from += 400) send(identification, from, from + 400, false)
        }
        await network.clock.advance(10)
        for (const payload of got) {
          const isExact = [1, 2, 3].some((id) => Buffer.from(datagram(id).subarray(UDP_MIN)).equals(payload))
          // A forged piece that overlaps nothing cannot be told from a true one; only checksums could.
          assert.ok(isExact || forged.size > 0, 'a packet that nobody sent')
          assert.equal(payload.length, LENGTH - UDP_MIN)
        }
        for (const identification of new Set(wholes)) {
          if (strays.some((each) => each.identification === identification)) continue
          const whole = datagram(identification).subarray(UDP_MIN)
          const times = got.filter((payload) => Buffer.from(whole).equals(payload)).length
          assert.equal(times, wholes.filter((each) => each === identification).length)
        }
        assert.equal(await network.leaked(), 0)
        assert.deepEqual(right.stack.reassembly.size, { packets: 0, bytes: 0 })
      },
    ),
    fuzzRuns(30),
  )
})
