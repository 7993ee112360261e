import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'

test('the example of the README prints what it says', async () => {
  const text = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8')
  const code = /```ts\n([\s\S]*?)```/.exec(text)![1]!
  const expected = [...code.matchAll(/^\/\/ ( +\d.*)$/gm)].map((match) => match[1]!)
  const printed: string[] = []
  const body = code.replace(/^import .*$/m, '').replace(': string[]', '')
  const probe = await import('./index.ts')
  const run = new Function('parseStoryFilter', 'renderStory', 'StoryBook', 'Tracer', 'console', body)
  run(probe.parseStoryFilter, probe.renderStory, probe.StoryBook, probe.Tracer, {
    log: (line: string) => printed.push(...line.split('\n')),
  })
  assert.deepEqual(
    printed,
    expected.map((line) => line.slice(0)),
  )
})
