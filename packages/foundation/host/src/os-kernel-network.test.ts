import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { promisify } from 'node:util'

const canIsolate = process.platform === 'linux' && spawnSync('unshare', ['--net', 'ip', 'link']).status === 0
const skip = canIsolate ? false : 'needs root on Linux: unshare --net and ip'

test(
  'interfaces are followed as they come, change and go; ICMPv6 passes with hop limit 255 and only the types wanted',
  { skip },
  async () => {
    const fixture = fileURLToPath(new URL('os-kernel-network.fixture.ts', import.meta.url))
    const { stdout } = await promisify(execFile)('unshare', ['--net', process.execPath, fixture], { timeout: 240_000 })
    const seen = JSON.parse(stdout)
    assert.deepEqual(seen.after, seen.before)
    assert.ok(seen.changes >= 3, `${seen.changes} changes`)
    assert.equal(seen.left.isUp, true)
    assert.equal(seen.left.mtuBytes, 1500)
    assert.match(seen.left.mac, /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/)
    assert.deepEqual(seen.left.addresses.toSorted(), ['192.0.2.1', seen.expectedSender].toSorted())
    assert.deepEqual(seen.heard, [`133 ${seen.expectedSender}`])
    assert.equal(seen.isUpAfterDown, false)
    assert.equal(seen.unknownIndex, 'none')
  },
)
