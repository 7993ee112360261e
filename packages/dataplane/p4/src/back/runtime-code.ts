/**
 * Functions that generated code calls, written into the module the first time one is asked for.
 */
import type { FunctionBuilder, FunctionRef, ModuleBuilder, ValueType } from '../wasm/index.ts'
import { STATE } from './value-class.ts'

export class Runtime {
  readonly #module: ModuleBuilder
  /** Whether writes to lasting state are logged (`undo-log.ts`). */
  readonly isLogged: boolean
  readonly #made = new Map<string, FunctionBuilder>()
  readonly #data = new Set<string>()

  constructor(module: ModuleBuilder, isLogged = false) {
    this.#module = module
    this.isLogged = isLogged
  }

  /** Puts words into memory 1 at instantiation, once per name. */
  data(name: string, address: number, words: Uint32Array<ArrayBuffer>): void {
    if (this.#data.has(name)) return
    this.#data.add(name)
    this.#module.data(STATE, address, new Uint8Array(words.buffer))
  }

  /** Makes a function once per name. */
  once(
    name: string,
    parameters: readonly ValueType[],
    results: readonly ValueType[],
    body: (f: FunctionBuilder) => void,
  ): FunctionRef {
    const known = this.#made.get(name)
    if (known !== undefined) return known
    const f = this.#module.function(name, { parameters, results })
    this.#made.set(name, f)
    body(f)
    return f
  }

  /** Upper half of the 128-bit product. */
  multiplyHigh(): FunctionRef {
    return this.once('multiplyHigh', ['i64', 'i64'], ['i64'], (f) => {
      const low = (local: number) => {
        f.get(local)
        f.i64(0xffffffffn)
        f.op('i64.and')
      }
      const high = (local: number) => {
        f.get(local)
        f.i64(32n)
        f.op('i64.shr_u')
      }
      const middle = f.local('i64')
      const cross = f.local('i64')
      // middle = aHigh*bLow + (aLow*bLow >> 32); cross = aLow*bHigh + low(middle)
      high(0)
      low(1)
      f.op('i64.mul')
      low(0)
      low(1)
      f.op('i64.mul')
      f.i64(32n)
      f.op('i64.shr_u')
      f.op('i64.add')
      f.set(middle)
      low(0)
      high(1)
      f.op('i64.mul')
      low(middle)
      f.op('i64.add')
      f.set(cross)
      high(0)
      high(1)
      f.op('i64.mul')
      high(middle)
      f.op('i64.add')
      high(cross)
      f.op('i64.add')
    })
  }

  /**
   * Long division of two values of `count` words: (dividend…, divisor…) → (quotient…, remainder…). By zero the quotient
   * is all ones and the remainder the dividend, which is what the bit-by-bit method gives without a test.
   */
  divide(count: number): FunctionRef {
    const words: ValueType[] = Array.from({ length: count }, () => 'i64')
    return this.once(`divide${count}`, [...words, ...words], [...words, ...words], (f) => {
      const quotient = words.map((_, k) => k)
      const divisor = words.map((_, k) => count + k)
      const remainder = words.map(() => f.local('i64'))
      const difference = words.map(() => f.local('i64'))
      const shifted = [...quotient, ...remainder]
      const left = f.local('i32')
      const overflow = f.local('i64')
      const borrow = f.local('i64')
      const before = f.local('i64')
      f.i32(64 * count)
      f.set(left)
      f.loop((again) => {
        f.get(shifted.at(-1)!)
        f.i64(63n)
        f.op('i64.shr_u')
        f.set(overflow)
        for (let k = shifted.length - 1; k >= 0; k--) {
          f.get(shifted[k]!)
          f.i64(1n)
          f.op('i64.shl')
          if (k > 0) {
            f.get(shifted[k - 1]!)
            f.i64(63n)
            f.op('i64.shr_u')
            f.op('i64.or')
          }
          f.set(shifted[k]!)
        }
        f.i64(0n)
        f.set(borrow)
        for (let k = 0; k < count; k++) {
          f.get(remainder[k]!)
          f.get(divisor[k]!)
          f.op('i64.sub')
          f.tee(before)
          f.get(borrow)
          f.op('i64.sub')
          f.set(difference[k]!)
          f.get(remainder[k]!)
          f.get(divisor[k]!)
          f.op('i64.lt_u')
          f.get(before)
          f.get(borrow)
          f.op('i64.lt_u')
          f.op('i32.or')
          f.op('i64.extend_i32_u')
          f.set(borrow)
        }
        f.get(borrow)
        f.op('i64.eqz')
        f.get(overflow)
        f.op('i32.wrap_i64')
        f.op('i32.or')
        f.if(undefined, () => {
          for (let k = 0; k < count; k++) {
            f.get(difference[k]!)
            f.set(remainder[k]!)
          }
          f.get(quotient[0]!)
          f.i64(1n)
          f.op('i64.or')
          f.set(quotient[0]!)
        })
        f.get(left)
        f.i32(1)
        f.op('i32.sub')
        f.tee(left)
        f.brIf(again)
      })
      for (const local of [...quotient, ...remainder]) f.get(local)
    })
  }
}
