/** Our `--bmv2` mode beside BMv2 itself: the same programs and packets, where p4c's back ends and the switches are on PATH. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { reasonToSkip } from './bmv2/p4c.ts'
import { problemOf } from './bmv2/problem.ts'
import { type Trial, trySample } from './bmv2/sample-program.ts'

const PROGRAMS = join(import.meta.dirname, 'bmv2/programs')
const PACKETS = 150

describe('BMv2 sends the packets that we send', { skip: reasonToSkip(), concurrency: false }, () => {
  const work = mkdtempSync(join(tmpdir(), 'lode-bmv2-'))
  after(() => rmSync(work, { recursive: true, force: true }))
  const options = { packets: PACKETS, seed: 1, work }

  for (const name of readdirSync(PROGRAMS).filter((file) => file.endsWith('.p4'))) {
    test(name, async () => check(await trySample(join(PROGRAMS, name), options)))
  }
})

function check(trial: Trial): void {
  if (trial.kind === 'left') throw new Error(`not compared: ${trial.why}`)
  assert.equal(problemOf(trial.comparison), undefined)
  assert.ok(trial.comparison.sent > 0, 'some packets come out')
}
