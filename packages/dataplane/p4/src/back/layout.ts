/**
 * Where things are in memory 1, the private memory of a pipeline: the contract between the generated code and whoever
 * writes tables (`@lodestone/npu`). Little-endian; addresses are absolute byte offsets, fixed when the program is
 * compiled, except what the control plane allocates from `heapStart` on.
 *
 * Keys are packed: the hashed key fields (exact, lpm, ternary, optional) are laid into 64-bit words one after the other,
 * a field that does not fit into the rest of a word starts the next one, a field over 64 bits takes whole words, least
 * significant first. Range fields are not hashed; each takes ⌈width/64⌉ words of its own, lower and upper bound.
 */
import type { Expression, MatchKind, Program, Table } from '../ir/index.ts'
import { GROUP as CRC_GROUP } from './crc-code.ts'
import { CUSTOM_CRC_BYTES } from './custom-crc-code.ts'
import { externCallWords } from './extern-call-code.ts'
import { type HeaderImages, imageBytes } from './header-image.ts'

/** Memory 1 is shared, so it has a maximum: all that 32-bit addresses reach, in pages of 64 KiB. */
export const STATE_PAGES_MAX = 65536

/** Fixed cells; byte addresses. */
export const CELL = {
  /** What is added to hit and packet counters per packet: 1, or 0 while an explanation runs. */
  countOne: 64,
  /** 1 while an explanation runs: nothing outside the packet is to be changed. */
  isDryRun: 68,
  /** Arena geometry, for the head-room check. */
  arenaDataOffset: 72,
  arenaSlotBytes: 76,
  /** End of the written trace records, and the limit. */
  tracePosition: 80,
  traceEnd: 84,
  /** End of the written host events (digests, logs, target calls), the limit, and how many did not fit. */
  eventPosition: 88,
  eventEnd: 92,
  eventsLost: 96,
  /** Of the packet being processed. */
  frameStart: 104,
  frameEnd: 108,
  /** xorshift64 state; never 0. */
  random: 120,
  /** Microseconds; written by the host before each batch. */
  nowUs: 128,
  /** False `assert`s seen. */
  assertions: 136,
  /** Address of the table entry whose action runs. */
  currentEntry: 144,
  /** Of the packet to be replicated: bytes that the parser consumed. */
  replicaConsumed: 148,
  /** Which part of the program the next call of `packet` or `copy` runs (`PASS`); 0 but for the target's own calls. */
  pass: 152,
  /** 1 when every packet is to stop between ingress and egress, because the target queues it. */
  isQueueing: 156,
  /** End of what this packet's writes to registers, meters and the random state replaced (`undo-log.ts`), and the limit. */
  undoPosition: 160,
  undoEnd: 164,
  /** 1 once an element of a header stack in memory was written since they were cleared. */
  areStacksDirty: 168,
  /** How often the first line of a set was not the flow's. */
  memoClock: 172,
  /** u64: another one after every write to any table. */
  tablesVersion: 176,
} as const

/** Frames per `process` call. */
export const BATCH_CAPACITY = 1024
export const BATCH_SLOTS = 256
export const BATCH_PORTS = BATCH_SLOTS + 4 * BATCH_CAPACITY
/** Per frame, what became of it: kind in bits 24-31 (`VERDICT`), port, group or drop reason in bits 0-15. */
export const BATCH_VERDICTS = BATCH_PORTS + 4 * BATCH_CAPACITY
const BATCH_END = BATCH_VERDICTS + 4 * BATCH_CAPACITY

export const VERDICT = { unicast: 0, drop: 1, broadcast: 2, multicast: 3, target: 4 } as const

/** Where a packet stopped for its target to act (bits 0-15 of a verdict of kind `target`). Its state is saved. */
export const STAGE = {
  /** Ingress is done and asked for more than one packet out, or for another round. */
  ingress: 0,
  /** Egress is done and asked for a clone; v1model only: headers are not written back yet. */
  egress: 1,
  /** All is done, the frame is written back, and the packet is to go on somewhere else than to a port. */
  end: 2,
  /** A pass of its own kind ended: parser, or ingress deparser. */
  part: 3,
} as const

/** Passes (`CELL.pass`) of `packet` and `copy`. Other than `fresh` start from the saved state. */
export const PASS = {
  fresh: 0,
  /** packet: everything, with what a resubmitted or recirculated packet kept. */
  again: 1,
  /** packet: only the parser and what belongs to it. */
  parse: 2,
  /** copy: v1model: only what follows egress; psa: only the ingress deparser. */
  deparse: 3,
} as const

/** Reasons that the pipeline itself drops for; a program's own reasons stay below 0xf0. */
export const RESERVED_DROP = {
  /** The parser rejected the packet. */
  parserReject: 0xf0,
  /** The emitted headers do not fit in front of the payload. */
  noHeadRoom: 0xf1,
  /** The egress port does not exist. */
  unknownPort: 0xf2,
  /** The multicast group has no members, or none but the ingress port. */
  emptyGroup: 0xf3,
  /** No free frame for a copy. */
  noFrame: 0xf4,
  /** A clone was asked for by the number of a session that does not exist. */
  noSession: 0xf5,
  /** The egress queue is full. */
  queueFull: 0xf6,
  /** The packet's priority has no queue. */
  badPriority: 0xf7,
  /** Resubmitted, recirculated or cloned too often. */
  loopLimit: 0xf8,
  /** Loop statements went round more than `ITERATIONS_MAX` times for one packet. */
  endlessLoop: 0xf9,
} as const

/** Of all loop statements together, in one run for a packet or a copy. */
export const ITERATIONS_MAX = 1 << 16

export const TRACE_BYTES = 1 << 16
export const EVENT_BYTES = 1 << 16
export const UNDO_BYTES = 1 << 16

/** Fixed part of a table's header block. */
export const TABLE_HEADER = {
  /**
   * Address of the directory: addresses of segments, indexed by the upper bits of a tag. A segment holds
   * `SEGMENT_BUCKETS` buckets, pairs (tag u32, entry address u32); tag 0 is empty, tags are odd.
   */
  directory: 0,
  /** How far a tag is shifted right to index the directory; 31 or less. */
  directoryShift: 4,
  /** Address and number of tuples, sorted by rank, highest first. */
  tuples: 8,
  tupleCount: 12,
  /** u64 each. */
  hits: 16,
  misses: 24,
  /** lpm: address of the guide, a u64 for every value of the key's first `guide.bits` bits; its bits are length classes. */
  guide: 32,
  /** lpm: u64, classes that are to be tried wherever the guide says nothing. */
  always: 40,
} as const
const TABLE_HEADER_BYTES = 48

export const SEGMENT_BUCKETS = 512

/** The memo of flows (`flow-memo.ts`): sets of lines. A line that is zero knows nothing. */
export const MEMO = {
  setsLog2: 13,
  ways: 4,
  lineBytes: 128,
  /** Of a line: the hash of its flow u64, the version of all tables u64, a bit for each record that holds u32, records. */
  flow: 0,
  version: 8,
  known: 16,
  records: 20,
  /** Of a record. */
  entry: 0,
  words: 4,
} as const

/** Classes of prefix lengths, longest first; the tuples of class c lie between the addresses c and c + 1 of `classes`. */
export const LENGTH_CLASSES = 64

/**
 * Fixed part of an entry; then what a lookup compares (key words, bounds of ranges), direct counter and meter, parameters.
 * Entries take whole cache lines.
 */
export const ENTRY = {
  /** Index into the table's `actions`; `ACTION_FREE` in unused entries. */
  action: 0,
  /** Which tuple; 0 in exact tables. */
  tuple: 4,
  /** Next entry with the same tuple and masked key, in descending rank; 0 at the end. */
  next: 8,
  rank: 12,
  /** Older entries win ties of rank. */
  sequence: 16,
  /** u64 each: what matched this entry. */
  packets: 24,
  bytes: 32,
} as const
export const ACTION_FREE = 0xffffffff
const ENTRY_FIXED_BYTES = 40

/** Tuple: rank of its best entry i32, id u32, mask words. */
export const TUPLE = { rank: 0, id: 4, masks: 8 } as const

/**
 * How a table is searched. `always`: no keys. `direct`: exact keys of few bits together, which index an array. `chained`:
 * exact and range keys; the exact ones lead to a chain of ranges.
 */
export type TableShape = 'always' | 'direct' | 'exact' | 'chained' | 'lpm' | 'general'

export interface KeyLayout {
  readonly name: string
  readonly match: MatchKind
  readonly width: number
  /** First packed word, and the bit of that word where the field starts (0 for fields over 64 bits). */
  readonly word: number
  readonly shift: number
  /** The field's bytes are in network order, the first one lowest; of a field over 64 bits those of each word. */
  readonly isSwapped: boolean
}

export interface ParameterLayout {
  readonly name: string
  readonly width: number
  /** As in `KeyLayout`. */
  readonly isSwapped: boolean
  /** In the entry; a 32-bit cell up to 32 bits, else 64-bit words, least significant first. */
  readonly offset: number
}

export interface TableLayout {
  readonly name: string
  readonly shape: TableShape
  /** Address of the header block. */
  readonly header: number
  /** Address of the entry that holds the default action. */
  readonly defaultEntry: number
  /** The same for a group without members; undefined: that does what the table does on a miss. */
  readonly emptyGroupEntry: number | undefined
  readonly entryBytes: number
  readonly keys: readonly KeyLayout[]
  /** Hashed words at `keyOffset` in the entry. */
  readonly words: number
  readonly keyOffset: number
  /** Words of ranges: lower bounds at `lowOffset`, upper bounds at `highOffset`; `KeyLayout.word` counts from there. */
  readonly rangeWords: number
  readonly lowOffset: number
  readonly highOffset: number
  /** Packets and bytes of explicit `count` statements; undefined when the program has none for this table. */
  readonly directCounterOffset: number | undefined
  /** Direct meter: state, then configuration (`METER`). */
  readonly directMeterOffset: number | undefined
  /** Tables that support time-outs; see `IDLE`. */
  readonly idleOffset: number | undefined
  /** For tables with an implementation: `SELECTION` of the entry. */
  readonly selectionOffset: number | undefined
  /** By index into the table's `actions`. */
  readonly parameters: readonly (readonly ParameterLayout[])[]
  readonly tupleBytes: number
  readonly guide: GuideLayout | undefined
  /** Tables of shape direct: address of an array of entry addresses, 0 where there is no entry, and its size. */
  readonly direct: { readonly address: number; readonly count: number } | undefined
}

/** Tables of shape lpm: which prefix lengths may hold a match is first asked of a table over the key's first bits. */
export interface GuideLayout {
  /**
   * The key word that holds the first bits, and where: `(word >> shift) & (2^bits - 1)`. 0 bits: the key is short. Of a field
   * in network order these 16 bits are swapped, too.
   */
  readonly word: number
  readonly shift: number
  readonly bits: number
  readonly isSwapped: boolean
  /** Of the prefix key. Class of a length: `min(63, (width - length) >> classShift)`. */
  readonly width: number
  readonly classShift: number
  /** `LENGTH_CLASSES + 1` addresses into the tuple list. */
  readonly classes: number
}

/**
 * How an entry of a table with an action profile or selector finds its action: `group` is the address of a group, or 0 for
 * the action in the entry itself; `reference` is the control plane's (which member or group).
 */
export const SELECTION = { group: 0, reference: 4 } as const

/** A group: number of members, address of a list of their records, each laid out like an entry of the table. */
export const GROUP = { count: 0, list: 4 } as const
export const GROUP_BYTES = 8

/** A meter cell: two token buckets (RFC 2698, colour-blind), in bytes or packets scaled by 1e6. */
export const METER = {
  /** i64: tokens of the committed and the peak bucket, and when they were last filled (µs). */
  committedTokens: 0,
  peakTokens: 8,
  filledUs: 16,
  /** i64: rates in units per second, bursts in units. A burst of 0 means: not configured, always green. */
  committedRate: 24,
  committedBurst: 32,
  peakRate: 40,
  peakBurst: 48,
} as const
export const METER_BYTES = 56

/**
 * Of an entry with an idle time-out, as f64: the time-out (0: none), when the control plane last saw that something had
 * matched, the entry's packets then, and whether it has told that the time is up (1).
 */
export const IDLE = { timeoutMs: 0, activeMs: 8, packets: 16, isTold: 24 } as const
const IDLE_BYTES = 32

/** Register and counter externs: address of cell 0, bytes per cell, number of cells. Counter: packets u64, bytes u64. */
export interface ExternLayout {
  readonly address: number
  readonly cellBytes: number
  readonly size: number
}

/** Value set: count u32 at 0; from 8 on `size` rows of (value words, mask words) or (low, high) per key. */
export interface ValueSetLayout {
  readonly address: number
  readonly rowBytes: number
  readonly keys: readonly { readonly width: number; readonly offset: number; readonly words: number }[]
}

export interface Layout {
  /** Of cells; 0 for slots that are locals, fields of header images, or never used. */
  readonly slotAddresses: readonly number[]
  readonly images: HeaderImages
  /** Slots that are held in network order. */
  readonly rawSlots: ReadonlySet<number>
  readonly slotsStart: number
  /** Between it and `varbitsStart` are the slots of header stacks, which few packets write (`CELL.areStacksDirty`). */
  readonly stacksStart: number
  /** Where varbits begin; of these only the length means something in a fresh packet. */
  readonly varbitsStart: number
  readonly slotsEnd: number
  /** What a packet to be replicated was after ingress: slots in memory, and locals by slot. */
  readonly replicaSlots: number
  readonly replicaCells: ReadonlyMap<number, number>
  readonly tables: readonly TableLayout[]
  /** By extern id; undefined for kinds without memory. */
  readonly externs: readonly (ExternLayout | undefined)[]
  /** Counters, registers and meters: what an explanation must restore. */
  readonly externStart: number
  readonly externEnd: number
  readonly valueSets: readonly ValueSetLayout[]
  /** Key words that the control plane wants hashed, and the tuple's id as seed. */
  readonly hashKey: number
  readonly scratch: number
  readonly scratchBytes: number
  /** 256 u32 each. */
  readonly crc32Table: number
  readonly crc16Table: number
  readonly crc8Table: number
  /** Tables of `crc-code`. */
  readonly crc32Groups: number
  readonly crc16Groups: number
  readonly trace: number
  readonly events: number
  readonly undo: number
  /** Parameters of the custom crc algorithms by width (`CUSTOM_CRC`). */
  readonly customCrc: { readonly 16: number; readonly 32: number }
  /** Arguments and results of a call of a user extern. */
  readonly externCall: number
  /** The memo of flows; no bytes where no table is remembered. */
  readonly memo: number
  readonly heapStart: number
}

const DIRECT_BITS_MAX = 16

export function wordsOf(width: number): number {
  return Math.ceil(width / 64)
}

/** Bytes of the cell that holds a value of this width. */
export function cellBytes(width: number): number {
  return width <= 32 ? 4 : 8 * wordsOf(width)
}

export function tableShape(table: Table): TableShape {
  if (table.keys.every(({ match }) => match === 'selector')) return 'always'
  if (table.keys.every((key) => key.match === 'exact')) {
    const bits = table.keys.reduce((sum, key) => sum + key.expression.width, 0)
    return bits <= DIRECT_BITS_MAX ? 'direct' : 'exact'
  }
  const others = table.keys.filter((key) => key.match !== 'exact' && key.match !== 'selector')
  if (others.length === 1 && others[0]?.match === 'lpm') return 'lpm'
  if (others.length === 0) return 'exact'
  return others.every((key) => key.match === 'range') ? 'chained' : 'general'
}

/** Whether what a search finds is kept in the memo of flows: where it takes longer than asking there. */
export function isRemembered({ shape }: TableLayout): boolean {
  return shape !== 'always' && shape !== 'direct'
}

/** Where slots are, as far as it is decided outside. */
export interface SlotPlaces {
  /** Slots that need a cell. */
  readonly cellSlots: ReadonlySet<number>
  /** Locals of the packet function that are saved for the blocks that run once per copy. */
  readonly copiedSlots: ReadonlySet<number>
  /** Headers that are kept as images. */
  readonly imageHeaders: ReadonlySet<number>
  /** Slots that are held in network order. */
  readonly rawSlots: ReadonlySet<number>
}

export function layOut(program: Program, places: SlotPlaces): Layout {
  let at = BATCH_END
  const take = (bytes: number, alignment = 8): number => {
    at = Math.ceil(at / alignment) * alignment
    const address = at
    at += bytes
    return address
  }
  const slotsStart = take(0, 16)
  const slotAddresses = program.slots.map(() => 0)
  const imageAddresses = program.headers.map((): number | undefined => undefined)
  const imageBits = new Map<number, number>()
  const takeSlots = (areOfStacks: boolean): void => {
    program.headers.forEach(({ name, fields }, id) => {
      if (!places.imageHeaders.has(id) || isOfStack(name) !== areOfStacks) return
      const address = take(imageBytes(program, id))
      imageAddresses[id] = address
      let bit = 8 * address
      for (const slot of fields) {
        imageBits.set(slot, bit)
        bit += program.slots[slot]!.width
      }
    })
    program.slots.forEach(({ name, kind, width }, id) => {
      if (kind === 'varbit' || !places.cellSlots.has(id) || isOfStack(name) !== areOfStacks) return
      slotAddresses[id] = take(cellBytes(width), width <= 32 ? 4 : 8)
    })
  }
  takeSlots(false)
  // Slots are cleared 16 bytes at a time.
  const stacksStart = take(0, 16)
  takeSlots(true)
  const varbitsStart = take(0, 16)
  // A varbit is its length in bits (8 bytes, upper half unused) and then its bytes in network order.
  program.slots.forEach((slot, id) => {
    if (slot.kind === 'varbit') slotAddresses[id] = take(8 + 8 * wordsOf(slot.width))
  })
  const slotsEnd = take(0)
  const replicaSlots = take(slotsEnd - slotsStart)
  const replicaCells = new Map(
    [...places.copiedSlots].map((slot) => [slot, take(cellBytes(program.slots[slot]!.width))]),
  )
  const counted = countedTables(program)
  // Whether a value lies in network order where it comes from.
  const isRaw = ({ op, width, ...rest }: Expression): boolean => {
    const slot = op === 'load' && 'slot' in rest ? rest.slot : -1
    const isWhole = width <= 64 ? width % 8 === 0 && width > 8 : width % 64 === 0
    return isWhole && (places.rawSlots.has(slot) || (imageBits.get(slot) ?? 1) % 8 === 0)
  }
  const tables = program.tables.map((table, index) => {
    return layOutTable(program, table, { hasCountStatements: counted.has(index), isRaw }, take)
  })
  const externStart = take(0, 64)
  const externs = program.externs.map((extern): ExternLayout | undefined => {
    if (extern.kind === 'counter') return { address: take(16 * extern.size), cellBytes: 16, size: extern.size }
    if (extern.kind === 'register') {
      const bytes = cellBytes(extern.width)
      return { address: take(bytes * extern.size), cellBytes: bytes, size: extern.size }
    }
    if (extern.kind === 'meter') {
      return { address: take(METER_BYTES * extern.size), cellBytes: METER_BYTES, size: extern.size }
    }
    return undefined
  })
  const externEnd = take(0)
  const valueSets = program.valueSets.map((set): ValueSetLayout => {
    let rowBytes = 0
    const keys = set.keys.map((key) => {
      const words = wordsOf(key.width)
      const offset = rowBytes
      rowBytes += 16 * words
      return { width: key.width, offset, words }
    })
    return { address: take(8 + rowBytes * set.size), rowBytes, keys }
  })
  const scratchBytes = 65536 + 4 * program.headers.reduce((sum, header) => sum + headerBytes(program, header.fields), 0)
  return {
    slotAddresses,
    images: { addresses: imageAddresses, bits: imageBits },
    rawSlots: places.rawSlots,
    slotsStart,
    stacksStart,
    varbitsStart,
    slotsEnd,
    replicaSlots,
    replicaCells,
    tables,
    externs,
    externStart,
    externEnd,
    valueSets,
    hashKey: take(16 + 8 * Math.max(1, ...tables.map((table) => table.words))),
    scratch: take(scratchBytes),
    scratchBytes,
    crc32Table: take(1024),
    crc16Table: take(1024),
    crc8Table: take(1024),
    crc32Groups: take(1024 * CRC_GROUP),
    crc16Groups: take(1024 * CRC_GROUP),
    trace: take(TRACE_BYTES),
    events: take(EVENT_BYTES),
    undo: take(UNDO_BYTES),
    customCrc: { 16: take(CUSTOM_CRC_BYTES), 32: take(CUSTOM_CRC_BYTES) },
    externCall: take(8 * externCallWords(program)),
    memo: take(tables.some(isRemembered) ? (MEMO.ways * MEMO.lineBytes) << MEMO.setsLog2 : 0, 64),
    heapStart: take(0, 64),
  }
}

/** Whether a slot or header belongs to an element of a header stack. */
export function isOfStack(name: string): boolean {
  return /\[\d+\]/.test(name)
}

/** Whole bytes; a varbit counts with its maximum. */
export function headerBytes(program: Program, fields: readonly number[]): number {
  return Math.ceil(fields.reduce((sum, slot) => sum + program.slots[slot]!.width, 0) / 8)
}

function layOutTable(
  program: Program,
  table: Table,
  { hasCountStatements, isRaw }: { hasCountStatements: boolean; isRaw: (e: Expression) => boolean },
  take: (bytes: number, alignment?: number) => number,
): TableLayout {
  const { keys, words, rangeWords } = packKeys(table, tableShape(table) === 'direct' ? () => false : isRaw)
  const keyOffset = ENTRY_FIXED_BYTES
  const lowOffset = keyOffset + 8 * words
  const highOffset = lowOffset + 8 * rangeWords
  let offset = highOffset + 8 * rangeWords
  const field = (bytes: number): number => {
    offset = Math.ceil(offset / Math.min(bytes, 8)) * Math.min(bytes, 8)
    const here = offset
    offset += bytes
    return here
  }
  const directCounterOffset = hasCountStatements ? field(16) : undefined
  const directMeterOffset = table.directMeter === undefined ? undefined : field(METER_BYTES)
  const idleOffset = table.supportsTimeout === true ? field(IDLE_BYTES) : undefined
  const selectionOffset = table.implementation === undefined ? undefined : field(8)
  const fixed = offset
  let end = offset
  const parameters = table.actions.map((reference) => {
    offset = fixed
    const laid = program.actions[reference.action]!.parameters.map((parameter) => ({
      name: parameter.name,
      width: parameter.width,
      isSwapped: isRaw({ op: 'load', width: parameter.width, slot: parameter.slot }),
      offset: field(parameter.width <= 32 ? 4 : 8 * wordsOf(parameter.width)),
    }))
    end = Math.max(end, offset)
    return laid
  })
  const entryBytes = 64 * Math.ceil(end / 64)
  return {
    name: table.name,
    shape: tableShape(table),
    header: take(TABLE_HEADER_BYTES),
    defaultEntry: take(entryBytes),
    emptyGroupEntry: table.emptyGroupAction === undefined ? undefined : take(entryBytes),
    entryBytes,
    keys,
    words,
    keyOffset,
    rangeWords,
    lowOffset,
    highOffset,
    directCounterOffset,
    directMeterOffset,
    idleOffset,
    selectionOffset,
    parameters,
    tupleBytes: TUPLE.masks + 8 * words,
    guide: layOutGuide(table, keys, take),
    direct: layOutDirect(table, take),
  }
}

function layOutDirect(table: Table, take: (bytes: number) => number): TableLayout['direct'] {
  if (tableShape(table) !== 'direct') return undefined
  const count = 2 ** table.keys.reduce((sum, key) => sum + key.expression.width, 0)
  return { address: take(4 * count), count }
}

function layOutGuide(
  table: Table,
  keys: readonly KeyLayout[],
  take: (bytes: number) => number,
): GuideLayout | undefined {
  const key = keys.find((one) => one.match === 'lpm')
  if (tableShape(table) !== 'lpm' || key === undefined) return undefined
  const { width } = key
  const topBits = width <= 64 ? width : width - 64 * (wordsOf(width) - 1)
  const bits = Math.min(16, topBits)
  return {
    word: key.word + wordsOf(width) - 1,
    shift: key.isSwapped ? key.shift : key.shift + topBits - bits,
    bits: width > 8 ? bits : 0,
    isSwapped: key.isSwapped,
    width,
    classShift: Math.max(0, Math.ceil(Math.log2(width / LENGTH_CLASSES))),
    classes: take(4 * (LENGTH_CLASSES + 1)),
  }
}

function packKeys(
  table: Table,
  isRaw: (e: Expression) => boolean,
): { keys: KeyLayout[]; words: number; rangeWords: number } {
  let words = 0
  let used = 64
  let rangeWords = 0
  const keys = table.keys.map((key): KeyLayout => {
    const { name, match } = key
    const width = key.expression.width
    if (match === 'selector') return { name, match, width, word: 0, shift: 0, isSwapped: false }
    if (match === 'range') {
      rangeWords += wordsOf(width)
      return { name, match, width, word: rangeWords - wordsOf(width), shift: 0, isSwapped: false }
    }
    const isSwapped = isRaw(key.expression)
    if (width > 64) {
      words += wordsOf(width)
      used = 64
      return { name, match, width, word: words - wordsOf(width), shift: 0, isSwapped }
    }
    if (used + width > 64) {
      words++
      used = 0
    }
    used += width
    return { name, match, width, word: words - 1, shift: used - width, isSwapped }
  })
  return { keys, words, rangeWords }
}

/** Tables with an explicit `count` on their direct counter in one of their actions. */
function countedTables(program: Program): ReadonlySet<number> {
  const counters = new Set<number>()
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit)
    else if (typeof value === 'object' && value !== null) {
      const statement = value as { kind?: string; counter?: number; index?: unknown }
      if (statement.kind === 'count' && statement.index === undefined) counters.add(statement.counter!)
      Object.values(value).forEach(visit)
    }
  }
  visit(program.actions)
  visit(program.procedures)
  return new Set(
    program.tables.flatMap((table, index) =>
      table.directCounter !== undefined && counters.has(table.directCounter) ? [index] : [],
    ),
  )
}
