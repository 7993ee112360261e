/** 1 GB each way between Linux and one netstack over TAP, with loss and reordering. Needs root; takes minutes. */
import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { LinuxPeerOptions, LinuxPeerResult } from '../src/linux-peer.fixture.ts'

const BYTES = Number(process.env['LODE_INTEROP_BYTES'] ?? 1e9)
const LIMIT_MS = 900_000
const canIsolate = process.platform === 'linux' && spawnSync('unshare', ['--net', 'ip', 'link']).status === 0
const skip = canIsolate ? false : 'needs root on Linux: unshare --net and ip'
const fixture = fileURLToPath(new URL('../src/linux-peer.fixture.ts', import.meta.url))

for (const from of ['kernel', 'netstack'] as const) {
  test(`${BYTES} bytes arrive with the same hash, 1 % lost and reordered, sent by ${from}`, { skip }, async (t) => {
    const options: LinuxPeerOptions = { bytes: BYTES, loss: 0.01, reorderMs: 0.1, from, family: 4 }
    const args = ['--net', process.execPath, fixture, JSON.stringify(options)]
    const { stdout } = await promisify(execFile)('unshare', args, { timeout: LIMIT_MS })
    const told: LinuxPeerResult = JSON.parse(stdout)
    assert.equal(told.bytes, BYTES)
    assert.equal(told.received, told.sent)
    t.diagnostic(`${told.seconds.toFixed(1)} s, ${told.lost} frames lost`)
  })
}
