/** The connections of a stack, by what names them, and how many use each local port. */
import type { Connection } from './connection.ts'
import { hashTuple, sameTuple } from './tuple.ts'

export class ConnectionTable {
  count = 0
  /** Chains of connections with the same hash. */
  readonly #chains = new Map<number, Connection>()
  readonly #localPorts = new Map<number, number>()
  readonly #seed: number

  /** @param seed a secret, so that nobody can make up peers that all have the same hash */
  constructor(seed: number) {
    this.#seed = seed
  }

  hash(tuple: Int32Array): number {
    return hashTuple(tuple, this.#seed)
  }

  find(tuple: Int32Array): Connection | undefined {
    let connection = this.#chains.get(hashTuple(tuple, this.#seed))
    while (connection !== undefined && !sameTuple(connection.tuple, tuple)) connection = connection.next
    return connection
  }

  usesPort(port: number): boolean {
    return this.#localPorts.has(port)
  }

  add(connection: Connection): void {
    const { hash, localPort } = connection
    connection.next = this.#chains.get(hash)
    this.#chains.set(hash, connection)
    this.count++
    this.#localPorts.set(localPort, (this.#localPorts.get(localPort) ?? 0) + 1)
  }

  /** @returns false when it was not there. */
  remove(connection: Connection): boolean {
    if (!this.#unlink(connection)) return false
    this.count--
    const users = this.#localPorts.get(connection.localPort)! - 1 // because every connection is counted there
    if (users > 0) this.#localPorts.set(connection.localPort, users)
    else this.#localPorts.delete(connection.localPort)
    return true
  }

  /** A list of its own, so that its connections may be removed meanwhile. */
  all(): Connection[] {
    const all: Connection[] = []
    for (const first of this.#chains.values()) {
      for (let at: Connection | undefined = first; at !== undefined; at = at.next) all.push(at)
    }
    return all
  }

  #unlink(connection: Connection): boolean {
    let at = this.#chains.get(connection.hash)
    if (at === connection) {
      if (at.next === undefined) this.#chains.delete(connection.hash)
      else this.#chains.set(connection.hash, at.next)
      return true
    }
    while (at !== undefined) {
      if (at.next === connection) {
        at.next = connection.next
        return true
      }
      at = at.next
    }
    return false
  }
}
