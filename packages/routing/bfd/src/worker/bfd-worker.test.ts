/**
 * Two speakers on loopback, each in its thread, and a main thread that blocks. They need the well-known ports, so they have them in
 * a namespace of their own.
 */
import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { promisify } from 'node:util'

const canIsolate = process.platform === 'linux' && spawnSync('unshare', ['--net', 'ip', 'link']).status === 0
const skip = canIsolate ? false : 'needs root on Linux: unshare --net and ip'

interface Seen {
  readonly firstRefusal: string
  readonly detectionMs: number
  readonly blockedMs: number
  readonly packets: number
  readonly packetsWanted: number
  readonly upForMs: number
  readonly standstillMs: number
  readonly isJudged: boolean
  readonly wrongHopLimits: number
  readonly remoteAddress: string
  readonly goodbyes: ReadonlyArray<readonly [string, boolean]>
}

test(
  'sessions in a thread stay up while the main thread is blocked for longer than they may be silent',
  { skip },
  async (t) => {
    const fixture = fileURLToPath(new URL('bfd-worker.fixture.ts', import.meta.url))
    const { stdout } = await promisify(execFile)('unshare', ['--net', process.execPath, fixture], { timeout: 240_000 })
    const seen: Seen = JSON.parse(stdout)
    assert.match(seen.firstRefusal, /is in use|EADDRINUSE/)
    assert.ok(seen.blockedMs > seen.detectionMs, stdout)
    assert.ok(seen.packets >= seen.packetsWanted, `nobody has read packets meanwhile: ${stdout}`)
    if (seen.isJudged) assert.ok(seen.upForMs >= seen.blockedMs, `not up all the time: ${stdout}`)
    else t.diagnostic(`this machine stood still for ${Math.round(seen.standstillMs)} ms, each time: not judged`)
    assert.equal(seen.remoteAddress, '127.0.0.2')
    assert.equal(seen.wrongHopLimits, 3)
    // The other side said AdminDown: no failure.
    assert.deepEqual(
      seen.goodbyes,
      Array.from({ length: 4 }, () => ['Down', false]),
    )
  },
)
