import assert from 'node:assert/strict'
import test from 'node:test'
import { CARD, specificationOf } from '../specification.fixture.ts'
import { renderDocs } from './render-docs.ts'

test('a register shows its fields and gaps from the most significant bit down', () => {
  const text = renderDocs(specificationOf(CARD), 'markdown')
  const table = text.slice(text.indexOf('What a port does.'))
  assert.deepEqual(table.split('\n').slice(0, 9), [
    'What a port does.',
    '',
    '32 bits, reset 0x00000100.',
    '',
    '| Bits | Field | Access | Type | Reset | Meaning |',
    '| --- | --- | --- | --- | --- | --- |',
    '| 31:16 | (none) |  |  |  |  |',
    '| 15:8 | count | rw | bits | 0x1 | Count. |',
    '| 7:2 | (none) |  |  |  |  |',
  ])
  assert.match(text, /\| 1:0 \| rate \| rw \| \[optics::Rate\]\(#enum-optics-Rate\) \| 0x0 \| Rate\. \|/)
})

test('text of a specification is never markup', () => {
  const evil = {
    ...CARD,
    'main.rsf': (CARD['main.rsf'] ?? '').replace('Light.', '</td><script>alert(1)</script> | **x** & "y"'),
  }
  const specification = specificationOf(evil)
  const html = renderDocs(specification, 'html')
  assert.ok(!html.includes('<script>'))
  assert.ok(html.includes('&lt;script&gt;alert(1)&lt;/script&gt; | **x** &amp; &quot;y&quot;'))
  const markdown = renderDocs(specification, 'markdown')
  assert.ok(markdown.includes('\\<script\\>alert(1)\\</script\\> \\| \\*\\*x\\*\\* & "y"'))
})

test('every link of the page leads to a heading', () => {
  const html = renderDocs(specificationOf(CARD), 'html')
  const links = [...html.matchAll(/href="#([^"]+)"/g)].map((match) => match[1])
  assert.ok(links.length > 5)
  for (const link of links) assert.ok(html.includes(`id="${link}"`), link)
  assert.equal(html.match(/<table>/g)?.length, html.match(/<\/table>/g)?.length)
})
