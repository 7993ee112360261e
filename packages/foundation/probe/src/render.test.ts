import assert from 'node:assert/strict'
import test from 'node:test'
import { renderStep, renderStory } from './render.ts'
import type { Step, StoryEvent } from './step.ts'

const story = (steps: readonly Step[]): StoryEvent[] =>
  steps.map((step, i) => ({ packet: 1, atMs: 10 + i, node: 'sw', step }))

test('a table hit shows the matched entry and the action with its parameters once', () => {
  const step: Step = {
    kind: 'table',
    table: 'router.lookup',
    keys: [{ name: 'dst', value: '10.1.2.3' }],
    hit: true,
    entry: '10.0.0.0/8 → index(first=4)',
    action: 'ingress.router.index',
    parameters: [{ name: 'first', value: '4' }],
  }
  assert.deepEqual(renderStep(step), ['table router.lookup: dst=10.1.2.3 hit 10.0.0.0/8 → index(first=4)'])
})

test('a miss says so, and a table without keys is its default', () => {
  const base = { kind: 'table', table: 't', hit: false, action: 'NoAction', parameters: [] } as const
  assert.deepEqual(renderStep({ ...base, keys: [{ name: 'port', value: '3' }] }), ['table t: port=3 MISS → NoAction()'])
  assert.deepEqual(renderStep({ ...base, keys: [] }), ['table t: default → NoAction()'])
})

test('rewrites that follow one another are told together, new headers with their fields', () => {
  const text = renderStory(
    story([
      { kind: 'rewrite', field: 'hdr.udp', from: 'absent', to: 'present' },
      { kind: 'rewrite', field: 'hdr.udp.dst_port', from: '0', to: '6081' },
      { kind: 'rewrite', field: 'hdr.ipv4.ttl', from: '64', to: '63' },
      { kind: 'rewrite', field: 'hdr.vlan', from: 'present', to: 'absent' },
      { kind: 'egress', port: 'rear0' },
    ]),
  )
  assert.equal(
    text,
    [
      '    0.000 ms  sw  rewrites hdr.ipv4.ttl 64 → 63',
      '                    adds hdr.udp: dst_port 6081',
      '                    removes hdr.vlan',
      '    4.000 ms      sends out of rear0',
    ].join('\n'),
  )
})

test('a drop tells its reason, the rules that were close, and what to do', () => {
  assert.deepEqual(
    renderStep({
      kind: 'dropped',
      reason: { code: 'FW_DEFAULT_DENY', sentence: 'No rule allows it.', hint: 'Add a rule.' },
      nearest: [{ rule: 'allow-ssh', failed: [{ predicate: 'port', wanted: '22', actual: '80' }] }],
    }),
    [
      'DROPPED FW_DEFAULT_DENY: No rule allows it.',
      'closest rule "allow-ssh": port wanted 22, packet has 80',
      'fix: Add a rule.',
    ],
  )
})

test('colours appear only when asked for', () => {
  const events = story([{ kind: 'delivered', to: 'web1', summary: 'IPv4 a > b' }])
  assert.ok(!renderStory(events).includes('\u001b'))
  assert.ok(renderStory(events, { color: true }).includes('\u001b[32m'))
})
