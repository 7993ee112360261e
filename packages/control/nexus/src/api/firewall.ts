/** The firewall of a VPC. */
import { ApiFailure, invalidRequest } from '@lodestone/api'
import type { VpcFirewallRule, VpcFirewallRuleUpdate } from '@lodestone/contract-nexus'
import type { Insertable } from 'kysely'
import { actorOf } from '../auth/authorize.ts'
import { type HandlersOf, nowOf, type Service } from '../service.ts'
import { type FirewallRuleRow, replaceRules, rulesOfVpc } from '../store/firewall.ts'
import type { FirewallRuleTable } from '../store/schema.ts'
import { identityFromRow, newIdentity } from './resource.ts'
import { selectVpc } from './selector.ts'

type Ids = 'vpc_firewall_rules_view' | 'vpc_firewall_rules_update'

export function firewallHandlers(service: Service): HandlersOf<Ids> {
  const { store } = service
  return {
    async vpc_firewall_rules_view({ query, context }) {
      const vpc = await selectVpc(store.db, actorOf(context), query.vpc, query)
      return { rules: (await rulesOfVpc(store.db, vpc.id)).map(ruleFromRow) }
    },

    async vpc_firewall_rules_update({ query, body, context }) {
      const rows = await store.transaction(async (tx) => {
        const vpc = await selectVpc(tx, actorOf(context), query.vpc, query)
        checkRules(body.rules, vpc.name)
        const now = nowOf(service)
        const before = new Map((await rulesOfVpc(tx, vpc.id)).map((rule) => [rule.name, rule]))
        const after = body.rules.map((rule, i) => {
          const known = before.get(rule.name)
          const row = rowFromRule(known?.id ?? service.random.uuid(), vpc.id, i, rule, now)
          return known === undefined ? row : { ...row, time_created: known.time_created }
        })
        await replaceRules(tx, vpc.id, after)
        return rulesOfVpc(tx, vpc.id)
      })
      service.activate()
      return { rules: rows.map(ruleFromRow) }
    },
  }
}

/** Inbound is denied and outbound allowed where no rule matches; these are what a new VPC adds to that. */
export function defaultRules(vpcName: string): VpcFirewallRuleUpdate[] {
  const rule = (
    name: string,
    description: string,
    filters: VpcFirewallRuleUpdate['filters'],
  ): VpcFirewallRuleUpdate => ({
    name,
    description,
    status: 'enabled',
    direction: 'inbound',
    targets: [{ type: 'vpc', value: vpcName }],
    filters,
    action: 'allow',
    priority: 65_534,
  })
  return [
    rule(
      'allow-internal-inbound',
      'allow inbound traffic to all instances within the VPC if originated within the VPC',
      {
        hosts: [{ type: 'vpc', value: vpcName }],
      },
    ),
    rule('allow-ssh', 'allow inbound TCP connections on port 22 from anywhere', {
      protocols: [{ type: 'tcp' }],
      ports: ['22'],
    }),
    rule('allow-icmp', 'allow inbound ICMP traffic from anywhere', {
      protocols: [{ type: 'icmp', value: null }],
    }),
  ]
}

export function rowFromRule(
  id: string,
  vpcId: string,
  position: number,
  rule: VpcFirewallRuleUpdate,
  now: Date,
): Insertable<FirewallRuleTable> {
  return {
    ...newIdentity(id, rule, now),
    vpc_id: vpcId,
    position,
    status: rule.status,
    direction: rule.direction,
    action: rule.action,
    priority: rule.priority,
    targets: JSON.stringify(rule.targets),
    filters: JSON.stringify(rule.filters),
  }
}

export function ruleFromRow(row: FirewallRuleRow): VpcFirewallRule {
  const { hosts, protocols, ports } = row.filters
  return {
    ...identityFromRow(row),
    vpc_id: row.vpc_id,
    status: row.status,
    direction: row.direction,
    action: row.action,
    priority: row.priority,
    targets: row.targets,
    filters: { hosts: hosts ?? null, protocols: protocols ?? null, ports: ports ?? null },
  }
}

const MAX_RULES = 1024
/** Targets, hosts, protocols or ports of one rule. */
const MAX_PARTS = 256

/** Throws what a request with these rules is refused with. */
export function checkRules(rules: readonly VpcFirewallRuleUpdate[], vpcName: string): void {
  checkLength('rules', rules, MAX_RULES)
  const names = new Set<string>()
  for (const rule of rules) {
    checkLength('targets', rule.targets, MAX_PARTS, rule.name)
    checkLength('filters.hosts', rule.filters.hosts, MAX_PARTS, rule.name)
    checkLength('filters.protocols', rule.filters.protocols, MAX_PARTS, rule.name)
    checkLength('filters.ports', rule.filters.ports, MAX_PARTS, rule.name)
    if (names.has(rule.name)) throw invalidRequest(`rules[].name: there are two rules called "${rule.name}"`)
    names.add(rule.name)
    for (const place of [...rule.targets, ...(rule.filters.hosts ?? [])]) {
      if (place.type !== 'vpc' || place.value === vpcName) continue
      throw invalidRequest(
        `cross-VPC firewall rules are unsupported: rule "${rule.name}" refers to VPC "${place.value}"`,
      )
    }
  }
}

function checkLength(label: string, list: readonly unknown[] | null | undefined, max: number, rule?: string): void {
  if (list == null || list.length <= max) return
  const where = rule === undefined ? '' : ` of rule "${rule}"`
  throw new ApiFailure({
    kind: 'invalid-value',
    label,
    message: `there are ${list.length}${where}, at most ${max} may be`,
  })
}
