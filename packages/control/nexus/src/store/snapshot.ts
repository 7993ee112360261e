/** Everything that reconcilers derive desired state from, read in one transaction: constant work, no surprises. */
import type { Stamped } from './changed-by.ts'
import type { ExternalIpRow } from './external-ip.ts'
import type { InternetGatewayAddressRow, InternetGatewayPoolRow, InternetGatewayRow } from './internet-gateway.ts'
import type { FirewallRuleRow } from './firewall.ts'
import type { InstanceRow, NetworkInterfaceRow } from './instance.ts'
import { type AddressLotBlockRow, allBlocks, type LoopbackAddressRow, listLoopbacks } from './address-lot.ts'
import { type AnnouncementRow, type BfdSessionRow, type BgpConfigRow, listBfdSessions } from './bgp.ts'
import type { SiloRow } from './silo.ts'
import { type SledRow, sledsInService } from './sled.ts'
import type { Db, Store } from './store.ts'
import { listSwitchPorts, type PortSettingsRow, type SwitchPortRow } from './switch-port.ts'
import type { RouterRouteRow } from './vpc-router.ts'
import type { VpcRow, VpcSubnetRow } from './vpc.ts'

export interface Snapshot {
  /** Of two snapshots the one with the higher number has seen everything that the other has seen. */
  readonly number: number
  /** In service. */
  readonly sleds: readonly SledRow[]
  readonly silos: readonly Pick<SiloRow, 'id' | 'name'>[]
  readonly vpcs: readonly Stamped<VpcRow>[]
  readonly subnets: readonly Stamped<VpcSubnetRow>[]
  readonly routes: readonly Stamped<RouterRouteRow>[]
  readonly gateways: readonly InternetGatewayRow[]
  readonly gatewayPools: readonly InternetGatewayPoolRow[]
  readonly gatewayAddresses: readonly InternetGatewayAddressRow[]
  readonly rules: readonly Stamped<FirewallRuleRow>[]
  readonly instances: readonly Stamped<InstanceRow>[]
  readonly nics: readonly Stamped<NetworkInterfaceRow>[]
  readonly externalIps: readonly Stamped<ExternalIpRow>[]
  readonly switchPorts: readonly Stamped<SwitchPortRow>[]
  readonly portSettings: readonly Stamped<PortSettingsRow>[]
  readonly bgpConfigs: readonly BgpConfigRow[]
  readonly announcements: readonly AnnouncementRow[]
  readonly loopbacks: readonly LoopbackAddressRow[]
  readonly lotBlocks: readonly AddressLotBlockRow[]
  readonly bfdSessions: readonly BfdSessionRow[]
}

export function readSnapshot(store: Store): Promise<Snapshot> {
  return store.transaction(async (tx) => ({ number: await nextSnapshot(tx), ...(await readRows(tx)) }))
}

/** The same for whoever derives nothing from it that is written: nothing is, and its number is below all others. */
export function lookAtStore(store: Store): Promise<Snapshot> {
  return store.transaction(async (tx) => ({ number: 0, ...(await readRows(tx)) }))
}

async function readRows(tx: Db): Promise<Omit<Snapshot, 'number'>> {
  return {
    sleds: await sledsInService(tx),
    silos: await tx.selectFrom('silo').select(['id', 'name']).orderBy('name').execute(),
    vpcs: await stamped(tx.selectFrom('vpc').selectAll().orderBy('id').execute()),
    subnets: await stamped(tx.selectFrom('vpc_subnet').selectAll().orderBy('id').execute()),
    routes: await stamped(tx.selectFrom('router_route').selectAll().orderBy('id').execute()),
    gateways: await tx.selectFrom('internet_gateway').selectAll().orderBy('id').execute(),
    gatewayPools: await tx.selectFrom('internet_gateway_pool').selectAll().orderBy('id').execute(),
    gatewayAddresses: await tx.selectFrom('internet_gateway_address').selectAll().orderBy('id').execute(),
    rules: await stamped(tx.selectFrom('firewall_rule').selectAll().orderBy('vpc_id').orderBy('position').execute()),
    instances: await stamped(tx.selectFrom('instance').selectAll().orderBy('id').execute()),
    nics: await stamped(
      tx.selectFrom('network_interface').selectAll().orderBy('instance_id').orderBy('slot').execute(),
    ),
    externalIps: await stamped(tx.selectFrom('external_ip').selectAll().orderBy('ip').orderBy('first_port').execute()),
    switchPorts: await stamped(listSwitchPorts(tx)),
    portSettings: await stamped(tx.selectFrom('port_settings').selectAll().orderBy('id').execute()),
    bgpConfigs: await tx.selectFrom('bgp_config').selectAll().orderBy('id').execute(),
    announcements: await tx
      .selectFrom('announcement')
      .selectAll()
      .orderBy('announce_set_id')
      .orderBy('network')
      .execute(),
    loopbacks: await listLoopbacks(tx),
    lotBlocks: await allBlocks(tx),
    bfdSessions: await listBfdSessions(tx),
  }
}

async function stamped<Row>(rows: Promise<Row[]>): Promise<Stamped<Row>[]> {
  return (await rows) as Stamped<Row>[] // because all columns are asked for, and these tables have this one
}

/**
 * Two transactions that read a snapshot both write this row, so one of them waits for the other or is run again: their numbers
 * are in the order in which they read.
 */
async function nextSnapshot(tx: Db): Promise<number> {
  const { count } = await tx
    .updateTable('snapshot_counter')
    .set((row) => ({ count: row('count', '+', 1) }))
    .where('id', '=', 1)
    .returning('count')
    .executeTakeFirstOrThrow()
  return Number(count)
}
