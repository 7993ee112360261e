/**
 * Expressions over a `FunctionBuilder`, so that the kernel reads in infix order: an expression writes the instructions that
 * leave its value on the stack when it is called. Nothing is folded or reordered.
 */
import type { FunctionBuilder, MemoryOpcode, PlainOpcode } from '@lodestone/p4/wasm'

/** Writes instructions that leave one value. */
export type Expression = () => void

export const FRAMES = 0
export const FLOWS = 1
type MemoryNumber = typeof FRAMES | typeof FLOWS

export class Writer {
  readonly f: FunctionBuilder

  constructor(f: FunctionBuilder) {
    this.f = f
  }

  /** Computes once into a new local. */
  let32(name: string, value: Expression): number {
    const local = this.f.local('i32', name)
    this.set(local, value)
    return local
  }

  let64(name: string, value: Expression): number {
    const local = this.f.local('i64', name)
    this.set(local, value)
    return local
  }

  set(local: number, value: Expression): void {
    value()
    this.f.set(local)
  }

  get(local: number): Expression {
    return () => this.f.get(local)
  }

  i32(value: number): Expression {
    return () => this.f.i32(value)
  }

  i64(value: bigint): Expression {
    return () => this.f.i64(value)
  }

  unary(op: PlainOpcode, a: Expression): Expression {
    return () => {
      a()
      this.f.op(op)
    }
  }

  binary(op: PlainOpcode, a: Expression, b: Expression): Expression {
    return () => {
      a()
      b()
      this.f.op(op)
    }
  }

  add(a: Expression, b: Expression | number): Expression {
    return this.binary('i32.add', a, this.#of(b))
  }

  sub(a: Expression, b: Expression | number): Expression {
    return this.binary('i32.sub', a, this.#of(b))
  }

  and(a: Expression, b: Expression | number): Expression {
    return this.binary('i32.and', a, this.#of(b))
  }

  or(a: Expression, b: Expression): Expression {
    return this.binary('i32.or', a, b)
  }

  xor(a: Expression, b: Expression | number): Expression {
    return this.binary('i32.xor', a, this.#of(b))
  }

  shl(a: Expression, bits: number): Expression {
    return this.binary('i32.shl', a, this.i32(bits))
  }

  shr(a: Expression, bits: number): Expression {
    return this.binary('i32.shr_u', a, this.i32(bits))
  }

  eq(a: Expression, b: Expression | number): Expression {
    return this.binary('i32.eq', a, this.#of(b))
  }

  ne(a: Expression, b: Expression | number): Expression {
    return this.binary('i32.ne', a, this.#of(b))
  }

  /** Unsigned. */
  lt(a: Expression, b: Expression | number): Expression {
    return this.binary('i32.lt_u', a, this.#of(b))
  }

  /** Unsigned. */
  gt(a: Expression, b: Expression | number): Expression {
    return this.binary('i32.gt_u', a, this.#of(b))
  }

  /** The two lower bytes exchanged; `a` is computed twice and must be below 2^16. */
  swap16(a: number): Expression {
    return this.or(this.shr(this.get(a), 8), this.shl(this.and(this.get(a), 0xff), 8))
  }

  load(op: MemoryOpcode, memory: MemoryNumber, address: Expression, offset = 0): Expression {
    return () => {
      address()
      this.f.access(op, memory, offset)
    }
  }

  /** A frame's bytes; offsets in WebAssembly are unsigned, so a negative one is subtracted from the address. */
  frame(op: MemoryOpcode, address: Expression, offset = 0): Expression {
    return offset < 0 ? this.load(op, FRAMES, this.sub(address, -offset)) : this.load(op, FRAMES, address, offset)
  }

  flow(op: MemoryOpcode, address: Expression, offset = 0): Expression {
    return this.load(op, FLOWS, address, offset)
  }

  store(op: MemoryOpcode, memory: MemoryNumber, address: Expression, offset: number, value: Expression): void {
    address()
    value()
    this.f.access(op, memory, offset)
  }

  #of(value: Expression | number): Expression {
    return typeof value === 'number' ? this.i32(value) : value
  }
}
