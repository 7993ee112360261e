/** The firewall of a VPC: read and replaced as one set. */
import { endpoint } from '@lodestone/api'
import { z } from 'zod'
import { identity, identityCreate, inVpc, IpAddr, IpNet, Name, Uuid } from './identity.ts'

/** What a rule applies to, or the far side it allows: within the VPC by name, anything by address. */
const place = [
  z.object({ type: z.literal('vpc'), value: Name }),
  z.object({ type: z.literal('subnet'), value: Name }),
  z.object({ type: z.literal('instance'), value: Name }),
  z.object({ type: z.literal('ip'), value: IpAddr }),
  z.object({ type: z.literal('ip_net'), value: IpNet }),
] as const

export const VpcFirewallRuleTarget = z.discriminatedUnion('type', place).meta({ id: 'VpcFirewallRuleTarget' })
export type VpcFirewallRuleTarget = z.output<typeof VpcFirewallRuleTarget>
export const VpcFirewallRuleHostFilter = z.discriminatedUnion('type', place).meta({ id: 'VpcFirewallRuleHostFilter' })
export type VpcFirewallRuleHostFilter = z.output<typeof VpcFirewallRuleHostFilter>

const IcmpFilter = z
  .object({
    icmp_type: z.int().min(0).max(255),
    code: z
      .string()
      .regex(/^\d{1,3}(-\d{1,3})?$/, 'expected a code or a range, as in 3 or 0-4')
      .nullish(),
  })
  .meta({ id: 'VpcFirewallIcmpFilter' })

export const VpcFirewallRuleProtocol = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('tcp') }),
    z.object({ type: z.literal('udp') }),
    z.object({ type: z.literal('icmp'), value: IcmpFilter.nullable() }),
    z.object({ type: z.literal('icmp6'), value: IcmpFilter.nullable() }),
  ])
  .meta({ id: 'VpcFirewallRuleProtocol' })
export type VpcFirewallRuleProtocol = z.output<typeof VpcFirewallRuleProtocol>

export const L4PortRange = z
  .string()
  .regex(/^\d{1,5}(-\d{1,5})?$/, 'expected a port or a range of ports, as in 80 or 8000-8080')
  .refine((text) => text.split('-').every((part) => Number(part) <= 0xffff), 'ports are at most 65535')
  .refine((text) => {
    const [first, last] = text.split('-').map(Number)
    return last === undefined || first! <= last // because the pattern gives at least one part
  }, 'a range begins with its lower port')
  .meta({ id: 'L4PortRange' })

export const VpcFirewallRuleFilter = z
  .object({
    hosts: z.array(VpcFirewallRuleHostFilter).nullish(),
    protocols: z.array(VpcFirewallRuleProtocol).nullish(),
    ports: z.array(L4PortRange).nullish(),
  })
  .meta({ id: 'VpcFirewallRuleFilter' })
export type VpcFirewallRuleFilter = z.output<typeof VpcFirewallRuleFilter>

const ruleFields = {
  status: z.enum(['disabled', 'enabled']),
  direction: z.enum(['inbound', 'outbound']),
  targets: z.array(VpcFirewallRuleTarget),
  filters: VpcFirewallRuleFilter,
  action: z.enum(['allow', 'deny']),
  priority: z.int().min(0).max(0xffff),
} as const

export const VpcFirewallRule = z.object({ ...identity, vpc_id: Uuid, ...ruleFields }).meta({ id: 'VpcFirewallRule' })
export type VpcFirewallRule = z.output<typeof VpcFirewallRule>
export const VpcFirewallRuleUpdate = z
  .object({ ...identityCreate, ...ruleFields })
  .meta({ id: 'VpcFirewallRuleUpdate' })
export type VpcFirewallRuleUpdate = z.output<typeof VpcFirewallRuleUpdate>
export const VpcFirewallRules = z.object({ rules: z.array(VpcFirewallRule) }).meta({ id: 'VpcFirewallRules' })

export const firewallEndpoints = [
  endpoint({
    operationId: 'vpc_firewall_rules_view',
    method: 'GET',
    path: '/v1/vpc-firewall-rules',
    tags: ['vpcs'],
    summary: 'List the firewall rules of a VPC',
    query: inVpc,
    response: { status: 200, schema: VpcFirewallRules },
  }),
  endpoint({
    operationId: 'vpc_firewall_rules_update',
    method: 'PUT',
    path: '/v1/vpc-firewall-rules',
    tags: ['vpcs'],
    summary: 'Replace the firewall rules of a VPC',
    query: inVpc,
    body: z.object({ rules: z.array(VpcFirewallRuleUpdate).default([]) }).meta({ id: 'VpcFirewallRuleUpdateParams' }),
    response: { status: 200, schema: VpcFirewallRules },
  }),
] as const
