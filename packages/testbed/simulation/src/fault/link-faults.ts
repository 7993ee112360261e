/** What is wrong with each link at the moment: several faults may lie on one, and each ends without mending the others. */
import type { LinkDirection } from '@lodestone/link'
import type { Emulation } from '@lodestone/testbed'

export interface LinkTrouble {
  readonly link: string
  /** Both, if absent. */
  readonly direction?: LinkDirection
  readonly isCut?: boolean
  readonly loss?: number
  readonly duplicate?: number
  readonly jitterMs?: number
  readonly delayMs?: number
}

const DIRECTIONS: readonly LinkDirection[] = ['a-to-b', 'b-to-a']

export class LinkFaults {
  readonly #emulation: Emulation
  readonly #troubles = new Set<LinkTrouble>()

  readonly #onSilence: (link: string, direction: LinkDirection, isSilent: boolean) => void

  /** @param onSilence told of directions in which everything is lost while the link looks well, and of those in which not. */
  constructor(
    emulation: Emulation,
    onSilence: (link: string, direction: LinkDirection, isSilent: boolean) => void = () => {},
  ) {
    this.#emulation = emulation
    this.#onSilence = onSilence
  }

  /** @returns ends this trouble; idempotent. */
  add(trouble: LinkTrouble): () => void {
    this.#troubles.add(trouble)
    this.#apply(trouble.link)
    return () => {
      if (this.#troubles.delete(trouble)) this.#apply(trouble.link)
    }
  }

  /** Nodes that come up plug their cables in; those that are cut stay so. */
  reapply(): void {
    for (const { name } of this.#emulation.topology.links) this.#apply(name)
  }

  #apply(name: string): void {
    const link = this.#emulation.wiring.links.get(name)
    const spec = this.#emulation.topology.links.find((each) => each.name === name)
    if (link === undefined || spec === undefined) return
    const troubles = [...this.#troubles].filter((each) => each.link === name)
    for (const direction of DIRECTIONS) {
      const here = troubles.filter((each) => each.direction === undefined || each.direction === direction)
      const isNoisy = here.some((each) => each.jitterMs !== undefined)
      link.configure(
        {
          loss: 1 - here.reduce((kept, each) => kept * (1 - (each.loss ?? 0)), 1 - spec.lossRatio),
          duplicate: Math.max(0, ...here.map((each) => each.duplicate ?? 0)),
          jitterMs: Math.max(0, ...here.map((each) => each.jitterMs ?? 0)),
          mayReorder: isNoisy,
          delayMs: here.reduce((sum, each) => sum + (each.delayMs ?? 0), spec.delayMs),
        },
        direction,
      )
      this.#onSilence(
        name,
        direction,
        here.some((each) => each.loss === 1),
      )
    }
    const { nodes } = this.#emulation
    link.setUp(!troubles.some((each) => each.isCut === true) && nodes.has(spec.a.node) && nodes.has(spec.b.node))
  }
}
