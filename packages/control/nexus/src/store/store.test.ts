import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { sql, type Transaction } from 'kysely'
import { TEST_ARCHIVES } from '../archives.fixture.ts'
import type { Database } from './schema.ts'
import { isUniqueViolation, Store } from './store.ts'

let store: Store

before(async () => {
  store = await Store.open({ archives: TEST_ARCHIVES })
})
after(() => store.close())

/** A transaction that fails by the index of that name until its second attempt. */
function clashesOnce(index: string): { readonly attempts: () => number; readonly run: Promise<string> } {
  let attempts = 0
  const body = async (tx: Transaction<Database>): Promise<string> => {
    attempts++
    await sql`create temporary table clash (value int) on commit drop`.execute(tx)
    await sql`create unique index ${sql.id(index)} on clash (value)`.execute(tx)
    await sql`insert into clash values (1)`.execute(tx)
    await sql`insert into clash values (${attempts})`.execute(tx)
    return 'done'
  }
  return { attempts: () => attempts, run: store.transaction(body) }
}

test('who picked a free value that somebody else picked at the same time picks again', async () => {
  for (const index of ['external_ip_ports', 'network_interface_ipv4', 'network_interface_mac', 'vpc_vni']) {
    const clash = clashesOnce(index)
    assert.equal(await clash.run, 'done')
    assert.equal(clash.attempts(), 2)
  }
})

test('a name that is taken is not tried again', async () => {
  const clash = clashesOnce('vpc_name')
  await assert.rejects(clash.run, isUniqueViolation)
  assert.equal(clash.attempts(), 1)
})
