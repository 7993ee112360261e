/**
 * A fat tree of BGP routers in virtual time: k pods of k/2 edge and k/2 aggregation routers below (k/2)² core routers, 5k²/4 in
 * all. Sessions are unnumbered eBGP as data centres run it (RFC 7938: one AS for the core, one per pod for its aggregation, one per
 * edge router; RFC 8950 next hops; multipath), over the emulated TCP/IP stack and links. Each edge router originates prefixes.
 *
 *     core      c/(k/2) ─ group g of k/2 cores is wired to aggregation router g of every pod
 *     aggregation, edge ─ each of a pod to each of the pod
 *
 * Invariant: `problems` says nothing only when every router has every prefix over every shortest way.
 */
import { type Peer, type PeerConfig, Speaker } from '@lodestone/bgp'
import { Arena } from '@lodestone/frame'
import { SeededRandom, VirtualClock } from '@lodestone/host'
import { Link } from '@lodestone/link'
import { Ip, Mac, Prefix } from '@lodestone/net'
import { Netstack } from '@lodestone/netstack'
import { Tracer } from '@lodestone/probe'
import { Rib } from '@lodestone/rib'

export interface FatTreeOptions {
  /** Ports of a router; even. 28 gives 980 routers. */
  readonly k: number
  /** IPv4 /24 prefixes of each edge router; default 1. */
  readonly prefixesPerEdge?: number
  readonly seed?: number
}

export type Tier = 'edge' | 'aggregation' | 'core'

export interface FatTreeRouter {
  readonly name: string
  readonly tier: Tier
  /** 0 for the core. */
  readonly pod: number
  /** Within pod and tier. */
  readonly index: number
  readonly stack: Netstack
  readonly rib: Rib
  readonly speaker: Speaker
  readonly prefixes: readonly Prefix[]
}

/** Changes that come within so long of each other are told together. */
const ADVERTISEMENT_INTERVAL_S = 0.01
const CORE_ASN = 4_200_000_000
const AGGREGATION_ASN = 4_200_001_000
const EDGE_ASN = 4_200_002_000

export class FatTree {
  readonly clock = new VirtualClock()
  readonly routers: FatTreeRouter[] = []
  readonly #k: number
  readonly #prefixesPerEdge: number
  readonly #random: SeededRandom
  readonly #arena: Arena
  readonly #tracer: Tracer
  readonly #links: Link[] = []

  constructor({ k, prefixesPerEdge = 1, seed = 1 }: FatTreeOptions) {
    if (k < 2 || k % 2 !== 0 || k > 128) throw new Error(`a fat tree has an even number of ports, not ${k}`)
    this.#k = k
    this.#prefixesPerEdge = prefixesPerEdge
    this.#random = new SeededRandom(seed)
    this.#arena = new Arena({ slots: Math.max(1024, 192 * k * k), slotBytes: 2048 })
    this.#tracer = new Tracer(() => this.clock.nowMs())
    const half = k / 2
    const edges: FatTreeRouter[][] = []
    const aggregations: FatTreeRouter[][] = []
    for (let pod = 0; pod < k; pod++) {
      edges.push(Array.from({ length: half }, (_, i) => this.#router('edge', pod, i, EDGE_ASN + pod * half + i)))
      aggregations.push(
        Array.from({ length: half }, (_, i) => this.#router('aggregation', pod, i, AGGREGATION_ASN + pod)),
      )
    }
    const cores = Array.from({ length: half * half }, (_, i) => this.#router('core', 0, i, CORE_ASN))
    for (let pod = 0; pod < k; pod++) {
      for (const upper of aggregations[pod]!) {
        for (const lower of edges[pod]!) this.#cable(lower, upper)
        for (let i = 0; i < half; i++) this.#cable(upper, cores[upper.index * half + i]!)
      }
    }
  }

  /** Sessions of the whole tree. */
  get sessionCount(): number {
    return this.#links.length
  }

  get prefixCount(): number {
    return (this.#k ** 2 / 2) * this.#prefixesPerEdge
  }

  /** Everybody is switched on at once. */
  async start(): Promise<void> {
    for (const { speaker, prefixes } of this.routers) {
      speaker.originate(prefixes)
      await speaker.listen()
    }
  }

  /** Advances until every session is up and everybody has been told everything, at most so long. */
  async converge(withinMs: number): Promise<boolean> {
    const endMs = this.clock.nowMs() + withinMs
    while (this.clock.nowMs() < endMs) {
      await this.clock.advance(100)
      if (this.problems(1).length === 0) return true
    }
    return false
  }

  /** Routes over all RIBs that are used, counting each path of a multipath. */
  get pathCount(): number {
    return this.routers.reduce((sum, { rib }) => sum + rib.pathCount, 0)
  }

  /** What is not yet as it has to be, at most `limit` sentences: each router uses all shortest ways to each prefix. */
  problems(limit = 10): readonly string[] {
    const problems: string[] = []
    const half = this.#k / 2
    for (const router of this.routers) {
      for (const peer of router.speaker.peers()) {
        if (!peer.isEstablished) problems.push(`${router.name}: no session with ${peer.config.name}`)
      }
      for (const owner of this.routers) {
        if (owner === router || owner.tier !== 'edge') continue
        for (const prefix of owner.prefixes) {
          const paths = router.rib.get(prefix)?.selected ?? []
          const wanted = waysTo(router, owner, half)
          if (
            paths.length !== wanted.count ||
            paths.some(({ attributes }) => attributes?.asPathLength !== wanted.length)
          ) {
            const had = paths.map(({ attributes }) => attributes?.asPathLength).join(',')
            problems.push(
              `${router.name}: ${prefix} over ${paths.length} ways of lengths [${had}], not ${wanted.count} of ${wanted.length}`,
            )
          }
        }
        if (problems.length >= limit) return problems
      }
    }
    return problems
  }

  close(): void {
    for (const { speaker, stack } of this.routers) {
      speaker.close()
      stack.close()
    }
  }

  #router(tier: Tier, pod: number, index: number, asn: number): FatTreeRouter {
    const { clock } = this
    const number = this.routers.length
    const name = tier === 'core' ? `core${index}` : `${tier}${pod}.${index}`
    const random = this.#random.fork(name)
    const stack = new Netstack({ name, clock, random, arena: this.#arena, tracer: this.#tracer, forwarding: true })
    const rib = new Rib({ nowMs: () => clock.nowMs(), fanOut: { bgp: this.#k / 2 } })
    const speaker = new Speaker({ clock, random, network: stack, rib, asn, routerId: Ip.v4(0x0aff_0000 + number) })
    const first = (pod * (this.#k / 2) + index) * this.#prefixesPerEdge
    const prefixes =
      tier === 'edge'
        ? Array.from(
            { length: this.#prefixesPerEdge },
            (_, i) => new Prefix(Ip.v4(0x0a00_0000 + (first + i) * 256), 24),
          )
        : []
    const router: FatTreeRouter = { name, tier, pod, index, stack, rib, speaker, prefixes }
    this.routers.push(router)
    return router
  }

  /** The lower router opens the session. */
  #cable(lower: FatTreeRouter, upper: FatTreeRouter): void {
    const name = `${lower.name}-${upper.name}`
    const { clock } = this
    const link = new Link({
      name,
      a: lower.name,
      b: upper.name,
      clock,
      random: this.#random,
      arena: this.#arena,
      tracer: this.#tracer,
      impairments: { delayMs: 0.02 + this.#random.float() * 0.02 },
    })
    this.#links.push(link)
    lower.stack.addInterface({ name: upper.name, port: link.a, mac: macOf(lower) })
    upper.stack.addInterface({ name: lower.name, port: link.b, mac: macOf(upper) })
    this.#peer(lower, upper, { tellsLoops: false })
    this.#peer(upper, lower, { isPassive: true })
  }

  #peer(near: FatTreeRouter, far: FatTreeRouter, options: Partial<PeerConfig>): Peer {
    return near.speaker.addPeer({
      name: far.name,
      interface: far.name,
      remoteAddress: macOf(far).linkLocal(),
      remoteAsn: far.speaker.asn,
      families: [4],
      ipv4OverIpv6: true,
      advertisementIntervalS: ADVERTISEMENT_INTERVAL_S,
      historyBytes: 0,
      ...options,
    })
  }
}

/** All interfaces of a router have one address, as on many switches: it tells all its peers the same. */
function macOf({ speaker }: FatTreeRouter): Mac {
  return Mac.fromNumber(0x02_00_00_00_00_00 + (speaker.routerId.word(0) & 0xffff))
}

/** How many shortest ways there are from a router to another edge router, and over how many routers. */
function waysTo(from: FatTreeRouter, to: FatTreeRouter, half: number): { count: number; length: number } {
  switch (from.tier) {
    case 'core':
      return { count: 1, length: 2 }
    case 'aggregation':
      return from.pod === to.pod ? { count: 1, length: 1 } : { count: half, length: 3 }
    case 'edge':
      return { count: half, length: from.pod === to.pod ? 2 : 4 }
  }
}
