/**
 * Microseconds that the first packet of a flow takes through the layers of a port with 100 firewall rules, of which the last
 * one matches: `node packages/dataplane/vport/bench/slow-path.ts`. Every packet opens a connection.
 */
import { ruleSet, SlowBench } from './slow-bench.ts'
import { print, type Row } from './harness.ts'

const LIMIT_US = 5
/** The best counts: other programs only ever add. */
const ROUNDS = 3

function rows(): Row[] {
  const found: Row[] = []
  for (const count of [0, 100, 1000]) {
    for (const isOut of [true, false]) {
      let us = Infinity
      for (let round = 0; round < ROUNDS; round++) {
        const bench = new SlowBench(ruleSet(count))
        us = Math.min(us, bench.measure(isOut) / 1000)
        bench.close()
      }
      found.push({
        what: `slow path, ${count} rules, ${isOut ? 'outbound' : 'inbound'}, TCP over IPv4 with NAT`,
        mustReach: count === 100 ? `${LIMIT_US} µs a flow` : '(no limit)',
        reached: `${us.toFixed(2)} µs a flow`,
        isReached: count !== 100 || us <= LIMIT_US,
      })
    }
  }
  return found
}

if (import.meta.main) print(rows())
