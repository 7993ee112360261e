import assert from 'node:assert/strict'
import { test } from 'node:test'
import wabtFactory from 'wabt'
import { ByteSink, ModuleBuilder } from './index.ts'

const wabt = await wabtFactory()

function text(bytes: Uint8Array): string {
  const module = wabt.readWasm(bytes, { readDebugNames: true, multi_memory: true, simd: true, threads: true } as never)
  module.applyNames()
  return module.toText({ foldExprs: false, inlineExport: false })
}

/** Copies a 32-bit word from memory 0 to memory 1 with its bytes reversed, `n` times. */
function copyModule(): ModuleBuilder {
  const module = new ModuleBuilder('copy')
  const arena = module.importMemory('env', 'arena', 1)
  const state = module.importMemory('env', 'state', 1, 8)
  const f = module.function('copy', { parameters: ['i32'], results: ['i32'] })
  f.nameLocal(0, 'n')
  module.export('copy', f)
  const at = f.local('i32', 'at')
  f.block(undefined, (done) => {
    f.loop((again) => {
      f.get(at)
      f.get(0)
      f.op('i32.ge_u')
      f.brIf(done)
      f.scope(() => {
        f.get(at)
        f.access('i32.load', arena, 4)
        const word = f.stash('i32')
        f.get(at)
        f.get(word)
        f.i32(8)
        f.op('i32.rotl')
        f.access('i32.store', state, 128)
      })
      f.get(at)
      f.i32(4)
      f.op('i32.add')
      f.set(at)
      f.br(again)
    })
  })
  f.get(at)
  module.data(state, 16, Uint8Array.of(1, 2, 3))
  return module
}

test('a module with two memories, a loop, a data segment and names disassembles to the expected text', () => {
  assert.equal(
    text(copyModule().finish()),
    `(module $copy
  (type (;0;) (func (param i32) (result i32)))
  (import "env" "arena" (memory (;0;) 1))
  (import "env" "state" (memory (;1;) 1 8 shared))
  (func $copy (type 0) (param $n i32) (result i32)
    (local $at i32) (local i32)
    block  ;; label = @1
      loop  ;; label = @2
        local.get $at
        local.get $n
        i32.ge_u
        br_if 1 (;@1;)
        local.get $at
        i32.load offset=4 align=1
        local.set 2
        local.get $at
        local.get 2
        i32.const 8
        i32.rotl
        i32.store 1 offset=128 align=1
        local.get $at
        i32.const 4
        i32.add
        local.set $at
        br 0 (;@2;)
      end
    end
    local.get $at)
  (export "copy" (func $copy))
  (data (;0;) (memory 1) (i32.const 16) "\\01\\02\\03"))
`,
  )
})

test('the engine accepts the module and runs it over the two memories', async () => {
  const arena = new WebAssembly.Memory({ initial: 1 })
  const state = new WebAssembly.Memory({ initial: 1, maximum: 8, shared: true })
  new Uint32Array(arena.buffer)[1] = 0x11223344
  const bytes = copyModule().finish()
  assert.ok(WebAssembly.validate(bytes))
  const { instance } = await WebAssembly.instantiate(bytes, { env: { arena, state } })
  const copy = instance.exports['copy'] as (n: number) => number
  assert.equal(copy(4), 4)
  assert.equal(new Uint32Array(state.buffer)[32], 0x22334411)
  assert.deepEqual([...new Uint8Array(state.buffer, 16, 3)], [1, 2, 3])
})

test('vector instructions reverse eight bytes between the memories', async () => {
  const module = new ModuleBuilder('swap')
  const arena = module.importMemory('env', 'arena', 1)
  const state = module.importMemory('env', 'state', 1)
  const f = module.function('swap', { parameters: [], results: ['i64'] })
  module.export('swap', f)
  const reversed = [7, 6, 5, 4, 3, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
  const vector = f.local('v128')
  f.i32(0)
  f.load64Zero(arena, 0)
  f.tee(vector)
  f.get(vector)
  f.shuffle(reversed)
  f.set(vector)
  f.i32(0)
  f.get(vector)
  f.storeLane(64, 0, state, 8)
  f.get(vector)
  f.extractLane64(0)
  const memory0 = new WebAssembly.Memory({ initial: 1 })
  const memory1 = new WebAssembly.Memory({ initial: 1 })
  new DataView(memory0.buffer).setBigUint64(0, 0x0102030405060708n)
  const { instance } = await WebAssembly.instantiate(module.finish(), { env: { arena: memory0, state: memory1 } })
  assert.equal((instance.exports['swap'] as () => bigint)(), 0x0102030405060708n)
  assert.equal(new DataView(memory1.buffer).getBigUint64(8, true), 0x0102030405060708n)
})

test('signed LEB128 takes the shortest form at the borders', () => {
  const encode = (write: (sink: ByteSink) => void) => {
    const sink = new ByteSink()
    write(sink)
    return [...sink.finish()]
  }
  assert.deepEqual(
    encode((s) => s.s32(63)),
    [0x3f],
  )
  assert.deepEqual(
    encode((s) => s.s32(64)),
    [0xc0, 0x00],
  )
  assert.deepEqual(
    encode((s) => s.s32(-64)),
    [0x40],
  )
  assert.deepEqual(
    encode((s) => s.s32(-65)),
    [0xbf, 0x7f],
  )
  assert.deepEqual(
    encode((s) => s.s32(0xffffffff)),
    [0x7f],
  )
  assert.deepEqual(
    encode((s) => s.s64(0xffff_ffff_ffff_ffffn)),
    [0x7f],
  )
  assert.deepEqual(
    encode((s) => s.s64(1n << 63n)),
    [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f],
  )
  assert.deepEqual(
    encode((s) => s.u32(0xffffffff)),
    [0xff, 0xff, 0xff, 0xff, 0x0f],
  )
})
