/**
 * The routes of one family. A prefix leads to a span of consecutive paths; the pipeline picks one of them by the flow's
 * hash. A change is made before it breaks: the new paths are written beside the old ones, one write swaps the prefix
 * over, and only then are the old paths removed. So no packet ever finds a prefix without paths.
 *
 * Invariant: after a failed change the tables hold what they held before it (`table-writer.ts`).
 */
import type { Ip, Prefix } from '@lodestone/net'
import type { Entry } from '@lodestone/npu'
import { exact, ipValue, lpm } from './entry-key.ts'
import { DONE, failed, invalid, type Outcome } from './outcome.ts'
import { portName } from './port-number.ts'
import { SpanAllocator } from './span-allocator.ts'
import type { SwitchTable } from './switch-tables.ts'
import type { TableWriter, Write } from './table-writer.ts'
import type { Origin } from './write-record.ts'

/** One path: out of a port, to a next hop. */
export interface RoutePath {
  /** Port number. */
  readonly port: number
  /** An IPv4 route may have an IPv6 next hop (RFC 8950). Unspecified: the destination is on the link. */
  readonly nextHop: Ip
  /** 1 … 4094; sent untagged when absent. */
  readonly vlanId?: number
}

export interface Route {
  readonly prefix: Prefix
  /** Sorted, without duplicates. */
  readonly paths: readonly RoutePath[]
}

/** Most paths of one prefix. */
export const MAX_ROUTE_PATHS = 32

interface Installed extends Route {
  /** Index of the first path. */
  readonly first: number
}

export class RouteTable {
  readonly family: 4 | 6
  readonly #lookup: SwitchTable
  readonly #paths: SwitchTable
  readonly #writer: TableWriter
  readonly #routes = new Map<string, Installed>()
  #spans: SpanAllocator

  constructor(family: 4 | 6, lookup: SwitchTable, paths: SwitchTable, writer: TableWriter) {
    this.family = family
    this.#lookup = lookup
    this.#paths = paths
    this.#writer = writer
    this.#spans = new SpanAllocator(paths.size)
  }

  /** By prefix. */
  list(): readonly Route[] {
    return [...this.#routes.values()].sort((a, b) => a.prefix.compare(b.prefix))
  }

  get(prefix: Prefix): Route | undefined {
    return this.#routes.get(prefix.masked().toString())
  }

  /** Indices of paths that are not in use. */
  get freePaths(): number {
    return this.#spans.freeCount
  }

  /** Sets all paths of a prefix, replacing those it has. Host bits of the prefix are ignored. */
  set(prefix: Prefix, paths: readonly RoutePath[]): Outcome {
    const problem = this.#problem(prefix, paths)
    if (problem !== undefined) return invalid(problem)
    const masked = prefix.masked()
    const wanted = canonical(paths)
    const old = this.#routes.get(masked.toString())
    if (old !== undefined && samePaths(old.paths, wanted)) return DONE
    const first = this.#spans.allocate(wanted.length)
    if (first < 0) return this.#setWithoutSpace(masked, wanted, old)

    const next: Installed = { prefix: masked, paths: wanted, first }
    const writes: Write[] = wanted.map((path, i) => ({
      kind: 'add',
      table: this.#paths,
      entry: this.#path(first + i, path),
    }))
    const entry = this.#prefix(next)
    writes.push(
      old === undefined
        ? { kind: 'add', table: this.#lookup, entry }
        : { kind: 'modify', table: this.#lookup, entry, before: this.#prefix(old) },
    )
    const outcome = this.#writer.apply(writes, originOf(masked))
    if (!outcome.ok) {
      this.#spans.free(first, wanted.length)
      return outcome
    }
    this.#routes.set(masked.toString(), next)
    if (old !== undefined) this.#release(old, 0)
    return DONE
  }

  delete(prefix: Prefix): Outcome {
    const masked = prefix.masked()
    const old = this.#routes.get(masked.toString())
    if (old === undefined) return failed({ kind: 'notFound', type: 'route', name: masked.toString() })
    const outcome = this.#writer.apply(
      [{ kind: 'delete', table: this.#lookup, entry: this.#prefix(old) }],
      originOf(masked),
    )
    if (!outcome.ok) return outcome
    this.#routes.delete(masked.toString())
    this.#release(old, 0)
    return DONE
  }

  /** The tag of a next hop on a port, as some route has it; undefined where none does. */
  vlanId(port: number, nextHop: Ip): number | undefined {
    for (const route of this.#routes.values()) {
      for (const path of route.paths) {
        if (path.port === port && path.vlanId !== undefined && path.nextHop.equals(nextHop)) return path.vlanId
      }
    }
    return undefined
  }

  /** Forgets everything, after the tables were cleared. */
  reset(): void {
    this.#routes.clear()
    this.#spans = new SpanAllocator(this.#paths.size)
  }

  /**
   * Without room for a second set of paths, and if there are not more of them than before, the old ones are rewritten
   * one by one. Each of them is always a path of the old route or of the new one.
   */
  #setWithoutSpace(prefix: Prefix, wanted: readonly RoutePath[], old: Installed | undefined): Outcome {
    if (old === undefined || wanted.length > old.paths.length) {
      return failed({
        kind: 'capacity',
        message: `no ${wanted.length} paths side by side are left in table ${this.#paths.name}`,
      })
    }
    const next: Installed = { prefix, paths: wanted, first: old.first }
    const writes: Write[] = wanted.map((path, i) => ({
      kind: 'modify',
      table: this.#paths,
      entry: this.#path(old.first + i, path),
      before: this.#path(old.first + i, old.paths[i]!),
    }))
    if (wanted.length < old.paths.length) {
      writes.push({ kind: 'modify', table: this.#lookup, entry: this.#prefix(next), before: this.#prefix(old) })
    }
    const outcome = this.#writer.apply(writes, originOf(prefix))
    if (!outcome.ok) return outcome
    this.#routes.set(prefix.toString(), next)
    this.#release(old, wanted.length)
    return DONE
  }

  /** Removes the paths of an unhooked route from the `from`th on. Their indices are free once they are gone. */
  #release(old: Installed, from: number): void {
    const rest = old.paths.slice(from)
    if (rest.length === 0) return
    const first = old.first + from
    // because after a reset this must not free into the new allocator
    const spans = this.#spans
    this.#writer.cleanUp(
      rest.map((path, i) => ({ kind: 'delete', table: this.#paths, entry: this.#path(first + i, path) })),
      () => spans.free(first, rest.length),
    )
  }

  #problem(prefix: Prefix, paths: readonly RoutePath[]): string | undefined {
    if (prefix.family !== this.family) return `${prefix} is not an IPv${this.family} prefix`
    if (paths.length === 0) return `a route needs at least one path`
    if (canonical(paths).length > MAX_ROUTE_PATHS) return `a route can have at most ${MAX_ROUTE_PATHS} paths`
    for (const { port, nextHop, vlanId } of paths) {
      if (this.family === 6 && nextHop.family !== 6) return `the next hop ${nextHop} of an IPv6 route must be IPv6`
      if (nextHop.isMulticast) return `the next hop ${nextHop} by ${portName(port)} is a multicast address`
      if (vlanId !== undefined && (vlanId < 1 || vlanId > 4094)) return `${vlanId} is not a VLAN identifier`
    }
    return undefined
  }

  #prefix(route: Installed): Entry {
    return this.#lookup.entry([lpm(route.prefix)], 'index', [BigInt(route.first), BigInt(route.paths.length)])
  }

  #path(index: number, path: RoutePath): Entry {
    const action = `forward${path.vlanId === undefined ? '' : '_vlan'}${path.nextHop.family === 6 ? '_v6' : ''}`
    const parameters = [BigInt(path.port), ipValue(path.nextHop)]
    if (path.vlanId !== undefined) parameters.push(BigInt(path.vlanId))
    return this.#paths.entry([exact(index)], action, parameters)
  }
}

/** Whoever set the route is asked for by its prefix: the routing daemon knows. */
function originOf(prefix: Prefix): Origin {
  return { by: 'route', about: prefix.toString() }
}

/** Sorted by port, next hop and tag, without duplicates. */
function canonical(paths: readonly RoutePath[]): readonly RoutePath[] {
  const sorted = [...paths].sort(comparePaths)
  return sorted.filter((path, i) => i === 0 || comparePaths(sorted[i - 1]!, path) !== 0)
}

function comparePaths(a: RoutePath, b: RoutePath): number {
  return a.port - b.port || a.nextHop.compare(b.nextHop) || (a.vlanId ?? 0) - (b.vlanId ?? 0)
}

function samePaths(a: readonly RoutePath[], b: readonly RoutePath[]): boolean {
  return a.length === b.length && a.every((path, i) => comparePaths(path, b[i]!) === 0)
}
