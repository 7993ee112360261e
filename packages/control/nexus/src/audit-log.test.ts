import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { AuditLogEntry } from '@lodestone/contract-nexus'
import { clientWith } from './fake-rack.fixture.ts'
import { openNexus, valueOf } from './running-nexus.fixture.ts'

const START = '2000-01-01T00:00:00Z'

const { rack, store, handler, api, close } = await openNexus()

after(close)

async function entries(): Promise<AuditLogEntry[]> {
  return valueOf(await api.audit_log_list({ query: { start_time: START } })).items
}

test('logins and changes are recorded with who, how and what came of it; reads are not', async () => {
  await clientWith(handler, {}).login_local({
    params: { silo_name: 'test-suite-silo' },
    body: { username: 'test-privileged', password: 'guess' },
  })
  await rack.clock.advance(5)
  valueOf(await api.project_create({ body: { name: 'one', description: '' } }))
  await rack.clock.advance(5)
  await api.project_create({ body: { name: 'one', description: '' } })
  await rack.clock.advance(5)
  valueOf(await api.project_list())
  const me = valueOf(await api.current_user_view())
  const [session] = valueOf(await api.user_session_list({ params: { user_id: me.id } })).items
  const list = await entries()
  assert.deepEqual(
    list.map((entry) => `${entry.operation_id} ${entry.actor.kind} ${entry.result.http_status_code}`).toSorted(),
    [
      'login_local unauthenticated 204',
      'login_local unauthenticated 401',
      'project_create silo_user 201',
      'project_create silo_user 400',
    ],
  )
  const refused = list.at(-1)!
  assert.deepEqual(refused.actor, { kind: 'silo_user', silo_id: me.silo_id, silo_user_id: me.id })
  assert.deepEqual([refused.auth_method, refused.credential_id], ['session_cookie', session!.id])
  assert.equal(refused.request_uri, '/v1/projects')
  assert.deepEqual(refused.result, {
    kind: 'error',
    http_status_code: 400,
    error_code: 'ObjectAlreadyExists',
    error_message: 'already exists: project "one"',
  })
  assert.ok(!JSON.stringify(list).includes('guess'), 'no secrets')
})

test('entries are paged by time in both directions, and a span of time has a start and an end', async () => {
  for (let i = 0; i < 5; i++) {
    await rack.clock.advance(10)
    valueOf(await api.project_create({ body: { name: `p${i}`, description: '' } }))
  }
  const all = (await entries()).map((entry) => entry.id)
  for (const sort_by of ['time_and_id_ascending', 'time_and_id_descending'] as const) {
    const seen: string[] = []
    let page_token: string | undefined
    do {
      const query = page_token === undefined ? { start_time: START, sort_by, limit: 2 } : { page_token, limit: 2 }
      const page = valueOf(await api.audit_log_list({ query }))
      seen.push(...page.items.map((entry) => entry.id))
      page_token = page.next_page ?? undefined
    } while (page_token !== undefined)
    assert.deepEqual(sort_by === 'time_and_id_ascending' ? seen : seen.toReversed(), all)
  }
  const last = (await entries()).at(-1)!
  const before = valueOf(await api.audit_log_list({ query: { start_time: START, end_time: last.time_completed } }))
  assert.equal(before.items.length, all.length - 1, 'the end is exclusive')
  const none = await api.audit_log_list()
  assert.ok(!none.ok && none.kind === 'refused' && none.status === 400)
})

test('a change that cannot be recorded is not acknowledged', async () => {
  await store.db.schema.alterTable('audit_log').renameTo('lost').execute()
  const result = await api.project_create({ body: { name: 'unseen', description: '' } })
  assert.ok(!result.ok && result.kind === 'refused' && result.status === 500)
  await store.db.schema.alterTable('lost').renameTo('audit_log').execute()
})
