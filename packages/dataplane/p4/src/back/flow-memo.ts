/**
 * The memo of what flows hit: what tables said about the last packet of a flow is kept in a line of memory 1, and asked first.
 *
 * A line belongs to a flow by a hash of the fields that keys and hashes are made of, taken while headers are parsed. A line is one of a
 * few that the hash names, a set; one of these is given to a flow that has none. Two flows of the same hash share a line,
 * which costs them time only, because a record has the key whole.
 *
 * Invariant: a record's bit in `known` is set only if nothing was written over the record, and no table, since it was written. What
 * it says is then what a search would say. The control plane gives all tables together a new version with every write; a line of another
 * version knows nothing. Records of different branches may lie over each other, so writing one forgets all that
 * do not come before it on its own path: bytes of a key, which are a packet's, never pass for an entry's address.
 *
 * A search waits for one load after the other, its branches for them, and the next search for what the entry says. With a memo
 * the entries are at hand before the keys are, and what remains of a search is a branch that is foreseen.
 */
import type { Expression, HeaderId, Program, SlotId, Statement } from '../ir/index.ts'
import type { FunctionBuilder, FunctionRef, Label } from '../wasm/index.ts'
import { CELL, MEMO, type TableLayout } from './layout.ts'
import { MULTIPLIER } from './mix-code.ts'
import type { Runtime } from './runtime-code.ts'
import { isRawSlot } from './slot-code.ts'
import type { StatementCode } from './statement-code.ts'
import { ARENA, STATE } from './value-class.ts'

/** Spreads a word's upper bytes, which a product carries nowhere, to where the next product carries them. */
const ROTATION = 29n
/** From a line to its set's next one: the first lines of all sets are side by side, so that they share no places in a cache. */
const WAY_BYTES = MEMO.lineBytes << MEMO.setsLog2

/** Of the packets whose flow has not the first line of its set, one in so many gets it there. A power of two. */
const PROMOTED_EVERY = 16

/** Where the records of one path through the program go. */
export interface MemoPlaces {
  /** A parser was run, so there is a line. */
  isOpen: boolean
  /** First free byte of a line. */
  end: number
  /** Bits of the records that come before on this path. */
  before: number
  /** Records taken on any path. */
  count: number
}

/** A table's record in a line: entry u32, 0 for none, then the key words. */
export interface MemoRecord {
  readonly offset: number
  readonly bit: number
  /** The bits that stay when it is written. */
  readonly before: number
}

export function noPlaces(): MemoPlaces {
  return { isOpen: false, end: MEMO.records, before: 0, count: 0 }
}

/** Takes the next record of a line; undefined when there is no room. */
export function takeRecord(places: MemoPlaces, { words, rangeWords }: TableLayout): MemoRecord | undefined {
  const end = places.end + MEMO.words + 8 * (words + rangeWords)
  if (!places.isOpen || end > MEMO.lineBytes || places.count === 32) return undefined
  const record = { offset: places.end, bit: 1 << places.count, before: places.before }
  places.end = end
  places.before |= record.bit
  places.count++
  return record
}

/** Behind an extracted header that began at `at`: those of its bytes that tell flows apart go into the hash. */
export function addHeaderToFlow(body: StatementCode, header: HeaderId): void {
  const flow = body.cursor?.flow
  if (flow === undefined) return
  const { f, generator } = body
  for (const { offset, bytes } of flowBytes(generator.program, generator.flowSlots, header)) {
    addToFlow(f, flow, () => {
      f.get(body.cursor!.at)
      f.access(LOADS[bytes], ARENA, offset)
    })
  }
}

const LOADS = { 1: 'i64.load8_u', 2: 'i64.load16_u', 4: 'i64.load32_u', 8: 'i64.load' } as const

/** The header's fields that tell flows apart, in pieces that one load reads. Fields of no whole bytes are left out. */
function flowBytes(
  program: Program,
  slots: ReadonlySet<SlotId>,
  header: HeaderId,
): { readonly offset: number; readonly bytes: 1 | 2 | 4 | 8 }[] {
  const found: { offset: number; bytes: 1 | 2 | 4 | 8 }[] = []
  let bit = 0
  let from = 0
  let end = 0
  const flush = (): void => {
    while (from < end) {
      const bytes = ([8, 4, 2, 1] as const).find((size) => size <= end - from)!
      found.push({ offset: from, bytes })
      from += bytes
    }
  }
  for (const slot of program.headers[header]!.fields) {
    const { kind, width } = program.slots[slot]!
    // Where a varbit's successors are is not known here.
    if (kind === 'varbit') break
    if (slots.has(slot) && bit % 8 === 0 && width % 8 === 0) {
      if (bit >> 3 !== end) {
        flush()
        from = bit >> 3
      }
      end = (bit + width) >> 3
    }
    bit += width
  }
  flush()
  return found
}

/** flow = (rotated flow ^ word) * constant; the word is an i64. */
function addToFlow(f: FunctionBuilder, flow: number, push: () => void): void {
  // V8 makes a load that is an operand on the right twice.
  push()
  f.get(flow)
  f.i64(ROTATION)
  f.op('i64.rotl')
  f.op('i64.xor')
  f.i64(BigInt.asIntN(64, MULTIPLIER))
  f.op('i64.mul')
  f.set(flow)
}

/** At the end of the parser: the line of the packet's flow. `otherwise` runs when it knows nothing. */
export function writeMemoLine(body: StatementCode, otherwise: () => void): void {
  const { f, generator } = body
  const { memoLine: line, flow } = body.cursor!
  if (line === undefined || flow === undefined) return
  body.memo.isOpen = true
  addVariables(body, flow)
  f.get(flow)
  f.get(flow)
  f.i64(32n)
  f.op('i64.shr_u')
  f.op('i64.xor')
  f.i64(BigInt.asIntN(64, MULTIPLIER))
  f.op('i64.mul')
  f.tee(flow)
  f.i64(BigInt(64 - MEMO.setsLog2))
  f.op('i64.shr_u')
  f.op('i32.wrap_i64')
  f.i32(Math.log2(MEMO.lineBytes))
  f.op('i32.shl')
  f.i32(generator.layout.memo)
  f.op('i32.add')
  f.set(line)
  f.block(undefined, (end) => {
    f.block(undefined, (isOther) => {
      f.get(line)
      f.access('i64.load', STATE, MEMO.flow)
      f.get(flow)
      f.op('i64.ne')
      f.brIf(isOther)
      f.get(line)
      f.access('i64.load', STATE, MEMO.version)
      f.i32(0)
      f.access('i64.load', STATE, CELL.tablesVersion)
      f.op('i64.eq')
      f.brIf(end)
    })
    f.get(line)
    f.get(flow)
    f.call(lineFunction(generator.runtime))
    f.tee(line)
    f.access('i32.load', STATE, MEMO.known)
    f.brIf(end)
    otherwise()
  })
}

/** What the parser wrote that is not a header's field, as many variables together as a word holds. */
function addVariables(body: StatementCode, flow: number): void {
  const { f, code, generator } = body
  const { program, plan } = generator
  const parsed = parsedSlots(program)
  let word: SlotId[] = []
  let used = 0
  const flush = (): void => {
    if (word.length === 0) return
    addToFlow(f, flow, () => {
      let shift = 0n
      for (const slot of word) {
        const { width } = program.slots[slot]!
        // The order of its bytes makes no difference.
        if (isRawSlot(code, slot)) f.get(code.locals.get(slot)![0]!)
        else code.push({ op: 'load', width, slot })
        if (width <= 32) f.op('i64.extend_i32_u')
        if (shift > 0n) {
          f.i64(shift)
          f.op('i64.shl')
          f.op('i64.or')
        }
        shift += BigInt(width)
      }
    })
    word = []
    used = 0
  }
  for (const slot of generator.flowSlots) {
    const { width } = program.slots[slot]!
    if (!parsed.has(slot) || !plan.localSlots.has(slot) || width > 64 || width % 8 !== 0) continue
    if (used + width > 64) flush()
    word.push(slot)
    used += width
  }
  flush()
}

/**
 * (first line of the set, hash) → the line of the flow, of the tables' version. The first line is found without a call, so of the packets
 * of a flow that has another one some change the two: flows that are gone do not keep the first lines.
 */
function lineFunction(runtime: Runtime): FunctionRef {
  return runtime.once('memo line', ['i32', 'i64'], ['i32'], (f) => {
    const [first, flow] = [0, 1]
    const line = f.local('i32', 'line')
    const clock = f.local('i32', 'clock')
    f.i32(0)
    f.i32(0)
    f.access('i32.load', STATE, CELL.memoClock)
    f.i32(1)
    f.op('i32.add')
    f.tee(clock)
    f.access('i32.store', STATE, CELL.memoClock)
    const findWay = (found: Label, push: () => void): void => {
      f.get(first)
      f.set(line)
      for (let way = 0; way < MEMO.ways; way++) {
        f.get(line)
        f.access('i64.load', STATE, MEMO.flow)
        push()
        f.op('i64.eq')
        f.brIf(found)
        f.get(line)
        f.i32(WAY_BYTES)
        f.op('i32.add')
        f.set(line)
      }
    }
    f.block(undefined, (found) => {
      findWay(found, () => f.get(flow))
      f.block(undefined, (free) => {
        findWay(free, () => f.i64(0n))
        // No way is free: all but the first are claimed in turn.
        f.get(first)
        f.get(clock)
        f.i32(MEMO.ways - 1)
        f.op('i32.rem_u')
        f.i32(1)
        f.op('i32.add')
        f.i32(WAY_BYTES)
        f.op('i32.mul')
        f.op('i32.add')
        f.set(line)
      })
      f.get(line)
      f.get(flow)
      f.access('i64.store', STATE, MEMO.flow)
      f.get(line)
      f.i32(0)
      f.access('i32.store', STATE, MEMO.known)
    })
    f.get(line)
    f.get(first)
    f.op('i32.ne')
    f.get(clock)
    f.i32(PROMOTED_EVERY - 1)
    f.op('i32.and')
    f.op('i32.eqz')
    f.op('i32.and')
    f.if(undefined, () => {
      exchangeLines(f, first, line)
      f.get(first)
      f.set(line)
    })
    f.get(line)
    f.access('i64.load', STATE, MEMO.version)
    f.i32(0)
    f.access('i64.load', STATE, CELL.tablesVersion)
    f.op('i64.ne')
    f.if(undefined, () => {
      f.get(line)
      f.i32(0)
      f.access('i64.load', STATE, CELL.tablesVersion)
      f.access('i64.store', STATE, MEMO.version)
      f.get(line)
      f.i32(0)
      f.access('i32.store', STATE, MEMO.known)
    })
    f.get(line)
  })
}

function exchangeLines(f: FunctionBuilder, one: number, other: number): void {
  const held = f.local('v128')
  for (let offset = 0; offset < MEMO.lineBytes; offset += 16) {
    f.get(one)
    f.loadVector(STATE, offset)
    f.set(held)
    f.get(one)
    f.get(other)
    f.loadVector(STATE, offset)
    f.storeVector(STATE, offset)
    f.get(other)
    f.get(held)
    f.storeVector(STATE, offset)
  }
}

/** Pushes the entry that the key leads to; the key words, then the range words, are on the stack. `search` takes them from there. */
export function writeRemembered(
  f: FunctionBuilder,
  table: TableLayout,
  line: number,
  { offset, bit, before }: MemoRecord,
  search: () => void,
): void {
  const keys = Array.from({ length: table.words + table.rangeWords }, () => f.temp('i64'))
  for (const key of [...keys].reverse()) f.set(key)
  const at = (k: number): number => offset + MEMO.words + 8 * k
  const pushKnown = (): void => {
    f.get(line)
    f.access('i32.load', STATE, MEMO.known)
  }
  f.block('i32', (end) => {
    f.block(undefined, (isUnknown) => {
      pushKnown()
      f.i32(bit)
      f.op('i32.and')
      f.op('i32.eqz')
      f.brIf(isUnknown)
      keys.forEach((key, k) => {
        f.get(line)
        f.access('i64.load', STATE, at(k))
        f.get(key)
        if (keys.length === 1) return f.op('i64.ne')
        f.op('i64.xor')
        if (k > 0) f.op('i64.or')
      })
      if (keys.length !== 1) {
        f.i64(0n)
        f.op('i64.ne')
      }
      f.brIf(isUnknown)
      f.get(line)
      f.access('i32.load', STATE, offset + MEMO.entry)
      f.br(end)
    })
    const entry = f.temp('i32')
    for (const key of keys) f.get(key)
    search()
    f.set(entry)
    keys.forEach((key, k) => {
      f.get(line)
      f.get(key)
      f.access('i64.store', STATE, at(k))
    })
    f.get(line)
    f.get(entry)
    f.access('i32.store', STATE, offset + MEMO.entry)
    f.get(line)
    pushKnown()
    f.i32(before)
    f.op('i32.and')
    f.i32(bit)
    f.op('i32.or')
    f.access('i32.store', STATE, MEMO.known)
    f.get(entry)
  })
}

/** Fields and variables that keys of tables and inputs of hashes are made of. A checksum's inputs tell no flows apart. */
export function flowSlots(program: Program): ReadonlySet<SlotId> {
  const found = new Set<SlotId>()
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    const one = value as Partial<Expression>
    if (one.op === 'load') found.add(one.slot!)
    else for (const part of Object.values(value)) visit(part)
  }
  const statements = (body: readonly Statement[]): void => {
    for (const statement of body) {
      if (statement.kind === 'hash' && statement.algorithm !== 'csum16') visit(statement.inputs)
      for (const part of Object.values(statement) as unknown[]) {
        if (Array.isArray(part) && typeof part[0] === 'object' && part[0] !== null) {
          if ('kind' in part[0]) statements(part as Statement[])
          else if ('body' in part[0]) for (const one of part as { body: Statement[] }[]) statements(one.body)
        }
      }
    }
  }
  for (const { keys } of program.tables) for (const { expression } of keys) visit(expression)
  for (const { body } of program.procedures) statements(body)
  for (const { body } of program.actions) statements(body)
  return found
}

/** What the parser writes. */
function parsedSlots(program: Program): ReadonlySet<SlotId> {
  const bodies = program.parsers.flatMap(({ states }) => states.map(({ body }) => body))
  return new Set(bodies.flat().flatMap((one) => ('slot' in one ? [one.slot] : [])))
}
