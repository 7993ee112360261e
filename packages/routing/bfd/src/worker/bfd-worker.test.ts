/** Two speakers on loopback: one in its thread, one here. Needs the well-known ports, so it has them in a namespace of its own. */
import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { promisify } from 'node:util'

const canIsolate = process.platform === 'linux' && spawnSync('unshare', ['--net', 'ip', 'link']).status === 0
const skip = canIsolate ? false : 'needs root on Linux: unshare --net and ip'

interface Seen {
  readonly firstRefusal: string
  readonly ups: readonly string[]
  readonly downsWhileBusy: number
  readonly busyMs: number
  readonly wrongHopLimits: number
  readonly states: readonly string[]
  readonly remoteAddress: string
  readonly afterGoodbye: ReadonlyArray<readonly [string, boolean]>
}

test(
  'sessions in a thread stay up while the main thread is blocked for longer than they may be silent',
  { skip, timeout: 20_000 },
  async () => {
    const fixture = fileURLToPath(new URL('bfd-worker.fixture.ts', import.meta.url))
    const { stdout } = await promisify(execFile)('unshare', ['--net', process.execPath, fixture], { timeout: 15_000 })
    const seen: Seen = JSON.parse(stdout)
    assert.match(seen.firstRefusal, /is in use|EADDRINUSE/)
    assert.equal(seen.ups.length, 4)
    assert.ok(seen.busyMs >= 1500)
    assert.equal(seen.downsWhileBusy, 0)
    assert.deepEqual(seen.states, ['Up', 'Up', 'Up', 'Up'])
    assert.equal(seen.remoteAddress, '127.0.0.2')
    assert.equal(seen.wrongHopLimits, 3)
    // The other side said AdminDown: no failure.
    assert.deepEqual(seen.afterGoodbye.slice(0, 1), [['Down', false]])
  },
)
