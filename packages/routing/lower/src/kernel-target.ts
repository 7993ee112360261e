/**
 * A host's own route table as a target. Structural, so that the emulated stack's table fits without either package
 * knowing the other, and a kernel's (netlink) will.
 */
import type { Ip, Prefix } from '@lodestone/net'
import type { ForwardingTarget, NextHop, ProgrammedRoute, WriteResult } from './target.ts'

export interface KernelRoutes {
  /** Replaces all next hops of the prefix. May throw, for an interface that does not exist (any more). */
  setRoute(prefix: Prefix, nextHops: readonly { readonly via?: Ip; readonly interface: string }[]): unknown
  removeRoute(prefix: Prefix): unknown
  /** What was set here, by whomever; absent where the table cannot say: then what an earlier life of ours left behind stays. */
  configuredRoutes?(): readonly ProgrammedRoute[]
}

export class KernelTarget implements ForwardingTarget {
  readonly name: string
  /** What is programmed, where the table says. */
  readonly list?: () => Promise<readonly ProgrammedRoute[]>
  readonly #routes: KernelRoutes

  constructor(routes: KernelRoutes, name = 'kernel') {
    this.#routes = routes
    this.name = name
    if (routes.configuredRoutes !== undefined) this.list = () => Promise.resolve(routes.configuredRoutes!())
  }

  async setRoute(prefix: Prefix, nextHops: readonly NextHop[]): Promise<WriteResult> {
    return attempt(() =>
      this.#routes.setRoute(
        prefix,
        nextHops.map(({ via, interface: name }) => ({ interface: name, ...(via === undefined ? {} : { via }) })),
      ),
    )
  }

  async removeRoute(prefix: Prefix): Promise<WriteResult> {
    return attempt(() => this.#routes.removeRoute(prefix))
  }
}

/** An interface can vanish between decision and write; that is the table's error to report, and ours to retry. */
function attempt(write: () => unknown): WriteResult {
  try {
    write()
    return { ok: true }
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return { ok: false, reason: error.message }
  }
}
