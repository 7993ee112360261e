/**
 * Table lookup, one function per table and shape: (packed key words…, range words…) → address of the entry, or 0.
 *
 * All shapes share one extendible hash over (tuple, masked key words): the upper bits of a tag choose a segment through a
 * directory, the lower bits a bucket in it, from which probing is linear. A table grows by one segment at a time.
 * An exact table has one tuple without mask; one with ranges besides, too, and each of its keys leads to a chain. A direct
 * table is an array. A longest-prefix table has one tuple per prefix length in use; a guide over
 * the key's first bits tells which lengths are worth trying, longest first, and the first hit wins. A general table
 * (ternary, range, optional) has one tuple per combination of masks in use, in descending order of its best entry's
 * priority, and stops when no later tuple can win; entries with the same masked key are chained in descending priority,
 * and ranges are checked along the chain.
 */
import type { FunctionBuilder, FunctionRef, ModuleBuilder, ValueType } from '../wasm/index.ts'
import { STATE } from './value-class.ts'
import {
  ENTRY,
  type GuideLayout,
  type Layout,
  SEGMENT_BUCKETS,
  TABLE_HEADER,
  type TableLayout,
  TUPLE,
} from './layout.ts'

const MULTIPLIER = 0x9e3779b97f4a7c15n
/**
 * Steps along a chain that are taken without a branch: which of its ranges holds cannot be predicted, and a misprediction
 * costs more than looking at one entry twice.
 */
const CHAIN_STEPS = 2
/** Directories that are indexed by more of a tag belong to tables too large for the first-level cache: 16 segments. */
const TOUCH_SHIFT_MAX = 29
/** Of byte offsets in a segment. */
const BUCKET_MASK = 8 * (SEGMENT_BUCKETS - 1)

/** Declares and writes the lookup function. */
export function writeLookup(module: ModuleBuilder, table: TableLayout): FunctionRef {
  const parameters: ValueType[] = Array.from({ length: table.words + table.rangeWords }, () => 'i64')
  const f = module.function(`lookup ${table.name}`, { parameters, results: ['i32'] })
  const words = Array.from({ length: table.words }, (_, k) => k)
  if (table.direct !== undefined) {
    pushDirect(f, table.direct.address, () => f.get(0))
  } else if (table.shape === 'exact') writeExact(f, table, words)
  else if (table.shape === 'chained') writeChained(f, table, words)
  else if (table.guide !== undefined) writePrefixes(f, table, table.guide, words)
  else writeTuples(f, table, words)
  return f
}

/** A function without parameters that hashes the key at `layout.hashKey`: seed u32, then from 8 on the key words. */
export function writeHash(module: ModuleBuilder, layout: Layout, table: TableLayout, index: number): void {
  const f = module.function(`hash ${table.name}`, { parameters: [], results: ['i32'] })
  module.export(`hash${index}`, f)
  const words = Array.from({ length: table.words }, (_, k) => {
    const local = f.local('i64')
    f.i32(0)
    f.access('i64.load', STATE, layout.hashKey + 8 + 8 * k)
    f.set(local)
    return local
  })
  const seed = f.local('i32')
  f.i32(0)
  f.access('i32.load', STATE, layout.hashKey)
  f.set(seed)
  pushTag(f, words, table.shape === 'exact' || table.shape === 'chained' ? undefined : seed)
}

/**
 * Pushes the odd 32-bit tag of a key; bits 1 and up select the bucket. Each word is multiplied by a power of a constant, so that
 * none waits for another. Products carry differences upward only, so the sum's upper half is folded in before the last one.
 */
function pushTag(f: FunctionBuilder, words: readonly number[], seed: number | undefined): void {
  f.scope(() => {
    const sum = f.temp('i64')
    words.forEach((word, k) => {
      f.get(word)
      if (k === 0) return
      f.i64(BigInt.asIntN(64, MULTIPLIER ** BigInt(k)))
      f.op('i64.mul')
      f.op('i64.add')
    })
    if (words.length === 0) f.i64(0n)
    if (seed !== undefined) {
      f.get(seed)
      f.op('i64.extend_i32_u')
      f.op('i64.add')
    }
    f.tee(sum)
    f.get(sum)
    f.i64(32n)
    f.op('i64.shr_u')
    f.op('i64.xor')
    f.i64(MULTIPLIER)
    f.op('i64.mul')
    f.i64(32n)
    f.op('i64.shr_u')
    f.op('i32.wrap_i64')
    f.i32(1)
    f.op('i32.or')
  })
}

interface Probe {
  readonly tag: number
  readonly directory: number
  readonly shift: number
  readonly segment: number
  readonly offset: number
  readonly entry: number
}

function probeLocals(f: FunctionBuilder, table: TableLayout): Probe {
  const probe = {
    tag: f.local('i32', 'tag'),
    directory: f.local('i32', 'directory'),
    shift: f.local('i32', 'shift'),
    segment: f.local('i32', 'segment'),
    offset: f.local('i32', 'offset'),
    entry: f.local('i32', 'entry'),
  }
  f.i32(0)
  f.access('i32.load', STATE, table.header + TABLE_HEADER.directory)
  f.set(probe.directory)
  f.i32(0)
  f.access('i32.load', STATE, table.header + TABLE_HEADER.directoryShift)
  f.set(probe.shift)
  return probe
}

/** Finds the key whose tag is in `probe.tag`; `found` runs with the entry in `probe.entry`, after the loop on a miss. */
function writeProbe(
  f: FunctionBuilder,
  table: TableLayout,
  probe: Probe,
  words: readonly number[],
  tuple: number | undefined,
  found: () => void,
): void {
  f.get(probe.directory)
  f.get(probe.tag)
  f.get(probe.shift)
  f.op('i32.shr_u')
  f.i32(2)
  f.op('i32.shl')
  f.op('i32.add')
  f.access('i32.load', STATE, 0)
  f.set(probe.segment)
  f.get(probe.tag)
  f.i32(2)
  f.op('i32.shl')
  f.i32(BUCKET_MASK)
  f.op('i32.and')
  f.set(probe.offset)
  f.block(undefined, (miss) => {
    f.loop((again) => {
      f.scope(() => {
        const bucket = f.temp('i32')
        const seen = f.temp('i32')
        f.get(probe.segment)
        f.get(probe.offset)
        f.op('i32.add')
        f.tee(bucket)
        f.access('i32.load', STATE, 0)
        f.tee(seen)
        f.get(probe.tag)
        f.op('i32.eq')
        f.if(undefined, () => {
          f.get(bucket)
          f.access('i32.load', STATE, 4)
          f.set(probe.entry)
          pushIsSame(f, table, probe.entry, words, tuple)
          f.if(undefined, found)
        })
        f.get(seen)
        f.op('i32.eqz')
        f.brIf(miss)
        f.get(probe.offset)
        f.i32(8)
        f.op('i32.add')
        f.i32(BUCKET_MASK)
        f.op('i32.and')
        f.set(probe.offset)
        f.br(again)
      })
    })
  })
}

/**
 * Reads what a lookup of this key would read first, if the table is large: the bucket, and the entry that it names. An engine keeps
 * a load whose result nobody wants, because it could trap, so the lines are on their way while other work is done.
 */
export function writeTouch(f: FunctionBuilder, table: TableLayout, words: readonly number[]): void {
  const shift = f.temp('i32')
  const tag = f.temp('i32')
  const entry = f.temp('i32')
  f.i32(0)
  f.access('i32.load', STATE, table.header + TABLE_HEADER.directoryShift)
  f.tee(shift)
  f.i32(TOUCH_SHIFT_MAX)
  f.op('i32.lt_u')
  f.if(undefined, () => {
    pushTag(f, words, undefined)
    f.set(tag)
    f.i32(0)
    f.access('i32.load', STATE, table.header + TABLE_HEADER.directory)
    f.get(tag)
    f.get(shift)
    f.op('i32.shr_u')
    f.i32(2)
    f.op('i32.shl')
    f.op('i32.add')
    f.access('i32.load', STATE, 0)
    f.get(tag)
    f.i32(2)
    f.op('i32.shl')
    f.i32(BUCKET_MASK)
    f.op('i32.and')
    f.op('i32.add')
    f.access('i32.load', STATE, 4)
    f.set(entry)
    for (let line = 0; line < table.entryBytes; line += 64) {
      f.get(entry)
      f.access('i32.load', STATE, line)
      f.op('drop')
    }
  })
}

/** Pushes whether an entry has these key words, in this tuple. */
function pushIsSame(
  f: FunctionBuilder,
  table: TableLayout,
  entry: number,
  words: readonly number[],
  tuple: number | undefined,
): void {
  words.forEach((word, k) => {
    f.get(entry)
    f.access('i64.load', STATE, table.keyOffset + 8 * k)
    f.get(word)
    if (words.length === 1) return f.op('i64.eq')
    f.op('i64.xor')
    if (k > 0) f.op('i64.or')
  })
  if (words.length > 1) f.op('i64.eqz')
  if (words.length === 0 && tuple === undefined) f.i32(1)
  if (tuple === undefined) return
  f.get(entry)
  f.access('i32.load', STATE, ENTRY.tuple)
  f.get(tuple)
  f.op('i32.eq')
  if (words.length > 0) f.op('i32.and')
}

function writeExact(f: FunctionBuilder, table: TableLayout, words: readonly number[]): void {
  const probe = probeLocals(f, table)
  pushTag(f, words, undefined)
  f.set(probe.tag)
  writeProbe(f, table, probe, words, undefined, () => {
    f.get(probe.entry)
    f.return()
  })
  f.i32(0)
}

/** Lengths from the longest, those only that the guide names for the key's first bits. */
function writePrefixes(f: FunctionBuilder, table: TableLayout, guide: GuideLayout, words: readonly number[]): void {
  const probe = probeLocals(f, table)
  const classes = f.local('i64', 'classes')
  const tuple = f.local('i32', 'tuple')
  const end = f.local('i32', 'tupleEnd')
  const id = f.local('i32', 'tupleId')
  const masked = words.map(() => f.local('i64'))
  f.i32(0)
  f.access('i64.load', STATE, table.header + TABLE_HEADER.always)
  f.tee(classes)
  if (guide.bits > 0) {
    // There is no guide as long as it would not pay; then all classes are to be tried.
    f.i64(-1n)
    f.op('i64.ne')
    f.if(
      'i64',
      () => {
        f.i32(0)
        f.access('i32.load', STATE, table.header + TABLE_HEADER.guide)
        f.get(guide.word)
        f.i64(BigInt(guide.shift))
        f.op('i64.shr_u')
        f.op('i32.wrap_i64')
        if (guide.isSwapped) pushSwappedIndex(f)
        else {
          f.i32(2 ** guide.bits - 1)
          f.op('i32.and')
          f.i32(3)
          f.op('i32.shl')
        }
        f.op('i32.add')
        f.access('i64.load', STATE, 0)
        f.get(classes)
        f.op('i64.or')
      },
      () => f.get(classes),
    )
  }
  f.set(classes)
  f.block(undefined, (done) => {
    f.loop((again) => {
      f.get(classes)
      f.op('i64.eqz')
      f.brIf(done)
      f.get(classes)
      f.op('i64.ctz')
      f.op('i32.wrap_i64')
      f.i32(2)
      f.op('i32.shl')
      f.tee(id)
      f.access('i32.load', STATE, guide.classes)
      f.set(tuple)
      f.get(id)
      f.access('i32.load', STATE, guide.classes + 4)
      f.set(end)
      f.get(classes)
      f.get(classes)
      f.i64(1n)
      f.op('i64.sub')
      f.op('i64.and')
      f.set(classes)
      f.loop((nextTuple) => {
        f.get(tuple)
        f.get(end)
        f.op('i32.ge_u')
        f.brIf(again)
        writeMaskedTag(f, table, probe.tag, words, tuple, id, masked)
        writeProbe(f, table, probe, masked, id, () => {
          f.get(probe.entry)
          f.return()
        })
        f.get(tuple)
        f.i32(table.tupleBytes)
        f.op('i32.add')
        f.set(tuple)
        f.br(nextTuple)
      })
    })
  })
  f.i32(0)
}

/** The low 16 bits of an i32 in network order, times 8. */
function pushSwappedIndex(f: FunctionBuilder): void {
  const first = f.local('i32')
  f.tee(first)
  f.i32(0xff)
  f.op('i32.and')
  f.i32(11)
  f.op('i32.shl')
  f.get(first)
  f.i32(5)
  f.op('i32.shr_u')
  f.i32(0x7f8)
  f.op('i32.and')
  f.op('i32.or')
}

/** Reads a tuple's id, masks the key with its masks and hashes what is left. */
function writeMaskedTag(
  f: FunctionBuilder,
  table: TableLayout,
  tag: number,
  words: readonly number[],
  tuple: number,
  id: number,
  masked: readonly number[],
): void {
  f.get(tuple)
  f.access('i32.load', STATE, TUPLE.id)
  f.set(id)
  masked.forEach((local, k) => {
    f.get(words[k]!)
    f.get(tuple)
    f.access('i64.load', STATE, TUPLE.masks + 8 * k)
    f.op('i64.and')
    f.set(local)
  })
  pushTag(f, masked, id)
  f.set(tag)
}

/** Pushes the entry of a key of a direct table; `push` leaves the key as i64. Short enough to stand in place of a call. */
export function pushDirect(f: FunctionBuilder, address: number, push: () => void): void {
  push()
  f.op('i32.wrap_i64')
  f.i32(2)
  f.op('i32.shl')
  f.access('i32.load', STATE, address)
}

function writeChained(f: FunctionBuilder, table: TableLayout, words: readonly number[]): void {
  const probe = probeLocals(f, table)
  pushTag(f, words, undefined)
  f.set(probe.tag)
  writeProbe(f, table, probe, words, undefined, () => {
    // At the end of the chain the address becomes 0; what is read there may hold or not, the search has failed either way.
    for (let step = 0; step < CHAIN_STEPS; step++) {
      f.get(probe.entry)
      f.get(probe.entry)
      f.access('i32.load', STATE, ENTRY.next)
      pushInRanges(f, table, probe.entry, words.length)
      f.op('select')
      f.set(probe.entry)
    }
    f.block(undefined, (miss) => {
      f.loop((again) => {
        f.block(undefined, (differs) => {
          pushInRanges(f, table, probe.entry, words.length)
          f.op('i32.eqz')
          f.brIf(differs)
          f.get(probe.entry)
          f.return()
        })
        f.get(probe.entry)
        f.access('i32.load', STATE, ENTRY.next)
        f.tee(probe.entry)
        f.op('i32.eqz')
        f.brIf(miss)
        f.br(again)
      })
    })
    f.i32(0)
    f.return()
  })
  f.i32(0)
}

/** Pushes whether the entry's ranges hold. */
function pushInRanges(f: FunctionBuilder, table: TableLayout, entry: number, firstRange: number): void {
  const keys = table.keys.filter((key) => key.match === 'range')
  keys.forEach((key, k) => {
    pushInRange(f, table, entry, firstRange, key.word, Math.ceil(key.width / 64))
    if (k > 0) f.op('i32.and')
  })
}

function writeTuples(f: FunctionBuilder, table: TableLayout, words: readonly number[]): void {
  const probe = probeLocals(f, table)
  const tuple = f.local('i32', 'tuple')
  const end = f.local('i32', 'tupleEnd')
  const id = f.local('i32', 'tupleId')
  const best = f.local('i32', 'best')
  const masked = words.map(() => f.local('i64'))
  f.i32(0)
  f.access('i32.load', STATE, table.header + TABLE_HEADER.tuples)
  f.tee(tuple)
  f.i32(0)
  f.access('i32.load', STATE, table.header + TABLE_HEADER.tupleCount)
  f.i32(table.tupleBytes)
  f.op('i32.mul')
  f.op('i32.add')
  f.set(end)
  f.block(undefined, (done) => {
    f.get(tuple)
    f.get(end)
    f.op('i32.ge_u')
    f.brIf(done)
    f.loop((again) => {
      writeMaskedTag(f, table, probe.tag, words, tuple, id, masked)
      f.block(undefined, (next) => {
        writeProbe(f, table, probe, masked, id, () => {
          writeChain(f, table, probe.entry, best, words.length)
          f.br(next)
        })
      })
      f.get(tuple)
      f.i32(table.tupleBytes)
      f.op('i32.add')
      f.tee(tuple)
      f.get(end)
      f.op('i32.ge_u')
      f.brIf(done)
      f.get(best)
      f.op('i32.eqz')
      f.brIf(again)
      // An entry of equal rank may still be older, so only a lower rank ends the search.
      f.get(best)
      f.access('i32.load', STATE, ENTRY.rank)
      f.get(tuple)
      f.access('i32.load', STATE, TUPLE.rank)
      f.op('i32.le_s')
      f.brIf(again)
    })
  })
  f.get(best)
}

/** The first entry of the chain whose ranges hold becomes `best` if it beats what is there. */
function writeChain(f: FunctionBuilder, table: TableLayout, entry: number, best: number, firstRange: number): void {
  f.block(undefined, (done) => {
    f.loop((again) => {
      f.block(undefined, (differs) => {
        if (table.rangeWords > 0) {
          pushInRanges(f, table, entry, firstRange)
          f.op('i32.eqz')
          f.brIf(differs)
        }
        f.get(best)
        f.if(undefined, () => {
          // Keep `best` when its rank is higher, or equal and it is older.
          f.get(best)
          f.access('i32.load', STATE, ENTRY.rank)
          f.get(entry)
          f.access('i32.load', STATE, ENTRY.rank)
          f.op('i32.gt_s')
          f.brIf(done)
          f.get(best)
          f.access('i32.load', STATE, ENTRY.rank)
          f.get(entry)
          f.access('i32.load', STATE, ENTRY.rank)
          f.op('i32.eq')
          f.get(best)
          f.access('i32.load', STATE, ENTRY.sequence)
          f.get(entry)
          f.access('i32.load', STATE, ENTRY.sequence)
          f.op('i32.lt_u')
          f.op('i32.and')
          f.brIf(done)
        })
        f.get(entry)
        f.set(best)
        f.br(done)
      })
      f.get(entry)
      f.access('i32.load', STATE, ENTRY.next)
      f.tee(entry)
      f.brIf(again)
    })
  })
}

/** Pushes low <= value && value <= high for a range of `count` words. */
function pushInRange(
  f: FunctionBuilder,
  table: TableLayout,
  entry: number,
  firstRange: number,
  word: number,
  count: number,
): void {
  if (count === 1) {
    // One comparison for both bounds: what is below the lower one wraps to the largest numbers.
    const bound = (offset: number) => {
      f.get(entry)
      f.access('i64.load', STATE, offset + 8 * word)
    }
    f.get(firstRange + word)
    bound(table.lowOffset)
    f.op('i64.sub')
    bound(table.highOffset)
    bound(table.lowOffset)
    f.op('i64.sub')
    return f.op('i64.le_u')
  }
  const value = (k: number) => f.get(firstRange + word + k)
  const bound = (offset: number, k: number) => {
    f.get(entry)
    f.access('i64.load', STATE, offset + 8 * (word + k))
  }
  const notGreater = (left: (k: number) => void, right: (k: number) => void) => {
    for (let k = 0; k < count; k++) {
      if (k > 0) {
        left(k)
        right(k)
        f.op('i64.eq')
        f.op('i32.and')
      }
      left(k)
      right(k)
      f.op(k === 0 ? 'i64.le_u' : 'i64.lt_u')
      if (k > 0) f.op('i32.or')
    }
  }
  notGreater((k) => bound(table.lowOffset, k), value)
  notGreater(value, (k) => bound(table.highOffset, k))
  f.op('i32.and')
}
