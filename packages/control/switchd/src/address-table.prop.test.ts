import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Ip } from '@lodestone/net'
import { AddressTable } from './address-table.ts'
import { FakePipeline } from './fake-pipeline.fixture.ts'
import { switchTables } from './switch-tables.ts'
import { TableWriter } from './table-writer.ts'

const PORTS = [1, 2, 33]
const IPS = ['192.0.2.1', '192.0.2.2', 'fe80::1', 'fd00::1'].map(Ip.of)
const change = fc.record({
  kind: fc.constantFrom('add' as const, 'remove' as const),
  ip: fc.constantFrom(...IPS),
  port: fc.constantFrom(undefined, ...PORTS),
})

/** What happens to a packet for `ip` that comes in by `port`, as the pipeline would decide from its entries. */
function verdict(pipeline: FakePipeline, ip: Ip, port: number): string {
  const value = ip.bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
  const lines = pipeline.dump(ip.family === 4 ? 'switch_ipv4_addr' : 'switch_ipv6_addr')
  const matching = lines.flatMap((line) => {
    const [, address, want, mask, priority, action] = /^(\d+) (\d+)&(\d+) @(\d+) (\w+)/.exec(line)!
    const hit = BigInt(address!) === value && (port & Number(mask)) === Number(want)
    return hit ? [{ priority: Number(priority), action: action! }] : []
  })
  return matching.sort((a, b) => b.priority - a.priority)[0]?.action ?? 'pass'
}

for (const failEvery of [0, 3, 4]) {
  test(`an address is claimed where it stands and dropped elsewhere, failing writes: ${failEvery || 'none'}`, () => {
    fc.assert(
      fc.property(fc.array(fc.array(change, { minLength: 1, maxLength: 3 }), { maxLength: 25 }), (steps) => {
        const pipeline = new FakePipeline()
        const addresses = new AddressTable(switchTables(pipeline))
        const writer = new TableWriter(pipeline, () => 0)
        pipeline.failEvery = failEvery
        const claims = new Map<string, Set<number | undefined>>()
        for (const step of steps) {
          const changes = step.map(({ kind, ip, port }) => ({ kind, ip, ...(port === undefined ? {} : { port }) }))
          const outcome = writer.run({ by: 'port', about: '' }, addresses.plan(changes))
          if (outcome.ok) {
            for (const { kind, ip, port } of step) {
              const claim = claims.get(ip.toString()) ?? new Set()
              claims.set(ip.toString(), claim)
              if (kind === 'add') claim.add(port)
              else claim.delete(port)
            }
          }
          for (const ip of IPS) {
            const claim = claims.get(ip.toString()) ?? new Set()
            for (const port of PORTS) {
              const elsewhere = claim.size === 0 ? 'pass' : ip.family === 4 ? 'drop_ipv4' : 'drop_ipv6'
              const wanted = claim.has(undefined) || claim.has(port) ? 'claim' : elsewhere
              assert.equal(verdict(pipeline, ip, port), wanted, `${ip} by port ${port}`)
              assert.equal(
                addresses.ofPort(port).some((other) => other.equals(ip)),
                claim.has(port),
              )
            }
            assert.equal(
              addresses.loopbacks().some((other) => other.equals(ip)),
              claim.has(undefined),
            )
          }
        }
      }),
      { numRuns: 60 },
    )
  })
}
