/**
 * A pipeline for tests: the rack switch's tables kept exactly, with the errors that the contract of `Pipeline` names,
 * and forwarding by a function of the test. With `failEvery`, every k-th write is refused and changes nothing.
 */
import assert from 'node:assert/strict'
import type { Arena } from '@lodestone/frame'
import type { Batch, Entry, EntryCounter, EntryKey, TableDescription, TableError, TableResult } from '@lodestone/npu'
import type { SwitchPipeline } from './switch-pipeline.ts'
import type { KeySet, MatchKind } from '@lodestone/p4'

/** Where a frame goes: a port, or 'drop'. */
export type Forward = (frame: Uint8Array, ingressPort: number, slot: number) => number | 'drop'

export interface FakePipelineOptions {
  readonly arena?: Arena
  readonly forward?: Forward
  /** Overrides of table sizes, by local name. */
  readonly sizes?: Readonly<Record<string, number>>
}

const NO_HITS: EntryCounter = { packets: 0, bytes: 0 }

export class FakePipeline implements SwitchPipeline {
  readonly tables: readonly TableDescription[]
  /** 0: writes never fail. */
  failEvery = 0
  writes = 0
  batches: number[] = []
  readonly #arena: Arena | undefined
  readonly #forward: Forward
  readonly #entries = new Map<string, Map<string, Entry>>()
  readonly #defaults = new Map<string, { action: string; parameters: readonly bigint[] }>()
  readonly #drops = new Map<number, number>()

  constructor(options: FakePipelineOptions = {}) {
    this.#arena = options.arena
    this.#forward = options.forward ?? (() => 'drop')
    this.tables = TABLES.map((table) => ({
      ...table,
      size: options.sizes?.[table.name.slice(table.name.lastIndexOf('.') + 1)] ?? table.size,
    }))
    for (const table of this.tables) this.#entries.set(table.name, new Map())
  }

  process(batch: Batch): void {
    const arena = this.#arena
    assert.ok(arena, 'a fake that forwards needs an arena')
    this.batches.push(batch.count)
    batch.outCount = 0
    const count = batch.count
    batch.count = 0
    for (let i = 0; i < count; i++) {
      const slot = batch.slots[i]!
      const to = this.#forward(arena.peek(slot), batch.ports[i]!, slot)
      if (to === 'drop') {
        arena.free(slot)
        this.#drops.set(0, (this.#drops.get(0) ?? 0) + 1)
      } else {
        batch.outSlots[batch.outCount] = slot
        batch.outPorts[batch.outCount++] = to
      }
    }
  }

  addEntry(table: string, entry: Entry): TableResult {
    return this.#write(table, entry, (entries, key, size) => {
      if (entries.has(key)) return { kind: 'exists' }
      if (entries.size >= size) return { kind: 'full', size }
      entries.set(key, entry)
      return undefined
    })
  }

  modifyEntry(table: string, entry: Entry): TableResult {
    return this.#write(table, entry, (entries, key) => {
      if (!entries.has(key)) return { kind: 'notFound' }
      entries.set(key, entry)
      return undefined
    })
  }

  deleteEntry(table: string, key: EntryKey): TableResult {
    return this.#write(table, key, (entries, text) => (entries.delete(text) ? undefined : { kind: 'notFound' }))
  }

  setDefault(table: string, action: string, parameters: readonly bigint[]): TableResult {
    const description = this.#describe(table)
    if (description === undefined) return refuse({ kind: 'noSuchTable', table })
    const problem = actionProblem(description, action, parameters)
    if (problem !== undefined) return refuse(problem)
    if (this.#chaos()) return refuse({ kind: 'constant', message: 'the write failed' })
    this.#defaults.set(table, { action, parameters })
    return { ok: true }
  }

  clearTable(table: string): TableResult {
    const entries = this.#entries.get(table)
    if (entries === undefined) return refuse({ kind: 'noSuchTable', table })
    if (this.#chaos()) return refuse({ kind: 'constant', message: 'the write failed' })
    entries.clear()
    return { ok: true }
  }

  entries(table: string): readonly (Entry & { readonly hits: EntryCounter })[] | undefined {
    const entries = this.#entries.get(table)
    return entries && [...entries.values()].map((entry) => ({ ...entry, hits: NO_HITS }))
  }

  usage(table: string): { size: number; entries: number; hits: number; misses: number } | undefined {
    const entries = this.#entries.get(table)
    if (entries === undefined) return undefined
    return { size: this.#describe(table)!.size, entries: entries.size, hits: 0, misses: 0 }
  }

  drops(): ReadonlyMap<number, number> {
    return this.#drops
  }

  /** The entries of a table, by the end of its name, as sorted text: for comparing with a model. */
  dump(local: string): string[] {
    const table = this.tables.find(({ name }) => name.endsWith(`.${local}`))
    assert.ok(table, `no table ${local}`)
    return [...this.#entries.get(table.name)!.values()].map(entryLine).sort()
  }

  default(local: string): { action: string; parameters: readonly bigint[] } | undefined {
    return this.#defaults.get(this.tables.find(({ name }) => name.endsWith(`.${local}`))!.name)
  }

  #describe(table: string): TableDescription | undefined {
    return this.tables.find(({ name }) => name === table)
  }

  #chaos(): boolean {
    return this.failEvery > 0 && ++this.writes % this.failEvery === 0
  }

  #write(
    table: string,
    entry: EntryKey | Entry,
    change: (entries: Map<string, Entry>, key: string, size: number) => TableError | undefined,
  ): TableResult {
    const description = this.#describe(table)
    if (description === undefined) return refuse({ kind: 'noSuchTable', table })
    const problem =
      keyProblem(description, entry) ??
      ('action' in entry ? actionProblem(description, entry.action, entry.parameters) : undefined)
    if (problem !== undefined) return refuse(problem)
    if (this.#chaos()) return refuse({ kind: 'constant', message: 'the write failed' })
    const error = change(this.#entries.get(table)!, keyLine(entry), description.size)
    return error === undefined ? { ok: true } : refuse(error)
  }
}

function refuse(error: TableError): TableResult {
  return { ok: false, error }
}

function keyLine(entry: EntryKey): string {
  return `${entry.keys.map(keyText).join(' ')} @${entry.priority ?? 0}`
}

function entryLine(entry: Entry): string {
  return `${keyLine(entry)} ${entry.action.slice(entry.action.lastIndexOf('.') + 1)}(${entry.parameters.join(',')})`
}

function keyText(key: KeySet): string {
  switch (key.kind) {
    case 'exact':
      return `${key.value}`
    case 'lpm':
      return `${key.value}/${key.length}`
    case 'ternary':
      return `${key.value}&${key.mask}`
    case 'range':
      return `${key.low}..${key.high}`
    case 'any':
      return '*'
  }
}

function keyProblem(table: TableDescription, entry: EntryKey): TableError | undefined {
  if (entry.keys.length !== table.keys.length) {
    return { kind: 'badKey', key: '', message: `takes ${table.keys.length} keys` }
  }
  for (const [i, { name, match, width }] of table.keys.entries()) {
    const key = entry.keys[i]!
    if (key.kind !== match) return { kind: 'badKey', key: name, message: `is ${match}, not ${key.kind}` }
    const values = key.kind === 'range' ? [key.low, key.high] : [key.value]
    if (values.some((value) => value < 0n || value >> BigInt(width) !== 0n)) {
      return { kind: 'badKey', key: name, message: `does not fit into ${width} bits` }
    }
    if (key.kind === 'lpm' && (key.value & ((1n << BigInt(width - key.length)) - 1n)) !== 0n) {
      return { kind: 'badKey', key: name, message: 'has bits beyond its prefix' }
    }
    if (key.kind === 'range' && key.low > key.high) return { kind: 'badKey', key: name, message: 'is empty' }
  }
  const isRanked = table.keys.some(({ match }) => match === 'ternary' || match === 'range' || match === 'optional')
  if (!isRanked && entry.priority !== undefined) {
    return { kind: 'badKey', key: 'priority', message: 'has no meaning in this table' }
  }
  return undefined
}

function actionProblem(table: TableDescription, action: string, parameters: readonly bigint[]): TableError | undefined {
  const found = table.actions.find(({ name }) => name === action)
  if (found === undefined) {
    return { kind: 'noSuchAction', action, allowed: table.actions.map(({ name }) => name) }
  }
  if (found.parameters.length !== parameters.length) {
    return { kind: 'badParameter', parameter: '', message: `takes ${found.parameters.length}` }
  }
  for (const [i, { name, width }] of found.parameters.entries()) {
    if (parameters[i]! < 0n || parameters[i]! >> BigInt(width) !== 0n) {
      return { kind: 'badParameter', parameter: name, message: `does not fit into ${width} bits` }
    }
  }
  return undefined
}

type Fields = readonly (readonly [name: string, width: number])[]

function table(
  path: string,
  size: number,
  keys: readonly (readonly [name: string, match: MatchKind, width: number])[],
  actions: Readonly<Record<string, Fields>>,
): TableDescription {
  const control = path.slice(0, path.lastIndexOf('.'))
  return {
    name: path,
    size,
    isConst: false,
    keys: keys.map(([name, match, width]) => ({ name, match, width })),
    actions: Object.entries(actions).map(([name, fields]) => ({
      name: name === 'NoAction' ? name : `${control}.${name}`,
      parameters: fields.map(([field, width]) => ({ name: field, width })),
    })),
  }
}

const V4: Fields = [
  ['port', 16],
  ['next_hop', 32],
]
const V6: Fields = [
  ['port', 16],
  ['next_hop', 128],
]
const VLAN = ['vlan_id', 12] as const
const INDEX: Fields = [
  ['first_path', 16],
  ['path_count', 16],
]
const SLED: Fields = [
  ['sled', 128],
  ['mac', 48],
  ['network', 24],
]
const MAC: Fields = [['mac', 48]]

/** As `p4/switch.p4` declares them. */
const TABLES: readonly TableDescription[] = [
  table('ingress.filter.uplink_ports', 256, [['ingress.port', 'exact', 16]], { uplink_port: [], NoAction: [] }),
  table(
    'ingress.filter.switch_ipv4_addr',
    512,
    [
      ['dst', 'exact', 32],
      ['ingress.port', 'ternary', 16],
    ],
    { claim: [], drop_ipv4: [], NoAction: [] },
  ),
  table(
    'ingress.filter.switch_ipv6_addr',
    512,
    [
      ['hdr.ipv6.dst', 'exact', 128],
      ['ingress.port', 'ternary', 16],
    ],
    { claim: [], drop_ipv6: [], NoAction: [] },
  ),
  table(
    'ingress.nat_ingress.ingress_ipv4',
    16384,
    [
      ['hdr.ipv4.dst', 'exact', 32],
      ['meta.l4_dst_port', 'range', 16],
    ],
    { forward_to_sled: SLED, NoAction: [] },
  ),
  table(
    'ingress.nat_ingress.ingress_ipv6',
    16384,
    [
      ['hdr.ipv6.dst', 'exact', 128],
      ['meta.l4_dst_port', 'range', 16],
    ],
    { forward_to_sled: SLED, NoAction: [] },
  ),
  table('ingress.nat_ingress.tunnel_source', 1, [], { set_tunnel_source: [['address', 128]] }),
  table('ingress.router.lookup_v4', 8192, [['hdr.ipv4.dst', 'lpm', 32]], { index: INDEX, unreachable: [] }),
  table('ingress.router.route_v4', 8192, [['path', 'exact', 16]], {
    forward: V4,
    forward_v6: V6,
    forward_vlan: [...V4, VLAN],
    forward_vlan_v6: [...V6, VLAN],
    no_path: [],
  }),
  table('ingress.router.lookup_v6', 8192, [['hdr.ipv6.dst', 'lpm', 128]], { index: INDEX, unreachable: [] }),
  table('ingress.router.route_v6', 8192, [['path', 'exact', 16]], {
    forward_v6: V6,
    forward_vlan_v6: [...V6, VLAN],
    no_path: [],
  }),
  table(
    'ingress.resolver.arp',
    512,
    [
      ['egress.port', 'exact', 16],
      ['meta.next_hop_v4', 'exact', 32],
    ],
    { rewrite: MAC, request: [] },
  ),
  table(
    'ingress.resolver.ndp',
    512,
    [
      ['egress.port', 'exact', 16],
      ['meta.next_hop_v6', 'exact', 128],
    ],
    { rewrite: MAC, request: [] },
  ),
  table('ingress.port_egress.egress_filter', 256, [['egress.port', 'exact', 16]], {
    guest_traffic_allowed: [],
    NoAction: [],
  }),
  table('ingress.port_egress.mac_rewrite', 256, [['egress.port', 'exact', 16]], { rewrite: MAC, no_mac: [] }),
]
