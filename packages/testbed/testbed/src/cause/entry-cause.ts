/**
 * `lode cause`: from an entry back to the request, route or reconciler that wrote it, and forward to the packets that used it.
 *
 * Nothing is recorded for this but what each writer keeps with its entries, and of the last ones that it removed: when it wrote them, and
 * the ids of the requests that whoever asked for them named. Requests are looked up in the control plane's audit log, routes in the RIB that still has them.
 */
import type { AuditLogEntry } from '@lodestone/contract-nexus'
import type { CauseAnswer, CauseEntry, CauseQuestion } from '@lodestone/contract-testbed'
import { type Clock, sleep } from '@lodestone/host'
import type { Ip, Prefix } from '@lodestone/net'
import type { ReconcilerStatus } from '@lodestone/nexus'
import type { Path } from '@lodestone/rib'
import { verdict } from '@lodestone/probe'
import type { Emulation } from '../emulation.ts'
import type { RackNode } from '../node-table.ts'
import { hasAll, type KeptStory, StoryKeeper } from './story-keeper.ts'
import { type CauseRow, causeRows, causeTables, removedRows, type RowRemoval } from './table-rows.ts'

/** What is asked of the control plane. */
export interface CauseRecords {
  requests(ids: readonly string[]): Promise<readonly AuditLogEntry[]>
  reconcilers(): readonly ReconcilerStatus[]
  /** Ids of the requests of which one or more made a generation of what a node is told. */
  changedBy(reconciler: string, target: string, generation: number): readonly string[]
  /** Ids of the requests that configured a route of a switch, or the BGP peer that it is from. */
  routeCauses(
    target: string,
    route: { readonly prefix: Prefix; readonly nextHop: Ip; readonly peer?: Ip },
  ): Promise<readonly string[]>
}

export type CauseResult =
  | { readonly ok: true; readonly answer: CauseAnswer }
  | { readonly ok: false; readonly message: string }

const MAX_ENTRIES = 20
const DEFAULT_PACKETS = 3
const LOOK_MS = 20

/**
 * @param stories of packets, where somebody has kept them; otherwise packets are listened to for as long as the question says.
 */
export async function causeOf(
  emulation: Emulation,
  records: CauseRecords | undefined,
  question: CauseQuestion,
  stories?: readonly KeptStory[],
): Promise<CauseResult> {
  const { node: name, table, words, packets = DEFAULT_PACKETS, wait_ms: waitMs = 0 } = question
  const node = emulation.nodes.get(name)
  if (node === undefined) return { ok: false, message: `there is no node ${name} that is on` }
  const all = causeRows(node, table)
  if (all === undefined) {
    const known = causeTables(node).join(', ')
    return { ok: false, message: `${name} has no table ${table} whose entries have a cause; it has ${known}` }
  }
  // What is there comes before what was.
  const rows = [...all, ...removedRows(node, table)].filter(({ text }) => hasAll(text, words))
  const told = rows.slice(0, MAX_ENTRIES)
  const kept =
    stories ?? (packets === 0 || told.length === 0 ? [] : await listen(emulation, name, words, told, packets, waitMs))
  const entries: CauseEntry[] = []
  for (const row of told) entries.push(await entryOf(node, row, records, kept, packets, emulation.world.of(name).clock))
  return { ok: true, answer: { version: 1, entries, left_out: rows.length - told.length } }
}

async function listen(
  emulation: Emulation,
  node: string,
  words: readonly string[],
  rows: readonly CauseRow[],
  packets: number,
  waitMs: number,
): Promise<readonly KeptStory[]> {
  const { clock, tracer } = emulation.world
  const endMs = clock.nowMs() + waitMs
  if (waitMs === 0) return []
  const keeper = new StoryKeeper(tracer, clock, node, words)
  const hasEnough = (row: CauseRow): boolean =>
    keeper.stories.filter(({ events }) => row.isUsedBy(events)).length >= packets
  while (clock.nowMs() < endMs && !rows.every(hasEnough)) await sleep(clock, Math.min(LOOK_MS, endMs - clock.nowMs()))
  keeper.close()
  return keeper.stories
}

async function entryOf(
  node: RackNode,
  row: CauseRow,
  records: CauseRecords | undefined,
  stories: readonly KeptStory[],
  packets: number,
  clock: Clock,
): Promise<CauseEntry> {
  const requests = (await records?.requests(row.requests)) ?? []
  const reconciler = records
    ?.reconcilers()
    .find((each) => each.reconciler === row.reconciler && each.target === node.name)
  const generations = reconciler?.items.flatMap(({ generation }) => generation ?? []) ?? []
  const used = packets === 0 ? [] : stories.filter(({ events }) => row.isUsedBy(events)).slice(-packets)
  return {
    node: node.name,
    table: row.table,
    entry: row.text,
    ...(row.writtenWallMs === undefined ? {} : { time_written: new Date(row.writtenWallMs).toISOString() }),
    writer: row.writer,
    ...(row.removed === undefined ? {} : { removed: await removalOf(node, row, row.removed, records) }),
    ...(reconciler === undefined
      ? {}
      : {
          reconciler: {
            name: reconciler.reconciler,
            target: reconciler.target,
            state: reconciler.state,
            ...(generations.length === 0 ? {} : { generation: Math.max(...generations) }),
          },
        }),
    requests: requestsOf(requests, row.requests),
    unknown_requests: row.requests.filter((id) => !requests.some(({ request_id }) => request_id === id)),
    routes: row.prefix === undefined ? [] : await routesOf(node, row.prefix, records, clock),
    ...(row.hits === undefined ? {} : { hits: row.hits }),
    samples: used.map((story) => ({
      packet: story.packet,
      at_ms: story.events[0]?.atMs ?? 0,
      // because a verdict has at least one line
      verdict: verdict(story.events).lines[0]!.replace(/\s+/g, ' '),
    })),
    ...(row.connections === undefined
      ? {}
      : {
          connections: row.connections
            .toSorted((a, b) => a.idleMs - b.idleMs)
            .slice(0, packets)
            .map(({ text, packets: count, idleMs }) => ({ connection: text, packets: count, idle_ms: idleMs })),
        }),
  }
}

async function removalOf(
  node: RackNode,
  { reconciler }: CauseRow,
  { atWallMs, remover, generation }: RowRemoval,
  records: CauseRecords | undefined,
): Promise<NonNullable<CauseEntry['removed']>> {
  const ids =
    records === undefined || reconciler === undefined || generation === undefined
      ? []
      : records.changedBy(reconciler, node.name, generation)
  const entries = (await records?.requests(ids)) ?? []
  return { time_removed: new Date(atWallMs).toISOString(), remover, requests: requestsOf(entries, ids) }
}

/** The last one decided: only with it was all there that the entry says. Of several at the same time, the one that is named first. */
function requestsOf(entries: readonly AuditLogEntry[], named: readonly string[]): CauseEntry['requests'] {
  const rank = ({ request_id }: AuditLogEntry): number => named.indexOf(request_id)
  const lastFirst = entries.toSorted(
    (a, b) => Date.parse(b.time_completed) - Date.parse(a.time_completed) || rank(a) - rank(b),
  )
  return lastFirst.map((entry, index) => ({
    id: entry.request_id,
    operation: entry.operation_id,
    uri: entry.request_uri,
    time_completed: entry.time_completed,
    status: entry.result.http_status_code,
    ...(entry.actor.kind === 'silo_user' ? { user_id: entry.actor.silo_user_id } : {}),
    is_last: index === 0,
  }))
}

async function routesOf(
  { name, routed }: RackNode,
  prefix: Prefix,
  records: CauseRecords | undefined,
  clock: Clock,
): Promise<CauseEntry['routes']> {
  const wallMs = (monotonicMs: number): number => clock.wallMs() - (clock.nowMs() - monotonicMs)
  const requestsFor = async ({ source, nextHop }: Path): Promise<CauseEntry['requests']> => {
    const isConfigured = source.protocol === 'bgp' || source.protocol === 'static'
    if (records === undefined || !isConfigured) return []
    const peer = source.bgp === undefined ? {} : { peer: source.bgp.peerAddress }
    const ids = await records.routeCauses(name, { prefix, nextHop, ...peer })
    return requestsOf(await records.requests(ids), ids)
  }
  const paths = routed?.rib.explain(prefix)?.paths ?? []
  const used = paths.filter(({ verdict }) => verdict === 'best' || verdict === 'multipath')
  return Promise.all(
    used.map(async ({ path }) => ({
      prefix: prefix.toString(),
      protocol: path.source.protocol,
      peer: path.source.peer,
      ...(path.source.bgp === undefined ? {} : { peer_address: path.source.bgp.peerAddress.toString() }),
      next_hop: path.nextHop.toString(),
      ...(path.attributes === undefined ? {} : { as_path: path.attributes.asPathText }),
      time_received: new Date(wallMs(path.receivedAtMs)).toISOString(),
      requests: await requestsFor(path),
    })),
  )
}
