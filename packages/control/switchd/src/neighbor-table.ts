/**
 * The MAC addresses of next hops, in the ARP and NDP tables. What the zone's stack learns is mirrored here; what an
 * operator sets (static) stands above it. An entry that a full table refused is remembered and tried again, and packets
 * for it are rewritten by the CPU until then.
 */
import type { Clock } from '@lodestone/host'
import type { Ip, Mac } from '@lodestone/net'
import type { Entry } from '@lodestone/npu'
import { exact, ipValue, macValue } from './entry-key.ts'
import { DONE, type Outcome } from './outcome.ts'
import { portName } from './port-number.ts'
import type { SwitchTable, SwitchTables } from './switch-tables.ts'
import type { TableWriter, Write } from './table-writer.ts'

export interface Neighbor {
  readonly port: number
  readonly ip: Ip
  readonly mac: Mac
  readonly isStatic: boolean
  /** When it was last confirmed, milliseconds since 1970. */
  readonly updatedWallMs: number
  /** Whether the pipeline has it. */
  readonly isInstalled: boolean
}

export class NeighborTable {
  readonly #tables: SwitchTables
  readonly #writer: TableWriter
  readonly #clock: Clock
  readonly #neighbors = new Map<string, Neighbor>()

  constructor(tables: SwitchTables, writer: TableWriter, clock: Clock) {
    this.#tables = tables
    this.#writer = writer
    this.#clock = clock
  }

  get(port: number, ip: Ip): Neighbor | undefined {
    return this.#neighbors.get(keyOf(port, ip))
  }

  /** By port and address. */
  list(family: 4 | 6): readonly Neighbor[] {
    return [...this.#neighbors.values()]
      .filter(({ ip }) => ip.family === family)
      .sort((a, b) => a.port - b.port || a.ip.compare(b.ip))
  }

  /** A learned address does not replace a static one. The entry is remembered even when its table refuses it. */
  set(port: number, ip: Ip, mac: Mac, isStatic = false): Outcome {
    const key = keyOf(port, ip)
    const old = this.#neighbors.get(key)
    if (old?.isStatic === true && !isStatic) return DONE
    const next = { port, ip, mac, isStatic, updatedWallMs: this.#clock.wallMs() }
    if (old?.isInstalled === true && old.mac.equals(mac)) {
      this.#neighbors.set(key, { ...next, isInstalled: true })
      return DONE
    }
    const table = this.#table(ip)
    const entry = this.#entry(port, ip, mac)
    const write: Write =
      old?.isInstalled === true
        ? { kind: 'modify', table, entry, before: this.#entry(port, ip, old.mac) }
        : { kind: 'add', table, entry }
    const about = `${isStatic ? 'set by hand' : 'learned'} on ${portName(port)}`
    const outcome = this.#writer.apply([write], { by: 'neighbor', about })
    if (!outcome.ok) {
      if (isStatic) return outcome
      // A stale MAC address is worse than none: without its entry, packets come to the CPU, which knows the new one.
      if (old?.isInstalled === true) this.#uninstall(old)
    }
    this.#neighbors.set(key, { ...next, isInstalled: outcome.ok })
    return outcome
  }

  /** Removing what is not there succeeds. */
  delete(port: number, ip: Ip): void {
    const key = keyOf(port, ip)
    const old = this.#neighbors.get(key)
    if (old === undefined) return
    this.#neighbors.delete(key)
    if (old.isInstalled) this.#uninstall(old)
    this.retry()
  }

  /** Tries to install what did not fit before. */
  retry(): void {
    for (const neighbor of this.#neighbors.values()) {
      if (neighbor.isInstalled) continue
      if (!this.set(neighbor.port, neighbor.ip, neighbor.mac, neighbor.isStatic).ok) return
    }
  }

  reset(): void {
    this.#neighbors.clear()
  }

  #uninstall(old: Neighbor): void {
    this.#writer.cleanUp([
      { kind: 'delete', table: this.#table(old.ip), entry: this.#entry(old.port, old.ip, old.mac) },
    ])
  }

  #table(ip: Ip): SwitchTable {
    return ip.family === 4 ? this.#tables.arp : this.#tables.ndp
  }

  #entry(port: number, ip: Ip, mac: Mac): Entry {
    return this.#table(ip).entry([exact(port), exact(ipValue(ip))], 'rewrite', [macValue(mac)])
  }
}

function keyOf(port: number, ip: Ip): string {
  return `${port} ${ip}`
}
