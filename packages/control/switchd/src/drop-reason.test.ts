import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { dropReason, dropReasons, NODE_DROP, NODE_DROP_LIMIT } from './drop-reason.ts'

const source = readFileSync(new URL('../../../../p4/drop-reasons.p4', import.meta.url), 'utf8')

test('every drop reason of the switch program has a sentence, under the name that the program gives it', () => {
  const constants = [...source.matchAll(/const bit<8> DROP_(\w+) = 0x([0-9a-f]+);/g)]
  assert.ok(constants.length > 15)
  for (const [, name, number] of constants) {
    assert.equal(dropReasons.get(parseInt(number!, 16))?.code, `SW_${name}`)
  }
})

test('every drop of the node has a sentence and a place in its counters', () => {
  for (const [name, number] of Object.entries(NODE_DROP)) {
    assert.ok(dropReasons.has(number), name)
    assert.ok(number < NODE_DROP_LIMIT, name)
  }
})

test('codes are unique and sentences are sentences', () => {
  const all = [...dropReasons.values()]
  assert.equal(new Set(all.map(({ code }) => code)).size, all.length)
  for (const { sentence, hint } of all) {
    assert.match(sentence, /^[A-Z].*\.$/)
    if (hint !== undefined) assert.match(hint, /^[A-Z].*\.$/)
  }
})

test('an unknown number is described by itself', () => {
  assert.equal(dropReason(0x7e).code, 'SW_REASON_0X7E')
})
