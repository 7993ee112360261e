/**
 * One table as the control plane sees it: names, validation and exact errors around a `TableStore`.
 * A table or action may be named by its full path or by any unambiguous tail of it (`forward` for
 * `ingress.router.forward`).
 */
import type { Action, BoundAction, KeySet, Program, Table } from '@lodestone/p4'
import type { Entry, EntryKey, TableDescription, TableError, TableResult } from '../pipeline.ts'
import { formatKey, formatOf, formatValue } from '../value-format.ts'
import { canonical, emptyKey, ones, packKey, type PackedKey, unpackKey } from './packed-key.ts'
import type { TableStore } from './table-store.ts'

/** Entries of a table whose program names no size. */
export const DEFAULT_TABLE_SIZE = 1 << 20

const PRIORITY_MAX = 2 ** 31 - 1

const OK: TableResult = { ok: true }

interface TableAction extends Action {
  readonly isForEntries: boolean
  readonly isForDefault: boolean
}

export class TableControl {
  readonly description: TableDescription
  readonly store: TableStore
  readonly #program: Program
  readonly #table: Table
  readonly #hasPriorities: boolean
  /** Whether the matching entry with the longest prefixes wins, as there are no priorities. */
  readonly #hasPrefixes: boolean
  /** Of the write at hand. */
  readonly #key: PackedKey
  readonly #actions: readonly TableAction[]
  /** What names in writes stood for, by name. */
  readonly #actionIndices = new Map<string, number>()

  constructor(program: Program, table: Table, store: TableStore) {
    this.#program = program
    this.#table = table
    this.store = store
    this.#key = emptyKey(store.layout)
    this.#actions = table.actions.map(({ action, isDefaultOnly, isTableOnly }) => ({
      ...program.actions[action]!,
      isForEntries: !isDefaultOnly,
      isForDefault: !isTableOnly,
    }))
    this.#hasPriorities = table.keys.some((key) => ['ternary', 'range', 'optional'].includes(key.match))
    this.#hasPrefixes = !this.#hasPriorities && table.keys.some((key) => key.match === 'lpm')
    this.description = {
      name: table.name,
      keys: table.keys.map(({ name, match, expression }) => ({ name, match, width: expression.width })),
      actions: table.actions.map(({ action }) => {
        const { name, parameters } = program.actions[action]!
        return { name, parameters: parameters.map(({ name, width }) => ({ name, width })) }
      }),
      size: table.keys.every(({ match }) => match === 'selector') ? 0 : (table.size ?? DEFAULT_TABLE_SIZE),
      isConst: table.areEntriesConst,
    }
    this.reset()
  }

  /** Back to the program's own entries and default action. */
  reset(): void {
    this.store.clear()
    const { defaultEntry, emptyGroupEntry } = this.store.layout
    const { defaultAction, emptyGroupAction = defaultAction } = this.#table
    this.store.writeAction(defaultEntry, defaultAction)
    if (emptyGroupEntry !== undefined) this.store.writeAction(emptyGroupEntry, emptyGroupAction)
    for (const entry of this.#table.entries) {
      const keys = entry.keys.map((set, k) => canonical(set, this.#table.keys[k]!.expression.width))
      const key = packKey(this.store.layout, keys, this.#key)
      if ('kind' in key) throw new Error(`${this.#table.name}: constant entry: ${JSON.stringify(key)}`)
      // Of two equal constant entries the first one counts.
      const rank = this.#rank(key, entry.priority)
      if (this.store.find(key, rank) === 0) this.store.insert(key, rank, entry.action)
    }
  }

  add(entry: Entry): TableResult {
    const bound = this.#checkWrite(entry)
    if ('kind' in bound) return failed(bound)
    const { size } = this.description
    if (this.store.find(bound.key, bound.rank) !== 0) return failed({ kind: 'exists' })
    if (this.store.count >= size) return failed({ kind: 'full', size })
    this.store.insert(bound.key, bound.rank ?? 0, bound.action)
    return OK
  }

  modify(entry: Entry): TableResult {
    const bound = this.#checkWrite(entry)
    if ('kind' in bound) return failed(bound)
    const at = this.store.find(bound.key, entry.priority === undefined ? this.#anyRank(bound.rank) : bound.rank)
    if (at === 0) return failed({ kind: 'notFound' })
    this.store.writeAction(at, bound.action)
    return OK
  }

  delete(entry: EntryKey): TableResult {
    const problem = this.#checkConst() ?? this.#checkPriority(entry.priority)
    if (problem !== undefined) return failed(problem)
    const key = packKey(this.store.layout, entry.keys, this.#key)
    if ('kind' in key) return failed(key)
    const rank = this.#rank(key, entry.priority)
    const at = this.store.find(key, entry.priority === undefined ? this.#anyRank(rank) : rank)
    if (at === 0) return failed({ kind: 'notFound' })
    this.store.remove(at)
    return OK
  }

  setDefault(action: string, parameters: readonly bigint[]): TableResult {
    if (this.#table.isDefaultConst) {
      return failed({ kind: 'constant', message: `the default action of ${this.#table.name} is constant` })
    }
    const bound = this.#bind(action, parameters, 'default')
    if ('kind' in bound) return failed(bound)
    this.store.writeAction(this.store.layout.defaultEntry, bound)
    return OK
  }

  resetDefault(): TableResult {
    this.store.writeAction(this.store.layout.defaultEntry, this.#table.defaultAction)
    return OK
  }

  clear(): TableResult {
    const problem = this.#checkConst()
    if (problem !== undefined) return failed(problem)
    this.store.clear()
    return OK
  }

  entries(): (Entry & { readonly hits: { packets: number; bytes: number } })[] {
    return this.store.addresses().map((address) => {
      const { action, parameters } = this.store.readAction(address)
      return {
        ...this.entryKey(address),
        action: this.actionName(action),
        parameters,
        hits: { packets: this.store.packets(address), bytes: this.store.bytes(address) },
      }
    })
  }

  /** An action that entries may have, with parameters of zero. */
  get someAction(): { readonly action: string; readonly parameters: readonly bigint[] } {
    const found = this.#actions.find(({ isForEntries }) => isForEntries)
    return { action: found?.name ?? '', parameters: found?.parameters.map(() => 0n) ?? [] }
  }

  get supportsTimeout(): boolean {
    return this.#table.supportsTimeout === true
  }

  /** Address of the entry with this key, or 0. */
  locate(entry: EntryKey): number {
    const key = packKey(this.store.layout, entry.keys, this.#key)
    if ('kind' in key) return 0
    const rank = this.#rank(key, entry.priority)
    return this.store.find(key, entry.priority === undefined ? this.#anyRank(rank) : rank)
  }

  entryKey(address: number): EntryKey {
    return {
      keys: this.keysOf(address),
      ...(this.#hasPriorities ? { priority: this.store.rank(address) } : {}),
    }
  }

  keysOf(address: number): KeySet[] {
    return unpackKey(this.store.layout, this.store.readKey(address))
  }

  actionName(index: number): string {
    return this.#program.actions[this.#table.actions[index]!.action]!.name
  }

  /** `203.0.113.0/24 → forward(port=1)`. */
  entryText(address: number): string {
    const keys = this.keysOf(address).map((key, k) => {
      const { expression } = this.#table.keys[k]!
      return formatKey(key, expression.width, formatOf(this.#program, expression))
    })
    const { action } = this.store.readAction(address)
    const parameters = this.parameters(address).map(({ name, value }) => `${name}=${value}`)
    return `${keys.join(', ')} → ${tail(this.actionName(action))}(${parameters.join(', ')})`
  }

  /** Of the entry's action, formatted. */
  parameters(address: number): { name: string; value: string }[] {
    const bound = this.store.readAction(address)
    const { parameters } = this.#program.actions[this.#table.actions[bound.action]!.action]!
    return parameters.map(({ name, width, slot }, k) => ({
      name,
      value: formatValue(bound.parameters[k]!, width, this.#program.slots[slot]!.format),
    }))
  }

  #checkConst(): TableError | undefined {
    if (!this.#table.areEntriesConst) return undefined
    return { kind: 'constant', message: `the entries of ${this.#table.name} are constant` }
  }

  #checkWrite(
    entry: Entry,
  ): { readonly key: PackedKey; readonly rank: number; readonly action: BoundAction } | TableError {
    const problem = this.#checkConst()
    if (problem !== undefined) return problem
    if (this.store.layout.shape === 'always') {
      return { kind: 'constant', message: `${this.#table.name} has no keys: only its default action can be set` }
    }
    const key = packKey(this.store.layout, entry.keys, this.#key)
    if ('kind' in key) return key
    const wrong = this.#checkPriority(entry.priority)
    if (wrong !== undefined) return wrong
    const action = this.#bind(entry.action, entry.parameters, 'entry')
    if ('kind' in action) return action
    return { key, rank: this.#rank(key, entry.priority), action }
  }

  /** P4Runtime §9.1.1: 0, as if there were none, where no two entries can match the same packet. */
  #checkPriority(priority: number | undefined): TableError | undefined {
    if (priority === undefined || (priority === 0 && !this.#hasPriorities)) return undefined
    const bad = (message: string): TableError => ({ kind: 'badKey', key: 'priority', message })
    if (!this.#hasPriorities) {
      const { name, keys } = this.description
      const kinds = [...new Set(keys.map(({ match }) => match))].filter((match) => match !== 'selector').join(' and ')
      return bad(`entries of ${name}, which has ${kinds} keys only, have no priority: ${priority}`)
    }
    if (!Number.isInteger(priority)) return bad(`${priority} is not a whole number`)
    return Math.abs(priority) <= PRIORITY_MAX ? undefined : bad(`${priority} is not within ±${PRIORITY_MAX}`)
  }

  #bind(name: string, parameters: readonly bigint[], use: 'entry' | 'default'): BoundAction | TableError {
    const isAllowed = (one: TableAction): boolean => (use === 'entry' ? one.isForEntries : one.isForDefault)
    const index = this.#actionIndices.get(name) ?? byName(this.#actions, name)
    const action = this.#actions[index]
    if (action === undefined || !isAllowed(action)) {
      const allowed = this.#actions.filter(isAllowed).map((one) => one.name)
      return { kind: 'noSuchAction', action: name, allowed }
    }
    this.#actionIndices.set(name, index)
    if (parameters.length !== action.parameters.length) {
      const names = action.parameters.map((one) => one.name).join(', ')
      return {
        kind: 'badParameter',
        parameter: action.parameters[parameters.length]?.name ?? '',
        message: `${action.name} takes ${action.parameters.length} parameters (${names}), not ${parameters.length}`,
      }
    }
    for (let k = 0; k < parameters.length; k++) {
      const { name, width } = action.parameters[k]!
      const value = parameters[k]!
      if (value >= 0n && value <= ones(width)) continue
      return { kind: 'badParameter', parameter: name, message: `${value} does not fit into ${width} bits` }
    }
    return { action: index, parameters }
  }

  #rank(key: PackedKey, priority: number | undefined): number {
    if (this.#hasPrefixes) return key.prefixLength
    return this.#hasPriorities ? (priority ?? 0) : 0
  }

  /** Without a priority in the request, any entry with this key will do. */
  #anyRank(rank: number): number | undefined {
    return this.#hasPriorities ? undefined : rank
  }
}

/** Index of the one whose path is `name` or ends in `.name`; -1 when there is none or more than one. */
export function byName(named: readonly { readonly name: string }[], name: string): number {
  const exact = named.findIndex((one) => one.name === name)
  if (exact >= 0) return exact
  const tails = named.flatMap((one, index) => (one.name.endsWith(`.${name}`) ? [index] : []))
  return tails.length === 1 ? tails[0]! : -1
}

/** Last part of a path. */
export function tail(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1)
}

function failed(error: TableError): TableResult {
  return { ok: false, error }
}
