/**
 * A task's memory as a dump holds it, and how a debugger reads it without the board. All numbers little-endian:
 *
 *    0       4         6         8
 *   +-------+---------+---------+---------------------------------------------+
 *   | LMEM  | version | count   | count × (kind u16, zero u16, at u32, size u32) | areas …
 *   +-------+---------+---------+---------------------------------------------+
 *
 * Areas: 1 the kernel's table of tasks, 2 the task's ring buffer, 3 the counters. Texts are a u16 length and UTF-8.
 * Reading is total: whatever the bytes are, there is a value or a reason.
 */

const MAGIC = 0x4d454d4c
const VERSION = 1
const HEADER_BYTES = 8
const AREA_BYTES = 12
const Area = { tasks: 1, ring: 2, counters: 3 } as const

export interface DumpedTask {
  readonly name: string
  readonly priority: number
  readonly generation: number
  readonly isRunning: boolean
  /** Milliseconds since the service processor started. */
  readonly startedMs: number
  readonly faults: number
  readonly lastFault: string | undefined
}

export interface DumpedEntry {
  readonly atMs: number
  readonly generation: number
  readonly count: number
  readonly text: string
}

export interface TaskMemory {
  /** The one that crashed. */
  readonly task: string
  readonly tasks: readonly DumpedTask[]
  /** Of its ring buffer, the oldest first. */
  readonly entries: readonly DumpedEntry[]
  readonly counters: Readonly<Record<string, number>>
}

export type ReadTaskMemory =
  | { readonly ok: true; readonly memory: TaskMemory }
  | { readonly ok: false; readonly problem: 'bad-magic' | 'bad-version' | 'truncated' | 'missing-area' }

export function encodeTaskMemory({ task, tasks, entries, counters }: TaskMemory): Uint8Array {
  const table = new Bytes()
  table.u16(tasks.findIndex((each) => each.name === task))
  table.u16(tasks.length)
  for (const each of tasks) {
    table.text(each.name)
    table.u16(each.priority)
    table.u16(each.isRunning ? 1 : 0)
    table.u32(each.generation)
    table.u32(each.faults)
    table.f64(each.startedMs)
    table.text(each.lastFault ?? '')
  }
  const ring = new Bytes()
  ring.u16(entries.length)
  for (const each of entries) {
    ring.f64(each.atMs)
    ring.u32(each.generation)
    ring.u32(each.count)
    ring.text(each.text)
  }
  const counts = new Bytes()
  const rows = Object.entries(counters)
  counts.u16(rows.length)
  for (const [name, count] of rows) {
    counts.text(name)
    counts.f64(count)
  }
  const areas = [
    [Area.tasks, table.bytes],
    [Area.ring, ring.bytes],
    [Area.counters, counts.bytes],
  ] as const
  const out = new Bytes()
  out.u32(MAGIC)
  out.u16(VERSION)
  out.u16(areas.length)
  let at = HEADER_BYTES + areas.length * AREA_BYTES
  for (const [kind, bytes] of areas) {
    out.u16(kind)
    out.u16(0)
    out.u32(at)
    out.u32(bytes.length)
    at += bytes.length
  }
  for (const [, bytes] of areas) out.raw(bytes)
  return out.bytes
}

export function readTaskMemory(bytes: Uint8Array): ReadTaskMemory {
  const head = new Reader(bytes)
  const magic = head.u32()
  const version = head.u16()
  const count = head.u16()
  if (head.problem !== undefined || magic !== MAGIC) return { ok: false, problem: 'bad-magic' }
  if (version !== VERSION) return { ok: false, problem: 'bad-version' }
  const areas = new Map<number, Reader>()
  for (let index = 0; index < count; index++) {
    const kind = head.u16()
    head.u16()
    const at = head.u32()
    const size = head.u32()
    if (head.problem !== undefined || at + size > bytes.length) return { ok: false, problem: 'truncated' }
    areas.set(kind, new Reader(bytes.subarray(at, at + size)))
  }
  const table = areas.get(Area.tasks)
  const ring = areas.get(Area.ring)
  const counts = areas.get(Area.counters)
  if (table === undefined || ring === undefined || counts === undefined) return { ok: false, problem: 'missing-area' }
  const current = table.u16()
  const tasks = rows(table, () => ({
    name: text(table),
    priority: table.u16(),
    isRunning: table.u16() === 1,
    generation: table.u32(),
    faults: table.u32(),
    startedMs: f64(table),
    lastFault: text(table) || undefined,
  }))
  const entries = rows(ring, () => ({
    atMs: f64(ring),
    generation: ring.u32(),
    count: ring.u32(),
    text: text(ring),
  }))
  const counters = Object.fromEntries(rows(counts, () => [text(counts), f64(counts)] as const))
  const task = tasks[current]?.name
  if ([table, ring, counts].some((each) => each.problem !== undefined) || task === undefined) {
    return { ok: false, problem: 'truncated' }
  }
  return { ok: true, memory: { task, tasks, entries, counters } }
}

/** As many as the area says, but no more than it holds. */
function rows<T>(input: Reader, read: () => T): readonly T[] {
  const count = input.u16()
  const out: T[] = []
  for (let index = 0; index < count && input.problem === undefined; index++) out.push(read())
  return out
}

function text(input: Reader): string {
  return new TextDecoder().decode(input.bytes(input.u16()))
}

function f64(input: Reader): number {
  return new DataView(input.bytes(8).buffer).getFloat64(0, true)
}

/** After the first read beyond the end everything is 0, and `problem` says so. */
class Reader {
  problem: 'too-short' | undefined
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  u16(): number {
    const [low = 0, high = 0] = this.bytes(2)
    return low | (high << 8)
  }

  u32(): number {
    return (this.u16() | (this.u16() << 16)) >>> 0
  }

  bytes(length: number): Uint8Array {
    if (this.problem !== undefined || this.#at + length > this.#bytes.length) {
      this.problem = 'too-short'
      return new Uint8Array(length)
    }
    this.#at += length
    return this.#bytes.slice(this.#at - length, this.#at)
  }
}

/** Grows; dumps are made once. */
class Bytes {
  readonly #out: number[] = []

  get bytes(): Uint8Array {
    return Uint8Array.from(this.#out)
  }

  u16(value: number): void {
    this.#out.push(value & 0xff, (value >>> 8) & 0xff)
  }

  u32(value: number): void {
    this.u16(value & 0xffff)
    this.u16(value >>> 16)
  }

  f64(value: number): void {
    const view = new DataView(new ArrayBuffer(8))
    view.setFloat64(0, value, true)
    for (let index = 0; index < 8; index++) this.#out.push(view.getUint8(index))
  }

  text(value: string): void {
    const bytes = new TextEncoder().encode(value).subarray(0, 0xffff)
    this.u16(bytes.length)
    this.raw(bytes)
  }

  raw(bytes: Uint8Array): void {
    for (const byte of bytes) this.#out.push(byte)
  }
}
