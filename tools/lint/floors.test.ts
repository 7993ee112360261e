import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import test from 'node:test'
import { EDGES } from './floors.js'

const root = join(import.meta.dirname, '../..')

/** Runs the repository's own linter configuration over a planted tree. */
function lint(files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(tmpdir(), 'lodestone-floors-'))
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(directory, path)), { recursive: true })
      writeFileSync(join(directory, path), text)
    }
    mkdirSync(join(directory, 'tools/lint'), { recursive: true })
    writeFileSync(join(directory, 'tools/lint/floors.js'), readFileSync(join(root, 'tools/lint/floors.js')))
    writeFileSync(join(directory, '.oxlintrc.json'), readFileSync(join(root, '.oxlintrc.json')))
    symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'))
    const result = spawnSync(process.execPath, [join(root, 'node_modules/oxlint/bin/oxlint'), 'packages'], {
      cwd: directory,
      encoding: 'utf8',
    })
    return result.stdout + result.stderr
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

test('an import of a higher floor is an error', () => {
  const output = lint({
    'packages/foundation/packet/src/a.ts': "import { Rib } from '@lodestone/rib'\nexport const a = Rib\n",
  })
  assert.match(output, /foundation\/packet may not import @lodestone\/rib/)
})

test('a deep import and a path out of the package are errors', () => {
  const output = lint({
    'packages/routing/bgp/src/a.ts': "import { x } from '@lodestone/rib/src/rib.ts'\nexport const a = x\n",
    'packages/routing/bgp/src/b.ts': "import { y } from '../../rib/src/rib.ts'\nexport const b = y\n",
  })
  assert.match(output, /deep import/)
  assert.match(output, /leaves the package/)
})

test('a part with an index of its own may be imported where its package may', () => {
  const output = lint({
    'packages/dataplane/vport/src/a.ts':
      "import { ModuleBuilder } from '@lodestone/p4/wasm'\nexport const a = ModuleBuilder\n",
    'packages/routing/rib/src/b.ts':
      "import { ModuleBuilder } from '@lodestone/p4/wasm'\nexport const b = ModuleBuilder\n",
  })
  assert.doesNotMatch(output, /deep import|vport may not/)
  assert.match(output, /routing\/rib may not import @lodestone\/p4\/wasm/)
})

test('ambient time, randomness and I/O are errors outside a host', () => {
  const output = lint({
    'packages/routing/bgp/src/a.ts':
      "import net from 'node:net'\nexport const a = [Date.now(), Math.random(), setTimeout, fetch, process.env, net]\n",
  })
  for (const word of ['now', 'random', 'setTimeout', 'fetch', 'process', 'node:net']) {
    assert.ok(output.includes(word), `${word} is not reported:\n${output}`)
  }
})

test('an import along an edge is fine', () => {
  const output = lint({
    'packages/routing/bgp/src/a.ts': "import { Rib } from '@lodestone/rib'\nexport const a = Rib\n",
  })
  assert.match(output, /Found 0 warnings and 0 errors/)
})

test('package.json files declare only dependencies that the floors allow, and every package is in the table', () => {
  for (const floor of readdirSync(join(root, 'packages'))) {
    for (const box of readdirSync(join(root, 'packages', floor))) {
      const key = `${floor}/${box}`
      const manifest = JSON.parse(readFileSync(join(root, 'packages', key, 'package.json'), 'utf8'))
      // because the table is a plain object whose keys are checked by the next assertion
      const allowed = (EDGES as Readonly<Record<string, readonly string[] | '*'>>)[key]
      assert.ok(allowed !== undefined, `${key} is not in tools/lint/floors.js`)
      for (const name of Object.keys(manifest.dependencies ?? {})) {
        if (!name.startsWith('@lodestone/') || allowed === '*') continue
        assert.ok(allowed.includes(name.slice('@lodestone/'.length)), `${key} declares ${name}`)
      }
    }
  }
})
