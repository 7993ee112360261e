/**
 * The switch's own addresses. An address of a port is claimed when it arrives there and dropped when it arrives
 * elsewhere; a loopback address is claimed wherever it arrives. An address may stand on several ports (link-local
 * ones do) and be a loopback as well.
 *
 * In the tables: one entry per port that claims, above one entry for all other ports.
 */
import type { Ip } from '@lodestone/net'
import type { Entry } from '@lodestone/npu'
import { anyPort, exact, ipValue, onePort } from './entry-key.ts'
import type { SwitchTables } from './switch-tables.ts'
import type { Plan, Write } from './table-writer.ts'

const ON_ITS_PORT = 2
const ELSEWHERE = 1

/** Where the switch answers to one address. */
interface Claim {
  readonly ip: Ip
  readonly ports: ReadonlySet<number>
  readonly isLoopback: boolean
}

/** One address to be added or removed; `port` absent for a loopback. */
export interface AddressChange {
  readonly kind: 'add' | 'remove'
  readonly ip: Ip
  readonly port?: number
}

export class AddressTable {
  readonly #tables: SwitchTables
  readonly #claims = new Map<string, Claim>()

  constructor(tables: SwitchTables) {
    this.#tables = tables
  }

  /** Addresses of a port, sorted. */
  ofPort(port: number): readonly Ip[] {
    return this.#select((claim) => claim.ports.has(port))
  }

  loopbacks(family?: 4 | 6): readonly Ip[] {
    return this.#select((claim) => claim.isLoopback && (family === undefined || claim.ip.family === family))
  }

  /** Every address of a family, sorted. */
  all(family: 4 | 6): readonly Ip[] {
    return this.#select((claim) => claim.ip.family === family)
  }

  has(change: Omit<AddressChange, 'kind'>): boolean {
    const claim = this.#claims.get(change.ip.toString())
    if (claim === undefined) return false
    return change.port === undefined ? claim.isLoopback : claim.ports.has(change.port)
  }

  /** Changes that are already so need no writes. */
  plan(changes: readonly AddressChange[]): Plan {
    const next = new Map<string, Claim>()
    for (const change of changes) {
      const key = change.ip.toString()
      next.set(key, changed(next.get(key) ?? this.#claims.get(key) ?? nowhere(change.ip), change))
    }
    const writes = [...next].flatMap(([key, claim]) => this.#writes(this.#claims.get(key) ?? nowhere(claim.ip), claim))
    return {
      writes,
      commit: () => {
        for (const [key, claim] of next) {
          if (claim.isLoopback || claim.ports.size > 0) this.#claims.set(key, claim)
          else this.#claims.delete(key)
        }
      },
    }
  }

  reset(): void {
    this.#claims.clear()
  }

  #select(keep: (claim: Claim) => boolean): readonly Ip[] {
    return [...this.#claims.values()]
      .filter(keep)
      .map((claim) => claim.ip)
      .sort((a, b) => a.compare(b))
  }

  /** Claims come before what drops elsewhere, and go after it. */
  #writes(before: Claim, after: Claim): Write[] {
    const table = after.ip.family === 4 ? this.#tables.switchIpv4Addr : this.#tables.switchIpv6Addr
    const adds: Write[] = []
    const deletes: Write[] = []
    for (const port of after.ports) {
      if (!before.ports.has(port)) adds.push({ kind: 'add', table, entry: this.#onPort(after.ip, port) })
    }
    for (const port of before.ports) {
      if (!after.ports.has(port)) deletes.push({ kind: 'delete', table, entry: this.#onPort(after.ip, port) })
    }
    const old = this.#elsewhere(before)
    const entry = this.#elsewhere(after)
    if (old === undefined && entry !== undefined) adds.push({ kind: 'add', table, entry })
    else if (old !== undefined && entry === undefined) deletes.unshift({ kind: 'delete', table, entry: old })
    else if (old !== undefined && entry !== undefined && old.action !== entry.action) {
      adds.push({ kind: 'modify', table, entry, before: old })
    }
    return [...adds, ...deletes]
  }

  #onPort(ip: Ip, port: number): Entry {
    const table = ip.family === 4 ? this.#tables.switchIpv4Addr : this.#tables.switchIpv6Addr
    return table.entry([exact(ipValue(ip)), onePort(port)], 'claim', [], ON_ITS_PORT)
  }

  #elsewhere(claim: Claim): Entry | undefined {
    if (!claim.isLoopback && claim.ports.size === 0) return undefined
    const table = claim.ip.family === 4 ? this.#tables.switchIpv4Addr : this.#tables.switchIpv6Addr
    const action = claim.isLoopback ? 'claim' : claim.ip.family === 4 ? 'drop_ipv4' : 'drop_ipv6'
    return table.entry([exact(ipValue(claim.ip)), anyPort], action, [], ELSEWHERE)
  }
}

function nowhere(ip: Ip): Claim {
  return { ip, ports: new Set(), isLoopback: false }
}

function changed(claim: Claim, { kind, port }: AddressChange): Claim {
  if (port === undefined) return { ...claim, isLoopback: kind === 'add' }
  const ports = new Set(claim.ports)
  if (kind === 'add') ports.add(port)
  else ports.delete(port)
  return { ...claim, ports }
}
