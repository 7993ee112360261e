/**
 * Bits one behind the other in memory, varbits among them. A varbit is whole bytes (extract refuses any other length) but may begin inside
 * one; its slot holds the length in bits, and then the bytes.
 */
import type { Expression } from '../ir/index.ts'
import type { FunctionRef } from '../wasm/index.ts'
import type { ExpressionCode } from './expression-code.ts'
import type { Layout } from './layout.ts'
import { storeChunk } from './raw-code.ts'
import type { Runtime } from './runtime-code.ts'
import { isVarbitSlot } from './slot-code.ts'
import { ARENA, STATE } from './value-class.ts'
import { chunksOf } from './wire-code.ts'

/** Writes values and varbits at `to`, a local that moves behind them; the last byte is filled with zeros. */
export function storeBits(
  code: ExpressionCode,
  layout: Layout,
  runtime: Runtime,
  items: readonly Expression[],
  memory: number,
  to: number,
): void {
  const { f } = code
  const advance = (push: () => void): void => {
    f.get(to)
    push()
    f.op('i32.add')
    f.set(to)
  }
  let run: Expression[] = []
  // Of the byte at `to`, known for what follows a varbit, too.
  let bitsInByte = 0
  const flush = (): void => {
    if (run.length === 0) return
    const isSplit = bitsInByte > 0
    if (isSplit) {
      f.get(to)
      f.access('i32.load8_u', memory, 0)
    }
    const begun = isSplit ? f.stash('i32') : -1
    const chunks = chunksOf(isSplit ? [{ op: 'const', width: bitsInByte, value: 0n }, ...run] : run)
    for (const chunk of chunks) f.scope(() => storeChunk(code, memory, to, 0, chunk))
    if (isSplit) {
      f.get(to)
      f.get(to)
      f.access('i32.load8_u', memory, 0)
      f.get(begun)
      f.op('i32.or')
      f.access('i32.store8', memory, 0)
    }
    const bits = run.reduce((sum, { width }) => sum + width, bitsInByte)
    if (bits >= 8) advance(() => f.i32(bits >> 3))
    bitsInByte = bits & 7
    run = []
  }
  for (const item of items) {
    if (item.op !== 'load' || !isVarbitSlot(code, item.slot)) {
      run.push(item)
      continue
    }
    flush()
    const address = layout.slotAddresses[item.slot]!
    f.get(to)
    f.i32(address + 8)
    pushVarbitBytes(code, address)
    if (bitsInByte === 0) f.memoryCopy(memory, STATE)
    else f.call(behindBits(runtime, bitsInByte, memory))
    advance(() => pushVarbitBytes(code, address))
  }
  flush()
  if (bitsInByte > 0) advance(() => f.i32(1))
}

/** The length of the varbit whose slot is at this address. */
export function pushVarbitBytes({ f }: ExpressionCode, address: number): void {
  f.i32(0)
  f.access('i32.load', STATE, address)
  f.i32(3)
  f.op('i32.shr_u')
}

/** (to, from, bytes): from memory 1 behind the first `bits` bits of the byte at `to`, whose others are zero, as those of the last byte are. */
function behindBits(runtime: Runtime, bits: number, memory: number): FunctionRef {
  return eachByte(runtime, `behind${bits}in${memory}`, (f) => {
    f.get(0)
    f.get(0)
    f.access('i32.load8_u', memory, 0)
    f.get(1)
    f.access('i32.load8_u', STATE, 0)
    f.i32(bits)
    f.op('i32.shr_u')
    f.op('i32.or')
    f.access('i32.store8', memory, 0)
    f.get(0)
    f.get(1)
    f.access('i32.load8_u', STATE, 0)
    f.i32(8 - bits)
    f.op('i32.shl')
    f.access('i32.store8', memory, 1)
  })
}

/** (to, from, bytes): from the frame, where they begin behind `bits` bits of the byte at `from`, to memory 1. */
export function fromInsideByte(runtime: Runtime, bits: number): FunctionRef {
  return eachByte(runtime, `fromBit${bits}`, (f) => {
    f.get(0)
    f.get(1)
    f.access('i32.load8_u', ARENA, 0)
    f.i32(bits)
    f.op('i32.shl')
    f.get(1)
    f.access('i32.load8_u', ARENA, 1)
    f.i32(8 - bits)
    f.op('i32.shr_u')
    f.op('i32.or')
    f.access('i32.store8', STATE, 0)
  })
}

/** (to, from, bytes): `body` for each byte, with both addresses moved on behind it. */
function eachByte(runtime: Runtime, name: string, body: (f: ExpressionCode['f']) => void): FunctionRef {
  return runtime.once(name, ['i32', 'i32', 'i32'], [], (f) => {
    const end = f.local('i32', 'end')
    f.get(0)
    f.get(2)
    f.op('i32.add')
    f.set(end)
    f.block(undefined, (done) => {
      f.loop((again) => {
        f.get(0)
        f.get(end)
        f.op('i32.eq')
        f.brIf(done)
        body(f)
        for (const local of [0, 1]) {
          f.get(local)
          f.i32(1)
          f.op('i32.add')
          f.set(local)
        }
        f.br(again)
      })
    })
  })
}
