/** What a throttled board does to its node: what it sends leaves at a tenth of the rate, until it is cool again. */
import type { Link, LinkDirection } from '@lodestone/link'

const THROTTLED_SHARE = 0.1

interface Slowed {
  readonly link: Link
  readonly direction: LinkDirection
  readonly rateBps: number
}

export class Throttle {
  #slowed: readonly Slowed[] = []

  get isOn(): boolean {
    return this.#slowed.length > 0
  }

  /** @param cables each with the direction that leads away from the node. */
  set(isOn: boolean, cables: readonly { readonly link: Link; readonly direction: LinkDirection }[]): void {
    if (isOn === this.isOn) return
    if (isOn) {
      this.#slowed = cables.map((each) => ({ ...each, rateBps: each.link.impairments(each.direction).rateBps }))
      for (const { link, direction, rateBps } of this.#slowed) {
        // An unlimited cable has a rate when the node behind it has one.
        const full = Number.isFinite(rateBps) ? rateBps : 100e9
        link.configure({ rateBps: full * THROTTLED_SHARE }, direction)
      }
      return
    }
    for (const { link, direction, rateBps } of this.#slowed) link.configure({ rateBps }, direction)
    this.#slowed = []
  }
}
