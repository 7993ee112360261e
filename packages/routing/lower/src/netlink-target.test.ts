/** Against the kernel of this machine, in a namespace that ends with the process. */
import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { before, describe, test } from 'node:test'
import { promisify } from 'node:util'

const canIsolate =
  process.platform === 'linux' &&
  spawnSync('unshare', ['--net', 'ip', 'link', 'add', 'lsi0', 'type', 'veth', 'peer', 'name', 'lsi1']).status === 0
const skip = canIsolate ? false : 'needs root on Linux: unshare --net and ip'

interface Seen {
  readonly programmed: readonly string[]
  readonly failing: ReadonlyArray<{ readonly prefix: string; readonly reason: string; readonly isRetried: boolean }>
  readonly isRepaired: boolean
  readonly afterAddress: readonly string[]
  readonly afterVandals: readonly string[]
  readonly foreignChanges: number
  readonly whileDown: number
  readonly afterLink: readonly string[]
  readonly manyCount: number
  readonly listed: number
  readonly fewCount: number
}

describe('NetlinkTarget', { skip }, () => {
  let seen: Seen
  before(async () => {
    const fixture = fileURLToPath(new URL('netlink-target.fixture.ts', import.meta.url))
    const run = promisify(execFile)
    const args = ['--net', process.execPath, '--disable-warning=ExperimentalWarning', fixture]
    const { stdout } = await run('unshare', args, { timeout: 240_000 })
    seen = JSON.parse(stdout)
  })

  test('both families, IPv4 over an IPv6 next hop, and several next hops are what ip shows', () => {
    assert.deepEqual(seen.programmed.toSorted(), [
      '10.1.0.0/16 via 192.0.2.2 dev left proto 177 metric 20',
      '10.2.0.0/16 via inet6 fe80::2 dev right proto 177 metric 20',
      '10.3.0.0/16 proto 177 metric 20',
      '10.8.0.0/16 via 192.0.2.9 dev left proto 4 metric 20',
      '2001:db8:f::/48 via 2001:db8::2 dev left proto 177 metric 20 pref medium',
      'nexthop via 192.0.2.3 dev left weight 1',
      'nexthop via 198.51.100.3 dev right weight 1',
    ])
  })

  test('a write that the kernel refuses is named, retried, and succeeds when the link is there', () => {
    const [failing] = seen.failing
    assert.deepEqual([seen.failing.length, failing?.prefix, failing?.isRetried], [1, '10.4.0.0/16', true])
    assert.match(failing?.reason ?? '', /next hop/i)
    assert.equal(seen.isRepaired, true)
    assert.deepEqual(seen.afterAddress, ['10.4.0.0/16 via 203.0.113.1 dev left proto 177 metric 20'])
  })

  test('what others remove or replace is put back at once', () => {
    const before = [...seen.programmed, ...seen.afterAddress]
    assert.deepEqual(seen.afterVandals.toSorted(), before.toSorted())
    assert.ok(seen.foreignChanges >= 2, `${seen.foreignChanges} changes were noticed`)
  })

  test('the routes that a link took with it come back with the link', () => {
    assert.ok(seen.whileDown >= 3, `${seen.whileDown} routes were failing while the link was down`)
    const ours = (lines: readonly string[]): string[] =>
      lines.filter((line) => line.includes('177') || line.startsWith('next')).toSorted()
    assert.deepEqual(ours(seen.afterLink), ours([...seen.programmed, ...seen.afterAddress]))
  })

  test('20 000 routes come and go', () => {
    assert.ok(seen.manyCount >= 20_000, `${seen.manyCount} routes`)
    assert.ok(seen.listed >= 20_000, `${seen.listed} listed`)
    assert.ok(seen.fewCount < 10, `${seen.fewCount} routes are left`)
  })
})
