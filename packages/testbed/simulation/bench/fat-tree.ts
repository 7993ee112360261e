/**
 * A fat tree of BGP routers from cold start until every router uses every shortest way to every prefix. `node fat-tree.ts [k]`;
 * k = 28, the default, gives 980 routers with 10 976 sessions.
 */
import process from 'node:process'
import { setFlagsFromString } from 'node:v8'
import { FatTree } from '../src/fat-tree.ts'

// Half of the memory is typed arrays. V8 looks through the whole heap whenever 64 MB of those have been added, unless it is told to
// count them as it counts the rest: a third of the processor time.
setFlagsFromString('--external-memory-accounted-in-global-limit')
setFlagsFromString('--max-semi-space-size=32')

const k = Number(process.argv[2] ?? 28)
const startMs = performance.now()
const tree = new FatTree({ k })
const builtMs = performance.now()
await tree.start()
const isDone = await tree.converge(60_000)
const doneMs = performance.now()
const { user, system } = process.cpuUsage()
console.log(
  `${tree.routers.length} routers, ${tree.sessionCount} sessions, ${tree.prefixCount} prefixes, ${tree.pathCount} paths`,
)
console.log(isDone ? 'converged: every router has every prefix over every shortest way' : tree.problems().join('\n'))
console.log(
  `${(tree.clock.nowMs() / 1000).toFixed(1)} s simulated, ${tree.clock.eventsRun} events; wall time ${((doneMs - startMs) / 1000).toFixed(1)} s ` +
    `(${((builtMs - startMs) / 1000).toFixed(1)} s to build), processor time ${((user + system) / 1e6).toFixed(1)} s, ` +
    `peak memory ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB`,
)
process.exit(isDone ? 0 : 1)
