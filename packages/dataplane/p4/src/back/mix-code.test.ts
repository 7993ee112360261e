/** How well `mix` spreads. That generated code computes the same is what random programs of `@lodestone/npu` check. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mixOf } from './mix-code.ts'

/** Folded addresses, ports and protocol, as `p4/router.p4` hashes them for IPv6. */
function flow(source: bigint, destination: bigint, sourcePort: number, destinationPort: number): Uint8Array {
  const bytes = new Uint8Array(21)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(0, source)
  view.setBigUint64(8, destination)
  view.setUint16(16, sourcePort)
  view.setUint16(18, destinationPort)
  bytes[20] = 17
  return bytes
}

/** By way, how many flows: a way is the upper half of the hash scaled to their number. */
function spread(ways: number, flows: readonly Uint8Array[]): number[] {
  const found = Array.from({ length: ways }, () => 0)
  for (const one of flows) found[(Number(mixOf(one) >> 16n) * ways) >> 16]!++
  return found
}

test('flows that differ in a port, an address or a few bits of both spread evenly over any number of ways', () => {
  const count = 4096
  const kinds: readonly ((k: number) => Uint8Array)[] = [
    (k) => flow(1n, 2n, k, 443),
    (k) => flow(1n, 2n, 4000, k),
    (k) => flow(1n, BigInt(k), 4000, 443),
    (k) => flow(BigInt(k) << 48n, 2n, 4000, 443),
    (k) => flow(BigInt(k & 63), BigInt(k >> 6), 4000, 443),
    (k) => flow(BigInt(k & 63) << 32n, 2n, (k >> 6) << 8, 443),
  ]
  for (const [kind, make] of kinds.entries()) {
    const flows = Array.from({ length: count }, (_, k) => make(k))
    for (const ways of [2, 3, 4, 8, 16]) {
      const expected = count / ways
      const chiSquare = spread(ways, flows).reduce((sum, one) => sum + (one - expected) ** 2 / expected, 0)
      // Of a hash that is as good as chance, one in a million is beyond this.
      assert.ok(chiSquare < 25 + 2.5 * ways, `kind ${kind} over ${ways} ways: ${chiSquare}`)
    }
  }
})

test('each bit of the input changes each bit of the hash about half the time', () => {
  const rounds = 256
  for (let bit = 0; bit < 21 * 8; bit += 5) {
    const changes = new Uint32Array(32)
    for (let k = 0; k < rounds; k++) {
      const bytes = flow(BigInt(k) * 0x1_0000_0401n, BigInt(7 * k), 1000 + 13 * k, 80 + k)
      const before = mixOf(bytes)
      bytes[bit >> 3]! ^= 1 << (bit & 7)
      const difference = Number(before ^ mixOf(bytes))
      for (let out = 0; out < 32; out++) changes[out]! += (difference >>> out) & 1
    }
    for (const [out, count] of changes.entries()) {
      assert.ok(
        count > 0.3 * rounds && count < 0.7 * rounds,
        `bit ${bit} changes bit ${out} ${count} times of ${rounds}`,
      )
    }
  }
})

test('zeros at the end are not nothing', () => {
  assert.notEqual(mixOf(Uint8Array.of(1)), mixOf(Uint8Array.of(1, 0)))
  assert.notEqual(mixOf(new Uint8Array(8)), mixOf(new Uint8Array(16)))
})
