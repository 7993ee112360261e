/** Firewall rules: read and replaced as the set of a VPC. */
import type { Insertable, Selectable } from 'kysely'
import type { FirewallRuleTable } from './schema.ts'
import type { Db } from './store.ts'

export type FirewallRuleRow = Selectable<FirewallRuleTable>

export function rulesOfVpc(db: Db, vpcId: string): Promise<FirewallRuleRow[]> {
  return db.selectFrom('firewall_rule').selectAll().where('vpc_id', '=', vpcId).orderBy('position').execute()
}

export async function replaceRules(
  db: Db,
  vpcId: string,
  rows: readonly Insertable<FirewallRuleTable>[],
): Promise<void> {
  await db.deleteFrom('firewall_rule').where('vpc_id', '=', vpcId).execute()
  if (rows.length > 0) await db.insertInto('firewall_rule').values(rows).execute()
}
