import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { OsNetwork } from '@lodestone/host'
import { AdminNetwork } from './admin-network.ts'

function scratch(t: { after(fn: () => void): void }): string {
  const directory = mkdtempSync(join(tmpdir(), 'admin-'))
  t.after(() => rmSync(directory, { recursive: true }))
  return directory
}

test('the socket and its directory are for their owner only', async (t) => {
  const path = join(scratch(t), 'state', 'routed.sock')
  const network = new AdminNetwork(new OsNetwork())
  const listener = await network.listenTcp({ address: path, port: 0 }, (socket) => socket.destroy())
  t.after(() => listener.close())
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.equal(statSync(join(path, '..')).mode & 0o777, 0o700)
})

test('a socket that a dead daemon left is replaced, one that is served is not', async (t) => {
  const path = join(scratch(t), 'routed.sock')
  writeFileSync(path, '') // nobody answers here either
  const network = new AdminNetwork(new OsNetwork())
  const listener = await network.listenTcp({ address: path, port: 0 }, (socket) => socket.destroy())
  await assert.rejects(
    network.listenTcp({ address: path, port: 0 }, () => {}),
    /another daemon serves .*routed\.sock/,
  )
  listener.close()
  const next = await network.listenTcp({ address: path, port: 0 }, (socket) => socket.destroy())
  next.close()
})
