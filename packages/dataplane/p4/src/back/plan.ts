/**
 * Decides what becomes a WebAssembly function of its own. Everything that is used once, or is small, is generated in
 * place inside the function that handles one packet; slots that only this function touches are then its locals. What is
 * shared (a large action of several tables, a table applied in several places) becomes a function, and the slots that it
 * touches live in memory.
 */
import type { Block, Expression, HeaderId, Program, SlotId, Statement } from '../ir/index.ts'
import { mayHaveImage } from './header-image.ts'
import { isOfStack } from './layout.ts'
import { rawSlots } from './raw-slots.ts'

/** `procedure:3`, `action:0`, `apply:7`. */
export type Unit = `${'procedure' | 'action' | 'apply'}:${number}`

export interface Plan {
  isInline(unit: Unit): boolean
  /** Whether running it may execute `exit`. */
  mayExit(unit: Unit): boolean
  /** Units that become functions, callees before callers. */
  readonly functions: readonly Unit[]
  /** Headers that are kept in memory as on the wire. */
  readonly imageHeaders: ReadonlySet<HeaderId>
  /** Slots that live in locals of the packet function. */
  readonly localSlots: ReadonlySet<SlotId>
  /** Of these, one-bit ones that share words with others, in groups that must not be torn apart. */
  readonly flagGroups: readonly (readonly SlotId[])[]
  /** Of these, the ones that are held in network order (`raw-slots.ts`). */
  readonly rawSlots: ReadonlySet<SlotId>
  /** Slots that live in cells in memory. */
  readonly cellSlots: ReadonlySet<SlotId>
  /** How many blocks run before replication; what follows runs once per copy. */
  readonly blocksBeforeReplication: number
  /** Local slots that the blocks after replication mention. */
  readonly copiedSlots: ReadonlySet<SlotId>
}

interface Facts {
  /** Statements and expression nodes, with what is inlined below. */
  size: number
  mayExit: boolean
  /** Contains extract, emit and the like, which need the packet function's cursor. */
  needsCursor: boolean
  readonly slots: Set<SlotId>
  /** Of these, the ones whose value an expression uses. */
  readonly reads: Set<SlotId>
  /** Extracted or emitted. */
  readonly headers: Set<HeaderId>
  readonly callees: Unit[]
}

const SMALL = 40
/** What being used several times may add: a function's slots live in memory, which costs more than some repeated code. */
const COPIED_MAX = 600
/** One function beyond this costs more to compile than calls cost to run. */
const LARGE = 30_000
const LOCAL_WORDS_MAX = 3000

export function planFunctions(program: Program): Plan {
  const facts = new Map<Unit, Facts>()
  const sites = new Map<Unit, number>()
  const order: Unit[] = []

  const visit = (unit: Unit): Facts => {
    sites.set(unit, (sites.get(unit) ?? 0) + 1)
    const known = facts.get(unit)
    if (known !== undefined) return known
    const own = collect(program, unit)
    facts.set(unit, own)
    for (const callee of own.callees) {
      const below = visit(callee)
      own.mayExit ||= below.mayExit
      own.needsCursor ||= below.needsCursor
    }
    order.push(unit)
    return own
  }
  const root = emptyFacts()
  for (const block of program.blocks) collectBlock(program, block, root)
  for (const callee of root.callees) visit(callee)

  const inline = new Set<Unit>()
  for (const unit of order) {
    const own = facts.get(unit)!
    for (const callee of own.callees) if (inline.has(callee)) own.size += facts.get(callee)!.size
    const copies = sites.get(unit)! - 1
    const isCheap = own.size <= SMALL || copies * own.size <= COPIED_MAX
    if ((isCheap && own.size < LARGE) || own.needsCursor) inline.add(unit)
  }

  const functions = order.filter((unit) => !inline.has(unit))
  const shared = new Set<SlotId>()
  const reached = new Set<Unit>()
  const share = (unit: Unit): void => {
    if (reached.has(unit)) return
    reached.add(unit)
    const own = facts.get(unit)!
    for (const slot of own.slots) shared.add(slot)
    for (const callee of own.callees) share(callee)
  }
  for (const unit of functions) share(unit)

  const all = [root, ...facts.values()]
  const used = usedSlots(program, all)
  const imageHeaders = new Set(
    program.headers.flatMap(({ valid, fields }, id) =>
      mayHaveImage(program, id) && (used.has(valid) || fields.some((slot) => used.has(slot))) ? [id] : [],
    ),
  )
  const imageSlots = new Set([...imageHeaders].flatMap((id) => program.headers[id]!.fields))
  const localSlots = new Set<SlotId>()
  const cellSlots = new Set<SlotId>()
  let words = 0
  const split = replicationPoint(program)
  const copied = new Set<SlotId>(
    program.intrinsics['egress.port'] === undefined ? [] : Object.values(program.intrinsics),
  )
  const below = new Set<Unit>()
  const mention = (own: Facts): void => {
    for (const slot of own.slots) copied.add(slot)
    for (const callee of own.callees) {
      if (below.has(callee)) continue
      below.add(callee)
      mention(facts.get(callee)!)
    }
  }
  for (const block of program.blocks.slice(split)) {
    const own = emptyFacts()
    collectBlock(program, block, own)
    mention(own)
  }
  for (const list of program.fieldLists ?? []) for (const slot of list) copied.add(slot)
  for (const header of program.headers) {
    copied.add(header.valid)
    for (const slot of header.fields) copied.add(slot)
  }

  program.slots.forEach((slot, id) => {
    if (slot.kind === 'varbit' || !used.has(id) || imageSlots.has(id)) return
    if (shared.has(id) || words >= LOCAL_WORDS_MAX) {
      cellSlots.add(id)
      return
    }
    words += Math.ceil(slot.width / 64)
    localSlots.add(id)
  })
  return {
    isInline: (unit) => inline.has(unit),
    mayExit: (unit) => facts.get(unit)!.mayExit,
    functions,
    imageHeaders,
    localSlots,
    rawSlots: rawSlots(program, localSlots, imageSlots),
    flagGroups: flagGroups(program, all, localSlots),
    cellSlots,
    blocksBeforeReplication: split,
    copiedSlots: new Set([...localSlots].filter((slot) => copied.has(slot))),
  }
}

/** Slots that anything mentions, or that the target does. */
function usedSlots(program: Program, all: readonly Facts[]): ReadonlySet<SlotId> {
  const used = new Set<SlotId>(Object.values(program.intrinsics))
  for (const { slots, headers } of all) {
    for (const slot of slots) used.add(slot)
    for (const header of headers) {
      used.add(program.headers[header]!.valid)
      for (const slot of program.headers[header]!.fields) used.add(slot)
    }
  }
  for (const list of program.fieldLists ?? []) for (const slot of list) used.add(slot)
  program.slots.forEach(({ name }, id) => {
    if (name.endsWith('.nextIndex')) used.add(id)
  })
  return used
}

/**
 * One-bit slots whose value matters, the validity of a stack's elements together: a merge of control flow then moves a few
 * words instead of all of them, and several are tested at once.
 */
function flagGroups(program: Program, all: readonly Facts[], localSlots: ReadonlySet<SlotId>): SlotId[][] {
  const wanted = new Set<SlotId>(Object.values(program.intrinsics))
  for (const { reads } of all) for (const slot of reads) wanted.add(slot)
  for (const { valid } of program.headers) wanted.add(valid)
  const singles: SlotId[][] = []
  const stacks = new Map<string, SlotId[]>()
  program.slots.forEach(({ name, width }, slot) => {
    if (width !== 1 || !localSlots.has(slot) || !wanted.has(slot)) return
    if (!isOfStack(name)) {
      singles.push([slot])
      return
    }
    const stack = name.replace(/\[\d+\].*$/, '')
    const group = stacks.get(stack) ?? []
    group.push(slot)
    stacks.set(stack, group)
  })
  return [...singles, ...stacks.values()]
}

/** Ingress decides about replication. A program without a block of that name replicates what the deparser leaves. */
export function replicationPoint(program: Program): number {
  const decision = program.blocks.findIndex((block) => block.name === 'decision')
  if (decision >= 0) return decision + 1
  const ingress = program.blocks.findIndex((block) => block.name === 'ingress')
  return ingress < 0 ? program.blocks.length : ingress + 1
}

/** Whether a target acts between and after the program's blocks, as in v1model and psa. */
export function hasTarget(program: Program): boolean {
  return program.intrinsics['target.special'] !== undefined
}

function emptyFacts(): Facts {
  return {
    size: 0,
    mayExit: false,
    needsCursor: false,
    slots: new Set(),
    reads: new Set(),
    headers: new Set(),
    callees: [],
  }
}

function collectBlock(program: Program, block: Block, facts: Facts): void {
  if (block.kind === 'control') {
    facts.callees.push(`procedure:${block.procedure}`)
    return
  }
  for (const state of program.parsers[block.parser]!.states) {
    collectStatements(state.body, facts)
    for (const key of state.select.keys) collectExpression(key, facts)
  }
}

function collect(program: Program, unit: Unit): Facts {
  const facts = emptyFacts()
  const [kind, number] = unit.split(':') as ['procedure' | 'action' | 'apply', string]
  const id = Number(number)
  if (kind === 'procedure') {
    collectStatements(program.procedures[id]!.body, facts)
  } else if (kind === 'action') {
    const action = program.actions[id]!
    for (const parameter of action.parameters) facts.slots.add(parameter.slot)
    collectStatements(action.body, facts)
  } else {
    const table = program.tables[id]!
    facts.size += 30
    facts.slots.add(table.hitSlot)
    facts.slots.add(table.actionSlot)
    if (table.selectorSlot !== undefined) facts.slots.add(table.selectorSlot)
    for (const key of table.keys) collectExpression(key.expression, facts)
    for (const reference of table.actions) {
      collectStatements(reference.before, facts)
      collectStatements(reference.after, facts)
      facts.callees.push(`action:${reference.action}`)
    }
  }
  return facts
}

/**
 * Statements and expressions are plain data, so one walk over all properties finds what they mention; the few that
 * matter are told apart by `kind`, and slots by the property that holds them.
 */
function collectStatements(statements: readonly Statement[], facts: Facts): void {
  for (const statement of statements) {
    facts.size++
    switch (statement.kind) {
      case 'call':
        facts.callees.push(`procedure:${statement.procedure}`)
        break
      case 'apply':
        facts.callees.push(`apply:${statement.table}`)
        break
      case 'exit':
        facts.mayExit = true
        break
      case 'extract':
      case 'emit':
        facts.headers.add(statement.header)
        facts.needsCursor = true
        break
      case 'advance':
      case 'lookahead':
      case 'verify':
        facts.needsCursor = true
        break
      case 'hash':
        facts.needsCursor ||= statement.payload
        break
      case 'if':
        collectStatements(statement.then, facts)
        collectStatements(statement.else, facts)
        break
      case 'switch':
        for (const one of statement.cases) collectStatements(one.body, facts)
        collectStatements(statement.default, facts)
        break
      case 'loop':
        // Its bound ends the packet function.
        facts.needsCursor = true
        collectStatements(statement.body, facts)
        break
    }
    for (const [name, value] of Object.entries(statement)) {
      if ((name === 'slot' || name === 'from') && typeof value === 'number') facts.slots.add(value)
      else if (name === 'outputs') for (const slot of value as readonly SlotId[]) facts.slots.add(slot)
      else if (name === 'values' || name === 'inputs') {
        for (const expression of value as readonly Expression[]) collectExpression(expression, facts)
      } else if (typeof value === 'object' && value !== null && 'op' in value) {
        collectExpression(value as Expression, facts)
      }
    }
  }
}

function collectExpression(expression: Expression, facts: Facts): void {
  facts.size++
  if (expression.op === 'load') {
    facts.slots.add(expression.slot)
    facts.reads.add(expression.slot)
  }
  for (const value of Object.values(expression) as unknown[]) {
    if (typeof value === 'object' && value !== null) collectExpression(value as Expression, facts)
  }
}
