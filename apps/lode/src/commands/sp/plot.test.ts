import assert from 'node:assert/strict'
import { test } from 'node:test'
import { plot, plotLine } from './plot.ts'

test('a rising series rises through the characters, and what is missing is a question mark', () => {
  const values = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
  assert.equal(plotLine({ name: '', unit: '', values }, 10), ' .:-=+*#%@')
  assert.equal(plotLine({ name: '', unit: '', values: [1, null, 1] }, 5), '  +?+')
  assert.equal(plotLine({ name: '', unit: '', values: [50, 150], low: 0, high: 100 }, 2), '+@')
})

test('rows align whatever the names and numbers are', () => {
  const rows = plot(
    [
      { name: 'cpu', unit: '°C', values: [40, 60.5], low: 20, high: 100 },
      { name: 'fan-0', unit: 'rpm', values: [5000, 13500], low: 0, high: 13500 },
      { name: 'dead', unit: '°C', values: [null] },
    ],
    4,
  ).split('\n')
  assert.deepEqual(rows, [
    'cpu   |  :+|  60.50 °C  40.00 to 60.50',
    'fan-0 |  -@| 13500 rpm  5000 to 13500',
    'dead  |   ?|         -',
  ])
})
