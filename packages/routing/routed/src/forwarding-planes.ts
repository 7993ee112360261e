/** The forwarding planes below the RIB, each under a key; they come and go with the configuration. */
import type { Clock } from '@lodestone/host'
import {
  type ForwardingPath,
  type ForwardingTarget,
  LowerHalf,
  type LowerHalfOptions,
  type LowerHalfStatus,
  type RouteState,
} from '@lodestone/lower'
import type { Ip, Prefix } from '@lodestone/net'
import type { LinkHop, Rib } from '@lodestone/rib'

/** A forwarding plane, and which paths go there. */
export interface TargetOptions extends Pick<
  LowerHalfOptions,
  'accepts' | 'interfaceOf' | 'isForeign' | 'auditMs' | 'keepOldMs'
> {
  readonly target: ForwardingTarget
}

interface Plane {
  readonly lower: LowerHalf
  /** Closed: nothing is to be there. */
  readonly gate: { isOpen: boolean }
}

/** How long a forwarding plane that is retired gets to take our routes out. */
const RETIRE_LIMIT_MS = 60_000
const RETIRE_STEP_MS = 50

export class ForwardingPlanes {
  readonly #rib: Rib
  readonly #clock: Clock
  readonly #wayTo: (nextHop: Ip) => readonly LinkHop[] | undefined
  readonly #planes = new Map<string, Plane>()
  readonly #retiring = new Set<LowerHalf>()

  /** @param wayTo to next hops that are on no link. */
  constructor(rib: Rib, clock: Clock, wayTo: (nextHop: Ip) => readonly LinkHop[] | undefined) {
    this.#rib = rib
    this.#clock = clock
    this.#wayTo = wayTo
  }

  /** Adds, replaces or (undefined) gives up a plane. What is programmed there stays programmed. */
  set(key: string, target: TargetOptions | undefined): void {
    this.#planes.get(key)?.lower.close()
    this.#planes.delete(key)
    if (target === undefined) return
    const gate = { isOpen: true }
    const accepts = (path: ForwardingPath): boolean => gate.isOpen && (target.accepts?.(path) ?? true)
    const lower = new LowerHalf({ ...target, accepts, wayTo: this.#wayTo, rib: this.#rib, clock: this.#clock })
    this.#planes.set(key, { lower, gate })
  }

  /** Takes our routes out of a plane, and gives it up when they are out or it fails to do so for a while. */
  retire(key: string): void {
    const plane = this.#planes.get(key)
    if (plane === undefined) return
    this.#planes.delete(key)
    const { lower, gate } = plane
    gate.isOpen = false
    lower.refresh()
    this.#retiring.add(lower)
    const endMs = this.#clock.nowMs() + RETIRE_LIMIT_MS
    const look = (): void => {
      if (!lower.isSettled && this.#clock.nowMs() < endMs) return void this.#clock.after(RETIRE_STEP_MS, look)
      lower.close()
      this.#retiring.delete(lower)
    }
    look()
  }

  nextHopsChanged(nextHops: readonly Ip[]): void {
    for (const { lower } of this.#planes.values()) lower.nextHopsChanged(nextHops)
  }

  /** Looks at every route again. */
  refresh(): void {
    for (const { lower } of this.#planes.values()) lower.refresh()
  }

  status(): readonly LowerHalfStatus[] {
    return Array.from(this.#planes.values(), ({ lower }) => lower.status())
  }

  /** What has become of a prefix in each plane. */
  explain(prefix: Prefix): readonly RouteState[] {
    return Array.from(this.#planes.values(), ({ lower }) => lower.explain(prefix))
  }

  /** Whether every plane has what it should, as far as is known. */
  get isSettled(): boolean {
    for (const { lower } of this.#planes.values()) if (!lower.isSettled) return false
    return true
  }

  /** What is programmed stays programmed. */
  close(): void {
    for (const { lower } of this.#planes.values()) lower.close()
    for (const lower of this.#retiring) lower.close()
  }
}
