/**
 * Goes through a program again along the records that the traced variant left, and notes every statement with its values
 * and with what it depended on. Lookups, registers, meters, hashes and random numbers are not done again but read from
 * the records, so a recount sees what the packet saw. It happens only when somebody asks.
 *
 * Invariant: where program and records do not fit together (records missing, an entry gone since), `gap` says so and
 * nothing after that point is made up.
 */
import {
  type BoundAction,
  enterSlots,
  evaluate,
  type Expression,
  type HeaderId,
  type Program,
  type SlotId,
  type SourceRef,
  type StateTarget,
  type Statement,
  TRACE,
} from '@lodestone/p4'
import { bytesOf, concatenated } from './byte-string.ts'
import { isIn } from './key-set.ts'
import type { NewEvent, RunEvent } from './run-event.ts'
import type { TraceReader } from './trace-reader.ts'
import { deparsers } from './wire-headers.ts'

/** What a run left. */
export interface Run {
  readonly index: number
  /** The run whose state this one began with; -1 for a packet from outside. */
  readonly parent: number
  /** Range in `Recount.events`. */
  readonly firstEvent: number
  readonly lastEvent: number
  /** What the frame was before it. */
  readonly frame: Uint8Array
  /** Bytes that the parser consumed. */
  readonly consumed: number
  readonly slots: readonly bigint[]
  readonly varbitBits: readonly number[]
  readonly writers: Int32Array
  /** Headers in the order they were emitted; undefined when no deparser ran. */
  readonly emitted: readonly HeaderId[] | undefined
  /** The frame that the emitted headers and the rest make. */
  readonly deparsed: Uint8Array | undefined
  readonly verdict: number | undefined
  /** Whether the target cut the frame after it was written. */
  readonly isTruncated: boolean
  /** Why the records do not tell the whole run. */
  readonly gap: string | undefined
}

/** Reads the entry that a lookup found, unless it is gone. */
/** `record` is where the action stands: in the entry, or in a member of the group that it names. */
export type ReadEntry = (table: number, address: number, sequence: number, record: number) => BoundAction | undefined

type Outcome = 'next' | 'break' | 'continue' | 'return' | 'exit'

/** What a run began with that continues another one. */
export interface InitialState {
  readonly slots: readonly bigint[]
  readonly varbitBits: readonly number[]
  /** Bytes of the frame that are parsed. */
  readonly consumed: number
}

export interface RunContext {
  /** The run that left the state that this one began with; -1: none. */
  readonly origin: number
  /** Undefined: everything was zero. */
  readonly initial: InitialState | undefined
  readonly verdict?: number
}

const STEPS_MAX = 200_000
/** As in the generated parser. */
const PARSER_STATES_MAX = 1024

class Gap extends Error {}
class ParserStop extends Error {}

export class Recount {
  readonly program: Program
  readonly events: RunEvent[] = []
  readonly runs: Run[] = []
  readonly #readEntry: ReadEntry
  readonly #enterSlots: readonly SlotId[]
  #records!: TraceReader
  #slots: bigint[] = []
  #varbitBits: number[] = []
  #writers = new Int32Array(0)
  #frame: Uint8Array = new Uint8Array()
  #at = 0
  #parent = -1
  #block = 0
  #steps = 0
  #emitted: HeaderId[] | undefined
  #bytes: Uint8Array[] = []

  constructor(program: Program, readEntry: ReadEntry) {
    this.program = program
    this.#readEntry = readEntry
    this.#enterSlots = enterSlots(program)
  }

  /** One run over a frame. */
  add(records: TraceReader, frame: Uint8Array, context: RunContext): Run {
    const { program } = this
    const firstEvent = this.events.length
    this.#records = records
    this.#frame = frame.slice()
    this.#parent = -1
    this.#steps = 0
    this.#emitted = undefined
    this.#bytes = []
    this.#begin(context)
    let gap: string | undefined
    let reported = context.verdict
    try {
      if (records.peek() !== TRACE.enter) throw new Gap('there are no records of this run')
      records.enterValues(program, this.#enterSlots).forEach((value, k) => {
        const slot = this.#enterSlots[k]!
        if (this.#slots[slot] === value) return
        // What the target only handed on was still written by the run before.
        const before = this.runs[context.origin]
        this.#set(slot, value, before?.slots[slot] === value ? before.writers[slot]! : -1)
      })
      records.skip()
      while (records.peek() === TRACE.block) {
        this.#block = records.number
        records.skip()
        this.#parent = -1
        this.#runBlock()
        if (program.blocks[this.#block]?.name === 'ingressDeparser') this.#rewrite()
      }
      if (records.peek() === TRACE.leave) {
        reported ??= records.word(0)
        records.skip()
      } else if (records.isCut) throw new Gap('the trace area was too small for the whole run')
    } catch (error) {
      if (!(error instanceof Gap)) throw error
      gap = error.message
    }
    const run: Run = {
      index: this.runs.length,
      parent: context.origin,
      firstEvent,
      lastEvent: this.events.length,
      frame,
      consumed: this.#at,
      slots: this.#slots,
      varbitBits: this.#varbitBits,
      writers: this.#writers,
      emitted: this.#emitted,
      deparsed:
        this.#emitted === undefined ? undefined : concatenated([...this.#bytes, this.#frame.subarray(this.#at)]),
      verdict: reported,
      isTruncated: (this.#slots[program.intrinsics['target.truncate'] ?? -1] ?? 0n) !== 0n,
      gap,
    }
    this.runs.push(run)
    return run
  }

  #begin({ origin, initial }: RunContext): void {
    const { slots } = this.program
    this.#slots = initial?.slots.slice() ?? slots.map(() => 0n)
    this.#varbitBits = initial?.varbitBits.slice() ?? slots.map(() => 0)
    this.#at = initial?.consumed ?? 0
    this.#writers = new Int32Array(slots.length).fill(-1)
    const before = this.runs[origin]
    if (before === undefined) return
    // What still has the value that the other run left was written there; the rest is the target's doing.
    for (let slot = 0; slot < slots.length; slot++) {
      if (this.#slots[slot] === before.slots[slot]) this.#writers[slot] = before.writers[slot]!
    }
  }

  /** psa: egress parses the frame that the ingress deparser wrote. */
  #rewrite(): void {
    this.#frame = concatenated([...this.#bytes, this.#frame.subarray(this.#at)])
    this.#at = 0
    this.#bytes = []
  }

  #runBlock(): void {
    const block = this.program.blocks[this.#block]
    if (block === undefined) throw new Gap(`the records name block ${this.#block}, which does not exist`)
    if (block.kind === 'control') {
      const { body } = this.program.procedures[block.procedure]!
      if (deparsers(this.program).has(block.procedure)) this.#emitted = []
      this.#body(body)
      return
    }
    try {
      this.#parse(block.parser)
    } catch (error) {
      if (!(error instanceof ParserStop)) throw error
    }
  }

  #parse(index: number): void {
    const { states } = this.program.parsers[index]!
    let next: StateTarget | 'noMatch' = 0
    for (let step = 0; typeof next === 'number'; step++) {
      if (step === PARSER_STATES_MAX) this.#parserError(5, undefined)
      const id: number = next
      const state = states[id]!
      if (!this.#records.accept(TRACE.state, id)) throw new Gap(`the records do not enter state ${state.name}`)
      this.#parent = this.#tell({ kind: 'state', parser: index, state: id }, state.at, [])
      if (this.#body(state.body) === 'exit') return
      next = this.#select(index, id)
    }
    // Where the target takes a rejected packet for accepted, there is no record of an error.
    if (next === 'noMatch') this.#parserError(2, undefined)
    if (next === 'reject') this.#parserError(0, undefined)
  }

  #select(parser: number, id: number): StateTarget | 'noMatch' {
    const state = this.program.parsers[parser]!.states[id]!
    const { keys, cases, otherwise } = state.select
    if (keys.length === 0) return otherwise
    const reads = new Set<number>()
    const values = keys.map((key) => this.#value(key, reads))
    const chosen = cases.findIndex((one) => {
      if (one.valueSet !== undefined) return this.#isMember(state.name)
      return one.keys.every((set, k) => isIn(set, values[k]!, keys[k]!.width))
    })
    const next = chosen < 0 ? otherwise : cases[chosen]!.next
    this.#parent = this.#tell({ kind: 'select', parser, state: id, values, chosen, next }, state.at, [...reads])
    return next
  }

  /** What a value set held is not known here, but what a look into it gave is. */
  #isMember(state: string): boolean {
    if (this.#records.peek() !== TRACE.member) throw new Gap(`the records lack what a value set gave in ${state}`)
    const isIn = this.#records.number === 1
    this.#records.skip()
    return isIn
  }

  #body(body: readonly Statement[]): Outcome {
    for (const statement of body) {
      if (++this.#steps > STEPS_MAX) throw new Gap(`the run has more than ${STEPS_MAX} steps`)
      const outcome = this.#statement(statement)
      if (outcome !== 'next') return outcome
    }
    return 'next'
  }

  /** A procedure or action: `return` ends it and goes no further. */
  #callee(body: readonly Statement[]): Outcome {
    return this.#body(body) === 'exit' ? 'exit' : 'next'
  }

  /** A body that runs because of an event. */
  #under(event: number, body: readonly Statement[]): Outcome {
    const parent = this.#parent
    this.#parent = event
    const outcome = this.#body(body)
    this.#parent = parent
    return outcome
  }

  #statement(s: Statement): Outcome {
    const reads = new Set<number>()
    switch (s.kind) {
      case 'assign': {
        this.#assign(s, s.slot, this.#value(s.value, reads), reads)
        return 'next'
      }
      case 'assignSlice': {
        const bits = ((1n << BigInt(s.value.width)) - 1n) << BigInt(s.low)
        const value = this.#value(s.value, reads) << BigInt(s.low)
        this.#assign(s, s.slot, (this.#load(s.slot, reads) & ~bits) | value, reads)
        return 'next'
      }
      case 'assignVarbit':
        this.#varbitBits[s.slot] = this.#varbitBits[s.from]!
        this.#assign(s, s.slot, this.#load(s.from, reads), reads)
        return 'next'
      case 'measureVarbit':
        this.#set(s.slot, BigInt(this.#varbitBits[s.from]! >> 3), -1)
        if (s.isCleared) this.#set(s.from, 0n, -1)
        return 'next'
      case 'if': {
        const value = this.#value(s.condition, reads)
        const event = this.#tell({ kind: 'branch', statement: s, value, isTaken: value === 1n }, s.at, [...reads])
        return this.#under(event, value === 1n ? s.then : s.else)
      }
      case 'switch': {
        const value = this.#value(s.selector, reads)
        const found = s.cases.find((one) => one.values.includes(value))
        const isTaken = found !== undefined
        const event = this.#tell({ kind: 'branch', statement: s, value, isTaken }, s.at, [...reads])
        return this.#under(event, found?.body ?? s.default)
      }
      case 'loop':
        for (;;) {
          const outcome = this.#body(s.body)
          if (outcome === 'break') return 'next'
          if (outcome === 'return' || outcome === 'exit') return outcome
        }
      case 'break':
      case 'continue':
        return s.kind
      case 'return':
      case 'exit':
        this.#tell({ kind: 'leave', how: s.kind }, s.at, [])
        return s.kind
      case 'call':
        return this.#callee(this.program.procedures[s.procedure]!.body)
      case 'apply':
        return this.#apply(s.table, s.at)
      case 'extract':
        this.#extract(s, reads)
        return 'next'
      case 'advance': {
        const bits = this.#value(s.bits, reads)
        if (bits % 8n !== 0n) this.#parserError(6, s.at, reads)
        this.#need(bits / 8n, s.at, reads)
        this.#tell({ kind: 'advance', offset: this.#at, bits }, s.at, [...reads])
        this.#at += Number(bits / 8n)
        return 'next'
      }
      case 'lookahead': {
        const { width } = this.program.slots[s.slot]!
        this.#need(BigInt(Math.ceil(width / 8)), s.at, reads)
        this.#result(s, s.slot, this.#bits(8 * this.#at, width), reads)
        return 'next'
      }
      case 'verify':
        if (this.#value(s.condition, reads) === 0n) this.#parserError(Number(this.#value(s.error, reads)), s.at, reads)
        return 'next'
      case 'emit':
        this.#emit(s.header, s.at)
        return 'next'
      case 'count':
        return 'next'
      case 'registerWrite': {
        const index = this.#value(s.index, reads)
        const value = this.#value(s.value, reads)
        this.#tell({ kind: 'registerWrite', register: s.register, index, value }, s.at, [...reads])
        return 'next'
      }
      case 'digest':
      case 'log': {
        const values = s.values.map((value) => this.#value(value, reads))
        this.#tell({ kind: 'call', statement: s, values }, s.at, [...reads])
        return 'next'
      }
      case 'assert':
        if (this.#value(s.condition, reads) === 1n) return 'next'
        this.#records.accept(TRACE.assertion)
        this.#tell({ kind: 'assertion', statement: s }, s.at, [...reads])
        return 'next'
      default:
        this.#extern(s, reads)
        return 'next'
    }
  }

  #assign(
    s: Extract<RunEvent, { kind: 'assign' }>['statement'],
    slot: SlotId,
    after: bigint,
    reads: Set<number>,
  ): void {
    const before = this.#slots[slot]!
    this.#set(
      slot,
      after,
      this.#tell({ kind: 'assign', statement: s, write: { slot, before, after } }, s.at, [...reads]),
    )
  }

  /** Statements whose outcome is in the records: a slot, or several. */
  #extern(s: Statement, reads: Set<number>): void {
    const one = s as { readonly slot?: SlotId; readonly outputs?: readonly SlotId[]; readonly index?: Expression }
    const inputs = expressionsOf(s).map((input) => this.#value(input, reads))
    const outputs = one.outputs ?? (one.slot === undefined ? [] : [one.slot])
    if (outputs.length === 0) {
      this.#tell({ kind: 'call', statement: s, values: inputs }, s.at, [...reads])
      return
    }
    const index = one.index === undefined ? undefined : this.#value(one.index, new Set())
    for (const slot of outputs) {
      const { width, name } = this.program.slots[slot]!
      if (this.#records.peek() !== TRACE.result || this.#records.number !== (slot & 0xffff)) {
        throw new Gap(`the records lack what ${s.kind} gave ${name}`)
      }
      const value = this.#records.value(0, width)
      this.#records.skip()
      this.#result(s, slot, value, reads, index)
    }
  }

  #result(s: Statement, slot: SlotId, after: bigint, reads: Set<number>, index?: bigint): void {
    const write = { slot, before: this.#slots[slot]!, after }
    const event = { kind: 'result', statement: s, write, ...(index === undefined ? {} : { index }) } as const
    this.#set(slot, after, this.#tell(event, s.at, [...reads]))
  }

  #apply(index: number, at: SourceRef | undefined): Outcome {
    const table = this.program.tables[index]!
    const reads = new Set<number>()
    const keys = table.keys.map((key) => this.#value(key.expression, reads))
    if (this.#records.peek() !== TRACE.apply || this.#records.number !== index) {
      throw new Gap(`the records lack the lookup in ${table.name}`)
    }
    const entry = this.#records.word(0)
    const identity = this.#records.word(1)
    const record = table.implementation === undefined ? entry : this.#records.word(2)
    this.#records.skip()
    const hit = identity >>> 31 === 1
    const sequence = identity & 0x7fffffff
    const bound = this.#readEntry(index, entry, sequence, record)
    if (bound === undefined) throw new Gap(`the entry of ${table.name} that matched has been removed since`)
    const { action, parameters } = bound
    const event = this.#tell(
      { kind: 'apply', table: index, keys, entry, sequence, hit, action, parameters },
      at ?? table.at,
      [...reads],
    )
    this.#set(table.hitSlot, hit ? 1n : 0n, event)
    this.#set(table.actionSlot, BigInt(action), event)
    const reference = table.actions[action]
    if (reference === undefined) return 'next'
    const { body, parameters: declared } = this.program.actions[reference.action]!
    declared.forEach(({ slot }, k) => this.#set(slot, parameters[k] ?? 0n, event))
    if (this.#under(event, reference.before) === 'exit') return 'exit'
    if (this.#under(event, body) === 'exit') return 'exit'
    return this.#under(event, reference.after)
  }

  #extract(s: Extract<Statement, { kind: 'extract' }>, reads: Set<number>): void {
    const { valid, fields } = this.program.headers[s.header]!
    const varbitBits = s.varbitBits === undefined ? 0n : this.#value(s.varbitBits, reads)
    const varbit = fields.find((slot) => this.program.slots[slot]!.kind === 'varbit')
    if (varbit !== undefined && varbitBits % 8n !== 0n) this.#parserError(6, s.at, reads)
    const widthOf = (slot: SlotId): number => (slot === varbit ? Number(varbitBits) : this.program.slots[slot]!.width)
    const length = Math.floor(fields.reduce((sum, slot) => sum + widthOf(slot), 0) / 8)
    this.#need(BigInt(length), s.at, reads)
    if (varbit !== undefined && varbitBits > BigInt(this.program.slots[varbit]!.width)) {
      this.#parserError(4, s.at, reads)
    }
    const event = this.#tell({ kind: 'extract', header: s.header, offset: this.#at, length }, s.at, [...reads])
    let bit = 8 * this.#at
    for (const slot of fields) {
      const width = widthOf(slot)
      if (slot === varbit) this.#varbitBits[slot] = width
      this.#set(slot, this.#bits(bit, width), event)
      bit += width
    }
    this.#set(valid, 1n, event)
    this.#at += length
  }

  #emit(header: HeaderId, at: SourceRef | undefined): void {
    const { valid, fields } = this.program.headers[header]!
    if (this.#slots[valid] !== 1n) return
    const reads = new Set<number>([this.#writers[valid]!])
    let value = 0n
    let width = 0
    for (const slot of fields) {
      const { kind, width: declared } = this.program.slots[slot]!
      const bits = kind === 'varbit' ? this.#varbitBits[slot]! : declared
      value = (value << BigInt(bits)) | this.#load(slot, reads)
      width += bits
    }
    this.#tell({ kind: 'emit', header, length: width / 8 }, at, [...reads])
    this.#emitted?.push(header)
    this.#bytes.push(bytesOf(value, width))
  }

  /** Ends the parser, unless the target goes on as if nothing were (then there is no record of it). */
  #parserError(error: number, at: SourceRef | undefined, reads?: Set<number>): void {
    const available = this.#frame.length - this.#at
    const state = this.events[this.#parent]
    const where = at ?? state?.at
    const isRecorded = this.#records.peek() === TRACE.parserError
    if (isRecorded && this.#records.number !== error) {
      throw new Gap(`the records tell parser error ${this.#records.number}, not ${error}`)
    }
    const stop = { kind: 'parserError', error, offset: this.#at, available, isIgnored: !isRecorded } as const
    const event = this.#tell(stop, where, [...(reads ?? [])])
    if (!isRecorded) throw new ParserStop()
    this.#records.skip()
    const slot = this.program.intrinsics['parser.error']
    if (slot !== undefined) this.#set(slot, BigInt(error), event)
    throw new ParserStop()
  }

  #need(bytes: bigint, at: SourceRef | undefined, reads: Set<number>): void {
    if (bytes > BigInt(this.#frame.length - this.#at)) this.#parserError(1, at, reads)
  }

  #tell(event: NewEvent, at: SourceRef | undefined, reads: readonly number[]): number {
    const id = this.events.length
    const { runs } = this
    const place = { id, run: runs.length, block: this.#block, at, parent: this.#parent, reads }
    this.events.push(Object.assign(event, place))
    return id
  }

  #set(slot: SlotId, value: bigint, event: number): void {
    this.#slots[slot] = value
    this.#writers[slot] = event
  }

  #load(slot: SlotId, reads: Set<number>): bigint {
    reads.add(this.#writers[slot]!)
    return this.#slots[slot]!
  }

  #value(e: Expression, reads: Set<number>): bigint {
    return evaluate(e, (slot) => this.#load(slot, reads))
  }

  #bits(bit: number, width: number): bigint {
    let value = 0n
    for (let k = bit; k < bit + width;) {
      const take = Math.min(8 - (k & 7), bit + width - k)
      const byte = this.#frame[k >> 3]! >> (8 - (k & 7) - take)
      value = (value << BigInt(take)) | BigInt(byte & ((1 << take) - 1))
      k += take
    }
    return value
  }
}

/** The expressions that a statement evaluates, in its own order. */
function expressionsOf(s: Statement): readonly Expression[] {
  return Object.values(s).flatMap((value: unknown) => {
    const list: readonly unknown[] = Array.isArray(value) ? value : [value]
    return list.filter((one): one is Expression => typeof one === 'object' && one !== null && 'op' in one)
  })
}
