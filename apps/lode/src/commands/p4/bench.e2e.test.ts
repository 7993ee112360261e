/** `lode p4 bench` as a process. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { lode } from '../../lode-process.fixture.ts'

const ROUTER = join(import.meta.dirname, '../../../../../p4/examples/router.p4')

describe('lode p4 bench', () => {
  test('fills the tables so that the packets it makes hit them', async () => {
    const { status, stdout, stderr } = await lode([
      'p4',
      'bench',
      ROUTER,
      '--entries',
      '100',
      '--packets',
      '5000',
      '--json',
    ])
    assert.equal(status, 0, stderr)
    const report = JSON.parse(stdout)
    assert.equal(report.packets, 20 * 256)
    assert.ok(report.sent > 0, 'nothing came out')
    assert.ok(report.nsPerPacket > 0)
    const hit = report.tables.filter(({ hitRate = 0 }: { readonly hitRate?: number }) => hitRate > 0.5)
    assert.ok(hit.length > 0, stdout)
  })

  test('says what is wrong with a count and exits 2', async () => {
    const { status, stderr } = await lode(['p4', 'bench', ROUTER, '--entries', '0'])
    assert.equal(status, 2, stderr)
    assert.match(stderr, /'0' is not a number of 1 or more/)
  })
})
