import assert from 'node:assert/strict'
import test from 'node:test'
import type { Step } from './step.ts'
import type { Story } from './story-book.ts'
import { parseStoryFilter } from './story-filter.ts'

const told = (...steps: readonly Step[]): Story => ({
  packet: 1,
  events: steps.map((step) => ({ packet: 1, atMs: 0, node: 'sled0', step })),
})
const web = told(
  { kind: 'sent', interface: 'eth0', summary: 'IPv4 203.0.113.9:5000 > 198.51.100.10:80 TCP SYN' },
  {
    kind: 'ingress',
    port: 'underlay',
    summary: 'IPv6 fd00::1 > fd00::2 Geneve vni 1855 | IPv4 203.0.113.9:5000 > 172.30.0.5:80 TCP SYN',
  },
  { kind: 'delivered', to: 'web1', summary: 'IPv4 203.0.113.9:5000 > 172.30.0.5:80 TCP SYN' },
)
const over6 = told({ kind: 'sent', interface: 'eth0', summary: 'IPv6 [2001:db8::1]:5000 > [2001:db8::2]:443 TCP ACK' })

function matches(filter: string, story: Story): boolean {
  const result = parseStoryFilter(filter)
  assert.ok(result.ok, result.ok ? '' : result.message)
  return result.matches(story)
}

test('a packet is found in every form it took: before and after NAT, inside and outside the tunnel', () => {
  for (const filter of [
    'host 198.51.100.10',
    'host 172.30.0.5',
    'host fd00::2',
    'vni 1855',
    'port 80',
    'node sled0',
    '',
  ]) {
    assert.ok(matches(filter, web), filter)
  }
})

test('an address or port matches as a whole only', () => {
  for (const filter of ['host 198.51.100.1', 'host 3.0.113.9', 'port 8', 'port 500', 'vni 185', 'host fd00::']) {
    assert.ok(!matches(filter, web), filter)
  }
})

test('IPv6 hosts and ports are found in brackets', () => {
  assert.ok(matches('tcp and host 2001:db8::2 and port 443', over6))
  assert.ok(!matches('port 44', over6))
})

test('terms are joined by and, and negated by not', () => {
  assert.ok(matches('tcp and syn and not dropped and delivered', web))
  assert.ok(!matches('tcp and not port 80', web))
  assert.ok(matches('not not tcp', web))
  assert.deepEqual(
    [matches('syn and ack', web), matches('syn and not ack', web), matches('ack', over6)],
    [false, true, true],
  )
})

test('a filter that makes no sense says which word is wrong', () => {
  const message = (filter: string): string => {
    const result = parseStoryFilter(filter)
    return result.ok ? '' : result.message
  }
  assert.match(message('tcp port 80'), /expected "and" before "port"/)
  assert.match(message('host'), /"host" needs a value/)
  assert.match(message('sctp'), /unknown term "sctp"/)
  assert.match(message('tcp and'), /ends where a term should be/)
})
