import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRandom } from '@lodestone/host'
import { Ip, Prefix } from '@lodestone/net'
import fc from 'fast-check'
import {
  firstFreeInRanges,
  firstFreeInSubnet,
  firstFreeSnatBlock,
  randomGuestMac,
  randomVni,
  randomVpcPrefix,
  rangeContains,
  rangeSize,
  rangesOverlap,
  subnet64,
  whyNotInSubnet,
  whyNotSubnetBlock,
} from './address-plan.ts'

test('guests of a subnet get every usable address once, lowest first, and then none', () => {
  const subnet = Prefix.of('10.0.0.0/26')
  const taken = new Set<string>()
  for (let n = 5; n <= 62; n++) {
    const ip = firstFreeInSubnet(subnet, taken)!
    assert.equal(ip.toString(), `10.0.0.${n}`)
    assert.equal(whyNotInSubnet(subnet, ip), undefined)
    taken.add(ip.toString())
  }
  assert.equal(firstFreeInSubnet(subnet, taken), undefined)
  assert.match(whyNotInSubnet(subnet, Ip.of('10.0.0.63'))!, /broadcast/)
  assert.match(whyNotInSubnet(subnet, Ip.of('10.0.0.4'))!, /reserved/)
  assert.match(whyNotInSubnet(subnet, Ip.of('10.0.1.4'))!, /not in/)
})

test('a huge IPv6 subnet costs no more than what is taken', () => {
  const subnet = Prefix.of('fd00:1:2:3::/64')
  assert.equal(firstFreeInSubnet(subnet, new Set(['fd00:1:2:3::5']))?.toString(), 'fd00:1:2:3::6')
})

test('a range that ends with the last address of the family ends', () => {
  const range = { first: Ip.of('255.255.255.254'), last: Ip.of('255.255.255.255') }
  const taken = new Set(['255.255.255.254', '255.255.255.255'])
  assert.equal(firstFreeInRanges([range], taken), undefined)
  const all = new Set([0, 16_384, 32_768, 49_152])
  const blocks = new Map([...taken].map((ip) => [ip, all]))
  assert.equal(firstFreeSnatBlock([range], blocks), undefined)
})

test('ranges overlap exactly when they share an address', () => {
  const range = fc
    .tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 10 }))
    .map(([first, length]) => ({ first: Ip.v4(first), last: Ip.v4(first + length) }))
  fc.assert(
    fc.property(range, range, (a, b) => {
      let shared = false
      for (let n = 0; n <= 60; n++) shared ||= rangeContains(a, Ip.v4(n)) && rangeContains(b, Ip.v4(n))
      assert.equal(rangesOverlap(a, b), shared)
      assert.equal(rangeSize(a), a.last.word(0) - a.first.word(0) + 1)
    }),
  )
})

test('random identifiers stay in their spaces', () => {
  const random = new SeededRandom(1)
  for (let i = 0; i < 2_000; i++) {
    const vni = randomVni(random)
    assert.ok(vni >= 1024 && vni <= 0xff_ffff)
    const mac = randomGuestMac(random).toNumber()
    assert.ok(mac >= 0xa84025_f00000 && mac <= 0xa84025_feffff)
    const prefix = randomVpcPrefix(random)
    assert.equal(prefix.address.bytes[0], 0xfd)
    assert.ok(prefix.covers(subnet64(prefix, i)))
  }
})

test('the IPv4 block of a subnet is private, /8 to /26, without host bits', () => {
  for (const good of ['10.0.0.0/8', '172.30.0.0/22', '192.168.1.64/26']) {
    assert.equal(whyNotSubnetBlock(Prefix.of(good)), undefined, good)
  }
  for (const bad of ['11.0.0.0/24', '10.0.0.0/27', '10.0.0.1/24', '172.0.0.0/8', '0.0.0.0/0']) {
    assert.notEqual(whyNotSubnetBlock(Prefix.of(bad)), undefined, bad)
  }
})
