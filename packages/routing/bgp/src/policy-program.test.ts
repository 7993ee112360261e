import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ip, Prefix } from '@lodestone/net'
import { AttributeSet, Origin } from './attribute-set.ts'
import {
  formatExtendedCommunities,
  formatLargeCommunities,
  parseCommunity,
  parseExtendedCommunity,
  parseLargeCommunity,
} from './community.ts'
import { Lab } from './lab.fixture.ts'
import { type Policy, type PolicyCondition, REJECT_ALL, type RouteContext } from './policy.ts'
import { compilePolicy, policyProblems } from './policy-program.ts'

const CONTEXT: RouteContext = {
  direction: 'import',
  peer: 'upstream',
  peerAsn: 65001,
  localAsn: 64512,
  isExternal: true,
  nextHop: Ip.of('203.0.113.1'),
  learnedFrom: 'upstream',
}
const P = Prefix.of('10.1.0.0/16')
const SET = AttributeSet.of({
  origin: Origin.igp,
  asPath: [{ kind: 'sequence', asns: [65001, 65010, 100] }],
  med: 50,
  communities: [65001 * 65536 + 7, 0xffffff01],
  largeCommunities: Uint8Array.from([0, 0, 0xfd, 0xe9, 0, 0, 0, 1, 0, 0, 0, 2]),
  extendedCommunities: Uint8Array.from([0, 2, 0xfd, 0xe9, 0, 0, 0, 100]),
})

const matches = (condition: PolicyCondition, prefix = P, context = CONTEXT): boolean => {
  const policy = {
    statements: [{ match: [condition], verdict: 'accept' as const }],
    prefixLists: { ten: ['10.1.0.0/16'] },
  }
  assert.deepEqual(policyProblems(policy), [])
  return compilePolicy(policy, context.direction).apply(prefix, SET, context).kind === 'accept'
}

const conditions: readonly (readonly [PolicyCondition, boolean])[] = [
  [{ kind: 'prefix', any: ['10.1.0.0/16'] }, true],
  [{ kind: 'prefix', any: ['10.0.0.0/8'] }, false],
  [{ kind: 'prefix', any: [{ prefix: '10.0.0.0/8', le: 24 }] }, true],
  [{ kind: 'prefix', any: [{ prefix: '10.0.0.0/8', ge: 17 }] }, false],
  [{ kind: 'prefix', any: [{ prefix: '10.0.0.0/8', ge: 16, le: 16 }] }, true],
  [{ kind: 'prefix-list', name: 'ten' }, true],
  [{ kind: 'family', family: 'ipv6' }, false],
  [{ kind: 'community', any: ['65001:7', '1:1'] }, true],
  [{ kind: 'community', any: ['65001:*'], all: ['no-export'] }, true],
  [{ kind: 'community', all: ['65001:7', '65001:8'] }, false],
  [{ kind: 'large-community', any: ['65001:*:2'] }, true],
  [{ kind: 'large-community', any: ['65001:2:2'] }, false],
  [{ kind: 'extended-community', any: ['rt:65001:100'] }, true],
  [{ kind: 'extended-community', any: ['rt:*'] }, true],
  [{ kind: 'extended-community', any: ['ro:*'] }, false],
  [{ kind: 'as-path', regex: '^65001_' }, true],
  [{ kind: 'as-path', regex: '_65010_' }, true],
  [{ kind: 'as-path', regex: '_6501_' }, false],
  [{ kind: 'as-path', regex: '_100$' }, true],
  [{ kind: 'as-set', where: 'neighbour', asns: [65001] }, true],
  [{ kind: 'as-set', where: 'origin', asns: [65001] }, false],
  [{ kind: 'as-set', where: 'any', asns: [65010] }, true],
  [{ kind: 'as-path-length', min: 3, max: 3 }, true],
  [{ kind: 'as-path-length', max: 2 }, false],
  [{ kind: 'med', min: 50 }, true],
  [{ kind: 'local-pref', min: 101 }, false],
  [{ kind: 'origin', origin: 'igp' }, true],
  [{ kind: 'next-hop', any: ['203.0.113.0/24'] }, true],
  [{ kind: 'learned-from', peers: ['upstream'] }, true],
  [{ kind: 'not', condition: { kind: 'family', family: 'ipv4' } }, false],
  [
    {
      kind: 'any-of',
      conditions: [
        { kind: 'family', family: 'ipv6' },
        { kind: 'med', max: 60 },
      ],
    },
    true,
  ],
]
for (const [condition, expected] of conditions) {
  test(`${JSON.stringify(condition)} ${expected ? 'matches' : 'does not match'}`, () => {
    assert.equal(matches(condition), expected)
  })
}

test('actions change what they name and nothing else', () => {
  const policy: Policy = {
    statements: [
      {
        set: [
          { kind: 'local-pref', value: 300 },
          { kind: 'med', value: null },
          { kind: 'preference', value: 5 },
        ],
      },
      {
        set: [
          { kind: 'prepend', count: 2, asn: 64512 },
          { kind: 'origin', value: 'incomplete' },
        ],
      },
      { set: [{ kind: 'community', operation: 'delete', values: ['65001:*'] }] },
      { set: [{ kind: 'community', operation: 'add', values: ['64512:1', 'no-export'] }] },
      { set: [{ kind: 'large-community', operation: 'set', values: ['64512:3:4'] }] },
      { set: [{ kind: 'extended-community', operation: 'add', values: ['rt:192.0.2.1:5'] }] },
      { name: 'last', set: [{ kind: 'next-hop', value: '203.0.113.77' }], verdict: 'accept' },
      { verdict: 'reject' },
    ],
  }
  const result = compilePolicy(policy, 'import').apply(P, SET, CONTEXT)
  assert.ok(result.kind === 'accept')
  const set = result.attributes!
  assert.deepEqual([set.localPref, set.med, set.origin, result.preference, result.by], [300, undefined, 2, 5, 'last'])
  assert.equal(set.asPathText, '64512 64512 65001 65010 100')
  assert.deepEqual(set.communities, [64512 * 65536 + 1, 0xffffff01])
  assert.deepEqual(formatLargeCommunities(set.largeCommunities!), ['64512:3:4'])
  assert.deepEqual(formatExtendedCommunities(set.extendedCommunities!), ['rt:65001:100', 'rt:192.0.2.1:5'])
  assert.equal(result.nextHop?.toString(), '203.0.113.77')
})

test('a policy with statements refuses what none of them accepts, and says so', () => {
  const result = compilePolicy({ statements: [] }, 'import').apply(P, SET, CONTEXT)
  assert.ok(result.kind === 'reject')
  assert.equal(result.code, 'import-policy')
})

test('mistakes are told with their place', () => {
  const policy: Policy = {
    prefixLists: { bad: ['10.0.0.0/33'] },
    statements: [
      { match: [{ kind: 'prefix', any: ['10.0.0.0/8', { prefix: '10.0.0.0/8', ge: 4 }] }] },
      {
        match: [
          { kind: 'prefix-list', name: 'none' },
          { kind: 'as-path', regex: '(' },
        ],
      },
      { match: [{ kind: 'community', any: ['65536:1'] }], set: [{ kind: 'local-pref', value: -1 }] },
      {
        set: [
          { kind: 'community', operation: 'add', values: ['1:*'] },
          { kind: 'prepend', count: 0 },
        ],
      },
    ],
  }
  const places = policyProblems(policy).map((text) => text.split(':')[0])
  assert.deepEqual(places, [
    'prefixLists.bad[0]',
    'statements[0].match[0].any[1]',
    'statements[1].match[0]',
    'statements[1].match[1].regex',
    'statements[2].match[0].any[0]',
    'statements[2].set[0]',
    'statements[3].set[0]',
    'statements[3].set[1]',
  ])
  assert.throws(() => compilePolicy(policy, 'import'))
})

test('communities read back as they were written', () => {
  for (const text of ['65001:100', 'noExport', 'graceful-shutdown']) assert.notEqual(parseCommunity(text), undefined)
  for (const text of ['65001:1:2', '4200000000:0:4294967295']) assert.notEqual(parseLargeCommunity(text), undefined)
  for (const text of ['rt:65001:100', 'rt:192.0.2.1:5', 'ro:4200000000:7', '4300000000000001']) {
    const matcher = parseExtendedCommunity(text)!
    const bytes = Uint8Array.from(
      matcher.words.flatMap((word) => [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255]),
    )
    assert.deepEqual(formatExtendedCommunities(bytes), [text])
  }
  for (const text of ['70000:1', '1', 'x:1', '1:2:3']) assert.equal(parseCommunity(text), undefined)
})

test('a dry run tells what a policy would do, in both directions, and changes nothing', async () => {
  const lab = new Lab()
  const [a, b] = [await lab.router('a', 64512), await lab.router('b', 64513)]
  lab.link(a, b)
  const prefixes = ['10.1.0.0/16', '10.2.0.0/16', '192.0.2.0/24'].map((text) => Prefix.of(text))
  a.speaker.originate(prefixes)
  await lab.clock.advance(5000)
  const ten: Policy = {
    statements: [
      {
        match: [{ kind: 'prefix', any: ['10.1.0.0/16'] }],
        set: [{ kind: 'local-pref', value: 50 }],
        verdict: 'accept',
      },
      { match: [{ kind: 'prefix', any: ['10.2.0.0/16'] }], verdict: 'accept' },
    ],
  }
  const into = b.peer('a').dryRun('import', ten)!
  assert.deepEqual(
    [into.examined, into.unchanged, into.newlyRejected, into.changed, into.newlyAccepted],
    [3, 1, 1, 1, 0],
  )
  const changed = into.differences.find(({ change }) => change === 'changed')!
  assert.equal(changed.prefix.toString(), '10.1.0.0/16')
  assert.match(changed.after, /LOCAL_PREF 50/)
  assert.match(into.differences.find(({ change }) => change === 'newly-rejected')!.after, /no statement accepts it/)
  assert.equal(b.rib.selectedCount, 3, 'nothing changed')

  const out = a.peer('b').dryRun('export', REJECT_ALL, 2)!
  assert.deepEqual([out.examined, out.newlyRejected, out.differences.length], [3, 3, 2])
  assert.equal(b.rib.selectedCount, 3)

  b.peer('a').reconfigure({ ...b.peer('a').config, import: ten })
  assert.equal(b.rib.selectedCount, 2)
  const back = b.peer('a').dryRun('import', undefined)!
  assert.deepEqual([back.newlyAccepted, back.changed, back.unchanged], [1, 1, 1])
})

test('an export policy can give our own next hop or leave the received one', () => {
  const context = {
    ...CONTEXT,
    direction: 'export' as const,
    ownNextHop: Ip.of('192.0.2.1'),
    receivedNextHop: Ip.of('192.0.2.9'),
  }
  for (const [value, expected] of [
    ['self', '192.0.2.1'],
    ['unchanged', '192.0.2.9'],
  ] as const) {
    const policy: Policy = { statements: [{ set: [{ kind: 'next-hop', value }], verdict: 'accept' }] }
    const result = compilePolicy(policy, 'export').apply(P, SET, context)
    assert.equal(result.kind === 'accept' && result.nextHop?.toString(), expected)
  }
})
