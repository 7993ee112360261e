import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { CARD, specificationOf } from '../specification.fixture.ts'
import { generateClient } from './generate-client.ts'
import { loadGenerated, RUNTIME } from './load-generated.fixture.ts'

/** Everything that could collide: with generated names, with the language, with each other. */
const NASTY = `/// Ends a comment */ and \${goes} on.
block Main {
    /// a
    constructor: Promise @ 0x00,
    /// b
    address: Number @ 0x04,
    /// c
    a_b: object[2; 4] @ 0x08,
    /// d
    aB: PromiseRegister @ 0x10,
    /// e
    __proto__: Empty @ 0x14,
    /// f
    a_b_count: WriteOnly @ 0x18,
    /// g
    wide: Wide @ 0x20,
    /// h
    platform: Nothing @ 0x40,
    /// i
    memory: Memory @ 0x50,
}

/// Two memories.
sram block Memory {
    /// a
    memory: SyncMemories[3; 8] @ 0x10,
    /// b
    file: SyncMemories @ 0x08,
}

/// J
sram register<32> SyncMemories reset<0x5> {
    /// a
    low: rw b4 @ 0,
    /// b
    high: wo b4 @ 4,
}

/// Nothing in it.
block Nothing {
}

/// A
register<32> Promise {
    /// a
    raw: rw default @ 0,
    /// b
    to_string: rw bool @ 2,
    /// c
    toString: rw bool @ 3,
    /// d
    x: wo b4 @ 4,
    /// e
    set_x: rw b4 @ 8,
    /// f
    __proto__: rw b32x @ 12,
    /// g
    hasOwnProperty: ro b4 @ 16,
}

/// B
enum<2> default {
    /// a
    __proto__ = 0,
    /// b
    constructor = 1,
    /// c
    a_b = 2,
}

/// C
enum<1> b32x {
    /// a
    A = 0,
    /// b
    B = 1,
}

/// D
register<8> Number {
    /// a
    all: rw b8 @ 0,
}

/// E
register<24> object {
    /// a
    all: rw b24 @ 0,
}

/// F
register<16> PromiseRegister {
    /// a
    some: reserved b3 @ 0,
}

/// G
register<32> Empty {
}

/// H
#[attr(name = "it's \\"quoted\\" \${x}")]
register<32> WriteOnly {
    /// a
    all: wo b32 @ 0,
}

/// I
register<256> Wide reset<0xffffffffffffffffffffffffffffffff> {
    /// a
    low: rw b128 @ 0,
    /// b
    high: rw b100 @ 130,
    /// c
    flag: rw bool @ 255,
}
`

test('generated source passes the strictest type check, whatever things are called', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rsf-types-'))
  try {
    const runtime = fileURLToPath(RUNTIME)
    const sources = [CARD, NASTY].flatMap((files) => [
      generateClient(specificationOf(files), { runtime }),
      generateClient(specificationOf(files), { runtime, parts: ['async'] }),
      generateClient(specificationOf(files), { runtime, parts: [] }),
    ])
    const files = sources.map((source, index) => {
      writeFileSync(join(folder, `${index}.mts`), source)
      return join(folder, `${index}.mts`)
    })
    const tsc = fileURLToPath(new URL('../../../../../node_modules/typescript/bin/tsc', import.meta.url))
    const strict = ['strict', 'exactOptionalPropertyTypes', 'noUncheckedIndexedAccess', 'verbatimModuleSyntax']
    const more = ['erasableSyntaxOnly', 'noUnusedLocals', 'noUnusedParameters', 'noImplicitOverride', 'isolatedModules']
    const flags = [...strict, ...more, 'noEmit', 'allowImportingTsExtensions', 'skipLibCheck'].map(
      (flag) => `--${flag}`,
    )
    const module = ['--target', 'es2024', '--module', 'nodenext', '--types', '']
    const result = spawnSync(process.execPath, [tsc, ...flags, ...module, ...files], { encoding: 'utf8', cwd: folder })
    assert.equal(result.stdout, '')
    assert.equal(result.status, 0)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('generated source with such names runs', async () => {
  const source = generateClient(specificationOf(NASTY), { runtime: RUNTIME })
  const { mainSimulation, mainClient } = await loadGenerated(source)
  assert.ok(typeof mainSimulation === 'function' && typeof mainClient === 'function')
  const simulated = mainSimulation()
  const client = mainClient(simulated.platform)
  assert.equal(client.wide.read().low, (1n << 128n) - 1n, 'a reset value of 128 bits')
  client.wide.update({ high: 5n })
  assert.equal(client.wide.read().raw, (5n << 130n) | ((1n << 128n) - 1n))
  client.memory.file.update({ low: 9 })
  client.memory.memory(2).set({ high: 3 })
  assert.deepEqual(
    [client.memory.file, ...[0, 1, 2].map((index) => client.memory.memory(index))].map((entry) => entry.read().low),
    [9, 5, 5, 5],
  )
  const { device } = simulated
  assert.deepEqual([device.memory.file.state.raw, device.memory.memory(2).state.high], [9, 3])
  assert.equal(client.aBCount2.address, 0x18, 'aBCount is the length of a_b')
})

test('the same specification gives the same text', () => {
  assert.equal(generateClient(specificationOf(CARD)), generateClient(specificationOf(CARD)))
})
