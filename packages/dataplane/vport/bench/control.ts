/**
 * How long packets wait while a port with 100 000 flows gets 1000 firewall rules, and while half a million flows expire at
 * once: `node packages/dataplane/vport/bench/control.ts`. Both kinds of work are done in pieces between which packets pass, so
 * the longest piece is the wait. The same pieces are timed in several rounds and the best time of each counts, because other
 * programs on the machine, and V8's compiler and collector, only ever add; the median of whole rounds is shown beside it.
 */
import { TEND_CONNECTIONS } from '../src/engine.ts'
import { medianOf, print, type Row } from './harness.ts'
import { ruleSet, SlowBench } from './slow-bench.ts'

const FLOWS = 100_000
const MANY_FLOWS = 500_000
const RULES = 1000
const ROUNDS = 15
const EXPIRY_ROUNDS = 4
const LIMIT_MS = 1
/** Half-open connections live 5 s. */
const LATER_MS = 10_000

function timed<T>(work: () => T): { readonly value: T; readonly ms: number } {
  const start = performance.now()
  const value = work()
  return { value, ms: performance.now() - start }
}

function rulesRow(): Row {
  const bench = new SlowBench(ruleSet(10))
  bench.measure(true, FLOWS)
  const best: number[] = []
  const sums: number[] = []
  for (let generation = 2; generation < 2 + ROUNDS; generation++) {
    const firewall = ruleSet(RULES).map((rule) => ({ ...rule, name: `${rule.name}-${generation}` }))
    const steps = bench.port.state.apply({ ...bench.port.config, generation, firewall })
    let sum = 0
    for (let piece = 0, isDone = false; !isDone; piece++) {
      const { value, ms } = timed(() => steps.next())
      isDone = value.done === true
      sum += ms
      best[piece] = Math.min(ms, best[piece] ?? Infinity)
    }
    sums.push(sum)
  }
  bench.close()
  const longest = Math.max(...best)
  return {
    what: `set ${RULES} rules on a port with ${FLOWS} flows: longest wait of a packet`,
    mustReach: `${LIMIT_MS} ms`,
    reached: `${longest.toFixed(2)} ms, ${best.length} pieces of ${medianOf(sums).toFixed(1)} ms in all`,
    isReached: longest <= LIMIT_MS,
  }
}

/** Half a million connections that end in the same second, several times over. */
function expiryRow(): Row {
  const best: number[] = []
  let expired = 0
  for (let round = 0; round < EXPIRY_ROUNDS; round++) {
    const bench = new SlowBench(ruleSet(10))
    bench.measure(true, MANY_FLOWS)
    const { cache, clock } = bench.port.state
    const before = cache.count
    const laterMs = clock.nowMs() + LATER_MS
    for (let piece = 0, isDone = false; !isDone; piece++) {
      const { value, ms } = timed(() => cache.table.tend(laterMs, TEND_CONNECTIONS))
      isDone = value
      best[piece] = Math.min(ms, best[piece] ?? Infinity)
    }
    expired = before - cache.count
    bench.close()
  }
  // The last pieces are not in every round.
  const longest = Math.max(...best.slice(0, Math.floor(expired / TEND_CONNECTIONS)))
  return {
    what: `${expired} half-open flows expire: longest wait of a packet`,
    mustReach: `${LIMIT_MS} ms`,
    reached: `${longest.toFixed(2)} ms, ${best.length} pieces, the median takes ${medianOf(best).toFixed(2)} ms`,
    isReached: longest <= LIMIT_MS,
  }
}

if (import.meta.main) print([rulesRow(), expiryRow()])
