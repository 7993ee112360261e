import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rackTopology } from '@lodestone/testbed'
import { simulate, SimulatedDatabase } from './index.ts'

test('the example of the README', async () => {
  const database = await SimulatedDatabase.create()
  const verdict = await simulate({ seed: 7, minutes: 0.2, topology: rackTopology({ sleds: 2 }), database })
  assert.equal(verdict.failure, undefined, verdict.failure?.problems.join('; '))
  assert.match(verdict.hash, /^[0-9a-f]{16}$/)
  await database.close()
})
