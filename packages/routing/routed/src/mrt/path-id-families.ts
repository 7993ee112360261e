/** In which messages of which sessions prefixes have path identifiers (RFC 7911): the bytes alone do not say. */
import type { Routed } from '../routed.ts'
import { updateFamily } from './update-family.ts'

interface Negotiated {
  readonly received: readonly (4 | 6)[]
  readonly sent: readonly (4 | 6)[]
}

export class PathIdFamilies {
  readonly #routed: Routed
  readonly #byPeer = new Map<string, Negotiated>()

  constructor(routed: Routed) {
    this.#routed = routed
    for (const peer of routed.speaker?.peers() ?? []) this.learn(peer.config.name)
  }

  /** Looks at what was negotiated; to be called when a session comes up. */
  learn(peer: string): void {
    const status = this.#routed.speaker?.peer(peer)?.status()
    const negotiated = { received: status?.addPathReceive ?? [], sent: status?.addPathSend ?? [] }
    if (negotiated.received.length + negotiated.sent.length === 0) this.#byPeer.delete(peer)
    else this.#byPeer.set(peer, negotiated)
  }

  has(peer: string, direction: 'received' | 'sent', message: Uint8Array): boolean {
    const families = this.#byPeer.get(peer)?.[direction]
    if (families === undefined || families.length === 0) return false
    const family = updateFamily(message)
    return family !== undefined && families.includes(family)
  }
}
