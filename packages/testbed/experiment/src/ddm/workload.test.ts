import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRandom } from '@lodestone/host'
import { flowBytes, meanFlowBytes, SIZE_NAMES } from './flow-sizes.ts'
import { makeFlows } from './workload.ts'

test('sizes follow the published distributions: their shares, and their means of 1.7 and 7.4 MB', () => {
  assert.ok(Math.abs(meanFlowBytes('web-search') - 1.67e6) < 0.05e6, `${meanFlowBytes('web-search')}`)
  assert.ok(Math.abs(meanFlowBytes('data-mining') - 7.41e6) < 0.2e6, `${meanFlowBytes('data-mining')}`)
  assert.equal(flowBytes('web-search', 0.53), 53 * 1460)
  assert.equal(flowBytes('web-search', 0.8), 1333 * 1460)
  assert.equal(flowBytes('data-mining', 0.25), 1460)
  for (const name of SIZE_NAMES) {
    let sum = 0
    for (let i = 0; i < 100_000; i++) sum += flowBytes(name, (i + 0.5) / 100_000)
    assert.ok(Math.abs(sum / 100_000 / meanFlowBytes(name) - 1) < 0.01, name)
  }
})

test('flows arrive at the rate that the load asks for, between different hosts, and repeat with their seed', () => {
  const options = { sizes: 'web-search' as const, flows: 20_000, hosts: 16, load: 0.6, hostBps: 2e9 }
  const flows = makeFlows({ ...options, random: new SeededRandom(5) })
  const seconds = flows.at(-1)!.startUs / 1e6
  const offered = (20_000 * meanFlowBytes('web-search') * 8 * (1 + 148 / 1460)) / seconds / (16 * 2e9)
  assert.ok(Math.abs(offered - 0.6) < 0.02, `${offered}`)
  assert.ok(flows.every((flow) => flow.source !== flow.destination && flow.destination < 16))
  assert.deepEqual(makeFlows({ ...options, random: new SeededRandom(5) }), flows)
})
