import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  CASE_NAMES,
  DEFAULT_EXPERIMENT,
  FULL_EXPERIMENT,
  POLICY_NAMES,
  QUICK_EXPERIMENT,
  SIZE_NAMES,
  TELEMETRY_NAMES,
} from '@lodestone/experiment'
import { type DdmFlags, experimentOf, parseFlows, parseLoads, parseSeeds } from './ddm-flags.ts'

const NAMES = { cases: CASE_NAMES, sizes: SIZE_NAMES, policies: POLICY_NAMES, telemetry: TELEMETRY_NAMES }
const PRESETS = { quick: QUICK_EXPERIMENT, usual: DEFAULT_EXPERIMENT, full: FULL_EXPERIMENT }
const PLAIN: DdmFlags = { quick: false, full: false, telemetry: 'live', json: false }

test('without flags it is web search at 60 and 80 %, symmetric and half-speed, ten seeds, at least 1000 flows', () => {
  const options = experimentOf(PLAIN, PRESETS, NAMES)
  assert.ok(typeof options === 'object')
  assert.deepEqual(options, DEFAULT_EXPERIMENT)
  assert.deepEqual(
    [options.loads, options.cases, options.sizes],
    [[0.6, 0.8], ['symmetric', 'half-speed'], ['web-search']],
  )
  assert.ok(options.seeds.length === 10 && options.flows >= 1000)
})

test('flags replace parts of a preset, in the order that tables have', () => {
  const options = experimentOf(
    {
      ...PLAIN,
      quick: true,
      policy: ['ddm', 'ecmp'],
      case: ['dying'],
      load: [0.3],
      seeds: [4, 5],
      telemetry: 'constant',
    },
    PRESETS,
    NAMES,
  )
  assert.deepEqual(options, {
    ...QUICK_EXPERIMENT,
    policies: ['ecmp', 'ddm'],
    cases: ['dying'],
    loads: [0.3],
    seeds: [4, 5],
    telemetry: 'constant',
  })
})

test('wrong words are answered with what there is', () => {
  assert.match(
    String(experimentOf({ ...PLAIN, policy: ['conga'] }, PRESETS, NAMES)),
    /--policy takes ecmp, .*not conga/,
  )
  assert.match(String(experimentOf({ ...PLAIN, quick: true, full: true }, PRESETS, NAMES)), /exclude/)
  assert.throws(() => parseLoads('60,120'), /between 0 and 100, not 120/)
  assert.throws(() => parseSeeds('5..2'), /1\.\.10, not 5\.\.2/)
  assert.throws(() => parseFlows('3'), /10 to 1000000/)
  assert.deepEqual(parseLoads('60, 80%'), [0.6, 0.8])
  assert.deepEqual([parseSeeds('7'), parseSeeds('1..3')], [[7], [1, 2, 3]])
})
