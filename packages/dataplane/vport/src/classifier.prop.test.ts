/** The index against asking each rule: for random rules and packets both find the same. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Arena } from '@lodestone/frame'
import { Ip, Prefix } from '@lodestone/net'
import { IpProtocol } from '@lodestone/packet'
import { prefixWords, wordsOf } from './address-words.ts'
import { Classifier } from './classifier.ts'
import { metaAt, portsAt } from './flow-key.ts'
import { holds, type Predicate, type ProtocolMatch } from './predicate.ts'
import { runSteps } from './steps.ts'
import { Walk } from './walk.ts'

const { tcp, udp, icmp, icmpv6 } = IpProtocol
const address4 = fc
  .tuple(fc.constantFrom(10, 172, 255), fc.nat(3), fc.constantFrom(0, 128), fc.nat(255))
  .map((parts) => parts.join('.'))
const address6 = fc
  .tuple(fc.constantFrom('fd00', 'ffff'), fc.nat(2), fc.constantFrom('0', 'ffff'))
  .map(([a, b, c]) => `${a}::${b}:${c}`)
const prefix = fc.oneof(
  fc.tuple(address4, fc.constantFrom(0, 8, 9, 16, 24, 31, 32)).map(([ip, length]) => `${ip}/${length}`),
  fc.tuple(address6, fc.constantFrom(0, 16, 64, 112, 127, 128)).map(([ip, length]) => `${ip}/${length}`),
)
const prefixes = fc.array(
  prefix.map((text) => prefixWords(Prefix.of(text).masked())),
  { maxLength: 3 },
)
const protocolMatch: fc.Arbitrary<ProtocolMatch> = fc.constantFrom(
  ...[tcp, udp, icmp, icmpv6].map((protocol) => ({ protocol, icmpType: -1, icmpCodes: undefined, text: '' })),
  { protocol: icmp, icmpType: 8, icmpCodes: { first: 0, last: 0 }, text: '' },
)
const range = fc.tuple(fc.constantFrom(0, 80, 443, 65535), fc.constantFrom(0, 80, 443, 65535)).map(([a, b]) => ({
  first: Math.min(a, b),
  last: Math.max(a, b),
}))
const predicate: fc.Arbitrary<Predicate> = fc.oneof(
  fc.record({ kind: fc.constant('hosts' as const), prefixes, vnis: fc.subarray([7, 8]) }),
  fc.record({ kind: fc.constant('dst-prefix' as const), prefixes }),
  fc.record({ kind: fc.constant('protocol' as const), protocols: fc.array(protocolMatch, { maxLength: 2 }) }),
  fc.record({
    kind: fc.constant('dst-port' as const),
    ranges: fc.array(range, { maxLength: 2 }),
    passesIcmp: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('src-port' as const), ranges: fc.array(range, { maxLength: 2 }) }),
)
const rules = fc.array(fc.array(predicate, { maxLength: 4 }), { minLength: 1, maxLength: 80 })
const packet = fc.record({
  isV6: fc.boolean(),
  isOut: fc.boolean(),
  src4: address4,
  dst4: address4,
  src6: address6,
  dst6: address6,
  protocol: fc.constantFrom(tcp, udp, icmp, icmpv6, 47),
  srcPort: fc.constantFrom(80, 8),
  dstPort: fc.constantFrom(0, 79, 80, 443, 444, 0x0800, 65535),
  remoteVni: fc.constantFrom(0, 7, 9),
})

const arena = new Arena({ slots: 1 })

function walkOf(fields: typeof packet extends fc.Arbitrary<infer T> ? T : never): Walk {
  const walk = new Walk(arena.bytes, arena.view)
  const family = fields.isV6 ? 6 : 4
  walk.family = family
  walk.isOut = fields.isOut
  walk.remoteVni = fields.remoteVni
  const src = wordsOf(Ip.of(fields.isV6 ? fields.src6 : fields.src4))
  const dst = wordsOf(Ip.of(fields.isV6 ? fields.dst6 : fields.dst4))
  walk.current.set(src.subarray(0, family === 4 ? 1 : 4), 0)
  walk.current.set(dst.subarray(0, family === 4 ? 1 : 4), walk.dstAt)
  walk.current[portsAt(family)] = (fields.srcPort << 16) | fields.dstPort
  walk.current[metaAt(family)] = fields.protocol
  return walk
}

test('the index finds what asking each rule finds, in the same order', () => {
  fc.assert(
    fc.property(rules, fc.array(packet, { minLength: 1, maxLength: 20 }), (rules, packets) => {
      const classifier = runSteps(Classifier.build(rules))
      for (const fields of packets) {
        const walk = walkOf(fields)
        const matches = (rule: number): boolean => rules[rule]!.every((predicate) => holds(predicate, walk))
        const scanned = rules.map((_, i) => i).filter(matches)
        const found: number[] = []
        for (let i = classifier.next(walk, 0); i >= 0; i = classifier.next(walk, i + 1)) if (matches(i)) found.push(i)
        assert.deepEqual(found, scanned)
      }
    }),
    { numRuns: 80 },
  )
})
