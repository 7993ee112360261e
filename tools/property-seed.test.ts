import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import test from 'node:test'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** What a process draws that begins like those of `npm test`. */
async function drawn(seed?: string): Promise<string> {
  const { FUZZ_SEED: _, ...env } = process.env
  const script = "import fc from 'fast-check'; fc.assert(fc.property(fc.nat(), (n) => console.log(n) === undefined))"
  const args = ['--import', join(import.meta.dirname, 'property-seed.js'), '--input-type=module', '--eval', script]
  const { stdout } = await run(process.execPath, args, {
    cwd: join(import.meta.dirname, '..'),
    env: seed === undefined ? env : { ...env, FUZZ_SEED: seed },
  })
  assert.equal(stdout.trim().split('\n').length, 100)
  return stdout
}

test('properties begin from one seed, from another that is given, or from one that nobody knew', async () => {
  const [first, second, one, seven, random] = await Promise.all([
    drawn(),
    drawn(),
    drawn('1'),
    drawn('7'),
    drawn('random'),
  ])
  assert.equal(second, first)
  assert.equal(one, first)
  assert.notEqual(seven, first)
  assert.ok(random !== first && random !== seven)
  await assert.rejects(drawn('soon'), /FUZZ_SEED is 'soon'/)
})
