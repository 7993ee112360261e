/** Entries of a node's tables with what is known of their origin, from whoever wrote them; and which steps of a packet's story are theirs. */
import { V2pMapping } from '@lodestone/contract-sled-agent'
import { Prefix } from '@lodestone/net'
import type { StoryEvent } from '@lodestone/probe'
import { entryLine } from '@lodestone/switchd'
import type { RackNode } from '../node-table.ts'
import type { RackSwitchNode } from '../rack-switch-node.ts'
import type { SledNode } from '../sled-node.ts'

export interface RowRemoval {
  readonly atWallMs: number
  /** One sentence. */
  readonly remover: string
  /** Of what its reconciler told the node. */
  readonly generation?: number
}

export interface RowConnection {
  /** Port, protocol, and both ends. */
  readonly text: string
  readonly packets: number
  readonly idleMs: number
}

export interface CauseRow {
  readonly table: string
  readonly text: string
  readonly hits?: number
  readonly writtenWallMs?: number
  /** One sentence. */
  readonly writer: string
  /** Of the control plane, for this node. */
  readonly reconciler?: string
  readonly requests: readonly string[]
  /** Whose paths in the node's RIB say more. */
  readonly prefix?: Prefix
  /** Absent for an entry that is there. */
  readonly removed?: RowRemoval
  /** Those that it decides about now, in any order. */
  readonly connections?: readonly RowConnection[]
  isUsedBy(events: readonly StoryEvent[]): boolean
}

/** Undefined where the node has no table of that name whose entries have origins. */
export function causeRows(node: RackNode, table: string): readonly CauseRow[] | undefined {
  if (table === 'rib' || table === 'routes') return node.routed === undefined ? undefined : routeRows(node, table)
  if (node.kind === 'switch') return pipelineRows(node, table)
  if (node.kind !== 'sled') return undefined
  if (table === 'v2p') return mappingRows(node)
  return table === 'rules' ? ruleRows(node) : undefined
}

/** Entries that are no longer there, the last removed first, as far as they are remembered. */
export function removedRows(node: RackNode, table: string): readonly CauseRow[] {
  if (table === 'rib' || table === 'routes') return removedRoutes(node, table)
  if (node.kind === 'switch') return removedFromPipeline(node, table)
  if (node.kind !== 'sled') return []
  return table === 'v2p' ? removedMappings(node) : table === 'rules' ? removedRules(node) : []
}

function removedRoutes(node: RackNode, table: 'rib' | 'routes'): readonly CauseRow[] {
  return node.routeRemovals().map(({ prefix, nextHops, protocol, peer, atWallMs }): CauseRow => ({
    table,
    text: `${prefix} → ${nextHops.join(', ')}`,
    writer: 'the routing daemon, by its decision process',
    requests: [],
    removed: {
      atWallMs,
      remover: `the routing daemon, which has no path any more; its last one was ${protocol}${peer === '' ? '' : ` from ${peer}`}`,
    },
    isUsedBy: () => false,
  }))
}

function removedRules(node: SledNode): readonly CauseRow[] {
  return node.engine.ports().flatMap((port) =>
    node.agent.ruleRemovals(port.id).map(({ key, text, written, atWallMs, generation }): CauseRow => {
      const [layer = ''] = key.split(' ', 1)
      const reconciler = LAYER_RECONCILERS[layer]
      const about = generation === undefined ? '' : ` (generation ${generation})`
      return {
        table: 'rules',
        text: `${port.name} ${key}: ${text}`,
        writtenWallMs: written.atWallMs,
        writer: `the sled agent, told the ${layer} rules of its instance`,
        ...(reconciler === undefined ? {} : { reconciler }),
        requests: written.causes,
        removed: {
          atWallMs,
          remover: `the sled agent, told the ${layer} rules of its instance${about}`,
          ...(generation === undefined ? {} : { generation }),
        },
        isUsedBy: () => false,
      }
    }),
  )
}

/** Names of tables that can be asked about, for whoever asks for another one. */
export function causeTables(node: RackNode): readonly string[] {
  return [
    ...(node.routed === undefined ? [] : ['rib', 'routes']),
    ...(node.kind === 'sled' ? ['v2p', 'rules'] : []),
    ...(node.kind === 'switch' ? node.pipeline.tables.map(({ name }) => name) : []),
  ]
}

/** Who stands behind a part of switchd. */
const SWITCHD_WRITERS: Readonly<Record<string, { readonly sentence: string; readonly reconciler?: string }>> = {
  nat: { sentence: 'switchd, told all translations', reconciler: 'nat' },
  port: { sentence: 'switchd, told the settings of a port', reconciler: 'ports' },
  route: { sentence: "switchd, told a route by the routing daemon's lower half" },
  neighbor: { sentence: "switchd, for the switch zone's stack" },
  address: { sentence: 'switchd, told an address of a port' },
  loopback: { sentence: 'switchd, told an address of the switch' },
  start: { sentence: 'switchd at its start, for every port that it has' },
}

function pipelineRows(node: RackSwitchNode, name: string): readonly CauseRow[] | undefined {
  const { pipeline, switchd } = node
  const table = pipeline.tables.find((each) => each.name === name || each.name.endsWith(`.${name}`))
  if (table === undefined) return undefined
  return (pipeline.entries(table.name) ?? []).map((entry): CauseRow => {
    // because it was read a moment ago, and nothing happened since
    const text = pipeline.entryText(table.name, entry)!
    const writing = switchd.writer.record.of(table.name, entry)
    const origin = writing?.origin
    const reconciler = SWITCHD_WRITERS[origin?.by ?? '']?.reconciler
    return {
      table: table.name,
      text,
      hits: entry.hits.packets,
      ...(writing === undefined ? {} : { writtenWallMs: writing.atWallMs }),
      writer: writerText(origin),
      ...(reconciler === undefined ? {} : { reconciler }),
      requests: origin?.causes ?? [],
      ...(origin?.by === 'route' ? { prefix: Prefix.of(origin.about) } : {}),
      isUsedBy: (events) =>
        events.some(
          ({ node: at, step }) =>
            at === node.name && step.kind === 'table' && step.table === table.name && step.entry === text,
        ),
    }
  })
}

function removedFromPipeline({ pipeline, switchd }: RackSwitchNode, name: string): readonly CauseRow[] {
  const table = pipeline.tables.find((each) => each.name === name || each.name.endsWith(`.${name}`))
  if (table === undefined) return []
  return switchd.writer.record.removals(table.name).flatMap(({ entry, written, removed }): CauseRow[] => {
    if (removed === undefined) return []
    const { by, about } = removed.origin
    const reconciler = SWITCHD_WRITERS[by]?.reconciler
    const generation = Number(/^generation (\d+)$/.exec(about)?.[1] ?? NaN)
    return [
      {
        table: table.name,
        text: entryLine(table, entry),
        ...(written === undefined ? {} : { writtenWallMs: written.atWallMs }),
        writer: writerText(written?.origin),
        ...(reconciler === undefined ? {} : { reconciler }),
        requests: written?.origin.causes ?? [],
        removed: {
          atWallMs: removed.atWallMs,
          remover: writerText(removed.origin),
          ...(Number.isNaN(generation) ? {} : { generation }),
        },
        isUsedBy: () => false,
      },
    ]
  })
}

function writerText(origin: { readonly by: string; readonly about: string } | undefined): string {
  if (origin === undefined) return "the program's own entry"
  return `${SWITCHD_WRITERS[origin.by]?.sentence ?? origin.by} (${origin.about})`
}

function removedMappings(node: SledNode): readonly CauseRow[] {
  return node.agent.mappingRemovals().map(({ text, written, atWallMs, generation }): CauseRow => {
    const mapping = V2pMapping.parse(JSON.parse(text))
    return {
      table: 'v2p',
      text: mappingText(mapping.vni, mapping.virtual_ip, mapping.physical_host_ip, mapping.virtual_mac),
      writtenWallMs: written.atWallMs,
      writer: 'the sled agent, told all mappings',
      reconciler: 'v2p',
      requests: written.causes,
      removed: {
        atWallMs,
        remover: `the sled agent, told all mappings${generation === undefined ? '' : ` (generation ${generation})`}`,
        ...(generation === undefined ? {} : { generation }),
      },
      isUsedBy: () => false,
    }
  })
}

function mappingText(vni: number, ip: string, sled: string, mac: string): string {
  return `VNI ${vni} ${ip} → ${sled} ${mac}`
}

function mappingRows(node: SledNode): readonly CauseRow[] {
  const flows = node.engine
    .ports()
    .flatMap((port) =>
      port.dump().flows.map((flow) => ({ vni: port.vni, flow, connection: connectionOf(port.name, flow) })),
    )
  return node.engine.virtualToPhysical().map((mapping): CauseRow => {
    const { vni, ip, mac, sled } = mapping
    const writing = node.agent.mappingWriting(vni, ip)
    return {
      table: 'v2p',
      text: mappingText(vni, `${ip}`, `${sled}`, `${mac}`),
      ...(writing === undefined ? {} : { writtenWallMs: writing.atWallMs }),
      writer: 'the sled agent, told all mappings',
      reconciler: 'v2p',
      requests: writing?.causes ?? [],
      connections: flows.flatMap((each) =>
        each.vni === vni && isAtAddress(each.flow.remote, `${ip}`) ? [each.connection] : [],
      ),
      isUsedBy: (events) =>
        events.some(
          ({ node: at, step }) =>
            at === node.name &&
            step.kind === 'layer' &&
            step.layer === 'overlay' &&
            step.direction === 'out' &&
            step.detail === `to ${mac} on the sled at ${sled}, VNI ${vni}`,
        ),
    }
  })
}

type Flow = ReturnType<ReturnType<SledNode['engine']['ports']>[number]['dump']>['flows'][number]

function connectionOf(
  port: string,
  { protocol, guest, remote, initiator, packetsIn, packetsOut, idleMs }: Flow,
): RowConnection {
  const text = `${port} ${protocol} ${guest} ${initiator === 'in' ? '←' : '→'} ${remote}`
  return { text, packets: packetsIn + packetsOut, idleMs }
}

/** @param place `address`, `address:port` or `[address]:port`. */
function isAtAddress(place: string, address: string): boolean {
  return place === address || place.startsWith(`${address}:`) || place.startsWith(`[${address}]:`)
}

/** Which reconciler states what a layer's rules are made of. */
const LAYER_RECONCILERS: Readonly<Record<string, string>> = {
  firewall: 'firewall',
  router: 'routes',
  nat: 'external-ips',
  gateway: 'instances',
}

function ruleRows(node: SledNode): readonly CauseRow[] {
  return node.engine.ports().flatMap((port) => {
    const { layers, flows } = port.dump()
    return layers.flatMap((layer) =>
      (['in', 'out'] as const).flatMap((direction) =>
        (direction === 'in' ? layer.rulesIn : layer.rulesOut).map((rule): CauseRow => {
          const writing = node.agent.ruleWriting(port.id, layer.name, rule.name)
          const reconciler = LAYER_RECONCILERS[layer.name]
          return {
            table: 'rules',
            text: `${port.name} ${layer.name} ${direction} ${rule.priority} ${rule.name}: ${rule.predicates.join(' and ')}`,
            hits: rule.hits,
            ...(writing === undefined ? {} : { writtenWallMs: writing.atWallMs }),
            writer:
              writing === undefined
                ? 'the packet engine, which every port has this of'
                : `the sled agent, told the ${layer.name} rules of its instance`,
            ...(writing === undefined || reconciler === undefined ? {} : { reconciler }),
            requests: writing?.causes ?? [],
            ...(layer.name === 'firewall'
              ? {
                  connections: flows
                    .filter((flow) => flow.firewallRule === rule.name && flow.initiator === direction)
                    .map((flow) => connectionOf(port.name, flow)),
                }
              : {}),
            isUsedBy: (events) => isRuleUsed(events, node.name, port.name, layer.name, direction, rule.name),
          }
        }),
      ),
    )
  })
}

/** A layer's step does not name the port; on the way out the port is where the packet came in, on the way in where it goes. */
function isRuleUsed(
  events: readonly StoryEvent[],
  node: string,
  port: string,
  layer: string,
  direction: 'in' | 'out',
  rule: string,
): boolean {
  let from = ''
  return events.some(({ node: at, step }, index) => {
    if (at !== node) return false
    if (step.kind === 'ingress') from = step.port
    if (step.kind === 'decap') from = step.detail.endsWith(`for ${port}`) ? port : from
    if (step.kind !== 'layer' || step.layer !== layer || step.direction !== direction || step.rule !== rule)
      return false
    if (direction === 'out' || from === port) return from === port
    return events.slice(index).some((later) => later.step.kind === 'egress' && later.step.port === port)
  })
}

function routeRows(node: RackNode, table: 'rib' | 'routes'): readonly CauseRow[] {
  const { routed, stack } = node
  if (table === 'rib') {
    return (routed?.rib.snapshot() ?? []).map(({ prefix, selected }): CauseRow => ({
      table,
      text: `${prefix} → ${selected.map((path) => path.nextHop).join(', ')}`,
      writer: 'the routing daemon, by its decision process',
      requests: [],
      prefix,
      isUsedBy: () => false,
    }))
  }
  return stack.routes().map(({ prefix, origin, nextHops }): CauseRow => ({
    table,
    text: `${prefix} → ${nextHops.map((hop) => `${hop.via ?? 'on link'} ${hop.interface}`).join(', ')}`,
    writer: origin === 'connected' ? 'the stack, from an address of its own' : 'the stack, told a route',
    requests: [],
    ...(origin === 'connected' ? {} : { prefix }),
    isUsedBy: (events) =>
      events.some(
        ({ node: at, step }) => at === stack.name && step.kind === 'route' && step.prefix === prefix.toString(),
      ),
  }))
}
