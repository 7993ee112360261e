/**
 * A port as it would be: with another configuration, or after packets that nobody has sent. It is made of the same layers over flows of its own;
 * a connection that it does not have is looked for at the live port and copied, so what it says is what the live port would say. Nothing of the
 * live port changes. `close` gives back what it took of the engine's flow memory.
 */
import type { Connection } from './connection.ts'
import type { EngineScope } from './engine-scope.ts'
import { explainFrame } from './explain.ts'
import { type FlowKey, newFlowKey } from './flow-key.ts'
import type { NatMapping } from './nat-mapping.ts'
import type { PortConfig } from './port-config.ts'
import { PortState } from './port-state.ts'
import { SnatPool } from './snat-pool.ts'
import type { SnatPools } from './snat-pools.ts'
import type { Direction, Explanation } from './walk.ts'

export class ShadowPort {
  readonly state: PortState
  readonly #scope: EngineScope
  /** Addresses of connections of the live port that were copied once: here they may have ended since. */
  readonly #copied = new Set<number>()

  /** @param live absent for one of an earlier time: then it begins without connections. */
  constructor(config: PortConfig, scope: EngineScope, live?: PortState) {
    this.#scope = scope
    this.state = new PortState(config, scope, live)
    if (live === undefined) return
    // A change of configuration has live connections judged again, and so it has here.
    this.state.context.epoch = live.context.epoch + (config === live.config ? 0 : 1)
    const isSameLimit = (direction: 'in' | 'out'): boolean =>
      JSON.stringify(config.rateLimits?.[direction]) === JSON.stringify(live.config.rateLimits?.[direction])
    // They are only looked at here.
    if (isSameLimit('in')) this.state.limitIn = live.limitIn
    if (isSameLimit('out')) this.state.limitOut = live.limitOut
    this.state.cache.source = (key, family) => this.#copy(live, key, family)
  }

  get id(): string {
    return this.state.config.id
  }

  get name(): string {
    return this.state.config.name
  }

  get config(): PortConfig {
    return this.state.config
  }

  /** What would happen to a frame after those that were carried. */
  explain(frame: Uint8Array, direction: Direction): Explanation {
    return explainFrame(this.state, frame, direction, this.#scope)
  }

  /** The same, and the frame leaves behind what it would: its connection, TCP state, port lease. */
  carry(frame: Uint8Array, direction: Direction): Explanation {
    return explainFrame(this.state, frame, direction, this.#scope, true)
  }

  close(): void {
    const { cache } = this.state
    cache.close()
    cache.clearSome(this.state.nowMs(), Infinity)
    this.#scope.flows.forget(cache)
  }

  #copy(live: PortState, key: FlowKey, family: 4 | 6): Connection | undefined {
    const found = live.cache.find(key, family)
    if (found === undefined || this.#copied.has(found.at)) return undefined
    this.#copied.add(found.at)
    const outKey = newFlowKey()
    const inKey = newFlowKey()
    live.cache.table.readKey(found.row(true), family, outKey)
    live.cache.table.readKey(found.row(false), family, inKey)
    const nowMs = live.nowMs()
    const copy = this.state.cache.open(
      {
        family,
        protocol: found.protocol,
        initiator: found.initiator,
        createdMs: found.createdMs,
        remoteVni: found.remoteVni,
        nat: this.#mapping(live, found),
        natPort: found.natPort,
        guestPort: found.guestPort,
        firewallRule: found.firewallRule,
        epoch: found.epoch,
        tcpState: found.tcpState,
      },
      outKey,
      inKey,
      nowMs,
    )
    if (copy === undefined) return undefined
    copy.finAck = found.finAck
    copy.isRefused = found.isRefused
    copy.touch(nowMs - found.idleMs(nowMs))
    return copy
  }

  /** The connection's translation, with a pool that its port can be given back to. */
  #mapping(live: PortState, { nat, natPort }: Connection): NatMapping | undefined {
    const pool = nat?.pool
    if (nat === undefined || pool === undefined) return nat
    const twin =
      twinOf(pool, live.pools4, this.state.pools4) ?? twinOf(pool, live.pools6, this.state.pools6) ?? poolOf(natPort)
    return { ...nat, pool: twin }
  }
}

/** Where the shadow has the same shared address, its copy of the pool. */
function twinOf(pool: SnatPool, live: SnatPools | undefined, shadow: SnatPools | undefined): SnatPool | undefined {
  if (live === undefined || shadow === undefined || !shadow.isSame(live.config)) return undefined
  const index = live.all().indexOf(pool)
  return index < 0 ? undefined : shadow.all()[index]
}

/** Of an address that is attached no more, or not here. */
function poolOf(port: number): SnatPool {
  const pool = new SnatPool(port, port)
  pool.leaseExactly(port)
  return pool
}
