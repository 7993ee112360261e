/**
 * External addresses of instances: everything that should be translated is stated at once, with a generation, and the
 * tables are made so. An entry that cannot be (it overlaps another, its table is full) fails by itself with a reason,
 * stays desired, and is tried again; the generation counts as applied only when nothing failed.
 */
import type { Ip, Mac } from '@lodestone/net'
import type { Entry } from '@lodestone/npu'
import { exact, ipValue, macValue, range } from './entry-key.ts'
import { errorText, failed, type Outcome } from './outcome.ts'
import type { SwitchPipeline } from './switch-pipeline.ts'
import { type SwitchTable, switchTables, type SwitchTables } from './switch-tables.ts'
import { TableWriter, type Write } from './table-writer.ts'

export interface NatMapping {
  readonly external: Ip
  /** Inclusive. For ICMP echo, the identifier. */
  readonly firstPort: number
  readonly lastPort: number
  /** Underlay address of the sled. */
  readonly sled: Ip
  readonly innerMac: Mac
  readonly vni: number
  /** Requests that it is due to; told when somebody asks, and no part of what is written. */
  readonly causes?: readonly string[]
}

export interface NatResult {
  readonly mapping: NatMapping
  /** Why it is not in the tables; absent when it is. */
  readonly reason?: string
}

export interface NatStatus {
  /** -1 before the first statement. */
  readonly desiredGeneration: number
  readonly appliedGeneration: number
  readonly desired: number
  readonly applied: number
  /** How many more entries fit, of the fuller family. */
  readonly capacityLeft: number
  readonly failed: readonly NatResult[]
}

export type NatOutcome =
  | { readonly ok: true; readonly results: readonly NatResult[] }
  | Extract<Outcome, { readonly ok: false }>

export class NatTable {
  readonly #tables: SwitchTables
  readonly #writer: TableWriter
  #desired: readonly NatMapping[] = []
  #desiredGeneration = -1
  #appliedGeneration = -1
  #results: readonly NatResult[] = []
  /** What the tables hold, by `keyOf`. */
  readonly #installed = new Map<string, NatMapping>()

  constructor(tables: SwitchTables, writer: TableWriter) {
    this.#tables = tables
    this.#writer = writer
  }

  /** States every mapping. Results are in the order of `mappings`. */
  put(generation: number, mappings: readonly NatMapping[]): NatOutcome {
    if (generation < this.#desiredGeneration) {
      return failed({
        kind: 'conflict',
        message: `generation ${generation} is older than the present one, ${this.#desiredGeneration}`,
      })
    }
    this.#desiredGeneration = generation
    this.#desired = [...mappings]
    this.#reconcile()
    return { ok: true, results: this.#results }
  }

  /** Tries what failed once more. @returns whether all that is desired is applied. */
  retry(): boolean {
    if (this.#desiredGeneration > this.#appliedGeneration) this.#reconcile()
    return this.#desiredGeneration === this.#appliedGeneration
  }

  status(): NatStatus {
    const failures = this.#results.filter(({ reason }) => reason !== undefined)
    return {
      desiredGeneration: this.#desiredGeneration,
      appliedGeneration: this.#appliedGeneration,
      desired: this.#desired.length,
      applied: this.#results.length - failures.length,
      capacityLeft: Math.min(this.#room(4), this.#room(6)),
      failed: failures,
    }
  }

  /** What the tables hold, by address and port. */
  list(): readonly NatMapping[] {
    return [...this.#installed.values()].sort((a, b) => a.external.compare(b.external) || a.firstPort - b.firstPort)
  }

  reset(): void {
    this.#desired = []
    this.#results = []
    this.#desiredGeneration = -1
    this.#appliedGeneration = -1
    this.#installed.clear()
  }

  #room(family: 4 | 6): number {
    let used = 0
    for (const { external } of this.#installed.values()) if (external.family === family) used++
    return this.#table(family).size - used
  }

  #reconcile(): void {
    const problems = this.#desired.map(problemWith)
    const accepted = rejectOverlaps(this.#desired, problems)
    // First what frees room, and what new entries might overlap.
    const stuck: NatMapping[] = []
    for (const [key, mapping] of this.#installed) {
      if (accepted.has(key)) continue
      if (this.#write({ kind: 'delete', ...this.#entry(mapping) }) === undefined) this.#installed.delete(key)
      else stuck.push(mapping)
    }
    this.#results = this.#desired.map((mapping, i) => {
      const reason = problems[i] ?? overlapWith(mapping, stuck) ?? this.#install(mapping)
      return { mapping, ...(reason === undefined ? {} : { reason }) }
    })
    const isApplied = stuck.length === 0 && this.#results.every(({ reason }) => reason === undefined)
    if (isApplied) this.#appliedGeneration = this.#desiredGeneration
    else if (this.#appliedGeneration === this.#desiredGeneration) this.#appliedGeneration--
  }

  /** @returns why it failed. */
  #install(mapping: NatMapping): string | undefined {
    const key = keyOf(mapping)
    const old = this.#installed.get(key)
    if (old !== undefined && sameTarget(old, mapping)) return undefined
    const { table, entry } = this.#entry(mapping)
    const reason = this.#write(
      old === undefined
        ? { kind: 'add', table, entry }
        : { kind: 'modify', table, entry, before: this.#entry(old).entry },
      mapping.causes,
    )
    if (reason === undefined) this.#installed.set(key, mapping)
    return reason
  }

  #write(write: Write, causes?: readonly string[]): string | undefined {
    const about = `generation ${this.#desiredGeneration}`
    const outcome = this.#writer.apply([write], { by: 'nat', about, ...(causes === undefined ? {} : { causes }) })
    return outcome.ok ? undefined : errorText(outcome.error)
  }

  #table(family: 4 | 6): SwitchTable {
    return family === 4 ? this.#tables.natIpv4 : this.#tables.natIpv6
  }

  #entry(mapping: NatMapping): { readonly table: SwitchTable; readonly entry: Entry } {
    const table = this.#table(mapping.external.family)
    const keys = [exact(ipValue(mapping.external)), range(mapping.firstPort, mapping.lastPort)]
    const parameters = [ipValue(mapping.sled), macValue(mapping.innerMac), BigInt(mapping.vni)]
    // Ranges do not overlap, so one priority serves all.
    return { table, entry: table.entry(keys, 'forward_to_sled', parameters, 1) }
  }
}

/** Makes the NAT tables of a pipeline that no daemon writes to what they would be if these mappings were stated, and no others. */
export function fillNat(pipeline: SwitchPipeline, mappings: readonly NatMapping[]): void {
  const tables = switchTables(pipeline)
  for (const { name } of [tables.natIpv4, tables.natIpv6]) {
    const cleared = pipeline.clearTable(name)
    if (!cleared.ok) throw new Error(`table ${name} cannot be emptied: ${cleared.error.kind}`)
  }
  new NatTable(tables, new TableWriter(pipeline, () => 0)).put(0, mappings)
}

/** `192.0.2.1 ports 0-16383`. */
export function natName({ external, firstPort, lastPort }: NatMapping): string {
  return `${external} ports ${firstPort}-${lastPort}`
}

function keyOf(mapping: NatMapping): string {
  return `${mapping.external} ${mapping.firstPort}-${mapping.lastPort}`
}

function sameTarget(a: NatMapping, b: NatMapping): boolean {
  return a.vni === b.vni && a.sled.equals(b.sled) && a.innerMac.equals(b.innerMac)
}

function problemWith(mapping: NatMapping): string | undefined {
  const { external, firstPort, lastPort, sled } = mapping
  if (external.isMulticast || external.isUnspecified) return `${external} cannot be the address of an instance`
  if (firstPort > lastPort) return `the first port, ${firstPort}, is above the last, ${lastPort}`
  if (sled.family !== 6) return `the address of the sled, ${sled}, must be IPv6`
  return undefined
}

/**
 * Of entries that overlap, the first in the statement stands; the others get their problem filled in. An exact repetition
 * is no problem.
 * @returns the keys of those that stand.
 */
function rejectOverlaps(mappings: readonly NatMapping[], problems: (string | undefined)[]): ReadonlySet<string> {
  const accepted = new Set<string>()
  const byAddress = new Map<string, NatMapping[]>()
  mappings.forEach((mapping, i) => {
    if (problems[i] !== undefined) return
    const address = mapping.external.toString()
    const others = byAddress.get(address) ?? []
    const twin = others.find((other) => keyOf(other) === keyOf(mapping))
    if (twin !== undefined && sameTarget(twin, mapping)) return
    problems[i] = overlapWith(mapping, others)
    if (problems[i] !== undefined) return
    others.push(mapping)
    byAddress.set(address, others)
    accepted.add(keyOf(mapping))
  })
  return accepted
}

function overlapWith(mapping: NatMapping, others: readonly NatMapping[]): string | undefined {
  for (const other of others) {
    const isApart = mapping.lastPort < other.firstPort || other.lastPort < mapping.firstPort
    if (!isApart && mapping.external.equals(other.external)) return `overlaps ${natName(other)}`
  }
  return undefined
}
