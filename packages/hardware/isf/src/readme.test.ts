import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import * as isf from './index.ts'
import {
  assembleProgram,
  checkSpecification,
  createInstructionSet,
  disassembleWords,
  generateTypeScript,
  renderDiagnostics,
} from './index.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

test('the example of the README does what it says', () => {
  const text = /const text = `(.*?)`\n/s.exec(readme)?.[1] ?? ''
  const { specification, diagnostics } = checkSpecification(text)
  if (specification === undefined) throw new Error(renderDiagnostics(diagnostics, 'tiny.isf', text))
  const set = createInstructionSet(specification)
  const { words } = assembleProgram(set, 'addi r3, 7')
  const lines = disassembleWords(set, words).map((line) => line.text)
  const module = generateTypeScript(specification, { source: 'tiny.isf' })
  assert.deepEqual([words, lines], [[0x732], ['addi r3, 7']])
  for (const name of [
    'interface AddImmediate',
    'type Instruction',
    'function encode',
    'function decode',
    'function assemble',
  ]) {
    assert.ok(module.includes(`export ${name}`), name)
  }
})

test('this file has the code of the example, line by line', () => {
  const own = readFileSync(new URL(import.meta.url), 'utf8')
  const block = /```ts\n.*?\n\}`\n(.*?)```/s.exec(readme)?.[1] ?? ''
  const lines = block.split('\n').filter((line) => line !== '' && !line.startsWith('//'))
  assert.equal(lines.length, 6)
  for (const line of lines) assert.ok(own.includes(`  ${line}\n`), line)
})

test('every function that the README names is exported', () => {
  const names = [...readme.matchAll(/`([a-z]+[A-Z]\w*)\(/g)].map((match) => match[1] ?? '')
  assert.ok(names.length > 8)
  for (const name of names) assert.ok(name in isf, name)
})
