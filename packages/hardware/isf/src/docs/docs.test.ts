import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { checkSpecification, renderHtml, renderMarkdown, type Specification } from '../index.ts'

function specificationOf(text: string): Specification {
  const { specification } = checkSpecification(text)
  assert.ok(specification !== undefined)
  return specification
}

const CORE = specificationOf(readFileSync(new URL('../../examples/packet-core/core.isf', import.meta.url), 'utf8'))

test('the Markdown page has every instruction with fields, layout, cost and examples with their words', () => {
  const page = renderMarkdown(CORE, { title: 'Packet core' })
  for (const { name } of CORE.instructions) assert.ok(page.includes(`\n### ${name}\n`), name)
  assert.ok(page.includes('| `Register` | 4 bits | General-purpose register of 32 bits, r0 to r15. |'))
  assert.ok(page.includes('`drop {<reason>}`, 1 cycle'))
  assert.ok(page.includes('| `reason` | 8 bits, optional | The reason, for counters. |'))
  assert.ok(page.includes('| 7 | 1 when reason is there |'))
  assert.ok(page.includes('| `drop 4` | `0x000004e2` | Time to live exceeded. |'))
  assert.ok(page.includes('| 7–10 | target\\[0:3\\] |'))
})

test('the HTML page links every instruction, and its tags close', () => {
  const page = renderHtml(CORE, { title: 'Packet core' })
  for (const { name } of CORE.instructions) {
    assert.ok(page.includes(`<a href="#${name}">`) && page.includes(`<section id="${name}">`), name)
  }
  const open: string[] = []
  for (const [, isClosing, tag] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)[^>]*>/g)) {
    if (tag === 'meta') continue
    if (isClosing === '') open.push(tag ?? '')
    else assert.equal(open.pop(), tag)
  }
  assert.deepEqual(open, [])
})

test('text of a specification does not become markup', () => {
  const text = `instruction_width = 8;
/// <b>bold</b> | *star* \`tick\`.
instruction One { assembly: '<i>|\`'; machine: op: 8 = 1 }`
  const html = renderHtml(specificationOf(text), { title: '<script>' })
  assert.doesNotMatch(html, /<b>|<i>|<script>/)
  const markdown = renderMarkdown(specificationOf(text), { title: '<script>' })
  assert.ok(markdown.includes('\\<b\\>bold\\</b\\> \\| \\*star\\*'))
  assert.ok(markdown.startsWith('# \\<script\\>'))
})
