/**
 * The two ways in lead to the same RIB: the importer over bytes, and `decodeUpdate` with objects. UPDATEs are random, then with single bytes
 * changed, so that every error of RFC 7606 occurs.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Ip, Prefix } from '@lodestone/net'
import { type Adjacency, Rib } from '@lodestone/rib'
import type { Family } from './address-family.ts'
import { scan, scanAttributes, SetFlag } from './attribute-scan.ts'
import { AttributeSet, DEFAULT_LOCAL_PREF } from './attribute-set.ts'
import { encodeMessage } from './message.ts'
import type { NegotiatedSession } from './negotiation.ts'
import { decodeAttributes } from './path-attribute.ts'
import type { Policy } from './policy.ts'
import { Importer } from './route-import.ts'
import type { ImportContext } from './route-judgement.ts'
import { decodeUpdate, type UpdateMessage } from './update-message.ts'

const session = (isExternal: boolean, isFourOctetAs = true): NegotiatedSession => ({
  families: [4, 6],
  isFourOctetAs,
  hasRouteRefresh: true,
  hasEnhancedRefresh: true,
  addPathReceive: [],
  addPathSend: [],
  restart: undefined,
  role: undefined,
  ipv4OverIpv6: true,
  isExternal,
  peerAsn: 65001,
  peerId: 9,
  holdTimeMs: 90_000,
  keepaliveMs: 30_000,
  peerCapabilities: [],
})

const POLICY: Policy = {
  statements: [
    {
      match: [{ kind: 'prefix', any: [{ prefix: '10.0.0.0/8', le: 16 }] }],
      set: [{ kind: 'med', value: 7 }],
      verdict: 'accept',
    },
    { match: [{ kind: 'community', any: ['65001:*'] }], verdict: 'reject' },
    { verdict: 'accept' },
  ],
}

class Way {
  readonly rib = new Rib({ nowMs: () => 0 })
  readonly adjacency: Adjacency
  readonly importer: Importer
  readonly counts = { announced: 0, withdrawn: 0, overLimit: 0 }
  readonly isFast: boolean
  readonly isExternal: boolean
  readonly addPath: readonly Family[]
  readonly isFourOctetAs: boolean

  constructor(
    isFast: boolean,
    isExternal: boolean,
    addPath: readonly Family[],
    policy: Policy | undefined,
    isFourOctetAs = true,
  ) {
    this.isFourOctetAs = isFourOctetAs
    this.isFast = isFast
    this.isExternal = isExternal
    this.addPath = addPath
    this.adjacency = this.rib.adjacency({
      protocol: 'bgp',
      peer: 'p',
      bgp: { isExternal, routerId: 9, peerAddress: Ip.of('203.0.113.9') },
      onUnused: (offer) => this.importer.unused(offer),
    })
    const context: ImportContext = {
      peer: 'p',
      localAsn: 64512,
      localId: 1,
      clusterId: 1,
      session: session(isExternal, isFourOctetAs),
      enforceFirstAs: true,
      allowOwnAs: 0,
      localPref: undefined,
      honoursGracefulShutdown: true,
      policy,
      requiresPolicy: false,
      isLocalAddress: (ip) => ip.toString() === '203.0.113.1',
      resolveNextHop: undefined,
      interface: undefined,
    }
    const { rib, adjacency, counts } = this
    this.importer = new Importer({ rib, adjacency, context, counts, addPath, ceiling: () => Infinity })
  }

  /** @returns whether the session goes on. */
  feed(message: Uint8Array): boolean {
    return this.rib.batch(() => {
      if (this.isFast && this.importer.take(message, 0, message.length)) return true
      const { isExternal, addPath, isFourOctetAs } = this
      const decoded = decodeUpdate(message.subarray(19), { isFourOctetAs, isExternal, addPath })
      if (!decoded.ok) return false
      const { update } = decoded.value
      update.withdrawnIpv4.forEach((prefix, i) => this.importer.withdraw(prefix, update.withdrawnPathIds?.[i] ?? 0))
      update.mpUnreach?.prefixes.forEach((prefix, i) =>
        this.importer.withdraw(prefix, update.mpUnreach?.pathIds?.[i] ?? 0),
      )
      if (update.attributes === undefined) return true
      for (const reach of [update.ipv4, update.mpReach]) {
        if (reach === undefined) continue
        const nextHop = this.importer.chooseNextHop(reach.nextHop, reach.linkLocalNextHop)
        reach.prefixes.forEach((prefix, i) =>
          this.importer.announce(prefix, reach.pathIds?.[i] ?? 0, update.attributes!, nextHop),
        )
      }
      return true
    })
  }

  table(): readonly string[] {
    return [...this.rib.routes()]
      .flatMap(({ prefix, paths }) =>
        paths.map((path) => {
          const set = path.attributes as AttributeSet
          const values = JSON.stringify(set.fields(), (_key, value: unknown) =>
            value instanceof Uint8Array ? [...value] : value,
          )
          return `${prefix} ${path.pathId} ${path.nextHop} ${path.unusable?.code ?? ''} ${values}`
        }),
      )
      .toSorted()
  }
}

const asn = fc.constantFrom(65001, 64512, 64999, 4_200_000_000)
const attributes = fc
  .record({
    origin: fc.constantFrom(0 as const, 1 as const, 2 as const),
    asPath: fc.array(
      fc.record({
        kind: fc.constantFrom('sequence' as const, 'sequence' as const, 'set' as const),
        asns: fc.array(asn, { minLength: 1, maxLength: 4 }),
      }),
      { maxLength: 3 },
    ),
    med: fc.option(fc.nat(100), { nil: undefined }),
    localPref: fc.option(fc.nat(300), { nil: undefined, freq: 1 }),
    isAtomicAggregate: fc.boolean(),
    communities: fc.array(fc.constantFrom(0xffffff01, 0xffff0000, 65001 * 65536 + 5, 7), { maxLength: 3 }),
    largeCommunities: fc.option(fc.uint8Array({ minLength: 12, maxLength: 12 }), { nil: undefined }),
    originatorId: fc.option(fc.constantFrom(1, 5), { nil: undefined, freq: 1 }),
    clusterList: fc.oneof(fc.constant([]), fc.array(fc.constantFrom(1, 6), { maxLength: 2 })),
    otc: fc.option(asn, { nil: undefined }),
    unknown: fc.array(fc.record({ type: fc.constantFrom(99, 120), value: fc.uint8Array({ maxLength: 3 }) }), {
      maxLength: 2,
    }),
  })
  .map((fields) => AttributeSet.of(fields))

const prefix4 = fc
  .tuple(fc.constantFrom(0x0a000000, 0x0a010000, 0xcb007109, 0xc6336400), fc.nat(32))
  .map(([word, length]) => new Prefix(Ip.v4(word), length).masked())
const prefix6 = fc
  .tuple(fc.constantFrom('2001:db8::', '2001:db8:1:2:3::', '2001:db8::9'), fc.nat(128))
  .map(([text, length]) => new Prefix(Ip.of(text), length).masked())
const hop4 = fc.constantFrom('203.0.113.9', '203.0.113.1', '10.1.0.0', '127.0.0.1').map((text) => Ip.of(text))
const hop6 = fc.constantFrom('2001:db8::9', '::', 'fe80::1').map((text) => Ip.of(text))

const updateOf = (hasIds: boolean): fc.Arbitrary<UpdateMessage> =>
  fc
    .record({
      set: attributes,
      kind: fc.constantFrom('ipv4', 'ipv4', 'ipv6', 'ipv4-mp', 'withdraw4', 'withdraw6', 'both'),
      four: fc.uniqueArray(prefix4, { minLength: 1, maxLength: 4, selector: String }),
      six: fc.uniqueArray(prefix6, { minLength: 1, maxLength: 3, selector: String }),
      gone: fc.array(prefix4, { maxLength: 2 }),
      hop4,
      hop6,
      linkLocal: fc.option(fc.constant(Ip.of('fe80::7')), { nil: undefined }),
      pathId: fc.nat(3),
    })
    .map(({ set, kind, four, six, gone, hop4: nextHop4, hop6: nextHop6, linkLocal, pathId }): UpdateMessage => {
      const ids = (prefixes: readonly Prefix[]) => (hasIds ? { pathIds: prefixes.map(() => pathId) } : {})
      const withdrawn = (prefixes: readonly Prefix[]) => ({
        withdrawnIpv4: prefixes,
        ...(hasIds ? { withdrawnPathIds: prefixes.map(() => pathId) } : {}),
      })
      const second = linkLocal === undefined ? {} : { linkLocalNextHop: linkLocal }
      const reach4 = { family: 4 as const, nextHop: nextHop4, prefixes: four, ...ids(four) }
      const reach6 = { family: 6 as const, nextHop: nextHop6, ...second, prefixes: six, ...ids(six) }
      const none = {
        kind: 'update' as const,
        attributes: undefined,
        ipv4: undefined,
        mpReach: undefined,
        mpUnreach: undefined,
      }
      switch (kind) {
        case 'ipv4':
          return { ...none, attributes: set, ipv4: reach4, ...withdrawn(gone) }
        case 'ipv6':
          return { ...none, attributes: set, mpReach: reach6, ...withdrawn([]) }
        case 'ipv4-mp':
          return { ...none, attributes: set, mpReach: { ...reach4, nextHop: nextHop6, ...second }, ...withdrawn([]) }
        case 'withdraw4':
          return { ...none, ...withdrawn(four) }
        case 'withdraw6':
          return { ...none, ...withdrawn([]), mpUnreach: { family: 6, prefixes: six, ...ids(six) } }
        default:
          return { ...none, attributes: set, ipv4: reach4, mpReach: reach6, ...withdrawn(gone) }
      }
    })

const damage = fc.option(fc.record({ at: fc.nat(4095), value: fc.nat(255) }), { nil: undefined, freq: 3 })

for (const [name, isExternal, addPath, policy] of [
  ['an external peer', true, [], undefined],
  ['an internal peer', false, [], undefined],
  ['a peer with add-path', true, [4, 6], undefined],
  ['a policy that looks at prefixes', true, [], POLICY],
] as const) {
  test(`the importer over bytes and the decoder with objects agree, with ${name}`, () => {
    let taken = 0
    fc.assert(
      fc.property(
        fc.array(fc.tuple(updateOf(addPath.length > 0), damage), { minLength: 1, maxLength: 12 }),
        (updates) => {
          const fast = new Way(true, isExternal, addPath, policy)
          const slow = new Way(false, isExternal, addPath, policy)
          for (const [update, change] of updates) {
            const bytes = encodeMessage(update)
            if (change !== undefined) bytes[19 + (change.at % (bytes.length - 19))] = change.value
            const isUp = fast.feed(bytes)
            assert.equal(isUp, slow.feed(bytes))
            if (!isUp) break
            assert.deepEqual(fast.table(), slow.table())
          }
          taken += fast.importer.entryCount
          // Nothing stays behind when the routes have gone.
          fast.adjacency.clear()
          assert.equal(fast.importer.entryCount, 0)
          assert.equal(fast.rib.store.offers.size, 0)
          assert.equal(fast.rib.store.v4.size + fast.rib.store.v6.size, 0)
        },
      ),
      { numRuns: 150 },
    )
    assert.ok(taken > 20, `the quick way led to ${taken} attribute sets`)
  })
}

test('a scan that finds attributes in order says what decoding them says', () => {
  let clean = 0
  fc.assert(
    fc.property(attributes, damage, fc.boolean(), (set, change, isExternal) => {
      const bytes = set.page.slice(set.offset, set.offset + set.length)
      if (change !== undefined && bytes.length > 0) bytes[change.at % bytes.length] = change.value
      if (!scanAttributes(bytes, 0, bytes.length, isExternal)) return
      clean++
      const { isComplete, origin, flags, asPathLength, clusterListLength } = scan
      const decoded = decodeAttributes(bytes, { isFourOctetAs: true, isExternal })
      assert.deepEqual(decoded.errors, [])
      const { fields } = decoded
      assert.equal(isComplete, fields.origin !== undefined && fields.asPath !== undefined)
      if (fields.origin === undefined || fields.asPath === undefined) return
      const expected = AttributeSet.of({ ...fields, origin: fields.origin, asPath: fields.asPath })
      assert.equal(origin, expected.origin)
      assert.equal((flags & SetFlag.medAbsent) !== 0, fields.med === undefined)
      assert.equal((flags & SetFlag.localPrefAbsent) !== 0, fields.localPref === undefined)
      assert.equal(asPathLength, expected.asPathLength)
      assert.equal(clusterListLength, expected.clusterListLength)
      const scanned = AttributeSet.scanned(bytes, 0, bytes.length)
      assert.equal(scanned.effectiveMed, fields.med ?? 0)
      assert.equal(scanned.effectiveLocalPref, fields.localPref ?? DEFAULT_LOCAL_PREF)
      assert.equal(scanned.originatorId, fields.originatorId)
      const [first] = fields.asPath
      assert.equal(scanned.neighbourAsn, first?.kind === 'sequence' ? first.asns[0] : 0)
      const asns = fields.asPath.flatMap((segment) => [...segment.asns])
      for (const asn of asns) assert.equal(scanned.countOf(asn), asns.filter((other) => other === asn).length)
    }),
    { numRuns: 1500 },
  )
  assert.ok(clean > 200, `${clean} were in order`)
})

test('what a two-octet speaker sends is never read as four-octet numbers', () => {
  fc.assert(
    fc.property(fc.array(updateOf(false), { minLength: 1, maxLength: 6 }), (updates) => {
      const fast = new Way(true, true, [], undefined, false)
      const slow = new Way(false, true, [], undefined, false)
      for (const update of updates) {
        const bytes = encodeMessage(update, { isFourOctetAs: false })
        assert.equal(fast.feed(bytes), slow.feed(bytes))
      }
      assert.deepEqual(fast.table(), slow.table())
    }),
    { numRuns: 60 },
  )
})
