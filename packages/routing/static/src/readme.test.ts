import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ip, Prefix } from '@lodestone/net'
import { Rib } from '@lodestone/rib'
import { StaticRoutes } from './index.ts'

test('the README example does what it says', () => {
  const rib = new Rib({ nowMs: () => 0 })
  const fixed = new StaticRoutes(rib)
  fixed.set([
    { prefix: Prefix.of('0.0.0.0/0'), nextHop: Ip.of('203.0.113.1') },
    { prefix: Prefix.of('0.0.0.0/0'), nextHop: Ip.of('203.0.113.2') },
    { prefix: Prefix.of('198.51.100.0/24'), nextHop: Ip.of('fe80::1'), interface: 'qsfp0', preference: 250 },
  ])
  assert.equal(rib.longestMatch(Ip.of('192.0.2.1'))?.selected.length, 2)
})
