/** What a control plane writes, in the calls of BMv2's own interface. Tables go by the names and keys of the compiled JSON. */
import type { Entry, EntryKey, TableDescription } from '@lodestone/npu'
import {
  double,
  type Encoded,
  i32,
  i64,
  list,
  string,
  STRING,
  struct,
  STRUCT,
  type ThriftClient,
} from './thrift-client.ts'

/** BMv2 lets the smaller priority win. */
const PRIORITY_MAX = 1 << 20
const CONTEXT = i32(0)

/** What is needed of p4c's JSON. */
export interface CompiledJson {
  readonly pipelines: readonly {
    readonly tables: readonly {
      readonly name: string
      readonly match_type: string
      readonly type: string
      readonly key: readonly { readonly match_type: string }[]
    }[]
  }[]
}

type KeySet = EntryKey['keys'][number]
type JsonTable = CompiledJson['pipelines'][number]['tables'][number]

export class Bmv2Control {
  readonly #thrift: ThriftClient
  readonly #tables: ReadonlyMap<string, JsonTable>
  readonly #handles = new Map<string, number>()
  readonly #mirroring: string

  constructor(thrift: ThriftClient, json: CompiledJson, program: 'simple_switch' | 'psa_switch') {
    this.#thrift = thrift
    this.#tables = new Map(json.pipelines.flatMap(({ tables }) => tables.map((table) => [table.name, table] as const)))
    this.#mirroring = program
  }

  /** Whether the table exists there, and takes entries with actions. */
  hasTable(name: string): boolean {
    return this.#tables.get(name)?.type === 'simple'
  }

  async addEntry(table: TableDescription, entry: Entry): Promise<void> {
    const json = this.#table(table)
    const isRanked = json.match_type === 'ternary' || json.match_type === 'range'
    const options = struct({ 1: isRanked ? i32(PRIORITY_MAX - (entry.priority ?? 0)) : undefined })
    const { action, parameters } = this.#action(table, entry.action, entry.parameters)
    const key = this.#key(table, entry.keys)
    const name = string(table.name)
    const handle = await this.#standard('bm_mt_add_entry', [name, key, action, parameters, options])
    this.#handles.set(keyText(table, entry), Number(handle))
  }

  async modifyEntry(table: TableDescription, entry: Entry): Promise<void> {
    const { action, parameters } = this.#action(table, entry.action, entry.parameters)
    const handle = i32(this.#handle(table, entry))
    await this.#standard('bm_mt_modify_entry', [string(table.name), handle, action, parameters])
  }

  async deleteEntry(table: TableDescription, key: EntryKey): Promise<void> {
    await this.#standard('bm_mt_delete_entry', [string(table.name), i32(this.#handle(table, key))])
    this.#handles.delete(keyText(table, key))
  }

  async setDefault(table: TableDescription, name: string, values: readonly bigint[]): Promise<void> {
    const { action, parameters } = this.#action(table, name, values)
    await this.#standard('bm_mt_set_default_action', [string(table.name), action, parameters])
  }

  async resetDefault(table: string): Promise<void> {
    await this.#standard('bm_mt_reset_default_entry', [string(table)])
  }

  async writeRegister(name: string, index: number, value: bigint): Promise<void> {
    await this.#standard('bm_register_write', [string(name), i32(index), i64(value)])
  }

  async resetRegister(name: string): Promise<void> {
    await this.#standard('bm_register_reset', [string(name)])
  }

  /** All cells. */
  async register(name: string): Promise<readonly bigint[]> {
    return (await this.#standard('bm_register_read_all', [string(name)])) as readonly bigint[]
  }

  async counter(name: string, index: number): Promise<{ readonly packets: number; readonly bytes: number }> {
    const value = await this.#standard('bm_counter_read', [string(name), i32(index)])
    const fields = value as ReadonlyMap<number, bigint>
    return { packets: Number(fields.get(2)), bytes: Number(fields.get(1)) }
  }

  /** @param rates committed, then peak, in units per microsecond. @param index undefined: all cells. */
  async setMeter(
    name: string,
    index: number | undefined,
    rates: readonly { readonly rate: number; readonly burst: number }[],
  ): Promise<void> {
    const encoded = list(
      STRUCT,
      rates.map(({ rate, burst }) => struct({ 1: double(rate), 2: i32(burst) })),
    )
    if (index === undefined) await this.#standard('bm_meter_array_set_rates', [string(name), encoded])
    else await this.#standard('bm_meter_set_rates', [string(name), i32(index), encoded])
  }

  /** Copies to each port of the list. @returns the node's handle. */
  async createNode(instance: number, ports: readonly number[]): Promise<number> {
    return Number(await this.#groups('bm_mc_node_create', [i32(instance), portMap(ports), string('')]))
  }

  async updateNode(handle: number, ports: readonly number[]): Promise<void> {
    await this.#groups('bm_mc_node_update', [i32(handle), portMap(ports), string('')])
  }

  /** A group's handle is its number. */
  async createGroup(group: number): Promise<void> {
    await this.#groups('bm_mc_mgrp_create', [i32(group)])
  }

  async associate(group: number, node: number): Promise<void> {
    await this.#groups('bm_mc_node_associate', [i32(group), i32(node)])
  }

  async setSession(session: number, to: { readonly port?: number; readonly group?: number }): Promise<void> {
    const config = struct({
      1: to.port === undefined ? undefined : i32(to.port),
      2: to.group === undefined ? undefined : i32(to.group),
    })
    await this.#thrift.call(this.#mirroring, 'mirroring_session_add', [i32(session), config])
  }

  async deleteSession(session: number): Promise<void> {
    await this.#thrift.call(this.#mirroring, 'mirroring_session_delete', [i32(session)])
  }

  #standard(method: string, parameters: readonly Encoded[]): Promise<unknown> {
    return this.#thrift.call('standard', method, [CONTEXT, ...parameters])
  }

  #groups(method: string, parameters: readonly Encoded[]): Promise<unknown> {
    return this.#thrift.call('simple_pre_lag', method, [CONTEXT, ...parameters])
  }

  #table({ name }: TableDescription): JsonTable {
    const table = this.#tables.get(name)
    if (table === undefined) throw new Error(`the compiled program has no table ${name}`)
    return table
  }

  #handle(table: TableDescription, key: EntryKey): number {
    const handle = this.#handles.get(keyText(table, key))
    if (handle === undefined) throw new Error(`table ${table.name} has no such entry in the switch`)
    return handle
  }

  #action(
    table: TableDescription,
    name: string,
    values: readonly bigint[],
  ): { readonly action: Encoded; readonly parameters: Encoded } {
    const action = table.actions.find((one) => one.name === name)
    if (action === undefined) throw new Error(`table ${table.name} has no action ${name}`)
    const parameters = action.parameters.map(({ width }, k) => string(bytesOf(values[k]!, width)))
    return { action: string(name), parameters: list(STRING, parameters) }
  }

  #key(table: TableDescription, sets: readonly KeySet[]): Encoded {
    const keys = table.keys.filter(({ match }) => match !== 'selector')
    const json = this.#table(table).key
    return list(
      STRUCT,
      sets.map((set, k) => parameterOf(set, json[k]!.match_type, keys[k]!.width)),
    )
  }
}

function parameterOf(set: KeySet, match: string, width: number): Encoded {
  const full = (1n << BigInt(width)) - 1n
  const bytes = (value: bigint): Encoded => string(bytesOf(value, width))
  switch (match) {
    case 'exact':
      if (set.kind !== 'exact') break
      return struct({ 1: i32(0), 2: struct({ 1: bytes(set.value) }) })
    case 'lpm': {
      const { value, length } = set.kind === 'lpm' ? set : { value: 0n, length: 0 }
      return struct({ 1: i32(1), 3: struct({ 1: bytes(value), 2: i32(length === 0 ? 0 : padOf(width) + length) }) })
    }
    case 'ternary':
    case 'optional': {
      const mask = set.kind === 'ternary' ? set.mask : set.kind === 'exact' ? full : 0n
      const value = set.kind === 'ternary' || set.kind === 'exact' ? set.value : 0n
      return struct({ 1: i32(2), 4: struct({ 1: bytes(value), 2: bytes(mask) }) })
    }
    case 'range': {
      const { low, high } = set.kind === 'range' ? set : { low: 0n, high: full }
      return struct({ 1: i32(4), 6: struct({ 1: bytes(low), 2: bytes(high) }) })
    }
    default:
      break
  }
  throw new Error(`a key set '${set.kind}' for a key of kind ${match}`)
}

/** Bits before a value in whole bytes; BMv2 counts a prefix from the first of them. */
export function padOf(width: number): number {
  return (8 - (width % 8)) % 8
}

function bytesOf(value: bigint, width: number): Uint8Array {
  const length = Math.ceil(width / 8)
  return Buffer.from(value.toString(16).padStart(2 * length, '0'), 'hex')
}

/** A bit for each port, the lowest last. */
function portMap(ports: readonly number[]): Encoded {
  const length = 1 + Math.max(0, ...ports)
  return string(Array.from({ length }, (_, k) => (ports.includes(length - 1 - k) ? '1' : '0')).join(''))
}

function keyText({ name }: TableDescription, { keys, priority = 0 }: EntryKey): string {
  return `${name} ${priority} ${JSON.stringify(keys, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value))}`
}
