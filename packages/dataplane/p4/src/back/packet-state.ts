/** What a packet is apart from its frame: slots, cleared for a fresh packet, saved between two runs of generated code, put back. */
import { storeSlot, storeSlotWord } from './slot-code.ts'
import { pushWord } from './word-code.ts'
import type { FunctionBuilder } from '../wasm/index.ts'
import type { Generator } from './generator.ts'
import { CELL, wordsOf } from './layout.ts'
import type { StatementCode } from './statement-code.ts'
import { classOf, STATE } from './value-class.ts'

const FILL_BYTES_MIN = 1024

/** All slots in memory to 0; those of header stacks if any was written since. */
export function clearSlots({ program, layout }: Generator, f: FunctionBuilder): void {
  clear(f, layout.slotsStart, layout.stacksStart)
  if (layout.varbitsStart > layout.stacksStart) {
    f.i32(0)
    f.access('i32.load', STATE, CELL.areStacksDirty)
    f.if(undefined, () => {
      clear(f, layout.stacksStart, layout.varbitsStart)
      f.i32(0)
      f.i32(0)
      f.access('i32.store', STATE, CELL.areStacksDirty)
    })
  }
  program.slots.forEach((slot, id) => {
    if (slot.kind !== 'varbit') return
    f.i32(0)
    f.i32(0)
    f.access('i32.store', STATE, layout.slotAddresses[id]!)
  })
}

/** A fill is a call out of the generated code, which only many words are worth. */
function clear(f: FunctionBuilder, from: number, to: number): void {
  if (to - from > FILL_BYTES_MIN) {
    f.i32(from)
    f.i32(0)
    f.i32(to - from)
    f.memoryFill(STATE)
    return
  }
  f.scope(() => {
    f.i64(0n)
    f.splat64()
    const zero = f.temp('v128')
    f.set(zero)
    for (let at = from; at < to; at += 16) {
      f.i32(0)
      f.get(zero)
      f.storeVector(STATE, at)
    }
  })
}

/** Saves everything that `copy` needs. */
export function saveState(body: StatementCode): void {
  const { f, code } = body
  const { layout, program } = body.generator
  const { at, start } = body.cursor!
  f.i32(0)
  f.get(at)
  f.get(start)
  f.op('i32.sub')
  f.access('i32.store', STATE, CELL.replicaConsumed)
  if (layout.slotsEnd > layout.slotsStart) {
    f.i32(layout.replicaSlots)
    f.i32(layout.slotsStart)
    f.i32(layout.slotsEnd - layout.slotsStart)
    f.memoryCopy(STATE, STATE)
  }
  for (const [slot, address] of layout.replicaCells) {
    const { width } = program.slots[slot]!
    const load = { op: 'load', width, slot } as const
    if (width <= 64) {
      f.i32(0)
      code.push(load)
      f.access(`${classOf(width)}.store`, STATE, address)
      continue
    }
    code.words(load).forEach((word, k) => {
      f.i32(0)
      pushWord(code, word)
      f.access('i64.store', STATE, address + 8 * k)
    })
  }
}

/** Puts back what `saveState` saved. */
export function restoreState(body: StatementCode): void {
  const { f, code } = body
  const { layout, program } = body.generator
  const { at, start } = body.cursor!
  f.i32(0)
  f.access('i32.load', STATE, CELL.replicaConsumed)
  f.get(start)
  f.op('i32.add')
  f.set(at)
  if (layout.slotsEnd > layout.slotsStart) {
    f.i32(layout.slotsStart)
    f.i32(layout.replicaSlots)
    f.i32(layout.slotsEnd - layout.slotsStart)
    f.memoryCopy(STATE, STATE)
    f.i32(0)
    f.i32(1)
    f.access('i32.store', STATE, CELL.areStacksDirty)
  }
  for (const [slot, address] of layout.replicaCells) {
    const { width } = program.slots[slot]!
    const load = (type: 'i32' | 'i64', offset: number) => () => {
      f.i32(0)
      f.access(`${type}.load`, STATE, address + offset)
    }
    if (width <= 64) storeSlot(code, slot, load(classOf(width), 0))
    else for (let k = 0; k < wordsOf(width); k++) storeSlotWord(code, slot, k, load('i64', 8 * k))
  }
}
