/**
 * A switch as a target, through switchd's interface. Interface names of the switch zone become ports; an interface that is
 * no port of the switch is an error of the write, reported and retried like any other.
 */
import type { CallResult } from '@lodestone/api'
import { MAX_ROUTE_TARGETS, type RouteTarget, type SwitchdClient } from '@lodestone/contract-switchd'
import { type Clock, every } from '@lodestone/host'
import { Ip, Prefix } from '@lodestone/net'
import type { ForeignChange, ForwardingTarget, NextHop, ProgrammedRoute, WriteResult } from './target.ts'

const WATCH_MS = 1000

export interface SwitchPortName {
  readonly portId: string
  readonly linkId: number
}

/** The calls that this target makes. */
export type RouteCalls = Pick<
  SwitchdClient,
  | 'status'
  | 'route_ipv4_list'
  | 'route_ipv4_set'
  | 'route_ipv4_delete'
  | 'route_ipv6_list'
  | 'route_ipv6_set'
  | 'route_ipv6_delete'
>

export interface SwitchdTargetOptions {
  readonly switchd: RouteCalls
  /** With it, a switchd that begins anew with empty tables is noticed within a second, instead of by the next comparison. */
  readonly clock?: Clock
  /** Which port an interface of the switch zone stands for; default `tfportOf`. */
  readonly portOf?: (interfaceName: string) => SwitchPortName | undefined
  /** The other way round; default `interfaceOf`. */
  readonly interfaceOf?: (port: SwitchPortName) => string
}

/** `tfportqsfp0_0`, `tfportrear3_0`, or the bare `qsfp0`, `rear3`. */
export function tfportOf(interfaceName: string): SwitchPortName | undefined {
  const match = /^(?:tfport)?((?:qsfp|rear|int)\d{1,2})(?:_(\d))?$/.exec(interfaceName)
  return match === null ? undefined : { portId: match[1]!, linkId: Number(match[2] ?? 0) }
}

export class SwitchdTarget implements ForwardingTarget {
  readonly name = 'switchd'
  readonly maxNextHops: number = MAX_ROUTE_TARGETS
  /** It tells of its restarts, not of what others write. */
  readonly auditMs = 30_000
  readonly #switchd: RouteCalls
  readonly #portOf: (interfaceName: string) => SwitchPortName | undefined
  readonly #interfaceOf: (port: SwitchPortName) => string
  readonly #clock: Clock | undefined
  /** Of the life of switchd that has our routes. */
  #incarnation: number | undefined

  constructor(options: SwitchdTargetOptions) {
    this.#switchd = options.switchd
    this.#clock = options.clock
    this.#portOf = options.portOf ?? tfportOf
    this.#interfaceOf = options.interfaceOf ?? (({ portId, linkId }) => `tfport${portId}_${linkId}`)
  }

  async setRoute(prefix: Prefix, nextHops: readonly NextHop[]): Promise<WriteResult> {
    const targets: RouteTarget[] = []
    for (const { via, interface: name } of nextHops) {
      const port = this.#portOf(name)
      if (port === undefined) return { ok: false, reason: `${name} is no port of the switch` }
      if (via === undefined) return { ok: false, reason: 'a switch needs the address of the next hop' }
      targets.push({ port_id: port.portId, link_id: port.linkId, tgt_ip: via.toString() })
    }
    const body = { cidr: prefix.toString(), targets }
    return resultOf(
      prefix.family === 4 ? await this.#switchd.route_ipv4_set({ body }) : await this.#switchd.route_ipv6_set({ body }),
    )
  }

  async removeRoute(prefix: Prefix): Promise<WriteResult> {
    const params = { cidr: prefix.toString() }
    const result =
      prefix.family === 4
        ? await this.#switchd.route_ipv4_delete({ params })
        : await this.#switchd.route_ipv6_delete({ params })
    const isGone = !result.ok && result.kind === 'refused' && result.status === 404
    return isGone ? { ok: true } : resultOf(result)
  }

  canonicalInterface(name: string): string {
    const port = this.#portOf(name)
    return port === undefined ? name : this.#interfaceOf(port)
  }

  /** Tells when switchd has emptied its tables. While it does not answer it is asked again. */
  watch(fn: (change: ForeignChange) => void): () => void {
    if (this.#clock === undefined) return () => {}
    const timer = every(this.#clock, WATCH_MS, () => void this.#look(fn))
    void this.#look(fn)
    return () => timer.cancel()
  }

  async #look(fn: (change: ForeignChange) => void): Promise<void> {
    const status = await this.#switchd.status()
    if (!status.ok) return
    const { incarnation } = status.value
    const before = this.#incarnation
    this.#incarnation = incarnation
    if (before !== undefined && before !== incarnation) fn('anything')
  }

  async list(): Promise<readonly ProgrammedRoute[] | undefined> {
    const out: ProgrammedRoute[] = []
    for (const list of [this.#switchd.route_ipv4_list, this.#switchd.route_ipv6_list]) {
      let pageToken: string | undefined
      do {
        const page = await list({
          query: { limit: 1000, ...(pageToken === undefined ? {} : { page_token: pageToken }) },
        })
        if (!page.ok) return undefined
        for (const { cidr, targets } of page.value.items) {
          const nextHops = targets.map((target): NextHop => ({
            via: Ip.parse(target.tgt_ip),
            interface: this.#interfaceOf({ portId: target.port_id, linkId: target.link_id }),
          }))
          out.push({ prefix: Prefix.of(cidr), nextHops })
        }
        pageToken = page.value.next_page ?? undefined
      } while (pageToken !== undefined)
    }
    return out
  }
}

function resultOf(result: CallResult<unknown>): WriteResult {
  if (result.ok) return { ok: true }
  return { ok: false, reason: result.kind === 'refused' ? `${result.status}: ${result.message}` : result.message }
}
