import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { compile } from './compile.ts'
import { renderDiagnostics } from './source/render.ts'

test("the README's example gives the message that it shows", () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? ''
  const source = /\['hello\.p4', '(.*)'\]/.exec(example)?.[1] ?? ''
  const shown = [...example.matchAll(/^\/\/ ?(.*)$/gm)].map((match) => match[1] ?? '').slice(1)
  const readFile = (path: string): string | undefined => (path === 'hello.p4' ? source : undefined)
  const { program, diagnostics } = compile({ fileName: 'hello.p4', readFile, includePaths: [] })
  assert.equal(program, undefined)
  assert.equal(renderDiagnostics(diagnostics, readFile), shown.join('\n'))
})
