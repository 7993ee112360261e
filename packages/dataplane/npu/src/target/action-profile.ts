/**
 * Action profiles and selectors (v1model `action_profile`, `action_selector`; psa `ActionProfile`, `ActionSelector`):
 * members are actions with parameters, groups are lists of members; entries of the tables that the profile implements
 * refer to either. The generated code chooses a group's member by hash (`SELECTION`, `GROUP` of `layout.ts`).
 *
 * An entry with a member has a copy of its action; records of group members are laid out like entries of the table.
 * Every change is complete before the next packet.
 */
import { type BoundAction, GROUP, GROUP_BYTES, type Program, SELECTION } from '@lodestone/p4'
import type { Entry, EntryKey, TableResult } from '../pipeline.ts'
import type { StateMemory } from '../state-memory.ts'
import { byName, type TableControl } from '../table/table-control.ts'
import { type ControlResult, done, refused } from './control-result.ts'

type Refusal = ControlResult & { readonly ok: false }

interface Member {
  action: string
  parameters: readonly bigint[]
}

interface Group {
  readonly members: Set<number>
  /** By table: the group's address, its list's address and capacity. */
  readonly blocks: { readonly address: number; list: number; capacity: number }[]
}

const REFERENCE_NONE = 0

/** A reference as an entry holds it: 0 none, else the number plus one, shifted; odd for groups. */
function referenceOf(number: number, isGroup: boolean): number {
  return ((number + 1) << 1) | (isGroup ? 1 : 0)
}

export class ActionProfile {
  readonly name: string
  readonly size: number
  readonly maxGroupSize: number
  readonly #tables: readonly TableControl[]
  readonly #state: StateMemory
  readonly #members = new Map<number, Member>()
  readonly #groups = new Map<number, Group>()
  /** By member: its record in each table's layout. */
  readonly #records = new Map<number, readonly number[]>()
  #nextMember = 0
  #nextGroup = 0

  constructor(
    extern: Extract<Program['externs'][number], { kind: 'actionProfile' | 'actionSelector' }>,
    tables: readonly TableControl[],
    state: StateMemory,
  ) {
    this.name = extern.name
    this.size = extern.size
    this.maxGroupSize = extern.kind === 'actionSelector' ? extern.maxGroupSize : 0
    this.#tables = tables
    this.#state = state
  }

  get members(): ReadonlyMap<number, Readonly<Member>> {
    return this.#members
  }

  group(group: number): readonly number[] | undefined {
    const found = this.#groups.get(group)
    return found === undefined ? undefined : [...found.members].sort((a, b) => a - b)
  }

  addMember(action: string, parameters: readonly bigint[]): { readonly ok: true; readonly member: number } | Refusal {
    if (this.size > 0 && this.#members.size >= this.size) {
      return refused('full', `${this.name}: all ${this.size} members are in use`)
    }
    const problem = this.#check(action, parameters)
    if (problem !== undefined) return problem
    const member = this.#nextMember++
    this.#members.set(member, { action, parameters })
    const records = this.#tables.map((table) => this.#state.alloc(table.store.layout.entryBytes))
    this.#records.set(member, records)
    this.#writeRecords(member)
    return { ok: true, member }
  }

  modifyMember(member: number, action: string, parameters: readonly bigint[]): ControlResult {
    const known = this.#members.get(member)
    if (known === undefined) return this.#noMember(member)
    const problem = this.#check(action, parameters)
    if (problem !== undefined) return problem
    known.action = action
    known.parameters = parameters
    this.#writeRecords(member)
    const wanted = referenceOf(member, false)
    this.#tables.forEach((table) => {
      for (const entry of table.store.addresses()) {
        if (this.#reference(table, entry) === wanted) table.store.writeAction(entry, this.#bound(table, known))
      }
    })
    return done
  }

  deleteMember(member: number): ControlResult {
    if (!this.#members.has(member)) return this.#noMember(member)
    for (const [group, { members }] of this.#groups) {
      if (members.has(member)) return refused('inUse', `${this.name}: member ${member} is in group ${group}`)
    }
    const table = this.#userOf(referenceOf(member, false))
    if (table !== undefined) return refused('inUse', `${this.name}: an entry of ${table} uses member ${member}`)
    this.#records.get(member)!.forEach((address, k) => {
      this.#state.free(address, this.#tables[k]!.store.layout.entryBytes)
    })
    this.#records.delete(member)
    this.#members.delete(member)
    return done
  }

  createGroup(): { readonly ok: true; readonly group: number } | Refusal {
    if (this.maxGroupSize === 0) return refused('badValue', `${this.name} is no selector: it has members, not groups`)
    const group = this.#nextGroup++
    const blocks = this.#tables.map(() => ({ address: this.#state.alloc(GROUP_BYTES), list: 0, capacity: 0 }))
    this.#groups.set(group, { members: new Set(), blocks })
    return { ok: true, group }
  }

  deleteGroup(group: number): ControlResult {
    const found = this.#groups.get(group)
    if (found === undefined) return this.#noGroup(group)
    const table = this.#userOf(referenceOf(group, true))
    if (table !== undefined) return refused('inUse', `${this.name}: an entry of ${table} uses group ${group}`)
    for (const { address, list, capacity } of found.blocks) {
      this.#state.free(address, GROUP_BYTES)
      if (capacity > 0) this.#state.free(list, 4 * capacity)
    }
    this.#groups.delete(group)
    return done
  }

  addToGroup(group: number, member: number): ControlResult {
    const found = this.#groups.get(group)
    if (found === undefined) return this.#noGroup(group)
    if (!this.#members.has(member)) return this.#noMember(member)
    if (found.members.has(member))
      return refused('exists', `${this.name}: member ${member} is in group ${group} already`)
    if (found.members.size >= this.maxGroupSize) {
      return refused('full', `${this.name}: a group has at most ${this.maxGroupSize} members`)
    }
    found.members.add(member)
    this.#writeGroup(found)
    return done
  }

  removeFromGroup(group: number, member: number): ControlResult {
    const found = this.#groups.get(group)
    if (found === undefined) return this.#noGroup(group)
    if (!found.members.delete(member))
      return refused('notFound', `${this.name}: member ${member} is not in group ${group}`)
    this.#writeGroup(found)
    return done
  }

  /** What `Pipeline.addEntry` and `modifyEntry` do in tables of this profile. */
  write(table: TableControl, entry: Entry, isNew: boolean): TableResult {
    const { member, group } = entry
    let source: Member = { action: entry.action, parameters: entry.parameters }
    let reference = REFERENCE_NONE
    let address = 0
    let isEmpty = false
    if (group !== undefined) {
      const found = this.#groups.get(group)
      if (found === undefined) return badReference('group', this.#noGroup(group).error.message)
      const [first] = [...found.members].sort((a, b) => a - b)
      address = found.blocks[this.#tables.indexOf(table)]!.address
      reference = referenceOf(group, true)
      // What stands in the entry itself is for those who list it; packets go by the group.
      isEmpty = first === undefined
      source = first === undefined ? table.someAction : this.#members.get(first)!
    } else if (member !== undefined) {
      const found = this.#members.get(member)
      if (found === undefined) return badReference('member', this.#noMember(member).error.message)
      source = found
      reference = referenceOf(member, false)
    }
    const bound = { ...entry, action: source.action, parameters: source.parameters }
    const result = isNew ? table.add(bound) : table.modify(bound)
    if (!result.ok) return result
    const at = table.locate(entry)
    const { selectionOffset } = table.store.layout
    if (at === 0 || selectionOffset === undefined) return result
    const { defaultEntry, emptyGroupEntry = defaultEntry } = table.store.layout
    if (isEmpty) table.store.writeAction(at, table.store.readAction(emptyGroupEntry))
    this.#state.u32[(at + selectionOffset + SELECTION.group) >> 2] = address
    this.#state.u32[(at + selectionOffset + SELECTION.reference) >> 2] = reference
    return result
  }

  /** What an entry refers to. */
  referenceOf(table: TableControl, entry: EntryKey): { readonly member?: number; readonly group?: number } {
    const at = table.locate(entry)
    const reference = at === 0 ? REFERENCE_NONE : this.#reference(table, at)
    if (reference === REFERENCE_NONE) return {}
    const number = (reference >>> 1) - 1
    return (reference & 1) === 1 ? { group: number } : { member: number }
  }

  #reference(table: TableControl, at: number): number {
    const { selectionOffset } = table.store.layout
    return selectionOffset === undefined ? 0 : this.#state.u32[(at + selectionOffset + SELECTION.reference) >> 2]!
  }

  /** Name of a table with an entry of this reference. */
  #userOf(reference: number): string | undefined {
    return this.#tables.find((table) =>
      table.store.addresses().some((entry) => this.#reference(table, entry) === reference),
    )?.description.name
  }

  #check(action: string, parameters: readonly bigint[]): Refusal | undefined {
    for (const table of this.#tables) {
      const { actions, name } = table.description
      const index = byName(actions, action)
      const found = actions[index]
      if (found === undefined) {
        const list = actions.map((one) => one.name).join(', ')
        return refused('notFound', `${this.name}: table ${name} has no action '${action}'; it has: ${list}`)
      }
      if (found.parameters.length !== parameters.length) {
        const list = found.parameters.map((one) => one.name).join(', ')
        const message = `${found.name} takes ${found.parameters.length} parameters (${list}), not ${parameters.length}`
        return refused('badValue', `${this.name}: ${message}`)
      }
      for (const [k, parameter] of found.parameters.entries()) {
        const value = parameters[k]!
        if (value >= 0n && value < 1n << BigInt(parameter.width)) continue
        const message = `${found.name}: ${parameter.name} = ${value} does not fit into ${parameter.width} bits`
        return refused('badValue', `${this.name}: ${message}`)
      }
    }
    return undefined
  }

  #bound(table: TableControl, { action, parameters }: Member): BoundAction {
    return { action: byName(table.description.actions, action), parameters }
  }

  #writeRecords(member: number): void {
    const source = this.#members.get(member)!
    this.#records.get(member)!.forEach((address, k) => {
      const table = this.#tables[k]!
      table.store.writeAction(address, this.#bound(table, source))
    })
  }

  #writeGroup({ members, blocks }: Group): void {
    const sorted = [...members].sort((a, b) => a - b)
    blocks.forEach((block, k) => {
      if (block.capacity < sorted.length) {
        if (block.capacity > 0) this.#state.free(block.list, 4 * block.capacity)
        block.capacity = Math.max(4, 2 * block.capacity, sorted.length)
        block.list = this.#state.alloc(4 * block.capacity)
      }
      const { u32 } = this.#state
      sorted.forEach((member, at) => {
        u32[(block.list >> 2) + at] = this.#records.get(member)![k]!
      })
      u32[(block.address + GROUP.list) >> 2] = block.list
      u32[(block.address + GROUP.count) >> 2] = sorted.length
    })
  }

  #noMember(member: number): Refusal {
    const known = [...this.#members.keys()].join(', ')
    return refused('notFound', `${this.name} has no member ${member}; it has: ${known || 'none'}`)
  }

  #noGroup(group: number): Refusal {
    const known = [...this.#groups.keys()].join(', ')
    return refused('notFound', `${this.name} has no group ${group}; it has: ${known || 'none'}`)
  }
}

function badReference(parameter: string, message: string): TableResult {
  return { ok: false, error: { kind: 'badParameter', parameter, message } }
}
