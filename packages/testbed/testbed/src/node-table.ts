/** What nodes know, as tables to print: the same few for every kind of host, and the pipeline's tables for a switch. */
import type { NodeTable } from '@lodestone/contract-testbed'
import type { Netstack } from '@lodestone/netstack'
import type { Routed } from '@lodestone/routed'
import type { VportEngine } from '@lodestone/vport'
import type { HostNode } from './host-node.ts'
import type { RackSwitchNode } from './rack-switch-node.ts'
import type { SledNode } from './sled-node.ts'

export type RackNode = HostNode | SledNode | RackSwitchNode

export interface TableSource {
  readonly name: string
  readonly detail: string
  read(): Promise<NodeTable>
}

type Rows = readonly (readonly string[])[]

export async function tablesOf(node: RackNode): Promise<readonly TableSource[]> {
  const common = [...stackTables(node.stack), ...(node.routed === undefined ? [] : routedTables(node.routed))]
  switch (node.kind) {
    case 'host':
      return common
    case 'sled':
      return [...common, ...underlayTables(node), ...engineTables(node.engine)]
    case 'switch':
      return [...common, ...(await pipelineTables(node))]
  }
}

function source(name: string, detail: string, columns: readonly string[], rows: () => Rows): TableSource {
  return {
    name,
    detail,
    read: async () => ({ name, columns: [...columns], rows: rows().map((row) => [...row]) }),
  }
}

function stackTables(stack: Netstack): TableSource[] {
  return [
    source('addresses', 'interfaces of the TCP/IP stack', ['interface', 'state', 'mac', 'mtu', 'addresses'], () =>
      stack
        .interfaces()
        .map((each) => [
          each.name,
          each.isUp ? 'up' : 'down',
          each.macText,
          String(each.mtuBytes),
          each.addresses.join(' '),
        ]),
    ),
    source('routes', 'routes of the TCP/IP stack', ['prefix', 'origin', 'via', 'interface'], () =>
      stack
        .routes()
        .flatMap((route) =>
          route.nextHops.map((hop) => [
            route.prefix.toString(),
            route.origin,
            hop.via?.toString() ?? 'on link',
            hop.interface,
          ]),
        ),
    ),
    source('neighbors', 'ARP and NDP', ['address', 'interface', 'mac', 'state'], () =>
      stack.neighbors().map((each) => [each.address.toString(), each.interface, each.mac ?? '', each.state]),
    ),
    source('counters', 'packets, and drops by reason', ['counter', 'count'], () =>
      Object.entries(stack.counters()).map(([name, count]) => [name, String(count)]),
    ),
  ]
}

function routedTables(routed: Routed): TableSource[] {
  return [
    source(
      'rib',
      'selected routes',
      ['prefix', 'protocol', 'from', 'next hop', 'interface', 'preference', 'metric'],
      () =>
        routed.rib
          .snapshot()
          .flatMap(({ prefix, selected }) =>
            selected.map((path) => [
              prefix.toString(),
              path.source.protocol,
              path.source.peer,
              path.nextHop.toString(),
              path.nextHopInterface ?? '',
              String(path.preference),
              String(path.metric),
            ]),
          ),
    ),
    source('bgp', 'BGP peers', ['peer', 'address', 'asn', 'state', 'received'], () =>
      [...(routed.speaker?.peers() ?? [])].map((peer) => {
        const status = peer.status()
        return [
          status.name,
          status.remoteAddress.toString(),
          String(status.remoteAsn),
          status.state,
          String(status.pathsReceived),
        ]
      }),
    ),
    source('ddm', 'DDM neighbours', ['interface', 'status', 'host', 'address', 'prefixes', 'tunnels'], () =>
      (routed.ddm?.status().peers ?? []).map((peer) => [
        peer.interfaceName,
        peer.status,
        peer.host ?? '',
        peer.address?.toString() ?? '',
        String(peer.prefixCount),
        String(peer.tunnelCount),
      ]),
    ),
    source('tunnels', 'tunnel endpoints in use', ['overlay prefix', 'boundary', 'vni'], () =>
      (routed.ddm?.tunnels ?? []).map((tunnel) => [
        tunnel.overlayPrefix.toString(),
        tunnel.boundaryAddress.toString(),
        String(tunnel.vni),
      ]),
    ),
  ]
}

function underlayTables({ underlay, spec }: SledNode): TableSource[] {
  if (underlay === undefined) return []
  const us = (value: number | undefined): string => (value === undefined ? '' : value.toFixed(0))
  return [
    source(
      'paths',
      'measured delay of each link to each sled, and to its switch',
      ['to', 'nic', 'state', 'delay us', 'round trip us', 'age us', 'weight', 'sent', 'answered', 'lost'],
      () =>
        underlay
          .status()
          .map((each) => [
            each.peer.equals(spec.address) ? 'switch' : each.peer.toString(),
            each.nic,
            !each.isRouted ? 'no route' : each.isDead ? 'silent' : 'ok',
            us(each.delayUs),
            us(each.roundTripUs),
            us(each.ageUs),
            each.weight.toFixed(2),
            String(each.sent),
            String(each.answered),
            String(each.lost),
          ]),
    ),
    source('telemetry', 'packets of the delay measurement', ['counter', 'count'], () =>
      Object.entries(underlay.counters()).map(([name, count]) => [name, String(count)]),
    ),
  ]
}

function engineTables(engine: VportEngine): TableSource[] {
  return [
    source('v2p', 'where addresses of VPCs are', ['vni', 'address', 'sled', 'mac'], () =>
      engine
        .virtualToPhysical()
        .map((each) => [String(each.vni), each.ip.toString(), each.sled.toString(), each.mac.toString()]),
    ),
    source('ports', 'packet engine ports', ['port', 'vni', 'mac', 'connections', 'drops'], () => {
      const stats = new Map(engine.stats().perPort.map((each) => [each.id, each]))
      return engine.ports().map((port) => {
        const mine = stats.get(port.id)
        const drops = (mine?.drops ?? []).map((drop) => `${drop.code} ${drop.count}`).join(', ')
        return [port.name, String(port.vni), port.config.mac.toString(), String(mine?.connections ?? 0), drops]
      })
    }),
    source(
      'rules',
      'rules of all ports with their hits',
      ['port', 'layer', 'direction', 'priority', 'rule', 'hits', 'predicates'],
      () =>
        engine
          .ports()
          .flatMap((port) =>
            port
              .dump()
              .layers.flatMap((layer) =>
                (['in', 'out'] as const).flatMap((direction) =>
                  (direction === 'in' ? layer.rulesIn : layer.rulesOut).map((rule) => [
                    port.name,
                    layer.name,
                    direction,
                    String(rule.priority),
                    rule.name,
                    String(rule.hits),
                    rule.predicates.join(' and '),
                  ]),
                ),
              ),
          ),
    ),
    source('flows', 'connections of all ports', ['port', 'flow', 'state', 'rule', 'packets in', 'packets out'], () =>
      engine
        .ports()
        .flatMap((port) =>
          port
            .dump()
            .flows.map((flow) => [
              port.name,
              `${flow.protocol} ${flow.guest} ${flow.initiator === 'in' ? '←' : '→'} ${flow.remote}`,
              flow.tcpState ?? '',
              flow.firewallRule,
              String(flow.packetsIn),
              String(flow.packetsOut),
            ]),
        ),
    ),
  ]
}

async function pipelineTables(node: RackSwitchNode): Promise<TableSource[]> {
  const list = await node.api.table_list()
  if (!list.ok) throw new Error(list.message)
  const drops: TableSource = {
    name: 'drops',
    detail: 'drops by reason',
    async read() {
      const counters = await node.api.counters()
      if (!counters.ok) throw new Error(counters.message)
      const rows = counters.value.drops.map((drop) => [drop.reason, String(drop.packets), drop.sentence])
      return { name: 'drops', columns: ['reason', 'packets', 'meaning'], rows }
    },
  }
  const tables = list.value.map((table): TableSource => ({
    name: table.name,
    detail: `${table.size} of ${table.capacity} entries`,
    async read() {
      const dump = await node.api.table_dump({ params: { table: table.name } })
      if (!dump.ok) throw new Error(dump.message)
      const keys = Object.keys(dump.value.entries[0]?.keys ?? {})
      return {
        name: table.name,
        columns: [...keys, 'action', 'packets'],
        rows: dump.value.entries.map((entry) => {
          const args = Object.entries(entry.action_args).map(([name, value]) => `${name}=${value}`)
          return [
            ...keys.map((key) => entry.keys[key] ?? ''),
            `${entry.action}(${args.join(', ')})`,
            String(entry.packets ?? ''),
          ]
        }),
      }
    },
  }))
  return [drops, ...tables]
}
