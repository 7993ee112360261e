/**
 * Which rules of a table can match a packet, without asking each of them: for protocol, destination port, the remote side and
 * the destination address there is an index from the packet's value to the set of rules that agree, and the sets' intersection
 * are the candidates, in the rules' order. Predicates of other kinds are not indexed; every candidate is asked in full, so that
 * this decides nothing by itself.
 *
 * A lookup takes a few binary searches and one step per 32 rules.
 */
import { IpProtocol } from '@lodestone/packet'
import type { PrefixWords } from './address-words.ts'
import { IntervalIndex } from './interval-index.ts'
import type { Predicate } from './predicate.ts'
import { RangeEnds } from './range-ends.ts'
import { findInSteps, type Steps } from './steps.ts'
import type { Walk } from './walk.ts'

/** Below this many rules asking each is as fast. */
export const CLASSIFIER_MIN_RULES = 12

export class Classifier {
  readonly #words: number
  /** The set of each protocol that some rule names, then that of all others. */
  readonly #byProtocol = new Map<number, Int32Array>()
  readonly #otherProtocol: Int32Array
  #ports!: IntervalIndex
  /** Rules that are indifferent to ports: for packets without ports, and for ICMP. */
  readonly #withoutPorts: Int32Array
  readonly #icmp: Int32Array
  #hosts!: Addresses
  #destinations!: Addresses
  /** Rules for the instances of a VPC, by VNI. */
  readonly #byVni = new Map<number, Int32Array>()
  readonly #candidates: Int32Array

  /** Made by `build`. */
  constructor(words: number, protocols: Set<number>) {
    this.#words = words
    this.#candidates = new Int32Array(words)
    this.#otherProtocol = new Int32Array(words)
    this.#withoutPorts = new Int32Array(words)
    this.#icmp = new Int32Array(words)
    for (const protocol of protocols) this.#byProtocol.set(protocol, new Int32Array(words))
  }

  /** @param rules the predicates of each rule, in the order in which rules are asked. */
  static *build(rules: readonly (readonly Predicate[])[]): Steps<Classifier> {
    const words = Math.max(1, Math.ceil(rules.length / 32))
    const classifier = new Classifier(words, protocolsOf(rules))
    yield
    const ports = new RangeEnds(1)
    const hosts = new AddressRanges(words)
    const destinations = new AddressRanges(words)
    yield* findInSteps(rules, (predicates, rule) => {
      classifier.#addProtocols(predicates, rule)
      classifier.#addPorts(predicates, rule, ports)
      const remote = only(predicates, 'hosts')
      hosts.add(rule, remote?.prefixes)
      if (remote !== undefined) for (const vni of remote.vnis) classifier.#addVni(vni, rule)
      destinations.add(rule, only(predicates, 'dst-prefix')?.prefixes)
      return undefined
    })
    classifier.#ports = yield* IntervalIndex.build(words, ports, classifier.#withoutPorts)
    classifier.#hosts = yield* hosts.finish()
    classifier.#destinations = yield* destinations.finish()
    return classifier
  }

  /** The next candidate from rule `from` on, or -1. The packet must be an IP packet. */
  next(walk: Walk, from: number): number {
    if (from === 0) this.#collect(walk)
    const set = this.#candidates
    let word = from >> 5
    if (word >= this.#words) return -1
    let bits = set[word]! & (-1 << (from & 31))
    while (bits === 0) {
      if (++word >= this.#words) return -1
      bits = set[word]!
    }
    return word * 32 + 31 - Math.clz32(bits & -bits)
  }

  #collect(walk: Walk): void {
    const family = walk.family as 4 | 6 // because the caller checked
    const { protocol } = walk
    const set = this.#candidates
    const byProtocol = this.#byProtocol.get(protocol) ?? this.#otherProtocol
    let ports = this.#withoutPorts
    let portsAt = 0
    if (protocol === IpProtocol.tcp || protocol === IpProtocol.udp) {
      ports = this.#ports.sets
      portsAt = this.#ports.findNumber(walk.dstPort)
    } else if (walk.isIcmp) ports = this.#icmp
    const remoteAt = walk.isOut ? walk.dstAt : 0
    const hosts = this.#hosts.of(family)
    const hostsAt = hosts.find(walk.current, remoteAt)
    const destinations = this.#destinations.of(family)
    const destinationsAt = destinations.find(walk.current, walk.dstAt)
    const vnis = walk.remoteVni === 0 ? undefined : this.#byVni.get(walk.remoteVni)
    for (let i = 0; i < this.#words; i++) {
      const remote = hosts.sets[hostsAt + i]! | (vnis === undefined ? 0 : vnis[i]!)
      set[i] = byProtocol[i]! & ports[portsAt + i]! & remote & destinations.sets[destinationsAt + i]!
    }
  }

  #addProtocols(predicates: readonly Predicate[], rule: number): void {
    const wanted = only(predicates, 'protocol')?.protocols
    if (wanted === undefined) {
      for (const set of this.#byProtocol.values()) put(set, rule)
      put(this.#otherProtocol, rule)
      return
    }
    for (const { protocol } of wanted) put(this.#byProtocol.get(protocol)!, rule)
  }

  #addPorts(predicates: readonly Predicate[], rule: number, ports: RangeEnds): void {
    const wanted = only(predicates, 'dst-port')
    if (wanted === undefined) put(this.#withoutPorts, rule)
    if (wanted === undefined || wanted.passesIcmp) put(this.#icmp, rule)
    if (wanted !== undefined) for (const { first, last } of wanted.ranges) ports.addNumbers(first, last, rule)
  }

  #addVni(vni: number, rule: number): void {
    let set = this.#byVni.get(vni)
    if (set === undefined) {
      set = new Int32Array(this.#words)
      this.#byVni.set(vni, set)
    }
    put(set, rule)
  }
}

interface Addresses {
  of(family: 4 | 6): IntervalIndex
}

/** Collects the prefixes of all rules for both families. */
class AddressRanges {
  readonly #words: number
  readonly #everywhere: Int32Array
  readonly #v4 = new RangeEnds(1)
  readonly #v6 = new RangeEnds(4)

  constructor(words: number) {
    this.#words = words
    this.#everywhere = new Int32Array(words)
  }

  /** @param prefixes `undefined`: the rule does not ask. */
  add(rule: number, prefixes: readonly PrefixWords[] | undefined): void {
    if (prefixes === undefined) put(this.#everywhere, rule)
    else {
      for (const { family, value, mask } of prefixes) {
        ;(family === 4 ? this.#v4 : this.#v6).addMasked(value, mask, rule)
      }
    }
  }

  *finish(): Steps<Addresses> {
    const v4 = yield* IntervalIndex.build(this.#words, this.#v4, this.#everywhere)
    const v6 = yield* IntervalIndex.build(this.#words, this.#v6, this.#everywhere)
    return { of: (family) => (family === 4 ? v4 : v6) }
  }
}

/** The rule's predicate of a kind, where it has exactly one: of several none is indexed, and all are asked. */
function only<Kind extends Predicate['kind']>(
  predicates: readonly Predicate[],
  kind: Kind,
): Extract<Predicate, { kind: Kind }> | undefined {
  let found: Predicate | undefined
  for (const predicate of predicates) {
    if (predicate.kind !== kind) continue
    if (found !== undefined) return undefined
    found = predicate
  }
  return found as Extract<Predicate, { kind: Kind }> | undefined // because of the comparison
}

function protocolsOf(rules: readonly (readonly Predicate[])[]): Set<number> {
  const protocols = new Set<number>()
  for (const predicates of rules) {
    const wanted = only(predicates, 'protocol')
    if (wanted !== undefined) for (const { protocol } of wanted.protocols) protocols.add(protocol)
  }
  return protocols
}

function put(set: Int32Array, member: number): void {
  set[member >> 5]! |= 1 << (member & 31)
}
