/**
 * The flows of one port: a table per family from key to row (`flow-row.ts`), and the connections that pair the rows up.
 * A connection is entered with both its rows as soon as its first packet is allowed; the row of the other direction
 * stays empty (epoch 0) until a packet of that direction has walked the layers.
 */
import { type Connection, Connections } from './connection.ts'
import { type FlowKey, KEY_WORDS_4, KEY_WORDS_6 } from './flow-key.ts'
import { FLOW_CONNECTION, FLOW_EPOCH, FLOW_ROW_WORDS } from './flow-row.ts'
import { WordTable } from './word-table.ts'

export class FlowCache {
  readonly flows4 = new WordTable(KEY_WORDS_4, FLOW_ROW_WORDS)
  readonly flows6 = new WordTable(KEY_WORDS_6, FLOW_ROW_WORDS)
  readonly connections: Connections
  expirations = 0

  /** @param limit how many connections may exist at once. */
  constructor(limit: number, nowMs: number) {
    this.connections = new Connections(limit, nowMs)
  }

  table(family: 4 | 6): WordTable {
    return family === 4 ? this.flows4 : this.flows6
  }

  /** @returns the connection that a flow belongs to. */
  find(key: FlowKey, family: 4 | 6): Connection | undefined {
    const table = this.table(family)
    const row = table.find(key)
    if (row < 0) return undefined
    return this.connections.get(table.rows[row * FLOW_ROW_WORDS + table.keyWords + FLOW_CONNECTION]!)
  }

  /**
   * Enters a connection and its two empty rows. Whatever connection held one of the keys is over: the newest wins.
   * @returns `undefined` when the table is full and nothing in it may be evicted.
   */
  open(
    fields: Omit<Connection, 'index'>,
    tcpState: number,
    outKey: FlowKey,
    inKey: FlowKey,
    nowMs: number,
  ): Connection | undefined {
    const table = this.table(fields.family)
    this.#retireHolder(table, outKey, nowMs)
    this.#retireHolder(table, inKey, nowMs)
    if (this.connections.isFull) {
      const victim = this.connections.victim(nowMs)
      if (victim < 0) return undefined
      this.retire(this.connections.get(victim)!, nowMs)
    }
    const connection = this.connections.add(fields, tcpState)
    const index = connection.index
    this.connections.rowOut[index] = this.#enter(table, outKey, index)
    this.connections.rowIn[index] = this.#enter(table, inKey, index)
    return connection
  }

  /** Forgets a connection, its rows and its leased port. */
  retire(connection: Connection, nowMs: number): void {
    const table = this.table(connection.family)
    table.remove(this.connections.rowOut[connection.index]!)
    table.remove(this.connections.rowIn[connection.index]!)
    this.connections.remove(connection.index)
    connection.nat?.pool?.release(connection.nat.port, nowMs)
  }

  /** The guest's side of a connection: its outbound key. */
  readOutKey(connection: Connection, out: FlowKey): void {
    const table = this.table(connection.family)
    const at = this.connections.rowOut[connection.index]! * FLOW_ROW_WORDS
    for (let i = 0; i < table.keyWords; i++) out[i] = table.rows[at + i]!
  }

  expire(nowMs: number): void {
    this.connections.wheel.advance(nowMs / 1000, (index) => {
      const restS = this.connections.restS(index, nowMs)
      if (restS <= 0) {
        this.expirations++
        this.retire(this.connections.get(index)!, nowMs)
      }
      return restS
    })
  }

  clear(nowMs: number): void {
    const all: Connection[] = []
    this.connections.forEach((connection) => all.push(connection))
    for (const connection of all) this.retire(connection, nowMs)
  }

  #retireHolder(table: WordTable, key: FlowKey, nowMs: number): void {
    const row = table.find(key)
    if (row < 0) return
    const index = table.rows[row * FLOW_ROW_WORDS + table.keyWords + FLOW_CONNECTION]!
    this.retire(this.connections.get(index)!, nowMs)
  }

  #enter(table: WordTable, key: FlowKey, connection: number): number {
    const row = table.insert(key)
    const base = row * FLOW_ROW_WORDS + table.keyWords
    table.rows[base + FLOW_EPOCH] = 0
    table.rows[base + FLOW_CONNECTION] = connection
    return row
  }
}
