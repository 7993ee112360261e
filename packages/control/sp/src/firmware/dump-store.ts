/** Dumps of crashed tasks, read in segments by whoever knows the key under which he began. */
import { lzssCompress } from './lzss.ts'

const SEGMENT_BYTES = 512
const MAX_DUMPS = 4
const MAX_READERS = 4
const BASE_ADDRESS = 0x2400_0000

export interface TaskDump {
  readonly task: number
  readonly taskName: string
  readonly atMs: number
  readonly memory: Uint8Array
}

export interface Segment {
  readonly address: number
  readonly uncompressedLength: number
  readonly sequence: number
  readonly data: Uint8Array
}

interface ReadingAt {
  readonly key: string
  readonly dump: TaskDump
  offset: number
  sequence: number
  last: Segment | undefined
}

export class DumpStore {
  #dumps: TaskDump[] = []
  #readers: ReadingAt[] = []

  get dumps(): readonly TaskDump[] {
    return this.#dumps
  }

  /** Keeps the newest few. */
  add(dump: TaskDump): void {
    this.#dumps.push(dump)
    if (this.#dumps.length > MAX_DUMPS) this.#dumps.shift()
  }

  start(index: number, key: Uint8Array): TaskDump | undefined {
    const dump = this.#dumps[index]
    if (dump === undefined) return undefined
    const text = key.join()
    this.#readers = this.#readers.filter((each) => each.key !== text).slice(-(MAX_READERS - 1))
    this.#readers.push({ key: text, dump, offset: 0, sequence: 0, last: undefined })
    return dump
  }

  /** @returns the segment of this number; `'end'` after the last; again the same for a number asked twice. */
  continue(key: Uint8Array, sequence: number): Segment | 'end' | 'BadKey' | 'BadSequenceNumber' {
    const text = key.join()
    const reader = this.#readers.find((each) => each.key === text)
    if (reader === undefined) return 'BadKey'
    if (reader.last?.sequence === sequence) return reader.last
    if (sequence !== reader.sequence) return 'BadSequenceNumber'
    const memory = reader.dump.memory.subarray(reader.offset, reader.offset + SEGMENT_BYTES)
    if (memory.length === 0) return 'end'
    reader.last = {
      address: BASE_ADDRESS + reader.dump.task * 0x1_0000 + reader.offset,
      uncompressedLength: memory.length,
      sequence,
      data: lzssCompress(memory),
    }
    reader.offset += memory.length
    reader.sequence += 1
    return reader.last
  }
}
