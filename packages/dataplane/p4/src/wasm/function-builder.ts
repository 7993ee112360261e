/**
 * One function's body, written instruction by instruction in stack order. Structured control takes the body as a
 * callback, so a label can not be used outside its block and every block is closed.
 *
 * Locals: `local` makes one for good; `temp` hands out a recycled one, and `scope` gives back every temp that was taken
 * inside it. Validity (types on the stack) is checked by the engine, not here.
 */
import { ByteSink } from './byte-sink.ts'
import {
  MEMORY,
  type MemoryOpcode,
  PLAIN,
  type PlainOpcode,
  SIMD_MEMORY,
  VALUE_TYPE,
  type ValueType,
} from './opcode.ts'

export interface Signature {
  readonly parameters: readonly ValueType[]
  readonly results: readonly ValueType[]
}

/** A branch target; valid only inside the callback that received it. */
export interface Label {
  readonly depth: number
}

export interface FunctionRef {
  readonly index: number
}

const SIMD_PREFIX = 0xfd
const BULK_PREFIX = 0xfc
const EMPTY_BLOCK = 0x40
const END = 0x0b
/** Set in the alignment field when a memory index follows (multi-memory). */
const HAS_MEMORY_INDEX = 0x40

export class FunctionBuilder implements FunctionRef {
  readonly index: number
  readonly name: string
  readonly signature: Signature
  readonly #code = new ByteSink()
  readonly #locals: ValueType[] = []
  readonly #localNames = new Map<number, string>()
  readonly #free: Record<ValueType, number[]> = { i32: [], i64: [], v128: [] }
  #taken: number[] = []
  readonly #vectors: { readonly bytes: readonly number[]; readonly local: number }[] = []
  #depth = 0

  constructor(index: number, name: string, signature: Signature) {
    this.index = index
    this.name = name
    this.signature = signature
  }

  /** Bytes of code so far. */
  get size(): number {
    return this.#code.length
  }

  get localNames(): ReadonlyMap<number, string> {
    return this.#localNames
  }

  /** A local that is never reused; all locals are 0 on entry. */
  local(type: ValueType, name?: string): number {
    this.#locals.push(type)
    const index = this.signature.parameters.length + this.#locals.length - 1
    if (name !== undefined) this.#localNames.set(index, name)
    return index
  }

  nameLocal(index: number, name: string): void {
    this.#localNames.set(index, name)
  }

  /** A local with an unspecified value, free again at the end of the enclosing `scope`. */
  temp(type: ValueType): number {
    const index = this.#free[type].pop() ?? this.local(type)
    this.#taken.push(index)
    return index
  }

  scope(body: () => void): void {
    const outer = this.#taken
    this.#taken = []
    body()
    for (const index of this.#taken) this.#free[this.#typeOf(index)].push(index)
    this.#taken = outer
  }

  get(local: number): void {
    this.#code.byte(0x20)
    this.#code.u32(local)
  }

  set(local: number): void {
    this.#code.byte(0x21)
    this.#code.u32(local)
  }

  tee(local: number): void {
    this.#code.byte(0x22)
    this.#code.u32(local)
  }

  /** Pops into a new temp. */
  stash(type: ValueType): number {
    const local = this.temp(type)
    this.set(local)
    return local
  }

  i32(value: number): void {
    this.#code.byte(0x41)
    this.#code.s32(value)
  }

  i64(value: bigint): void {
    this.#code.byte(0x42)
    this.#code.s64(value)
  }

  op(name: PlainOpcode): void {
    this.#code.byte(PLAIN[name])
  }

  /** Pops the address (and for a store, above it, the value). The access need not be aligned. */
  access(name: MemoryOpcode, memory: number, offset: number): void {
    this.#code.byte(MEMORY[name])
    this.#memoryArgument(memory, offset)
  }

  /** i32 address → v128: eight bytes in the low half. */
  load64Zero(memory: number, offset: number): void {
    this.#code.byte(SIMD_PREFIX)
    this.#code.u32(SIMD_MEMORY['v128.load64_zero'])
    this.#memoryArgument(memory, offset)
  }

  /** i32 address → v128. */
  loadVector(memory: number, offset: number): void {
    this.#code.byte(SIMD_PREFIX)
    this.#code.u32(SIMD_MEMORY['v128.load'])
    this.#memoryArgument(memory, offset)
  }

  /** Pops address and vector. */
  storeVector(memory: number, offset: number): void {
    this.#code.byte(SIMD_PREFIX)
    this.#code.u32(SIMD_MEMORY['v128.store'])
    this.#memoryArgument(memory, offset)
  }

  /** Pops address and vector; stores one lane of it. */
  storeLane(bits: 16 | 32 | 64, lane: number, memory: number, offset: number): void {
    this.#code.byte(SIMD_PREFIX)
    this.#code.u32(SIMD_MEMORY[`v128.store${bits}_lane`])
    this.#memoryArgument(memory, offset)
    this.#code.byte(lane)
  }

  /** Two vectors → one, whose byte `i` is byte `lanes[i]` of the 32. */
  shuffle(lanes: readonly number[]): void {
    this.#code.byte(SIMD_PREFIX)
    this.#code.u32(0x0d)
    this.#code.bytes(lanes)
  }

  /** Pushes a constant vector. It is made once on entry, so the engine can keep it in a register. */
  vector(bytes: readonly number[]): void {
    const known = this.#vectors.find((one) => one.bytes === bytes)
    if (known !== undefined) return this.get(known.local)
    const local = this.local('v128')
    this.#vectors.push({ bytes, local })
    this.get(local)
  }

  /** Pops bytes and indices; byte `i` of the result is the byte that index `i` names, 0 for indices over 15. */
  swizzle(): void {
    this.#code.byte(SIMD_PREFIX)
    this.#code.u32(0x0e)
  }

  splat64(): void {
    this.#code.byte(SIMD_PREFIX)
    this.#code.u32(0x12)
  }

  /** Pops a vector and an i64 that replaces one lane of it. */
  replaceLane64(lane: number): void {
    this.#code.byte(SIMD_PREFIX)
    this.#code.u32(0x1e)
    this.#code.byte(lane)
  }

  /** Adds two vectors of two 64-bit numbers. */
  add64x2(): void {
    this.#code.byte(SIMD_PREFIX)
    this.#code.u32(0xce)
  }

  extractLane64(lane: number): void {
    this.#code.byte(SIMD_PREFIX)
    this.#code.u32(0x1d)
    this.#code.byte(lane)
  }

  /** Pops destination, source and length. */
  memoryCopy(destination: number, source: number): void {
    this.#code.byte(BULK_PREFIX)
    this.#code.u32(10)
    this.#code.u32(destination)
    this.#code.u32(source)
  }

  /** Pops destination, byte value and length. */
  memoryFill(memory: number): void {
    this.#code.byte(BULK_PREFIX)
    this.#code.u32(11)
    this.#code.u32(memory)
  }

  call(target: FunctionRef): void {
    this.#code.byte(0x10)
    this.#code.u32(target.index)
  }

  block(result: ValueType | undefined, body: (end: Label) => void): void {
    this.#structured(0x02, result, body)
  }

  /** A branch to the label starts it anew. */
  loop(body: (start: Label) => void): void {
    this.#structured(0x03, undefined, body)
  }

  /** Pops the condition. */
  if(result: ValueType | undefined, then: () => void, otherwise?: () => void): void {
    this.#structured(0x04, result, () => {
      then()
      if (otherwise === undefined) return
      this.#code.byte(0x05)
      otherwise()
    })
  }

  br(label: Label): void {
    this.#code.byte(0x0c)
    this.#code.u32(this.#depth - label.depth)
  }

  brIf(label: Label): void {
    this.#code.byte(0x0d)
    this.#code.u32(this.#depth - label.depth)
  }

  /** Pops the index; `otherwise` for indices past the end. */
  brTable(labels: readonly Label[], otherwise: Label): void {
    this.#code.byte(0x0e)
    this.#code.u32(labels.length)
    for (const label of labels) this.#code.u32(this.#depth - label.depth)
    this.#code.u32(this.#depth - otherwise.depth)
  }

  return(): void {
    this.#code.byte(0x0f)
  }

  /** The code section's entry: local declarations and body, without the length in front. */
  finish(): Uint8Array {
    const out = new ByteSink()
    const runs: { type: ValueType; count: number }[] = []
    for (const type of this.#locals) {
      const last = runs.at(-1)
      if (last?.type === type) last.count++
      else runs.push({ type, count: 1 })
    }
    out.u32(runs.length)
    for (const run of runs) {
      out.u32(run.count)
      out.byte(VALUE_TYPE[run.type])
    }
    for (const { bytes, local } of this.#vectors) {
      out.byte(SIMD_PREFIX)
      out.u32(0x0c)
      out.bytes(bytes)
      out.byte(0x21)
      out.u32(local)
    }
    out.bytes(this.#code.finish())
    out.byte(END)
    return out.finish()
  }

  #structured(opcode: number, result: ValueType | undefined, body: (label: Label) => void): void {
    this.#code.byte(opcode)
    this.#code.byte(result === undefined ? EMPTY_BLOCK : VALUE_TYPE[result])
    this.#depth++
    body({ depth: this.#depth })
    this.#depth--
    this.#code.byte(END)
  }

  #memoryArgument(memory: number, offset: number): void {
    // Alignment 2^0: a hint that engines on this project's machines do not use.
    this.#code.u32(memory === 0 ? 0 : HAS_MEMORY_INDEX)
    if (memory !== 0) this.#code.u32(memory)
    this.#code.u32(offset)
  }

  #typeOf(local: number): ValueType {
    const own = this.#locals[local - this.signature.parameters.length]
    if (own === undefined) throw new Error(`local ${local} is a parameter`)
    return own
  }
}
