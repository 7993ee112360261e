import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RouteExplanation } from '@lodestone/contract-routed'
import { explanationText } from './explain.command.ts'
import { eventLines } from './watch.command.ts'

const PATH = {
  protocol: 'bgp',
  peer: 'up-a',
  next_hop: '192.0.2.254',
  preference: 20,
  metric: 0,
  age_ms: 65_000,
  bgp: { as_path: '64496', origin: 'igp', local_pref: 100, med: 0, external: true, communities: ['64496:1'] },
} as const

test('an explanation goes from the winner over the losers to the forwarding plane and the peers', () => {
  const explanation: RouteExplanation = {
    prefix: '198.51.100.0/24',
    paths: [
      {
        path: { ...PATH, bgp: { ...PATH.bgp } as never },
        verdict: 'best',
        sentence: 'won every comparison',
        policy: 'clean',
      },
      {
        path: { ...PATH, peer: 'up-b', interface: 'eth1', bgp: undefined, stale: true },
        verdict: 'lost',
        step: 'med',
        sentence: 'MED 5 against MED 0',
        received: 'AS_PATH 64497, LOCAL_PREF 100, MED 0',
      },
    ],
    lower: [
      {
        target: 'kernel',
        state: 'programmed',
        sentence: 'is programmed as selected',
        next_hops: ['192.0.2.254 on eth0'],
      },
    ],
    exports: [{ peer: 'shop', exported: false, sentence: 'NO_EXPORT' }],
    oscillation: { since: '2026-01-01T00:00:00Z', changes: 40, selections: ['bgp up-a', 'bgp up-b'] },
  }
  assert.equal(
    explanationText(explanation),
    [
      '198.51.100.0/24',
      '! oscillates: 40 changes of the best path since 2026-01-01T00:00:00Z, in turn:',
      '    bgp up-a',
      '    bgp up-b',
      '',
      '> bgp up-a via 192.0.2.254, received 1m05s ago',
      '    policy: clean',
      '    AS_PATH 64496, origin igp, LOCAL_PREF 100, MED 0, communities 64496:1',
      '    best: won every comparison',
      '',
      '  bgp up-b via 192.0.2.254 on eth1, received 1m05s ago',
      '    as received: AS_PATH 64497, LOCAL_PREF 100, MED 0',
      '    stale: kept over a restart of its peer',
      '    lost (med): MED 5 against MED 0',
      '',
      'kernel: programmed, is programmed as selected: 192.0.2.254 on eth0',
      '',
      'not told to shop: NO_EXPORT',
    ].join('\n'),
  )
})

test('events are lines that say what and why', () => {
  const time = '2026-01-01T00:00:00.000Z'
  assert.deepEqual(
    eventLines({ kind: 'bgp-session-down', time, peer: 'up-a', reason: 'hold timer expired', restarting: true }),
    ['bgp up-a: session is down: hold timer expired; its routes are kept'],
  )
  assert.deepEqual(
    eventLines({
      kind: 'routes',
      time,
      routes: [
        { prefix: '10.0.0.0/8', paths: [{ ...PATH, bgp: undefined }] },
        { prefix: '10.1.0.0/16', paths: [] },
      ],
    }),
    ['+ 10.0.0.0/8 via 192.0.2.254 (bgp up-a)', '- 10.1.0.0/16'],
  )
  assert.deepEqual(eventLines({ kind: 'lost', time, count: 7 }), ['7 events are missing here'])
})
