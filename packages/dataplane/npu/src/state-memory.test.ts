import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { KeySet, MatchKind } from '@lodestone/p4'
import { CompiledModules } from './compiled-modules.ts'
import { StateMemory } from './state-memory.ts'
import { exact, ProgramBuilder } from './testing/program-builder.ts'
import { TableControl } from './table/table-control.ts'
import { TableStore } from './table/table-store.ts'

const SIZE = 20_000

/** A table with room for what it declares, and the memory that it has. */
function tableOf(match: MatchKind): { readonly control: TableControl; readonly state: StateMemory } {
  const b = new ProgramBuilder('reserve')
  const key = b.slot('key', 32)
  const set = b.action('set', { port: 9 }, () => [])
  b.table('table', [{ name: 'key', match, expression: b.load(key) }], [set], { size: SIZE })
  const program = b.build()
  const modules = CompiledModules.of(program)
  const { layout } = modules.generated
  const state = new StateMemory(layout.heapStart, TableStore.expectedBytes(layout.tables[0]!, SIZE))
  const env = { arena: new WebAssembly.Memory({ initial: 1 }), state: state.memory, extern: () => 0 }
  const { exports } = new WebAssembly.Instance(modules.module('fast'), { env })
  const hash = exports['hash0'] as () => number // because every table with a hash exports it
  return {
    control: new TableControl(
      program,
      program.tables[0]!,
      new TableStore(layout.tables[0]!, state, layout.hashKey, hash),
    ),
    state,
  }
}

describe('the memory of a pipeline', () => {
  const keys: Partial<Record<MatchKind, (k: number) => KeySet>> = {
    exact: (k) => exact(BigInt(k)),
    lpm: (k) => ({ kind: 'lpm', value: BigInt(k) << 12n, length: 20 + (k % 5) }),
    ternary: (k) => ({ kind: 'ternary', value: BigInt(k) << 4n, mask: 0xfffffff0n }),
  }
  for (const [match, keyOf] of Object.entries(keys)) {
    test(`has room for the declared entries of an ${match} table, so that no write makes it grow`, () => {
      const { control, state } = tableOf(match as MatchKind) // because the object has no other keys
      const { buffer } = state.memory
      for (let k = 0; k < SIZE; k++) {
        assert.ok(control.add({ keys: [keyOf(k)], priority: k, action: 'set', parameters: [1n] }).ok)
      }
      assert.equal(state.memory.buffer, buffer)
    })
  }

  test('grows when more is asked for, keeps what it holds, and gives a freed block back emptied', () => {
    const state = new StateMemory(64)
    const first = state.alloc(100)
    state.bytes.fill(7, first, first + 128)
    const second = state.alloc(10 * state.bytes.length)
    assert.equal(second % 64, 0)
    assert.ok(state.bytes.length >= second + 10 * 65536)
    assert.deepEqual([...state.bytes.subarray(first, first + 128)], Array(128).fill(7))
    state.free(first, 100)
    assert.equal(state.alloc(128), first)
    assert.ok(state.bytes.subarray(first, first + 128).every((byte) => byte === 0))
  })
})
