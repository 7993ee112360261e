import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Replication } from './replication.ts'

const message = (result: { readonly ok: boolean; readonly error?: { readonly message: string } }): string =>
  result.error?.message ?? 'done'

test('members follow nodes as they are updated, moved and deleted', () => {
  const replication = new Replication(100, 10)
  assert.ok(replication.createGroup(1).ok && replication.createGroup(2).ok)
  const first = replication.createNode(5, [3, 1, 3])
  assert.ok(first.ok)
  const { handle } = first
  assert.ok(replication.associate(1, handle).ok)
  assert.deepEqual([...replication.members(1)!], [1, 5, 3, 5])
  assert.ok(replication.updateNode(handle, [9]).ok)
  assert.deepEqual([...replication.members(1)!], [9, 5])
  assert.match(message(replication.associate(2, handle)), /belongs to group 1 already/)
  assert.ok(replication.dissociate(1, handle).ok && replication.associate(2, handle).ok)
  assert.deepEqual([...replication.members(1)!], [])
  assert.ok(replication.deleteNode(handle).ok)
  assert.deepEqual([...replication.members(2)!], [])
  assert.ok(replication.deleteGroup(2).ok)
  assert.equal(replication.members(2), undefined)
})

test('refusals name what was asked for and what there is', () => {
  const replication = new Replication(100, 10)
  replication.createGroup(7)
  assert.match(message(replication.createGroup(7)), /group 7 exists/)
  assert.match(message(replication.createGroup(0)), /numbered 1 to 100/)
  assert.match(message(replication.associate(8, 0)), /no multicast group 8; there are: 7/)
  assert.match(message(replication.associate(7, 3)), /no multicast node 3; there are: none/)
  assert.match(message(replication.createNode(70000, [])), /0 to 65535/)
  assert.match(message(replication.setSession(11, { port: 1 })), /sessions are numbered 0 to 10/)
  assert.match(message(replication.deleteSession(1)), /no clone session 1/)
})
