/** Random writes of a control plane: entries, defaults, meters, value sets, action profiles, registers. */
import type { BoundAction, KeySet, Program, Table } from '@lodestone/p4'
import type { Entry, MeterConfig } from '../index.ts'
import type { Draw } from './draw.ts'
import type { Duel } from './duel.ts'

export class RandomControl {
  readonly #draw: Draw
  readonly #duel: Duel
  readonly #program: Program

  constructor(draw: Draw, duel: Duel) {
    this.#draw = draw
    this.#duel = duel
    this.#program = duel.program
  }

  /** What a control plane does before the first packet. */
  begin(): void {
    this.#program.externs.forEach(({ kind }, id) => {
      if (kind !== 'actionProfile' && kind !== 'actionSelector') return
      const table = this.#program.tables.findIndex(({ implementation }) => implementation === id)
      if (table < 0) return
      for (let k = 0; k < 3; k++) this.#duel.control.addMember(id, table, this.#bound(table))
      this.#duel.control.createGroup(id)
      for (let k = 0; k < 4; k++) this.#profile(id)
    })
    this.#program.valueSets.forEach((_, id) => this.#valueSet(id))
    this.#program.tables.forEach((_, index) => {
      for (let k = 0; k < 4; k++) this.add(index, [])
    })
  }

  /** One write of any kind. */
  change(): void {
    const { tables, externs, valueSets } = this.#program
    const draw = this.#draw
    const table = draw.below(tables.length)
    switch (draw.below(9)) {
      case 0:
        return this.add(table, [])
      case 1:
      case 2:
        return this.#modify(table)
      case 3:
        return this.#delete(table)
      case 4:
        if (draw.chance(4)) this.#duel.control.resetDefault(table)
        else this.#duel.control.setDefault(table, this.#bound(table))
        return
      case 5:
        if (valueSets.length > 0) this.#valueSet(draw.below(valueSets.length))
        return
      case 6:
        if (draw.chance(8)) this.#duel.control.clear(table)
        return
      default:
        if (externs.length > 0) this.#extern(draw.below(externs.length))
    }
  }

  /** @param values what the keys should match; empty: anything. */
  add(index: number, values: readonly (bigint | undefined)[]): void {
    const table = this.#program.tables[index]!
    if (table.keys.length === 0 || table.areEntriesConst) return
    const draw = this.#draw
    const keys = table.keys.flatMap(({ match, expression }, k) =>
      match === 'selector' ? [] : [this.#keySet(match, expression.width, values[k])],
    )
    const priority = table.keys.some(({ match }) => isRanked(match)) ? draw.below(4) : 0
    this.#duel.control.add(index, keys, priority, this.#bound(index), this.#reference(table))
    this.#meterEntry(index)
  }

  #modify(index: number): void {
    const { entries } = this.#duel.interpreter.tables[index]!
    if (entries.length === 0) return
    const table = this.#program.tables[index]!
    this.#duel.control.modify(index, this.#draw.below(entries.length), this.#bound(index), this.#reference(table))
    this.#meterEntry(index)
  }

  #delete(index: number): void {
    const { entries } = this.#duel.interpreter.tables[index]!
    if (entries.length > 0) this.#duel.control.delete(index, this.#draw.below(entries.length))
  }

  #meterEntry(index: number): void {
    const { entries } = this.#duel.interpreter.tables[index]!
    if (this.#program.tables[index]!.directMeter === undefined || entries.length === 0) return
    this.#duel.control.setEntryMeter(index, this.#draw.below(entries.length), this.#meterConfig(100))
  }

  #extern(id: number): void {
    const extern = this.#program.externs[id]!
    const draw = this.#draw
    if (extern.kind === 'meter') {
      const unit = extern.unit === 'bytes' ? 100 : 1
      this.#duel.control.setMeter(id, draw.below(extern.size), this.#meterConfig(unit))
    } else if (extern.kind === 'register') {
      this.#duel.control.writeRegister(id, draw.below(extern.size), draw.bits(extern.width))
    } else if (extern.kind === 'actionProfile' || extern.kind === 'actionSelector') this.#profile(id)
  }

  #meterConfig(unit: number): MeterConfig {
    const draw = this.#draw
    const committedRate = unit * draw.below(3)
    return {
      committedRate,
      committedBurst: unit * draw.below(4),
      peakRate: committedRate + unit * draw.below(3),
      peakBurst: unit * draw.below(6),
    }
  }

  #profile(id: number): void {
    const draw = this.#draw
    const { control, interpreter } = this.#duel
    const table = this.#program.tables.findIndex(({ implementation }) => implementation === id)
    if (table < 0) return
    const { members, groups } = interpreter.externs.profiles[id]!
    const member = draw.chance(10) ? 99 : (draw.pick([...members.keys(), 0]) ?? 0)
    const group = draw.chance(10) ? 99 : (draw.pick([...groups.keys(), 0]) ?? 0)
    switch (draw.below(10)) {
      case 0:
      case 1:
      case 2:
        return control.addMember(id, table, this.#bound(table))
      case 3:
        return control.modifyMember(id, member, table, this.#bound(table))
      case 4:
        return control.deleteMember(id, member)
      case 5:
        return control.createGroup(id)
      case 6:
        return control.removeFromGroup(id, group, member)
      default:
        return control.addToGroup(id, group, member)
    }
  }

  #reference({ implementation, supportsTimeout }: Table): Partial<Entry> {
    const draw = this.#draw
    if (implementation === undefined) return supportsTimeout === true && draw.chance(2) ? { idleTimeoutMs: 900 } : {}
    const { members, groups } = this.#duel.interpreter.externs.profiles[implementation]!
    if (groups.size > 0 && draw.chance(2)) return { group: draw.pick([...groups.keys()]) }
    return members.size > 0 && !draw.chance(6) ? { member: draw.pick([...members.keys()]) } : {}
  }

  #valueSet(id: number): void {
    const { keys } = this.#program.valueSets[id]!
    const draw = this.#draw
    if (draw.chance(4)) return this.#duel.control.removeFromSet(id, 0)
    const member = keys.map(({ width, match }) => {
      // Small numbers are what packets begin with.
      const value = width <= 8 && !draw.chance(4) ? BigInt(draw.below(15)) & ((1n << BigInt(width)) - 1n) : undefined
      return this.#keySet(match, width, value)
    })
    this.#duel.control.addToSet(id, member)
  }

  #bound(table: number): BoundAction {
    const { actions } = this.#program.tables[table]!
    const action = this.#draw.below(actions.length)
    const { parameters } = this.#program.actions[actions[action]!.action]!
    return { action, parameters: parameters.map(({ width }) => this.#draw.bits(width)) }
  }

  /** @param wanted what it should match; undefined: anything. */
  #keySet(match: string, width: number, wanted: bigint | undefined): KeySet {
    const draw = this.#draw
    const full = (1n << BigInt(width)) - 1n
    const value = wanted ?? (draw.chance(2) ? BigInt(draw.below(3)) & full : draw.bits(width))
    if (match === 'exact') return { kind: 'exact', value }
    if (draw.chance(3)) return { kind: 'any' }
    switch (match) {
      case 'lpm': {
        const length = draw.below(width + 1)
        return { kind: 'lpm', value: value & (full ^ (full >> BigInt(length))), length }
      }
      case 'ternary': {
        const mask = draw.chance(2) ? draw.bits(width) : BigInt(draw.below(4)) & full
        return { kind: 'ternary', value: value & mask, mask }
      }
      case 'range': {
        const other = draw.bits(width)
        return { kind: 'range', low: value < other ? value : other, high: value < other ? other : value }
      }
      default:
        return { kind: 'exact', value }
    }
  }
}

function isRanked(match: string): boolean {
  return match !== 'exact' && match !== 'lpm' && match !== 'selector'
}
