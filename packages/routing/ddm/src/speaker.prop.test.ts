/**
 * Whole networks of speakers without sockets, against a model: random graphs, random changes, links that swallow messages,
 * interfaces that go down, routers that restart. After quiet every router must use exactly the shortest next hops of the
 * links that work, and exactly the tunnel endpoints that somebody within reach originates. No periodic pulls: nothing may
 * depend on them.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EventQueue, SeededRandom } from '@lodestone/host'
import { Ip, Prefix } from '@lodestone/net'
import { decodeDiscovery, encodeDiscovery, type RouterKind } from './discovery-packet.ts'
import type { ExchangeSnapshot, TunnelOrigin } from './exchange-message.ts'
import { snapshotOf } from './exchange-set.ts'
import type { MachineEvent } from './interface-machine.ts'
import { Speaker, type SpeakerAction } from './speaker.ts'
import { DEFAULT_TIMING } from './timing.ts'
import { effectiveTunnels } from './tunnel-set.ts'

const TIMING = { ...DEFAULT_TIMING, resyncMs: Infinity }

interface Router {
  readonly name: string
  readonly kind: RouterKind
  readonly ends: Map<string, End>
  prefixes: Prefix[]
  tunnels: TunnelOrigin[]
  speaker: Speaker
}

interface End {
  readonly router: Router
  readonly interfaceName: string
  readonly address: Ip
  readonly link: Link
  peer: End
}

interface Link {
  ends: readonly End[]
  isUp: boolean
  isPassing: boolean
}

class World {
  readonly random: SeededRandom
  readonly queue = new EventQueue()
  readonly routers: Router[] = []
  readonly links: Link[] = []
  nowMs = 0

  constructor(seed: number) {
    this.random = new SeededRandom(seed)
    const count = 3 + this.random.below(4)
    for (let i = 0; i < count; i++) {
      // Servers are leaves of the exchange; with more transits there are rings.
      const kind = i < 2 || this.random.below(2) === 0 ? 'transit' : 'server'
      const name = `r${i}`
      const speaker = new Speaker({ hostname: name, kind, timing: TIMING })
      this.routers.push({ name, kind, speaker, ends: new Map(), prefixes: [], tunnels: [] })
    }
    for (let a = 0; a < count; a++) {
      for (let b = a + 1; b < count; b++) if (b === a + 1 || this.random.below(2) === 0) this.#join(a, b)
    }
    for (const router of this.routers) this.#boot(router)
  }

  #join(a: number, b: number): void {
    const link: Link = { ends: [], isUp: true, isPassing: true }
    const end = (router: Router, side: number): End => {
      const address = Ip.of(`fe80::${this.links.length}:${side + 1}`)
      const made = { router, interfaceName: `if${router.ends.size}`, address, link } as End
      router.ends.set(made.interfaceName, made)
      return made
    }
    const [first, second] = [end(this.routers[a]!, 0), end(this.routers[b]!, 1)]
    first.peer = second
    second.peer = first
    link.ends = [first, second]
    this.links.push(link)
  }

  #boot(router: Router): void {
    const speaker = router.speaker
    for (const { interfaceName, link, address } of router.ends.values()) {
      speaker.addInterface(interfaceName)
      this.#perform(router, speaker.setOriginated(router.prefixes, router.tunnels, this.nowMs))
      this.#handle(router, interfaceName, { kind: 'interface', address: link.isUp ? address : undefined })
    }
  }

  #handle(router: Router, interfaceName: string, event: MachineEvent): void {
    this.#perform(router, router.speaker.handle(interfaceName, event, this.nowMs))
  }

  #perform(router: Router, actions: readonly SpeakerAction[]): void {
    for (const action of actions) {
      if (action.kind === 'tunnels') continue
      const end = router.ends.get(action.interfaceName)!
      switch (action.kind) {
        case 'open':
          this.#later(router, end, { kind: 'opened', attempt: action.attempt, isOk: this.random.below(8) > 0 }, 1)
          break
        case 'solicit':
        case 'advertise':
          this.#discover(end, action.kind === 'solicit')
          break
        case 'pull':
          this.#request(
            end,
            TIMING.pullTimeoutMs,
            ({ router: peer, interfaceName }) => {
              let snapshot: ExchangeSnapshot | undefined
              if (peer.speaker.machine(interfaceName)?.neighbor !== undefined) {
                const served = peer.speaker.desiredFor(interfaceName)
                this.#handle(peer, interfaceName, { kind: 'pulled', served, isCheck: action.isCheck })
                snapshot = snapshotOf(served)
              }
              return { kind: 'pull-done', generation: action.generation, snapshot }
            },
            { kind: 'pull-done', generation: action.generation, snapshot: undefined },
          )
          break
        case 'push':
          this.#request(
            end,
            TIMING.pushTimeoutMs,
            (peer) => {
              const isOk = peer.router.speaker.machine(peer.interfaceName)?.neighbor !== undefined
              if (isOk) this.#handle(peer.router, peer.interfaceName, { kind: 'pushed', update: action.update })
              return { kind: 'push-done', generation: action.generation, isOk }
            },
            { kind: 'push-done', generation: action.generation, isOk: false },
          )
          break
        default:
      }
    }
  }

  /** Nothing of a router's past reaches it after a restart. */
  #later(router: Router, end: End, event: MachineEvent, delayMs: number): void {
    const { speaker } = router
    this.queue.push(this.nowMs + delayMs, () => {
      if (router.speaker === speaker) this.#handle(router, end.interfaceName, event)
    })
  }

  #works({ link }: End): boolean {
    return link.isUp && link.isPassing
  }

  #discover(from: End, isSolicitation: boolean): void {
    const { kind, name } = from.router
    const payload = encodeDiscovery({
      version: 2,
      isSolicitation,
      isAdvertisement: !isSolicitation,
      kind,
      hostname: name,
    })
    if (!this.#works(from)) return
    const packet = decodeDiscovery(payload)
    assert.ok(typeof packet !== 'string')
    this.#later(from.peer.router, from.peer, { kind: 'datagram', packet, from: from.address }, this.#latencyMs())
  }

  /** A request and its answer; when either is lost, only the timeout tells. */
  #request(from: End, timeoutMs: number, serve: (peer: End) => MachineEvent, failed: MachineEvent): void {
    const { router } = from
    const { speaker } = router
    const giveUp = this.queue.push(this.nowMs + timeoutMs, () => {
      if (router.speaker === speaker) this.#handle(router, from.interfaceName, failed)
    })
    if (!this.#works(from)) return
    this.queue.push(this.nowMs + this.#latencyMs(), () => {
      if (router.speaker !== speaker) return // its connections died with it
      const answer = serve(from.peer)
      if (!this.#works(from)) return
      this.queue.push(this.nowMs + this.#latencyMs(), () => {
        giveUp.cancel()
        if (router.speaker === speaker) this.#handle(router, from.interfaceName, answer)
      })
    })
  }

  #latencyMs(): number {
    return 0.1 + this.random.float() * 5
  }

  advance(durationMs: number): void {
    const endMs = this.nowMs + durationMs
    for (;;) {
      let dueMs = this.queue.peek()?.dueMs ?? Infinity
      let ticking: Router | undefined
      for (const router of this.routers) {
        const deadlineMs = router.speaker.deadlineMs()
        if (deadlineMs < dueMs) [dueMs, ticking] = [deadlineMs, router]
      }
      if (dueMs > endMs) break
      this.nowMs = Math.max(this.nowMs, dueMs)
      if (ticking !== undefined) this.#perform(ticking, ticking.speaker.tick(this.nowMs))
      else this.queue.take(dueMs)!()
    }
    this.nowMs = endMs
  }

  disturb(): void {
    const { random } = this
    const router = this.routers[random.below(this.routers.length)]!
    const link = this.links[random.below(this.links.length)]!
    switch (random.below(9)) {
      case 0:
      case 1:
        router.prefixes = toggle(router.prefixes, Prefix.of(`fd00:${random.below(4)}::/64`), String)
        this.#originate(router)
        return
      case 2:
      case 3: {
        const boundaryAddress = Ip.of(`fd00:${random.below(4)}::1`)
        const overlayPrefix = Prefix.of(random.below(2) === 0 ? '0.0.0.0/0' : '::/0')
        const metric = random.below(2) === 0 ? 0n : (1n << 64n) - 1n
        const origin = { overlayPrefix, boundaryAddress, vni: 99, metric }
        router.tunnels = toggle(
          router.tunnels,
          origin,
          ({ overlayPrefix: o, boundaryAddress: b, metric: m }) => `${o} ${b} ${m}`,
        )
        this.#originate(router)
        return
      }
      case 4:
      case 5:
        link.isPassing = !link.isPassing
        return
      case 6:
        link.isUp = !link.isUp
        for (const { router: at, interfaceName, address } of link.ends) {
          this.#handle(at, interfaceName, { kind: 'interface', address: link.isUp ? address : undefined })
        }
        return
      case 7:
        router.speaker = new Speaker({ hostname: router.name, kind: router.kind, timing: TIMING })
        this.#boot(router)
        return
      default: {
        const [end] = link.ends
        this.#handle(end!.router, end!.interfaceName, { kind: 'expire' })
      }
    }
  }

  #originate(router: Router): void {
    this.#perform(router, router.speaker.setOriginated(router.prefixes, router.tunnels, this.nowMs))
  }

  // --- the model ----------------------------------------------------------------------------------------------

  /** Hops to every router from `start`, leaving it over `end` only; servers are reached, not crossed. */
  #distances(start: Router, end: End): ReadonlyMap<Router, number> {
    const found = new Map<Router, number>()
    if (!this.#works(end)) return found
    let front = [end.peer.router]
    for (let distance = 1; front.length > 0; distance++) {
      const next: Router[] = []
      for (const router of front) {
        if (router === start || found.has(router)) continue
        found.set(router, distance)
        if (router.kind === 'server') continue
        for (const out of router.ends.values()) if (this.#works(out)) next.push(out.peer.router)
      }
      front = next
    }
    return found
  }

  check(label: string): void {
    for (const router of this.routers) {
      const byEnd = [...router.ends.values()].map((end) => [end, this.#distances(router, end)] as const)
      for (let n = 0; n < 4; n++) {
        const destination = Prefix.of(`fd00:${n}::/64`)
        let metric = Infinity
        let names: string[] = []
        for (const [end, distances] of byEnd) {
          for (const [other, distance] of distances) {
            if (!other.prefixes.some((prefix) => prefix.equals(destination)) || distance > metric) continue
            if (distance < metric) names = []
            metric = distance
            if (!names.includes(end.interfaceName)) names.push(end.interfaceName)
          }
        }
        if (router.prefixes.some((prefix) => prefix.equals(destination))) continue
        const got = router.speaker.nextHops(destination)
        const expected = names.length === 0 ? undefined : { metric, interfaceNames: names.toSorted() }
        const actual = got === undefined ? undefined : { ...got, interfaceNames: got.interfaceNames.toSorted() }
        assert.deepEqual(actual, expected, `${label}: ${router.name} to ${destination}`)
      }
      this.#checkTunnels(router, byEnd, label)
    }
  }

  /**
   * Exactly what somebody within reach originates, if its boundary address can be followed; nothing that nobody
   * originates any more in any case.
   */
  #checkTunnels(router: Router, byEnd: readonly (readonly [End, ReadonlyMap<Router, number>])[], label: string): void {
    const reachable = new Set(byEnd.flatMap(([, distances]) => [...distances.keys()]))
    const may = [...reachable].flatMap((other) => other.tunnels)
    // Of those, the ones whose originator alone originates the prefix around the boundary, or is next door.
    const must = [...reachable].flatMap((other) =>
      other.tunnels.filter(({ boundaryAddress }) => {
        if (byEnd.some(([, distances]) => distances.get(other) === 1)) return true
        const owners = this.routers.filter(({ prefixes }) =>
          prefixes.some((prefix) => prefix.contains(boundaryAddress)),
        )
        return owners.length === 1 && owners[0] === other
      }),
    )
    const imported = new Set(
      [...router.speaker.machines.values()].flatMap(({ imported: set }) => [...set.tunnel.values()].map(key)),
    )
    for (const origin of must) assert.ok(imported.has(key(origin)), `${label}: ${router.name} lacks ${key(origin)}`)
    const allowed = new Set([...may, ...router.tunnels].map(key))
    for (const text of imported) assert.ok(allowed.has(text), `${label}: ${router.name} holds ${text} of nobody`)
    const learned = [...router.speaker.machines.values()].flatMap(({ imported: set }) => [...set.tunnel.values()])
    assert.deepEqual(router.speaker.tunnels, effectiveTunnels(learned))
  }
}

function key({ overlayPrefix, boundaryAddress, vni, metric }: TunnelOrigin): string {
  return `${overlayPrefix} ${boundaryAddress} ${vni} ${metric}`
}

function toggle<Item>(items: readonly Item[], item: Item, name: (item: Item) => string): Item[] {
  const left = items.filter((other) => name(other) !== name(item))
  return left.length < items.length ? left : [...items, item]
}

test('500 random networks converge to the shortest paths and the tunnels of those in reach', () => {
  for (let seed = 1; seed <= 500; seed++) {
    const world = new World(seed)
    world.advance(500)
    for (let i = 0; i < 16; i++) {
      world.disturb()
      // Mostly close together, sometimes long enough for an expiry.
      world.advance(world.random.below(5) === 0 ? 6000 : world.random.below(300))
    }
    world.advance(14_000)
    world.check(`seed ${seed}`)
  }
})
