import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { ACCEPT_ALL, REJECT_ALL } from '@lodestone/bgp'
import { describeProblem } from './config-problem.ts'
import { configSchemaText } from './config-schema.ts'
import { readConfig, type ReadOptions, type ReadResult } from './read-config.ts'
import { withoutSecrets } from './secret-book.ts'

const OPTIONS: ReadOptions = {
  readFile: (path) =>
    path === 'secret' ? Promise.resolve('hunter2\n') : Promise.reject(new Error(`there is no file ${path}`)),
  host: { features: { md5: true, minTtl: true, interfaceScope: true }, hasKernel: true, hasMrtFiles: true },
}
const read = (text: string): Promise<ReadResult> => readConfig(text, OPTIONS)
const ROUTER = 'router: { asn: 65000, id: 10.99.0.1 }'

/** `LINE:COLUMN PATH: MESSAGE` of each problem. */
async function problemsOf(text: string, options = OPTIONS): Promise<readonly string[]> {
  const result = await readConfig(text, options)
  return result.ok ? [] : result.problems.map((p) => `${p.line}:${p.column} ${p.path}: ${p.message}`)
}

/** What is written, and each complaint about it. */
const WRONG: readonly (readonly [text: string, ...problems: readonly string[]])[] = [
  ['', '1:1 : expected keys and values, not nothing'],
  ['[]', '1:1 : expected keys and values, not a list'],
  ['router: {}', '1:9 router: asn is missing', '1:9 router: id is missing'],
  ['router: { asn: 0, id: 10.0.0.1 }', '1:16 router.asn: must be at least 1'],
  ['router: { asn: 4294967296, id: 10.0.0.1 }', '1:16 router.asn: must be at most 4294967295'],
  ['router: { asn: 1.5, id: 10.0.0.1 }', '1:16 router.asn: expected an AS number, 1 to 4294967295, not 1.5'],
  ['router: { asn: 1, id: 0.0.0.0 }', '1:23 router.id: 0.0.0.0 is no BGP identifier, not "0.0.0.0"'],
  ['router: { asn: 1, id: "::1" }', '1:23 router.id: expected an IPv4 address, such as 10.0.0.1, not "::1"'],
  ['router: { asn: 1, id: 10.0.0.1, listn: [] }', '1:33 router: unknown key "listn"; did you mean listen?'],
  [
    'router: { asn: 1, id: 10.0.0.1, listen: [179] }',
    '1:42 router.listen[0]: expected an address with port, such as 10.0.0.1:179 or [2001:db8::1]:179, not 179',
  ],
  [
    'router: {asn: 1, id: 10.0.0.1',
    '1:30 : Flow map in block collection must be sufficiently indented and end with a }',
  ],
  [`${ROUTER}\npeers: [{ address: 10.0.0.1 }]`, '2:9 peers[0]: asn is missing, here and in the group'],
  [
    `${ROUTER}\npeers: [{ asn: 5 }]`,
    '2:9 peers[0]: address is missing (or interface, for a peer that is discovered on it)',
  ],
  [
    `${ROUTER}\npeers:\n  - { address: fe80::1, asn: 5 }`,
    '3:16 peers[0].address: fe80::1 is link-local: say which interface',
  ],
  [
    `${ROUTER}\npeers:\n  - { address: 10.0.0.1, asn: 5 }\n  - { address: 10.0.0.1, asn: 6 }`,
    '4:16 peers[1].address: peers[0] is the peer 10.0.0.1 already',
  ],
  [
    `${ROUTER}\npeers:\n  - { address: 10.0.0.1, asn: 5, name: a }\n  - { address: 10.0.0.2, asn: 6, name: a }`,
    '4:40 peers[1].name: peers[0] is called a already',
  ],
  [
    `${ROUTER}\npeers: [{ address: 10.0.0.1, asn: 5, hold_time_s: 2 }]`,
    '2:51 peers[0].hold_time_s: must be 0 or at least 3 (RFC 4271), not 2',
  ],
  [
    `${ROUTER}\npeers: [{ address: 10.0.0.1, asn: 5, keepalive_s: 90 }]`,
    '2:51 peers[0].keepalive_s: must be less than the hold time, 90',
  ],
  [
    `${ROUTER}\npeers: [{ address: 10.0.0.1, asn: 5, local_address: "2001:db8::1" }]`,
    '2:53 peers[0].local_address: 2001:db8::1 and 10.0.0.1 are of different families',
  ],
  [
    `${ROUTER}\ngroups: { up: { asn: 5 } }\npeers: [{ address: 10.0.0.1, group: down }]`,
    '3:9 peers[0]: asn is missing, here and in the group',
    '3:37 peers[0].group: there is no group down; there are up',
  ],
  [
    `${ROUTER}\npolicies: { a: [{ verdict: accept }] }\npeers: [{ address: 10.0.0.1, asn: 5, import: [a, b] }]`,
    '3:50 peers[0].import[1]: there is no policy b; there are a',
  ],
  [
    `${ROUTER}\npolicies: { a: [{ match: { family: ipv4 } }] }`,
    '2:17 policies.a[0]: neither set nor verdict: the statement does nothing',
  ],
  [`${ROUTER}\npolicies: { accept: [{ verdict: reject }] }`, '2:21 policies.accept: accept has its meaning already'],
  [
    `${ROUTER}\nprefix_lists: { a: [{ prefix: 10.0.0.0/8, le: 33 }, { prefix: 10.0.0.0/8, ge: 20, le: 10 }] }`,
    '2:47 prefix_lists.a[0].le: must be from 8 to 32 here',
    '2:87 prefix_lists.a[1].le: must be at least 20, as ge says',
  ],
  [
    `${ROUTER}\nprefix_lists: { a: [10.0.0.1/8] }`,
    '2:21 prefix_lists.a[0]: expected a prefix without host bits, such as 198.51.100.0/24 or 2001:db8::/32, not "10.0.0.1/8"',
  ],
  [
    `${ROUTER}\npeers: [{ address: 10.0.0.1, asn: 5, md5: { file: nowhere } }]`,
    '2:51 peers[0].md5.file: there is no file nowhere',
  ],
  [
    `${ROUTER}\npeers: [{ address: 10.0.0.1, asn: 5, gtsm: true, ttl: 64 }]`,
    '2:55 peers[0].ttl: must be 255 with gtsm (RFC 5082)',
  ],
  [
    `${ROUTER}\npeers: [{ address: 10.0.0.1, asn: 65000, role: provider }]`,
    '2:48 peers[0].role: is for external peers (RFC 9234)',
  ],
  [
    `${ROUTER}\npeers: [{ address: 10.0.0.1, asn: 5, route_reflector_client: true }]`,
    '2:62 peers[0].route_reflector_client: is for internal peers',
  ],
  [
    `${ROUTER}\nstatic: [{ prefix: "2001:db8::/32", next_hop: 10.0.0.1 }]`,
    '2:47 static[0].next_hop: an IPv6 prefix needs an IPv6 next hop',
  ],
  [`${ROUTER}\nstatic: [{ prefix: 10.0.0.0/8 }]`, '2:10 static[0]: next_hop is missing'],
  [
    `${ROUTER}\nstatic: [{ prefix: 10.0.0.0/8, next_hop: 10.0.0.1, bfd: fast }]`,
    '2:57 static[0].bfd: there is no BFD profile fast',
  ],
  [
    `${ROUTER}\nbfd: { profiles: { far: { multihop: true, echo_ms: 50 } } }`,
    '2:52 bfd.profiles.far.echo_ms: a multihop session has no echo function (RFC 5883)',
  ],
  [
    `${ROUTER}\nbfd: { profiles: { a: { auth: { type: keyed-sha1, key_id: 1, key: 123456789012345678901 } } } }`,
    '2:67 bfd.profiles.a.auth.key: expected a text of at most 80 bytes, or { file: PATH }, not 123456789012345680000',
  ],
  [`${ROUTER}\nmrt: { directory: x }`, '2:6 mrt: neither rib_interval_s nor updates: nothing would be written'],
  [`${ROUTER}\nkernel: { import: all }`, '2:19 kernel.import: expected none, not "all"'],
  [
    `${ROUTER}\nadmin: { listen: [localhost] }`,
    '2:19 admin.listen[0]: expected an address with port, such as 127.0.0.1:4676, or the absolute path of a Unix socket, not "localhost"',
  ],
  [
    `${ROUTER}\nbmp: [{ address: "10.0.0.1:1" }, { address: "10.0.0.1:1" }]`,
    '2:34 bmp[1].name: bmp[0] is called 10.0.0.1:1 already',
  ],
  [`${ROUTER}\nrouter: { asn: 1 }`, '2:1 : Map keys must be unique'],
]

test('every mistake is named with its place and with what would be right', async () => {
  for (const [text, ...problems] of WRONG) assert.deepEqual(await problemsOf(text), problems, text)
})

test('the place of a mistake is found through anchors and aliases', async () => {
  const text = `${ROUTER}\nstatic:\n  - &a { prefix: 10.0.0.0/8, next_hop: 0.0.0.0 }\n  - *a`
  const problem = 'static[0].next_hop: 0.0.0.0 cannot be a next hop'
  assert.deepEqual(await problemsOf(text), [`3:40 ${problem}`, `3:40 ${problem.replace('[0]', '[1]')}`])
})

test('a billion laughs are refused', async () => {
  const lines = Array.from({ length: 12 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i}, `.repeat(9)}*a${i}]`)
  const problems = await problemsOf(`a0: &a0 [x]\n${lines.join('\n')}`)
  assert.equal(problems.length, 1)
  assert.match(problems[0]!, /alias/i)
})

test('a secret is never part of a message, nor of what is shown of the configuration', async () => {
  const text = `${ROUTER}\npeers: [{ address: 10.0.0.1, asn: 5, md5: "s3cret", hold_time_s: 1 }]`
  assert.ok(!(await problemsOf(text)).join().includes('s3cret'))
  assert.deepEqual(
    withoutSecrets({ peers: [{ md5: 's3cret' }, { md5: { file: 'f' } }], bfd: { auth: { key: 'k' } } }),
    {
      peers: [{ md5: '(secret)' }, { md5: { file: 'f' } }],
      bfd: { auth: { key: '(secret)' } },
    },
  )
})

test('a secret in a file is read without the end of its line', async () => {
  const result = await read(`${ROUTER}\npeers: [{ address: 10.0.0.1, asn: 5, md5: { file: secret } }]`)
  assert.ok(result.ok)
  assert.equal(result.config.router.bgp?.peers[0]?.md5Password, 'hunter2')
})

test('what the host cannot do is a mistake where it is asked for', async () => {
  const text = [
    ROUTER,
    'peers:',
    '  - { address: 10.0.0.1, asn: 5, md5: x, gtsm: true }',
    '  - { interface: eth0, asn: 5 }',
    'kernel: {}',
    'mrt: { directory: d, updates: true }',
  ].join('\n')
  const host = { features: undefined, hasKernel: false, hasMrtFiles: false }
  assert.deepEqual(await problemsOf(text, { ...OPTIONS, host }), [
    '3:39 peers[0].md5: TCP MD5 signatures cannot be made on this host',
    '3:48 peers[0].gtsm: the TTL on arrival cannot be checked on this host',
    '4:18 peers[1].interface: neighbours cannot be discovered on this host',
    '5:9 kernel: the routes of the kernel cannot be written on this host',
    '6:6 mrt: files cannot be written on this host',
  ])
})

test('the smallest configuration: accept means everything, and nothing said means nothing (RFC 8212)', async () => {
  const result = await read(
    [
      'router: { asn: 65000, id: 10.99.0.1, listen: ["10.99.0.1:179"] }',
      'peers: [{ address: 10.99.0.11, asn: 65011, passive: true, import: accept, export: accept }]',
    ].join('\n'),
  )
  assert.ok(result.ok)
  const bgp = result.config.router.bgp!
  assert.deepEqual(
    bgp.listen?.map(({ address, port }) => `${address} ${port}`),
    ['10.99.0.1 179'],
  )
  const [peer] = bgp.peers
  assert.equal(
    `${peer?.name} ${peer?.remoteAddress} ${peer?.remoteAsn} ${peer?.isPassive}`,
    '10.99.0.11 10.99.0.11 65011 true',
  )
  assert.equal(peer?.import, ACCEPT_ALL)
  assert.equal(peer?.requiresPolicy, true)
  const silent = await read(`${ROUTER}\npeers: [{ address: 10.0.0.1, asn: 5, export: reject }]`)
  assert.ok(silent.ok)
  assert.equal(silent.config.router.bgp?.peers[0]?.import, undefined)
  assert.equal(silent.config.router.bgp?.peers[0]?.export, REJECT_ALL)
})

test('a peer takes from its group what it does not say itself', async () => {
  const result = await read(
    [
      ROUTER,
      'groups: { up: { asn: 7, hold_time_s: 30, gtsm: 2, bfd: true } }',
      'peers: [{ address: 10.0.0.1, group: up, hold_time_s: 9 }]',
      'dynamic: [{ name: lan, range: 10.1.0.0/16, group: up }]',
    ].join('\n'),
  )
  assert.ok(result.ok)
  const { peers, dynamic, bfd } = result.config.router.bgp!
  assert.deepEqual([peers[0]?.remoteAsn, peers[0]?.holdTimeS, peers[0]?.minTtl], [7, 9, 254])
  assert.deepEqual([dynamic?.[0]?.template.remoteAsn, dynamic?.[0]?.template.holdTimeS], [7, 30])
  assert.deepEqual(Object.keys(bfd ?? {}), ['10.0.0.1', 'lan'])
})

test('policies become the statements that the speaker evaluates', async () => {
  const result = await read(
    [
      ROUTER,
      'prefix_lists: { own: [{ prefix: 198.51.100.0/22, le: 24 }] }',
      'policies:',
      '  a:',
      '    - { name: own, match: { prefix_list: own, not: { med: { max: 5 }, origin: igp } }, set: { med: none, prepend: 2 } }',
      '    - { match: { any_of: [{ as_any: [5] }, { family: ipv6, as_path: _7$ }] }, verdict: accept }',
      'peers: [{ address: 10.0.0.1, asn: 5, import: [a, reject] }]',
    ].join('\n'),
  )
  assert.ok(result.ok, JSON.stringify(result))
  const policy = result.config.router.bgp?.peers[0]?.import
  assert.deepEqual(JSON.parse(JSON.stringify(policy)), {
    otherwise: 'reject',
    prefixLists: { own: [{ prefix: '198.51.100.0/22', le: 24 }] },
    statements: [
      {
        name: 'own',
        match: [
          { kind: 'prefix-list', name: 'own' },
          {
            kind: 'not',
            condition: {
              kind: 'not',
              condition: {
                kind: 'any-of',
                conditions: [
                  { kind: 'not', condition: { kind: 'med', max: 5 } },
                  { kind: 'not', condition: { kind: 'origin', origin: 'igp' } },
                ],
              },
            },
          },
        ],
        set: [
          { kind: 'med', value: null },
          { kind: 'prepend', count: 2 },
        ],
      },
      {
        name: 'a[1]',
        match: [
          {
            kind: 'any-of',
            conditions: [
              { kind: 'as-set', where: 'any', asns: [5] },
              {
                kind: 'not',
                condition: {
                  kind: 'any-of',
                  conditions: [
                    { kind: 'not', condition: { kind: 'family', family: 'ipv6' } },
                    { kind: 'not', condition: { kind: 'as-path', regex: '_7$' } },
                  ],
                },
              },
            ],
          },
        ],
        set: [],
        verdict: 'accept',
      },
      { name: 'reject', verdict: 'reject' },
    ],
  })
})

test('a wrong community or expression in a policy is found where it stands', async () => {
  const text = [
    ROUTER,
    'policies:',
    '  a: [{ match: { community: { any: [no-such] } }, verdict: accept }]',
    '  b: [{ match: { not: { as_path: "(" } }, verdict: accept }]',
    '  c: [{ set: { large_community: { add: ["1:2"] } } }]',
    '  d: [{ match: { prefix_list: none }, verdict: accept }]',
  ].join('\n')
  const places = (await problemsOf(text)).map((problem) => problem.split(': ')[0])
  assert.deepEqual(places, [
    '3:29 policies.a[0].match.community',
    '4:34 policies.b[0].match.not.as_path',
    '5:33 policies.c[0].set.large_community',
    '6:31 policies.d[0].match.prefix_list',
  ])
})

test('a problem is shown with its line and a mark under the place', () => {
  const problem = { line: 2, column: 4, path: 'a[0]', message: 'is wrong' }
  assert.equal(
    describeProblem(problem, 'f.yaml', 'x\na: [1]\n'),
    'f.yaml:2:4: a[0]: is wrong\n  2 | a: [1]\n    |    ^',
  )
  assert.equal(describeProblem({ ...problem, path: '', line: 9 }, 'f.yaml', 'x'), 'f.yaml:9:4: is wrong')
})

test('the examples are right', async () => {
  const directory = new URL('../../../../../examples/routed/', import.meta.url)
  const names = readdirSync(directory)
  assert.ok(names.length >= 3)
  const options: ReadOptions = { ...OPTIONS, readFile: () => Promise.resolve('key') }
  for (const name of names) {
    assert.deepEqual(await problemsOf(readFileSync(new URL(name, directory), 'utf8'), options), [], name)
  }
})

test('routed.schema.json is what the schema says (UPDATE_GOLDEN=1 rewrites it)', () => {
  const golden = new URL('../../routed.schema.json', import.meta.url)
  const text = configSchemaText()
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(golden, text)
  // The formatter has its own mind about white space.
  assert.deepEqual(JSON.parse(readFileSync(golden, 'utf8')), JSON.parse(text))
})
