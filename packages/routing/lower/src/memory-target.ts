/** A forwarding table in memory, with faults on demand: for tests, and for looking at what would be programmed. */
import type { Prefix } from '@lodestone/net'
import { PrefixTable } from '@lodestone/rib'
import type { ForwardingTarget, NextHop, ProgrammedRoute, WriteResult } from './target.ts'

export class MemoryTarget implements ForwardingTarget {
  readonly name = 'memory'
  readonly #routes = new PrefixTable<ProgrammedRoute>()
  #writes = 0
  /** Asked before each write: a reason makes it fail, after having been applied if `isApplied`. */
  fault: ((prefix: Prefix, write: number) => { reason: string; isApplied: boolean } | undefined) | undefined

  async setRoute(prefix: Prefix, nextHops: readonly NextHop[]): Promise<WriteResult> {
    return this.#write(prefix, () => this.#routes.set(prefix, { prefix, nextHops }))
  }

  async removeRoute(prefix: Prefix): Promise<WriteResult> {
    return this.#write(prefix, () => this.#routes.delete(prefix))
  }

  async list(): Promise<readonly ProgrammedRoute[]> {
    return this.routes()
  }

  routes(): readonly ProgrammedRoute[] {
    return [...this.#routes.values()]
  }

  get(prefix: Prefix): readonly NextHop[] | undefined {
    return this.#routes.get(prefix)?.nextHops
  }

  /** How many writes were attempted. */
  get writes(): number {
    return this.#writes
  }

  #write(prefix: Prefix, apply: () => unknown): WriteResult {
    const fault = this.fault?.(prefix, ++this.#writes)
    if (fault === undefined || fault.isApplied) apply()
    return fault === undefined ? { ok: true } : { ok: false, reason: fault.reason }
  }
}
