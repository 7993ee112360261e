/**
 * Ways to next hops that are on no link of ours (RFC 4271 §5.1.3, §9.1.2.1): the most specific selected route that covers the address,
 * and where that one's next hops are on no link either, the routes that cover those.
 *
 * A route is passed over for the next less specific one when its own next hops can only be reached by a route that is being resolved:
 * mutually recursive routes lead nowhere. The default route resolves nothing, or every next hop would seem reachable.
 * Invariant: an answer names only next hops on links; after `onChange` every earlier answer that differs has been named.
 */
import type { Ip, Prefix } from '@lodestone/net'
import { describePath, type Path } from './path.ts'
import type { Rib } from './rib.ts'
import type { Subscription } from './subscription.ts'

/** A subnet of an interface that is up. */
export interface LinkSubnet {
  readonly prefix: Prefix
  readonly interface: string
}

export interface LinkHop {
  readonly via: Ip
  readonly interface: string | undefined
}

export interface NextHopWay {
  /** On links; several where the covering route has several. Empty: there is no way. */
  readonly hops: readonly LinkHop[]
  /** Of the covering route: the cost that the decision process compares; 0 on a link. */
  readonly metric: number
  /** The next hop is on a link itself. */
  readonly isOnLink: boolean
  /** For people. */
  readonly sentence: string
}

export interface NextHopResolverOptions {
  readonly rib: Rib
  /** Runs `look` a little later, outside of any change of the RIB. */
  readonly defer: (look: () => void) => void
  /** Other ways lead to these next hops now. */
  readonly onChange: (nextHops: readonly Ip[]) => void
}

/** A chain of routes longer than this leads nowhere that anybody meant. */
const MAX_DEPTH = 8
/** Beyond this many next hops those that no path has any more are forgotten. */
const FORGET_AT = 4096

interface Known {
  readonly nextHop: Ip
  way: NextHopWay
}

export class NextHopResolver {
  readonly #rib: Rib
  readonly #defer: (look: () => void) => void
  readonly #onChange: (nextHops: readonly Ip[]) => void
  readonly #known = new Map<string | number, Known>()
  /** Only while some next hop is on no link: a table of routes over links costs nothing. */
  #subscription: Subscription | undefined
  #subnets: readonly LinkSubnet[] = []
  #forgetAt = FORGET_AT

  constructor({ rib, defer, onChange }: NextHopResolverOptions) {
    this.#rib = rib
    this.#defer = defer
    this.#onChange = onChange
  }

  /** The way to a next hop, which is followed from now on. */
  resolve(nextHop: Ip): NextHopWay {
    const key = keyOf(nextHop)
    const known = this.#known.get(key)
    if (known !== undefined) return known.way
    const way = this.#resolve(nextHop, [])
    this.#known.set(key, { nextHop, way })
    if (!way.isOnLink) this.#follow()
    if (this.#known.size > this.#forgetAt) this.#forget()
    return way
  }

  /** What the interfaces that are up have. */
  setSubnets(subnets: readonly LinkSubnet[]): void {
    const text = (list: readonly LinkSubnet[]): string =>
      list.map((subnet) => `${subnet.prefix}%${subnet.interface}`).join()
    if (text(subnets) === text(this.#subnets)) return
    this.#subnets = subnets
    this.#lookAgain()
  }

  close(): void {
    this.#subscription?.close()
    this.#subscription = undefined
    this.#known.clear()
  }

  #follow(): void {
    this.#subscription ??= this.#rib.subscribe(() => this.#defer(() => this.#changed()))
  }

  #changed(): void {
    const subscription = this.#subscription
    if (subscription === undefined) return
    for (let ref = subscription.next(); ref >= 0; ref = subscription.next()) subscription.done(ref)
    this.#lookAgain()
  }

  #lookAgain(): void {
    const changed: Ip[] = []
    let isFollowed = false
    for (const known of this.#known.values()) {
      const way = this.#resolve(known.nextHop, [])
      if (!isSameWay(way, known.way)) changed.push(known.nextHop)
      known.way = way
      if (!way.isOnLink) isFollowed = true
    }
    if (isFollowed) this.#follow()
    else {
      this.#subscription?.close()
      this.#subscription = undefined
    }
    if (changed.length > 0) this.#onChange(changed)
  }

  /** A peer that invents next hops does not make this grow for ever. */
  #forget(): void {
    const used = this.#rib.store.offers.nextHops()
    for (const [key, { nextHop }] of this.#known) if (!used.has(nextHop.toString())) this.#known.delete(key)
    this.#forgetAt = Math.max(FORGET_AT, this.#known.size * 2)
  }

  /** @param pending next hops whose ways are being looked for. */
  #resolve(nextHop: Ip, pending: readonly Ip[]): NextHopWay {
    const subnet = this.#subnets.find(({ prefix }) => prefix.family === nextHop.family && prefix.contains(nextHop))
    if (subnet !== undefined) {
      const hops = [{ via: nextHop, interface: subnet.interface }]
      return { hops, metric: 0, isOnLink: true, sentence: `${nextHop} is on ${subnet.interface}` }
    }
    const passed: string[] = []
    if (pending.length < MAX_DEPTH) {
      const within = [...pending, nextHop]
      for (const { prefix, selected } of this.#rib.matches(nextHop)) {
        if (prefix.length === 0) break
        const ways = selected.map((path) => this.#throughPath(path, within))
        const hops = ways.flatMap((way) => way.hops)
        const [best] = selected
        if (hops.length > 0 && best !== undefined) {
          const further = ways[0]?.sentence === '' ? '' : `; ${ways[0]?.sentence}`
          const sentence = `${nextHop} is reached by ${prefix}, ${describePath(best)}${further}`
          return { hops: distinct(hops), metric: best.metric, isOnLink: false, sentence }
        }
        passed.push(`${prefix} leads back or nowhere`)
      }
    }
    const why = passed.length === 0 ? 'no route but perhaps the default one covers it' : passed.join(', ')
    return { hops: [], metric: 0, isOnLink: false, sentence: `there is no way to ${nextHop}: ${why}` }
  }

  #throughPath(path: Path, pending: readonly Ip[]): Pick<NextHopWay, 'hops' | 'sentence'> {
    const { nextHop, nextHopInterface } = path
    if (nextHopInterface !== undefined || path.source.protocol === 'connected') {
      return { hops: [{ via: nextHop, interface: nextHopInterface }], sentence: '' }
    }
    if (pending.some((other) => other.equals(nextHop))) return { hops: [], sentence: '' }
    const way = this.#resolve(nextHop, pending)
    return { hops: way.hops, sentence: way.isOnLink ? '' : way.sentence }
  }
}

function keyOf(ip: Ip): string | number {
  return ip.family === 4 ? ip.word(0) : ip.toString()
}

function distinct(hops: readonly LinkHop[]): readonly LinkHop[] {
  return hops.filter((hop, i) => hops.findIndex((other) => isSameHop(other, hop)) === i)
}

function isSameHop(a: LinkHop, b: LinkHop): boolean {
  return a.interface === b.interface && a.via.equals(b.via)
}

function isSameWay(a: NextHopWay, b: NextHopWay): boolean {
  return (
    a.metric === b.metric &&
    a.isOnLink === b.isOnLink &&
    a.hops.length === b.hops.length &&
    a.hops.every((hop, i) => isSameHop(hop, b.hops[i]!))
  )
}
