import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { LinuxPeerOptions, LinuxPeerResult } from './linux-peer.fixture.ts'

// The longer run over the same wire is `interop/linux.interop.ts`.
const canIsolate =
  process.platform === 'linux' &&
  spawnSync('unshare', ['--net', 'sh', '-c', 'ip tuntap add dev lns0 mode tap && sysctl -qn net.ipv4.ip_forward'])
    .status === 0
const skip = canIsolate ? false : 'needs root on Linux: unshare --net, ip, sysctl and /dev/net/tun'

/** It only ends a hang: a transfer takes a second. */
const LIMIT_MS = 240_000

async function withLinux(options: LinuxPeerOptions): Promise<LinuxPeerResult> {
  const fixture = fileURLToPath(new URL('linux-peer.fixture.ts', import.meta.url))
  const args = ['--net', process.execPath, fixture, JSON.stringify(options)]
  const { stdout } = await promisify(execFile)('unshare', args, { timeout: LIMIT_MS })
  return JSON.parse(stdout)
}

for (const from of ['kernel', 'netstack'] as const) {
  for (const family of [4, 6] as const) {
    const way = from === 'kernel' ? 'from Linux to us' : 'from us to Linux'
    test(`1 MB pass ${way} over IPv${family} through loss and reordering`, { skip }, async () => {
      // Of some thousand frames. That none is lost happens once in 10^9 times.
      const told = await withLinux({ bytes: 1e6, loss: 0.02, reorderMs: 0.3, from, family })
      assert.equal(told.bytes, 1e6)
      assert.equal(told.received, told.sent)
      assert.ok(told.lost > 0, 'something was lost on the way')
      assert.ok(told.pings > 0)
      assert.ok(told.largePings > 0, 'fragments are put together on both sides')
      assert.equal(told.counters['NS_TRANSPORT_CHECKSUM'], undefined)
    })
  }
}
