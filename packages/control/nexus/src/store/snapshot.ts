/** Everything that reconcilers derive desired state from, read in one transaction: constant work, no surprises. */
import type { ExternalIpRow } from './external-ip.ts'
import type { InternetGatewayAddressRow, InternetGatewayPoolRow, InternetGatewayRow } from './internet-gateway.ts'
import type { FirewallRuleRow } from './firewall.ts'
import type { InstanceRow, NetworkInterfaceRow } from './instance.ts'
import type { Store } from './store.ts'
import type { RouterRouteRow } from './vpc-router.ts'
import type { VpcRow, VpcSubnetRow } from './vpc.ts'

export interface Snapshot {
  readonly vpcs: readonly VpcRow[]
  readonly subnets: readonly VpcSubnetRow[]
  readonly routes: readonly RouterRouteRow[]
  readonly gateways: readonly InternetGatewayRow[]
  readonly gatewayPools: readonly InternetGatewayPoolRow[]
  readonly gatewayAddresses: readonly InternetGatewayAddressRow[]
  readonly rules: readonly FirewallRuleRow[]
  readonly instances: readonly InstanceRow[]
  readonly nics: readonly NetworkInterfaceRow[]
  readonly externalIps: readonly ExternalIpRow[]
}

export function readSnapshot(store: Store): Promise<Snapshot> {
  return store.transaction(async (tx) => ({
    vpcs: await tx.selectFrom('vpc').selectAll().orderBy('id').execute(),
    subnets: await tx.selectFrom('vpc_subnet').selectAll().orderBy('id').execute(),
    routes: await tx.selectFrom('router_route').selectAll().orderBy('id').execute(),
    gateways: await tx.selectFrom('internet_gateway').selectAll().orderBy('id').execute(),
    gatewayPools: await tx.selectFrom('internet_gateway_pool').selectAll().orderBy('id').execute(),
    gatewayAddresses: await tx.selectFrom('internet_gateway_address').selectAll().orderBy('id').execute(),
    rules: await tx.selectFrom('firewall_rule').selectAll().orderBy('vpc_id').orderBy('position').execute(),
    instances: await tx.selectFrom('instance').selectAll().orderBy('id').execute(),
    nics: await tx.selectFrom('network_interface').selectAll().orderBy('instance_id').orderBy('slot').execute(),
    externalIps: await tx.selectFrom('external_ip').selectAll().orderBy('ip').orderBy('first_port').execute(),
  }))
}
