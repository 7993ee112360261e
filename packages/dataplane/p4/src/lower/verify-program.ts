/**
 * The rules of the IR that its types cannot express: widths agree, ids exist, statements stand where they may. Run by
 * tests over everything that is lowered; a back end may run it over programs of unknown origin.
 */
import type { Expression, Program, SlotId, Statement } from '../ir/index.ts'

/** Every violation as a sentence; empty for a sound program. */
export function verifyProgram(program: Program): readonly string[] {
  return new Verifier(program).run()
}

type Place = 'parser' | 'control'

class Verifier {
  readonly #program: Program
  readonly #problems: string[] = []
  #where = ''

  constructor(program: Program) {
    this.#program = program
  }

  run(): readonly string[] {
    const { parsers, procedures, actions, tables, headers, blocks, intrinsics, slots } = this.#program
    for (const header of headers) {
      this.#where = `header ${header.name}`
      let bits = 0
      let varbits = 0
      for (const field of header.fields) {
        this.#slot(field)
        if (slots[field]?.kind === 'varbit') varbits += 1
        else bits += slots[field]?.width ?? 0
      }
      if (this.#width(header.valid) !== 1) this.#report('validity is not one bit')
      if (varbits > 1) this.#report('has several varbit fields')
      if (bits % 8 !== 0) this.#report(`has ${bits} bits, not whole bytes`)
    }
    for (const parser of parsers) {
      for (const [index, state] of parser.states.entries()) {
        this.#where = `state ${parser.name}.${state.name} (${index})`
        this.#statements(state.body, 'parser', 0)
        const { keys, cases, otherwise } = state.select
        for (const key of keys) this.#expression(key)
        const target = (next: number | string): void => {
          if (typeof next === 'number' && parser.states[next] === undefined)
            this.#report(`goes to unknown state ${next}`)
        }
        if (otherwise !== 'noMatch') target(otherwise)
        for (const item of cases) {
          target(item.next)
          if (item.valueSet === undefined && item.keys.length !== keys.length)
            this.#report('a case has a wrong number of keys')
          if (item.valueSet !== undefined && this.#program.valueSets[item.valueSet] === undefined)
            this.#report('unknown value set')
        }
      }
    }
    for (const procedure of procedures) {
      this.#where = `procedure ${procedure.name}`
      this.#statements(procedure.body, undefined, 0)
    }
    for (const action of actions) {
      this.#where = `action ${action.name}`
      for (const parameter of action.parameters) {
        if (this.#width(parameter.slot) !== parameter.width)
          this.#report(`parameter ${parameter.name} has another width than its slot`)
      }
      this.#statements(action.body, 'control', 0)
    }
    for (const table of tables) this.#table(table)
    for (const block of blocks) {
      this.#where = `block ${block.name}`
      const target = block.kind === 'parser' ? parsers[block.parser] : procedures[block.procedure]
      if (target === undefined) this.#report('has no code')
    }
    this.#where = 'intrinsics'
    for (const slot of Object.values(intrinsics)) this.#slot(slot)
    return this.#problems
  }

  #report(problem: string): void {
    this.#problems.push(`${this.#where}: ${problem}`)
  }

  #slot(slot: SlotId): void {
    if (this.#program.slots[slot] === undefined) this.#report(`unknown slot ${slot}`)
  }

  #width(slot: SlotId): number {
    this.#slot(slot)
    return this.#program.slots[slot]?.width ?? 0
  }

  #table(table: Program['tables'][number]): void {
    this.#where = `table ${table.name}`
    for (const key of table.keys) this.#expression(key.expression)
    for (const ref of table.actions) {
      if (this.#program.actions[ref.action] === undefined) this.#report(`unknown action ${ref.action}`)
      this.#statements(ref.before, 'control', 0)
      this.#statements(ref.after, 'control', 0)
    }
    const bound = [
      table.defaultAction,
      table.emptyGroupAction ?? table.defaultAction,
      ...table.entries.map((entry) => entry.action),
    ]
    for (const { action, parameters } of bound) {
      const ref = table.actions[action]
      const declared = ref === undefined ? undefined : this.#program.actions[ref.action]
      if (declared === undefined) this.#report(`runs unknown action ${action}`)
      else if (declared.parameters.length !== parameters.length)
        this.#report(`wrong number of parameters for ${declared.name}`)
      else {
        for (const [index, value] of parameters.entries()) {
          const width = declared.parameters[index]?.width ?? 0
          if (value < 0n || value >= 1n << BigInt(width))
            this.#report(`a parameter of ${declared.name} is out of range`)
        }
      }
    }
    for (const entry of table.entries) {
      if (entry.keys.length !== table.keys.length) this.#report('an entry has a wrong number of keys')
    }
    if (this.#width(table.hitSlot) !== 1 || this.#width(table.actionSlot) !== 16)
      this.#report('result slots have wrong widths')
  }

  #statements(body: readonly Statement[], place: Place | undefined, loops: number): void {
    for (const statement of body) this.#statement(statement, place, loops)
  }

  #statement(s: Statement, place: Place | undefined, loops: number): void {
    const inParser = s.kind === 'extract' || s.kind === 'advance' || s.kind === 'lookahead' || s.kind === 'verify'
    if (inParser && place === 'control') this.#report(`${s.kind} outside a parser`)
    if (place === 'parser' && (s.kind === 'apply' || s.kind === 'emit')) this.#report(`${s.kind} in a parser`)
    switch (s.kind) {
      case 'assign':
        this.#expression(s.value)
        if (this.#program.slots[s.slot]?.kind === 'varbit') this.#report('assign to a varbit slot')
        if (this.#width(s.slot) !== s.value.width)
          this.#report(`assigns ${s.value.width} bits to slot ${s.slot} of ${this.#width(s.slot)}`)
        return
      case 'assignSlice':
        this.#expression(s.value)
        if (s.low + s.value.width > this.#width(s.slot)) this.#report('assigns bits beyond the slot')
        return
      case 'assignVarbit':
        if (this.#program.slots[s.slot]?.kind !== 'varbit' || this.#program.slots[s.from]?.kind !== 'varbit')
          this.#report('assignVarbit of others')
        return
      case 'measureVarbit':
        if (this.#program.slots[s.from]?.kind !== 'varbit') this.#report('measures what is no varbit')
        if (this.#width(s.slot) !== 32) this.#report('a length has 32 bits')
        return
      case 'if':
        this.#condition(s.condition)
        this.#statements(s.then, place, loops)
        this.#statements(s.else, place, loops)
        return
      case 'switch':
        this.#expression(s.selector)
        for (const item of s.cases) this.#statements(item.body, place, loops)
        this.#statements(s.default, place, loops)
        return
      case 'loop':
        this.#statements(s.body, place, loops + 1)
        return
      case 'break':
      case 'continue':
        if (loops === 0) this.#report(`${s.kind} outside a loop`)
        return
      case 'call':
        if (this.#program.procedures[s.procedure] === undefined) this.#report(`calls unknown procedure ${s.procedure}`)
        return
      case 'apply':
        if (this.#program.tables[s.table] === undefined) this.#report(`applies unknown table ${s.table}`)
        return
      case 'extract':
      case 'emit':
        if (this.#program.headers[s.header] === undefined) this.#report(`unknown header ${s.header}`)
        if (s.kind === 'extract' && s.varbitBits !== undefined) this.#expression(s.varbitBits)
        return
      case 'verify':
        this.#condition(s.condition)
        this.#expression(s.error)
        return
      case 'assert':
        this.#condition(s.condition)
        return
      case 'advance':
        this.#expression(s.bits)
        return
      case 'lookahead':
        this.#slot(s.slot)
        return
      case 'count':
        this.#extern(s.counter, s.index === undefined ? 'directCounter' : 'counter')
        if (s.index !== undefined) this.#expression(s.index)
        return
      case 'registerRead':
      case 'registerWrite': {
        this.#extern(s.register, 'register')
        this.#expression(s.index)
        const extern = this.#program.externs[s.register]
        const width = s.kind === 'registerRead' ? this.#width(s.slot) : s.value.width
        if (extern?.kind === 'register' && extern.width !== width)
          this.#report(`register ${extern.name} has another width`)
        return
      }
      case 'meter':
        this.#extern(s.meter, s.index === undefined ? 'directMeter' : 'meter')
        this.#slot(s.slot)
        return
      case 'hash':
        for (const input of s.inputs) this.#expression(input)
        if (s.skip !== undefined) this.#expression(s.skip)
        this.#slot(s.slot)
        return
      case 'random':
        this.#expression(s.low)
        this.#expression(s.high)
        this.#slot(s.slot)
        return
      case 'digest':
        this.#extern(s.digest, 'digest')
        for (const value of s.values) this.#expression(value)
        return
      case 'log':
        for (const value of s.values) this.#expression(value)
        return
      case 'target':
        for (const input of s.inputs) this.#expression(input)
        return
      case 'return':
      case 'exit':
    }
  }

  #extern(id: number, kind: string): void {
    if (this.#program.externs[id]?.kind !== kind) this.#report(`extern ${id} is not a ${kind}`)
  }

  #condition(condition: Expression): void {
    this.#expression(condition)
    if (condition.width !== 1) this.#report(`a condition of ${condition.width} bits`)
  }

  #expression(e: Expression): void {
    if (!Number.isInteger(e.width) || e.width < 1) this.#report(`${e.op} of width ${e.width}`)
    const same = (...parts: readonly Expression[]): void => {
      for (const part of parts) {
        this.#expression(part)
        if (part.width !== e.width) this.#report(`${e.op} of ${e.width} bits has an operand of ${part.width}`)
      }
    }
    switch (e.op) {
      case 'const':
        if (e.value < 0n || e.value >= 1n << BigInt(e.width))
          this.#report(`constant ${e.value} does not fit ${e.width} bits`)
        return
      case 'load':
        if (this.#width(e.slot) !== e.width) this.#report(`loads slot ${e.slot} as ${e.width} bits`)
        return
      case 'not':
      case 'neg':
      case 'lnot':
        same(e.operand)
        return
      case 'shl':
      case 'shr':
        same(e.left)
        this.#expression(e.right)
        return
      case 'eq':
      case 'ne':
      case 'lt':
      case 'le':
      case 'gt':
      case 'ge':
        this.#expression(e.left)
        this.#expression(e.right)
        if (e.left.width !== e.right.width) this.#report(`${e.op} compares ${e.left.width} with ${e.right.width} bits`)
        return
      case 'concat':
        this.#expression(e.left)
        this.#expression(e.right)
        if (e.left.width + e.right.width !== e.width) this.#report('concat of a wrong width')
        return
      case 'slice':
        this.#expression(e.operand)
        if (e.low + e.width > e.operand.width) this.#report(`slice beyond ${e.operand.width} bits`)
        return
      case 'cast':
        this.#expression(e.operand)
        return
      case 'mux':
        this.#condition(e.condition)
        same(e.whenTrue, e.whenFalse)
        return
      default:
        same(e.left, e.right)
    }
  }
}
