/** Applying a table: key, lookup, counters, parameters, action. */
import type { HeaderId, SlotId } from '../ir/index.ts'
import { STATE } from './value-class.ts'
import { loadSlot, writeCount } from './extern-code.ts'
import { pushCondition } from './condition-code.ts'
import type { ExpressionCode } from './expression-code.ts'
import { storeRawWord, storeSlot } from './slot-code.ts'
import { type Word, pushRawWord, pushWord } from './word-code.ts'
import { CELL, ENTRY, GROUP, type ParameterLayout, SELECTION, TABLE_HEADER, wordsOf } from './layout.ts'
import { pushDirect, writeTouch } from './lookup-code.ts'
import { takeRecord, writeRemembered } from './flow-memo.ts'
import { pushRaw } from './raw-code.ts'
import type { Flow, StatementCode } from './statement-code.ts'

/** Tables of one header that are touched. */
const TOUCHED_MAX = 2

/** Looks up, counts, sets the result slots and runs the action. */
export function writeApply(body: StatementCode, index: number, flow: Flow): void {
  const { f, code, generator } = body
  const table = generator.program.tables[index]!
  const layout = generator.layout.tables[index]!
  const entry = f.temp('i32')
  const hit = f.temp('i32')
  f.scope(() => {
    if (layout.shape === 'always') {
      f.i32(0)
    } else if (layout.direct !== undefined) {
      pushDirect(f, layout.direct.address, () => pushKeys(body, index))
    } else {
      pushKeys(body, index)
      const search = (): void => f.call(generator.lookups[index]!)
      const line = generator.trace.isOn ? undefined : body.cursor?.memoLine
      const record = line === undefined ? undefined : takeRecord(body.memo, layout)
      if (line === undefined || record === undefined) search()
      else writeRemembered(f, layout, line, record, search)
    }
    f.tee(entry)
    f.i32(0)
    f.op('i32.ne')
    f.set(hit)
    f.get(hit)
    f.if(
      undefined,
      () => {
        bump(body, layout.header + TABLE_HEADER.hits)
        writeCount(f, entry, ENTRY.packets, () => body.pushCounted())
      },
      () => {
        bump(body, layout.header + TABLE_HEADER.misses)
        f.i32(layout.defaultEntry)
        f.set(entry)
      },
    )
  })
  const store = (slot: SlotId, push: () => void): void => {
    storeSlot(code, slot, () => {
      push()
      if (generator.program.slots[slot]!.width > 32) f.op('i64.extend_i32_u')
    })
  }
  const action = f.temp('i32')
  const record = layout.selectionOffset === undefined ? entry : writeSelection(body, index, entry, hit)
  f.scope(() => generator.trace.apply(code, index, { entry, record, hit }, ENTRY.sequence))
  f.get(record)
  f.access('i32.load', STATE, ENTRY.action)
  f.set(action)
  store(table.hitSlot, () => f.get(hit))
  store(table.actionSlot, () => f.get(action))
  if (layout.directCounterOffset !== undefined || table.directMeter !== undefined) {
    f.i32(0)
    f.get(entry)
    f.access('i32.store', STATE, CELL.currentEntry)
  }
  const bodies = table.actions.map((reference, k) => () => {
    const parameters = generator.program.actions[reference.action]!.parameters
    parameters.forEach(({ slot, width }, p) => {
      loadParameter(code, slot, width, record, layout.parameters[k]![p]!)
    })
    const { tail: _, ...inside } = flow
    body.statements(reference.before, inside)
    body.unit(`action:${reference.action}`, reference.after.length === 0 ? flow : inside)
    if (reference.after.length > 0) body.statements(reference.after, flow)
  })
  if (bodies.length === 0) return
  if (bodies.length === 1) return bodies[0]!()
  if (bodies.length === 2) {
    f.get(action)
    return f.if(undefined, bodies[1]!, bodies[0]!)
  }
  const last = bodies.length - 1
  body.dispatch(
    () => f.get(action),
    bodies.slice(0, last).map((_, k) => k),
    bodies.slice(0, last),
    bodies[last]!,
  )
}

function loadParameter(
  code: ExpressionCode,
  slot: SlotId,
  width: number,
  record: number,
  layout: ParameterLayout,
): void {
  const { offset, isSwapped } = layout
  if (!isSwapped) return loadSlot(code, slot, width, record, offset)
  for (let k = 0; k < wordsOf(width); k++) {
    storeRawWord(code, slot, k, () => {
      code.f.get(record)
      code.f.access(width <= 32 ? 'i32.load' : 'i64.load', STATE, offset + 8 * k)
    })
  }
}

/** A local with the address of what has the action: the entry, or the member that the selector chooses of its group. */
function writeSelection(body: StatementCode, index: number, entry: number, hit: number): number {
  const { f, code, generator } = body
  const { selectorSlot } = generator.program.tables[index]!
  const { selectionOffset, defaultEntry, emptyGroupEntry = defaultEntry } = generator.layout.tables[index]!
  const record = f.temp('i32')
  const group = f.temp('i32')
  f.get(entry)
  f.set(record)
  f.get(hit)
  f.if(undefined, () => {
    f.get(entry)
    f.access('i32.load', STATE, selectionOffset! + SELECTION.group)
    f.tee(group)
    f.if(undefined, () => {
      f.get(group)
      f.access('i32.load', STATE, GROUP.count)
      f.if(
        undefined,
        () => {
          f.get(group)
          f.access('i32.load', STATE, GROUP.list)
          if (selectorSlot === undefined) f.i32(0)
          else code.push({ op: 'load', width: 32, slot: selectorSlot })
          f.get(group)
          f.access('i32.load', STATE, GROUP.count)
          f.op('i32.rem_u')
          f.i32(2)
          f.op('i32.shl')
          f.op('i32.add')
          f.access('i32.load', STATE, 0)
          f.set(record)
        },
        () => {
          f.i32(emptyGroupEntry)
          f.set(record)
        },
      )
    })
  })
  return record
}

/** table.hits or table.misses += 1. */
function bump(body: StatementCode, address: number): void {
  const { f } = body
  f.i32(0)
  f.i32(0)
  f.access('i64.load', STATE, address)
  body.pushOne()
  f.op('i64.extend_i32_u')
  f.op('i64.add')
  f.access('i64.store', STATE, address)
}

/**
 * Once a packet is parsed: touches the tables that are looked up by fields of one of its headers and nothing else. Which of them
 * will be applied is not known yet.
 */
export function touchTables(body: StatementCode): void {
  const { f, code, generator } = body
  const { program, layout } = generator
  const touched = new Map<HeaderId, number>()
  program.tables.forEach((table, index) => {
    const place = layout.tables[index]!
    if (place.shape !== 'exact' && place.shape !== 'chained') return
    const hashed = table.keys.filter(({ match }) => match === 'exact')
    const header = program.headers.findIndex(({ fields }) =>
      hashed.every(({ expression: e }) => e.op === 'load' && fields.includes(e.slot)),
    )
    if (hashed.length === 0 || layout.images.addresses[header] === undefined) return
    const count = touched.get(header) ?? 0
    if (count === TOUCHED_MAX) return
    touched.set(header, count + 1)
    pushCondition(code, { op: 'load', width: 1, slot: program.headers[header]!.valid })
    f.if(undefined, () => {
      f.scope(() => {
        const wide = wideKeys(body, index)
        const words = Array.from({ length: place.words }, (_, word) => {
          pushKeyWord(body, index, wide, { isRange: false, word })
          return f.stash('i64')
        })
        writeTouch(f, place, words)
      })
    })
  })
}

/** Pushes the packed key words, then the range words, each as i64. */
function pushKeys(body: StatementCode, index: number): void {
  const { words, rangeWords } = body.generator.layout.tables[index]!
  const wide = wideKeys(body, index)
  for (let word = 0; word < words; word++) pushKeyWord(body, index, wide, { isRange: false, word })
  for (let word = 0; word < rangeWords; word++) pushKeyWord(body, index, wide, { isRange: true, word })
}

/** By key, the words of those over 64 bits. */
function wideKeys({ code, generator }: StatementCode, index: number): readonly (readonly Word[] | undefined)[] {
  return generator.program.tables[index]!.keys.map(({ expression }) =>
    expression.width > 64 ? code.words(expression) : undefined,
  )
}

function pushKeyWord(
  body: StatementCode,
  index: number,
  wide: readonly (readonly Word[] | undefined)[],
  { isRange, word }: { readonly isRange: boolean; readonly word: number },
): void {
  const { f, code, generator } = body
  const table = generator.program.tables[index]!
  let isFirst = true
  generator.layout.tables[index]!.keys.forEach((key, k) => {
    if (key.match === 'selector' || (key.match === 'range') !== isRange) return
    const words = wide[k]
    if (words !== undefined) {
      const one = words[word - key.word]
      if (one !== undefined && key.isSwapped) pushRawWord(code, one)
      else if (one !== undefined) pushWord(code, one)
      return
    }
    if (key.word !== word) return
    const { expression } = table.keys[k]!
    if (!key.isSwapped) code.push64(expression)
    else {
      pushRaw(code, expression)
      if (key.width <= 32) f.op('i64.extend_i32_u')
    }
    if (key.shift > 0) {
      f.i64(BigInt(key.shift))
      f.op('i64.shl')
    }
    if (!isFirst) f.op('i64.or')
    isFirst = false
  })
}
