import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseProposedChange } from './proposed-change.ts'

test('a rule in words is the rule that the API would be given', () => {
  const text =
    'fw rule allow inbound tcp/80,8000-8080 from 203.0.113.0/24,instance:web1,2001:db8::1 priority 100 target subnet:default,ip:172.30.0.5 name allow-web'
  assert.deepEqual(parseProposedChange(text), {
    ok: true,
    direction: 'inbound',
    change: {
      kind: 'put-rule',
      rule: {
        name: 'allow-web',
        description: '',
        status: 'enabled',
        direction: 'inbound',
        action: 'allow',
        priority: 100,
        targets: [
          { type: 'subnet', value: 'default' },
          { type: 'ip', value: '172.30.0.5' },
        ],
        filters: {
          hosts: [
            { type: 'ip_net', value: '203.0.113.0/24' },
            { type: 'instance', value: 'web1' },
            { type: 'ip', value: '2001:db8::1' },
          ],
          protocols: [{ type: 'tcp' }],
          ports: ['80', '8000-8080'],
        },
      },
    },
  })
})

test('what is left out is what the default rules have', () => {
  const parsed = parseProposedChange('fw deny outbound icmp')
  assert.ok(parsed.ok && parsed.change.kind === 'put-rule')
  const { name, priority, targets, filters } = parsed.change.rule
  assert.deepEqual(
    { name, priority, targets, filters },
    { name: 'proposed', priority: 65_534, targets: [], filters: { protocols: [{ type: 'icmp', value: null }] } },
  )
  assert.deepEqual(parseProposedChange('fw remove allow-ssh'), {
    ok: true,
    direction: 'inbound',
    change: { kind: 'remove-rule', name: 'allow-ssh' },
  })
})

test('routes, routers of subnets and addresses are proposed in the words of the API', () => {
  const changeOf = (text: string): unknown => {
    const parsed = parseProposedChange(text)
    return parsed.ok ? parsed.change : parsed.message
  }
  const route = { name: 'proposed', description: '', destination: { type: 'ip_net', value: '10.8.0.0/16' } }
  assert.deepEqual(changeOf('route add 10.8.0.0/16 via instance:vpn router edge'), {
    kind: 'put-route',
    router: 'edge',
    route: { ...route, target: { type: 'instance', value: 'vpn' } },
  })
  for (const via of ['internet-gateway:default', 'internet_gateway:default', 'inetgw:default']) {
    assert.deepEqual(changeOf(`route add subnet:db name a via ${via}`), {
      kind: 'put-route',
      route: {
        name: 'a',
        description: '',
        destination: { type: 'subnet', value: 'db' },
        target: { type: 'internet_gateway', value: 'default' },
      },
    })
  }
  assert.deepEqual(changeOf('route remove a router edge'), { kind: 'remove-route', router: 'edge', name: 'a' })
  assert.deepEqual(changeOf('router add edge'), { kind: 'add-router', name: 'edge' })
  assert.deepEqual(changeOf('subnet db router edge'), { kind: 'set-router', subnet: 'db', router: 'edge' })
  assert.deepEqual(changeOf('subnet db router none'), { kind: 'set-router', subnet: 'db', router: undefined })
  assert.deepEqual(changeOf('ip attach a web1'), { kind: 'attach-address', floatingIp: 'a', instance: 'web1' })
  assert.deepEqual(changeOf('ip detach a'), { kind: 'detach-address', floatingIp: 'a' })
})

test('a mistake is told with the place and what would be right', () => {
  const cases: [string, RegExp][] = [
    [
      'nat 10.0.0.0/8 via drop',
      /is no change that can be proposed. These are: "fw allow.*"route add.*"subnet NAME.*"ip attach/,
    ],
    ['route 10.0.0.0/8 via drop', /expected "route add/],
    ['route add 10.0.0.0/33 via drop', /"10.0.0.0\/33" is no prefix, address or subnet:NAME/],
    ['route add 10.0.0.0/8', /a route needs "via"/],
    ['route add 10.0.0.0/8 via vpn', /via takes drop, an address.* not "vpn"/],
    ['route add 10.0.0.0/8 by vpn', /"by" is none of via, router and name/],
    ['route remove a via drop', /"via" is none of router/],
    ['route remove a router', /router takes a name/],
    ['router edge', /expected "router add NAME"/],
    ['subnet db edge', /expected "subnet NAME router NAME"/],
    ['ip attach a', /expected "ip attach FLOATING-IP INSTANCE"/],
    ['fw permit inbound', /expected "fw allow\|deny/],
    ['fw allow tcp/80', /expected inbound or outbound/],
    ['fw allow inbound sctp', /"sctp" is neither a protocol nor from, to/],
    ['fw allow inbound icmp/3', /"icmp\/3" is neither/],
    ['fw allow inbound to vpc:default', /of an inbound rule it is "from"/],
    ['fw allow inbound from web1', /from takes vpc:NAME.* not "web1"/],
    ['fw allow inbound priority 70000', /a number from 0 to 65535/],
    ['fw allow inbound priority', /a number from 0 to 65535/],
    ['fw remove', /the name of one rule/],
  ]
  for (const [text, message] of cases) {
    const parsed = parseProposedChange(text)
    assert.match(parsed.ok ? 'accepted' : parsed.message, message, text)
  }
})
