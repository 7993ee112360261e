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

test('a statement that takes long holds from its end on, and not when a newer one has ended meanwhile', () => {
  const ledger = new EntryLedger(() => 1)
  const long = ledger.begin('port')
  long.add('a', { says: 'old' }, ['long'])
  assert.equal(ledger.of('port', 'a'), undefined)
  long.end()
  assert.deepEqual(pick(ledger, 'a', 'port'), { atWallMs: 1, causes: ['long'] })
  const late = ledger.begin('port')
  ledger.state('port', [{ key: 'a', content: { says: 'new' }, causes: ['newer'] }])
  late.add('a', { says: 'late' }, ['late'])
  late.end()
  assert.deepEqual(pick(ledger, 'a', 'port'), { atWallMs: 1, causes: ['newer'] })
})

function pick(ledger: EntryLedger, key: string, section = 'v2p'): unknown {
  const { atWallMs, causes } = ledger.of(section, key)!
  return { atWallMs, causes }
}
