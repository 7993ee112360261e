import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import process from 'node:process'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isProcessAlive } from './os-process.ts'

test('this process runs, and a number that no process can have does not', () => {
  assert.equal(isProcessAlive(process.pid), true)
  assert.equal(isProcessAlive(2 ** 30), false)
})

test(
  'a process that has ended and that its parent does not ask about runs no more',
  { skip: process.platform !== 'linux' },
  async () => {
    // The shell becomes a program that waits for no child.
    const parent = spawn('sh', ['-c', 'sleep 300 & echo $!; exec sleep 300'], { stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      const [chunk] = (await once(parent.stdout, 'data')) as [Buffer]
      const child = Number(chunk.toString())
      // A shell may still ask about its child.
      const limitMs = performance.now() + 60_000
      while (readFileSync(`/proc/${parent.pid}/comm`, 'utf8') !== 'sleep\n') {
        assert.ok(performance.now() < limitMs, 'the shell does not become a program')
        await sleep(1)
      }
      assert.equal(isProcessAlive(child), true)
      process.kill(child, 'SIGKILL')
      const endMs = performance.now() + 60_000
      while (isProcessAlive(child)) assert.ok(performance.now() < endMs, 'it does not end')
      assert.ok(existsSync(`/proc/${child}`), 'it is still there to be asked about')
    } finally {
      parent.kill('SIGKILL')
    }
  },
)
