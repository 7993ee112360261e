import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EntryLedger } from './entry-ledger.ts'

test('an entry keeps its writing as long as it says the same, whatever is given as the cause', () => {
  let now = 1
  const ledger = new EntryLedger(() => now)
  ledger.state('v2p', [{ key: 'a', content: { sled: 1, causes: ['x'] }, causes: ['x'] }])
  now = 2
  ledger.state('v2p', [
    { key: 'a', content: { sled: 1, causes: ['y'] }, causes: ['y'] },
    { key: 'b', content: { sled: 1 } },
  ])
  assert.deepEqual(pick(ledger, 'a'), { atWallMs: 1, causes: ['x'] })
  assert.deepEqual(pick(ledger, 'b'), { atWallMs: 2, causes: [] })
  now = 3
  ledger.state('v2p', [{ key: 'a', content: { sled: 2 }, causes: ['y'] }])
  assert.deepEqual(pick(ledger, 'a'), { atWallMs: 3, causes: ['y'] })
  assert.equal(ledger.of('v2p', 'b'), undefined)
  ledger.forget('v2p')
  assert.equal(ledger.of('v2p', 'a'), undefined)
})

function pick(ledger: EntryLedger, key: string): unknown {
  const { atWallMs, causes } = ledger.of('v2p', key)!
  return { atWallMs, causes }
}
