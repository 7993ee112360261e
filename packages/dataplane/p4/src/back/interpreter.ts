/**
 * A program run statement by statement with BigInt and linear table search. It is the reference for the generated code:
 * short, slow, and without any of its cleverness. It keeps its own tables; what externs keep is in
 * `interpreted-externs.ts`.
 *
 * Varbit slots hold their value right-aligned, with the length beside it.
 */
import type {
  Block,
  BoundAction,
  Expression,
  HeaderId,
  KeySet,
  ParserState,
  Program,
  SlotId,
  StateTarget,
  Statement,
  Table,
} from '../ir/index.ts'
import { evaluate } from './evaluate.ts'
import { InterpretedExterns, type InterpretedMeter, type Reference } from './interpreted-externs.ts'
import { ITERATIONS_MAX, RESERVED_DROP, tableShape } from './layout.ts'
import { replicationPoint } from './plan.ts'
import { hashOf } from './reference-hash.ts'

export interface InterpretedEntry {
  readonly keys: readonly KeySet[]
  readonly priority: number
  action: BoundAction
  packets: number
  bytes: number
  /** In a table with an action profile or selector: whose action it is instead of its own. */
  reference?: Reference
  /** What the direct counter of its table counted. */
  readonly counted: { packets: number; bytes: number }
  /** Of the table's direct meter. */
  meter?: InterpretedMeter
}

export interface InterpretedTable {
  readonly entries: InterpretedEntry[]
  defaultAction: BoundAction
  hits: number
  misses: number
}

export type Verdict =
  | { readonly kind: 'unicast'; readonly port: number; readonly frame: Uint8Array }
  /** To be continued with `copy` for each port. */
  | { readonly kind: 'multicast'; readonly group: number }
  | { readonly kind: 'broadcast' }
  | { readonly kind: 'drop'; readonly reason: number }

/** What a packet carries from one part of a run to the next. */
export interface InterpretedState {
  slots: bigint[]
  varbitBits: number[]
  /** Bytes of the frame that are parsed. */
  consumed: number
}

/** What an entry's action was, in the order tables were applied: for comparing lookups. */
export interface Applied {
  readonly table: number
  readonly keys: readonly bigint[]
  /** Index into the table's entries, or -1. */
  readonly entry: number
  readonly action: number
}

/** Of transitions inside loops. */
const STEPS_MAX = 1024

class EndlessLoop extends Error {}

class ParserError extends Error {
  readonly code: number
  constructor(code: number) {
    super(`parser error ${code}`)
    this.code = code
  }
}

type Outcome = 'next' | 'break' | 'continue' | 'return' | 'exit'

export class Interpreter {
  readonly program: Program
  readonly tables: readonly InterpretedTable[]
  readonly externs: InterpretedExterns
  /** By value set: its members. */
  readonly valueSets: KeySet[][][]
  /** xorshift64 state. */
  random = 1n
  /** Microseconds, for `packet.timestamp`. */
  nowUs = 0
  applied: Applied[] = []
  #slots: bigint[] = []
  #varbitBits: number[] = []
  #frame = new Uint8Array()
  /** Bytes consumed by the parser. */
  #at = 0
  #emitted: Uint8Array[] = []
  #saved: { readonly slots: bigint[]; readonly varbitBits: number[] } = { slots: [], varbitBits: [] }
  /** The entry whose direct counter and meter an action uses; undefined after a miss. */
  #current: InterpretedEntry | undefined
  #iterations = 0

  constructor(program: Program) {
    this.program = program
    this.tables = program.tables.map((table) => ({
      entries: table.entries.map(({ keys, priority, action }) => newEntry(keys, priority, action)),
      defaultAction: table.defaultAction,
      hits: 0,
      misses: 0,
    }))
    this.valueSets = program.valueSets.map(() => [])
    this.externs = new InterpretedExterns(program)
  }

  run(frame: Uint8Array, port: number): Verdict {
    return this.#bounded(() => this.#start(frame, port))
  }

  /** Of a packet that no part has seen. */
  emptyState(): InterpretedState {
    return { slots: this.program.slots.map(() => 0n), varbitBits: this.program.slots.map(() => 0), consumed: 0 }
  }

  /**
   * Runs blocks `from` to `to` (exclusive) over a frame, beginning with a state and leaving one there: for references of
   * targets, which act between the blocks. Undefined unless the packet ends here.
   */
  part(frame: Uint8Array, state: InterpretedState, from: number, to: number): Verdict | undefined {
    this.#slots = state.slots
    this.#varbitBits = state.varbitBits
    this.#frame = frame.slice()
    this.#at = state.consumed
    this.#emitted = []
    const verdict = this.#bounded(() => this.#blocks(this.program.blocks.slice(from, to)))
    state.consumed = this.#at
    return verdict
  }

  /** The frame as the deparser in the last part wrote it. */
  get written(): Uint8Array {
    const { blocks, procedures, architecture } = this.program
    // A deparser that emits nothing leaves what was not parsed; programs made by hand may have no deparser.
    const isDeparsed = blocks.some(
      (block) =>
        block.kind === 'control' &&
        ((architecture !== 'softnpu' && block.name.toLowerCase().endsWith('deparser')) ||
          this.#emits(procedures[block.procedure]!.body)),
    )
    return isDeparsed ? concatenated([...this.#emitted, this.#frame.subarray(this.#at)]) : this.#frame.slice()
  }

  /** Drops a packet whose loops never end. */
  #bounded<Result>(run: () => Result): Result | (Verdict & { readonly kind: 'drop' }) {
    this.#iterations = 0
    try {
      return run()
    } catch (error) {
      if (!(error instanceof EndlessLoop)) throw error
      return { kind: 'drop', reason: RESERVED_DROP.endlessLoop }
    }
  }

  #start(frame: Uint8Array, port: number): Verdict {
    const { program } = this
    this.#slots = program.slots.map(() => 0n)
    this.#varbitBits = program.slots.map(() => 0)
    this.#frame = frame.slice()
    this.#at = 0
    this.applied = []
    this.#setIntrinsic('ingress.port', port)
    this.#setIntrinsic('packet.length', frame.length)
    this.#setIntrinsic('packet.timestamp', this.nowUs)
    this.#setIntrinsic('clock.now', this.nowUs)
    const split = replicationPoint(program)
    const rejected = this.#blocks(program.blocks.slice(0, split))
    if (rejected !== undefined) return rejected
    if (this.#intrinsic('egress.drop') === 1) return { kind: 'drop', reason: this.#intrinsic('egress.dropReason') }
    this.#saved = { slots: this.#slots.slice(), varbitBits: this.#varbitBits.slice() }
    if (this.#intrinsic('egress.broadcast') === 1) return { kind: 'broadcast' }
    const group = this.#intrinsic('egress.multicastGroup')
    if (group !== 0) return { kind: 'multicast', group }
    return this.#leave()
  }

  /** After a verdict of broadcast or multicast: one of the copies. */
  copy(egressPort: number): Verdict {
    this.#slots = this.#saved.slots.slice()
    this.#varbitBits = this.#saved.varbitBits.slice()
    this.#setIntrinsic('egress.port', egressPort)
    return this.#bounded(() => this.#leave())
  }

  /** Egress and deparser. */
  #leave(): Verdict {
    const { program } = this
    this.#emitted = []
    const rest = program.blocks.slice(replicationPoint(program))
    const rejected = this.#blocks(rest)
    if (rejected !== undefined) return rejected
    if (this.#intrinsic('egress.drop') === 1) return { kind: 'drop', reason: this.#intrinsic('egress.dropReason') }
    return { kind: 'unicast', port: this.#intrinsic('egress.port'), frame: this.written }
  }

  #blocks(blocks: readonly Block[]): Verdict | undefined {
    for (const block of blocks) {
      if (block.kind === 'control') {
        const { body } = this.program.procedures[block.procedure]!
        if (this.#emits(body) && this.#intrinsic('egress.drop') === 1) return undefined
        this.#run(body)
        continue
      }
      try {
        this.#parse(block.parser)
      } catch (error) {
        if (!(error instanceof ParserError)) throw error
        this.#setIntrinsic('parser.error', error.code)
        if (this.program.architecture !== 'psa' && this.program.isBmv2 !== true)
          return { kind: 'drop', reason: RESERVED_DROP.parserReject }
      }
    }
    return undefined
  }

  #parse(index: number): void {
    const { states } = this.program.parsers[index]!
    let next: StateTarget = 0
    let before: number | undefined
    for (let steps = 0; typeof next === 'number';) {
      if (before !== undefined && isReachable(states, next, before) && steps++ === STEPS_MAX) throw new ParserError(5)
      before = next
      const current: ParserState = states[next]!
      const { body, select } = current
      if (this.#run(body) === 'exit') return
      const values = select.keys.map((key) => this.#value(key))
      const found = select.cases.find((one) =>
        one.valueSet === undefined
          ? one.keys.every((set, k) => matches(set, values[k]!, select.keys[k]!.width))
          : this.#isInSet(one.valueSet, values, select.keys),
      )
      const target = found?.next ?? select.otherwise
      if (target === 'noMatch') throw new ParserError(2)
      if (target === 'reject') throw new ParserError(0)
      next = target
    }
  }

  #isInSet(id: number, values: readonly bigint[], keys: readonly Expression[]): boolean {
    return this.valueSets[id]!.some((row) => row.every((set, k) => matches(set, values[k]!, keys[k]!.width)))
  }

  #run(body: readonly Statement[]): Outcome {
    for (const statement of body) {
      const outcome = this.#statement(statement)
      if (outcome !== 'next') return outcome
    }
    return 'next'
  }

  /** A procedure or action: `return` ends it and goes no further. */
  #callee(body: readonly Statement[]): Outcome {
    return this.#run(body) === 'exit' ? 'exit' : 'next'
  }

  #statement(s: Statement): Outcome {
    switch (s.kind) {
      case 'assign':
        this.#slots[s.slot] = this.#value(s.value)
        return 'next'
      case 'assignSlice': {
        const bits = ((1n << BigInt(s.value.width)) - 1n) << BigInt(s.low)
        this.#slots[s.slot] = (this.#slots[s.slot]! & ~bits) | (this.#value(s.value) << BigInt(s.low))
        return 'next'
      }
      case 'if':
        return this.#run(this.#value(s.condition) === 1n ? s.then : s.else)
      case 'switch': {
        const value = this.#value(s.selector)
        return this.#run(s.cases.find((one) => one.values.includes(value))?.body ?? s.default)
      }
      case 'loop':
        for (;;) {
          if (++this.#iterations > ITERATIONS_MAX) throw new EndlessLoop()
          const outcome = this.#run(s.body)
          if (outcome === 'break') return 'next'
          if (outcome === 'return' || outcome === 'exit') return outcome
        }
      case 'break':
      case 'continue':
      case 'return':
      case 'exit':
        return s.kind
      case 'call':
        return this.#callee(this.program.procedures[s.procedure]!.body)
      case 'apply':
        return this.#apply(s.table)
      case 'extract':
        this.#extract(s.header, s.varbitBits === undefined ? 0n : this.#value(s.varbitBits))
        return 'next'
      case 'advance': {
        const bits = this.#value(s.bits)
        if (bits % 8n !== 0n) throw new ParserError(6)
        this.#need(bits / 8n)
        this.#at += Number(bits / 8n)
        return 'next'
      }
      case 'lookahead': {
        const { width } = this.program.slots[s.slot]!
        this.#need(BigInt(Math.ceil(width / 8)))
        this.#slots[s.slot] = this.#bits(8 * this.#at, width)
        return 'next'
      }
      case 'verify':
        if (this.#value(s.condition) === 0n) throw new ParserError(Number(this.#value(s.error)))
        return 'next'
      case 'emit':
        this.#emit(s.header)
        return 'next'
      case 'assignVarbit':
        this.#slots[s.slot] = this.#slots[s.from]!
        this.#varbitBits[s.slot] = this.#varbitBits[s.from]!
        return 'next'
      case 'measureVarbit':
        this.#slots[s.slot] = BigInt(this.#varbitBits[s.from]! >> 3)
        if (s.isCleared) this.#slots[s.from] = 0n
        return 'next'
      case 'count': {
        const cell =
          s.index === undefined
            ? this.#current?.counted
            : this.externs.counters[s.counter]![Number(this.#value(s.index))]
        if (cell === undefined) return 'next'
        cell.packets++
        cell.bytes += this.#frame.length
        return 'next'
      }
      case 'registerRead':
        this.#slots[s.slot] = this.externs.registers[s.register]![Number(this.#value(s.index))] ?? 0n
        return 'next'
      case 'registerWrite': {
        const cells = this.externs.registers[s.register]!
        const index = this.#value(s.index)
        if (index < BigInt(cells.length)) cells[Number(index)] = this.#value(s.value)
        return 'next'
      }
      case 'meter': {
        const cells = this.externs.meters[s.meter]!
        const index = s.index === undefined ? undefined : this.#value(s.index)
        // A cell that does not exist is green, whatever the packet was before.
        if (index !== undefined && index >= BigInt(cells.length)) {
          this.#slots[s.slot] = 0n
          return 'next'
        }
        const meter = index === undefined ? this.#current?.meter : cells[Number(index)]
        const before = s.colour === undefined ? 0n : this.#value(s.colour)
        this.#slots[s.slot] = this.externs.measure(s.meter, meter, this.#frame.length, this.nowUs, before)
        return 'next'
      }
      case 'hash':
        this.#hash(s)
        return 'next'
      case 'random': {
        const word = (value: bigint): bigint => BigInt.asUintN(64, value)
        let state = this.random
        state = word(state ^ (state << 13n))
        state ^= state >> 7n
        state = word(state ^ (state << 17n))
        this.random = state
        const low = word(this.#value(s.low))
        const range = word(this.#value(s.high) - low + 1n)
        const { width } = this.program.slots[s.slot]!
        this.#slots[s.slot] = BigInt.asUintN(Math.min(64, width), range === 0n ? state : low + (state % range))
        return 'next'
      }
      case 'valueSetMatch': {
        const values = s.keys.map((key) => this.#value(key))
        this.#slots[s.slot] = this.#isInSet(s.valueSet, values, s.keys) ? 1n : 0n
        return 'next'
      }
      case 'digest': {
        const values = s.values.map((value) => this.#value(value))
        this.externs.events.push({ kind: 'digest', name: this.program.externs[s.digest]!.name, values })
        return 'next'
      }
      case 'log':
        this.externs.events.push({ kind: 'log', name: s.message, values: s.values.map((value) => this.#value(value)) })
        return 'next'
      case 'assert':
        return 'next'
      case 'target': {
        const answer = this.externs.call(
          s,
          s.inputs.map((input) => this.#value(input)),
        )
        s.outputs.forEach((slot, k) => {
          const value = answer[s.outputNames?.[k] ?? 'return']
          if (value !== undefined) this.#slots[slot] = BigInt.asUintN(this.program.slots[slot]!.width, value)
        })
        return 'next'
      }
    }
  }

  #apply(index: number): Outcome {
    const table = this.program.tables[index]!
    const state = this.tables[index]!
    const keys = table.keys.map((key) => this.#value(key.expression))
    const found = bestEntry(table, state.entries, keys)
    const entry = state.entries[found]
    if (entry === undefined) state.misses++
    else {
      state.hits++
      entry.packets++
      entry.bytes += this.#frame.length
    }
    const hash = table.selectorSlot === undefined ? 0n : this.#slots[table.selectorSlot]!
    const bound = entry === undefined ? undefined : this.externs.actionOf(table, entry, hash)
    const { action, parameters } = bound ?? state.defaultAction
    this.#current = entry
    this.applied.push({ table: index, keys, entry: found, action })
    this.#slots[table.hitSlot] = entry === undefined ? 0n : 1n
    this.#slots[table.actionSlot] = BigInt(action)
    const reference = table.actions[action]!
    const { body, parameters: declared } = this.program.actions[reference.action]!
    declared.forEach(({ slot }, k) => {
      this.#slots[slot] = parameters[k]!
    })
    if (this.#run(reference.before) === 'exit') return 'exit'
    if (this.#callee(body) === 'exit') return 'exit'
    return this.#run(reference.after)
  }

  #extract(header: HeaderId, varbitBits: bigint): void {
    const { valid, fields } = this.program.headers[header]!
    const slots = fields.map((id) => ({ id, ...this.program.slots[id]! }))
    const varbit = slots.find((slot) => slot.kind === 'varbit')
    if (varbit !== undefined && varbitBits % 8n !== 0n) throw new ParserError(6)
    const length = varbit === undefined ? 0 : Number(varbitBits)
    const total = slots.reduce((sum, slot) => sum + (slot.kind === 'varbit' ? length : slot.width), 0)
    this.#need(BigInt(total) / 8n)
    if (varbit !== undefined && length > varbit.width) throw new ParserError(4)
    let bit = 8 * this.#at
    for (const slot of slots) {
      const width = slot.kind === 'varbit' ? length : slot.width
      this.#slots[slot.id] = this.#bits(bit, width)
      if (slot.kind === 'varbit') this.#varbitBits[slot.id] = length
      bit += width
    }
    this.#slots[valid] = 1n
    this.#at = bit / 8
  }

  #emit(header: HeaderId): void {
    const { valid, fields } = this.program.headers[header]!
    if (this.#slots[valid] !== 1n) return
    let value = 0n
    let width = 0
    for (const slot of fields) {
      const bits = this.#widthOf(slot)
      value = (value << BigInt(bits)) | this.#slots[slot]!
      width += bits
    }
    this.#emitted.push(bytesOf(value, width))
  }

  #hash(s: Extract<Statement, { kind: 'hash' }>): void {
    let value = 0n
    let width = 0
    for (const input of s.inputs) {
      const bits = input.op === 'load' ? this.#widthOf(input.slot) : input.width
      value = (value << BigInt(bits)) | this.#value(input)
      width += bits
    }
    const result = this.program.slots[s.slot]!.width
    const padding = (8 - (width % 8)) % 8
    const whole = bytesOf(value << BigInt(padding), width + padding)
    const head = s.skip === undefined ? whole : whole.subarray(Number(this.#value(s.skip)))
    const bytes = s.payload ? concatenated([head, this.#payload()]) : head
    let hash = hashOf(s.algorithm, bytes)
    if (s.max !== undefined) {
      const max = BigInt.asUintN(64, this.#value(s.max))
      hash = max === 0n ? 0n : hash % max
    }
    if (s.base !== undefined) hash = BigInt.asUintN(64, hash + this.#value(s.base))
    this.#slots[s.slot] = BigInt.asUintN(result, hash)
  }

  /** BMv2's ends where the packet is to be truncated, as if it were all of it. */
  #payload(): Uint8Array {
    const { isBmv2, intrinsics } = this.program
    const truncate = intrinsics['target.truncate']
    const kept = isBmv2 !== true || truncate === undefined ? 0 : Number(this.#slots[truncate]!)
    return this.#frame.subarray(this.#at, kept === 0 ? undefined : this.#at + kept - 1)
  }

  #widthOf(slot: SlotId): number {
    const { kind, width } = this.program.slots[slot]!
    return kind === 'varbit' ? this.#varbitBits[slot]! : width
  }

  #value(e: Expression): bigint {
    return evaluate(e, (slot) => this.#slots[slot]!)
  }

  #need(bytes: bigint): void {
    if (bytes > BigInt(this.#frame.length - this.#at)) throw new ParserError(1)
  }

  #bits(bit: number, width: number): bigint {
    let value = 0n
    for (let k = bit; k < bit + width; k++) {
      value = (value << 1n) | BigInt((this.#frame[k >> 3]! >> (7 - (k & 7))) & 1)
    }
    return value
  }

  #emits(body: readonly Statement[]): boolean {
    return body.some(
      (s) =>
        s.kind === 'emit' ||
        (s.kind === 'if' && (this.#emits(s.then) || this.#emits(s.else))) ||
        (s.kind === 'switch' && (s.cases.some((one) => this.#emits(one.body)) || this.#emits(s.default))) ||
        (s.kind === 'loop' && this.#emits(s.body)) ||
        (s.kind === 'call' && this.#emits(this.program.procedures[s.procedure]!.body)),
    )
  }

  #intrinsic(name: string): number {
    const slot = this.program.intrinsics[name]
    return slot === undefined ? 0 : Number(this.#slots[slot])
  }

  #setIntrinsic(name: string, value: number): void {
    const slot = this.program.intrinsics[name]
    if (slot !== undefined) this.#slots[slot] = BigInt.asUintN(this.program.slots[slot]!.width, BigInt(value))
  }
}

/** An entry that nothing has matched. */
export function newEntry(
  keys: readonly KeySet[],
  priority: number,
  action: BoundAction,
  reference?: Reference,
): InterpretedEntry {
  const unused = { packets: 0, bytes: 0, counted: { packets: 0, bytes: 0 } }
  return { keys, priority, action, ...unused, ...(reference === undefined ? {} : { reference }) }
}

/** Index of the entry that a lookup must find, or -1: longest prefixes, else highest priority, then the oldest. */
export function bestEntry(table: Table, entries: readonly InterpretedEntry[], keys: readonly bigint[]): number {
  if (table.keys.every(({ match }) => match === 'selector')) return -1
  const byPriority = table.keys.some((key) => ['ternary', 'range', 'optional'].includes(key.match))
  // Entries have no keys for what only the selector's hash sees.
  const compared = table.keys.flatMap(({ match }, k) => (match === 'selector' ? [] : [k]))
  let best = -1
  let bestRank = 0
  entries.forEach((entry, index) => {
    const isMatch = compared.every((k, at) => matches(entry.keys[at]!, keys[k]!, table.keys[k]!.expression.width))
    if (!isMatch) return
    const rank = byPriority || tableShape(table) === 'exact' ? entry.priority : prefixLength(table, entry.keys)
    if (best >= 0 && rank <= bestRank) return
    best = index
    bestRank = rank
  })
  return best
}

/** Whether a parser that is in one state may get to another, or back to where it is. */
function isReachable(states: readonly ParserState[], from: number, to: number): boolean {
  const seen = new Set([from])
  for (const id of seen) {
    if (id === to) return true
    const { cases, otherwise } = states[id]!.select
    for (const next of [...cases.map((one) => one.next), otherwise]) if (typeof next === 'number') seen.add(next)
  }
  return false
}

function prefixLength(table: Table, keys: readonly KeySet[]): number {
  const compared = table.keys.filter(({ match }) => match !== 'selector')
  return keys.reduce((sum, set, k) => {
    if (compared[k]!.match !== 'lpm' || set.kind === 'any') return sum
    return sum + (set.kind === 'lpm' ? set.length : compared[k]!.expression.width)
  }, 0)
}

function matches(set: KeySet, value: bigint, width: number): boolean {
  switch (set.kind) {
    case 'any':
      return true
    case 'exact':
      return value === set.value
    case 'lpm':
      return value >> BigInt(width - set.length) === set.value >> BigInt(width - set.length)
    case 'ternary':
      return (value & set.mask) === (set.value & set.mask)
    case 'range':
      return set.low <= value && value <= set.high
  }
}

function bytesOf(value: bigint, width: number): Uint8Array {
  const count = width / 8
  return Uint8Array.from({ length: count }, (_, k) => Number((value >> BigInt(8 * (count - 1 - k))) & 0xffn))
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}
