import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCondition, type Value } from './break-expression.ts'

const facts: Readonly<Record<string, Value>> = { now: 12.5, 'frame.link': 'sled0-switch0', 'node.switch1': 'off' }

function holds(text: string): boolean {
  const condition = parseCondition(text)
  assert.ok(condition.ok, condition.ok ? '' : condition.reason)
  return condition.holds((name) => facts[name])
}

test('comparisons, and, or, not and parentheses mean what they say', () => {
  assert.ok(holds('now > 12'))
  assert.ok(!holds('now > 12 && node.switch1 == "on"'))
  assert.ok(holds('now < 12 || node.switch1 == "off"'))
  assert.ok(holds('!(now < 12) && frame.link == "sled0-switch0"'))
})

test('a name that is not known makes its comparison false', () => {
  assert.ok(!holds('nothing == 1'))
  assert.ok(!holds('nothing != 1'))
})

test('a mistake is named with its column', () => {
  for (const [text, reason] of [
    ['now >', /column 6/],
    ['now ; 1', /column 4/],
    ['(now > 1', /not closed/],
    ['now 1', /column 4/],
  ] as const) {
    const condition = parseCondition(text)
    assert.ok(
      !condition.ok && reason.test(condition.reason),
      `${text}: ${condition.ok ? 'accepted' : condition.reason}`,
    )
  }
})
