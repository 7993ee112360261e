import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ip, Prefix } from '@lodestone/net'
import { Rib } from './index.ts'

test('the README example does what it says', () => {
  const out: unknown[] = []
  const rib = new Rib({ nowMs: () => 0, fanOut: { static: 2 } })
  const prefix = Prefix.of('198.51.100.0/24')
  rib.watch((changes) => out.push(changes.map(({ prefix, selected }) => `${prefix}: ${selected.length}`)))

  const adjacency = rib.adjacency({ protocol: 'static', peer: '' })
  adjacency.announce(prefix, { nextHop: Ip.of('203.0.113.1'), pathId: 1 })
  adjacency.announce(prefix, { nextHop: Ip.of('203.0.113.2'), pathId: 2, preference: 5 })
  out.push(rib.explain(prefix)?.paths.map(({ verdict, step }) => `${verdict} ${step ?? ''}`))
  assert.deepEqual(out, [['198.51.100.0/24: 1'], ['best ', 'lost preference']])
})
