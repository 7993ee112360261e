/**
 * A hash table from (scope, address) to a small whole number, for lookups per packet: open addressing over one
 * Int32Array, no allocation in `get`. IPv4 addresses take part in their IPv4-mapped form, so one table serves both.
 */
import type { Ip } from '@lodestone/net'

/** Address words as keys: four signed 32-bit words. */
export type AddressKey = Int32Array

export const MAPPED_WORD = 0xffff

const CELL = 6
const VALUE = 5

export class AddressMap {
  #cells = new Int32Array(16 * CELL)
  #mask = 15
  #size = 0

  get size(): number {
    return this.#size
  }

  /** @returns the value, or -1. */
  get(scope: number, key: AddressKey): number {
    const cells = this.#cells
    let cell = hash(scope, key) & this.#mask
    for (;;) {
      const at = cell * CELL
      const value = cells[at + VALUE]!
      if (value === 0) return -1
      if (matches(cells, at, scope, key)) return value - 1
      cell = (cell + 1) & this.#mask
    }
  }

  /** @param value at least 0. */
  set(scope: number, key: AddressKey, value: number): void {
    if ((this.#size + 1) * 2 > this.#mask) this.#grow()
    let cell = hash(scope, key) & this.#mask
    for (;;) {
      const at = cell * CELL
      const isEmpty = this.#cells[at + VALUE] === 0
      if (isEmpty || matches(this.#cells, at, scope, key)) {
        if (isEmpty) this.#size++
        this.#cells[at] = scope
        this.#cells.set(key.subarray(0, 4), at + 1)
        this.#cells[at + VALUE] = value + 1
        return
      }
      cell = (cell + 1) & this.#mask
    }
  }

  delete(scope: number, key: AddressKey): boolean {
    let cell = hash(scope, key) & this.#mask
    for (;;) {
      const at = cell * CELL
      if (this.#cells[at + VALUE] === 0) return false
      if (matches(this.#cells, at, scope, key)) break
      cell = (cell + 1) & this.#mask
    }
    this.#size--
    this.#closeGap(cell)
    return true
  }

  clear(): void {
    this.#cells.fill(0)
    this.#size = 0
  }

  /** Moves followers of the probe sequence up, so that no tombstones are needed. */
  #closeGap(gap: number): void {
    const cells = this.#cells
    let hole = gap
    let cell = gap
    for (;;) {
      cell = (cell + 1) & this.#mask
      const at = cell * CELL
      if (cells[at + VALUE] === 0) break
      const home = hash(cells[at]!, cells.subarray(at + 1, at + 5)) & this.#mask
      const isReachable = ((cell - home) & this.#mask) >= ((cell - hole) & this.#mask)
      if (!isReachable) continue
      cells.copyWithin(hole * CELL, at, at + CELL)
      hole = cell
    }
    cells[hole * CELL + VALUE] = 0
  }

  #grow(): void {
    const old = this.#cells
    const length = (this.#mask + 1) * 2
    this.#cells = new Int32Array(length * CELL)
    this.#mask = length - 1
    this.#size = 0
    for (let at = 0; at < old.length; at += CELL) {
      if (old[at + VALUE] !== 0) this.set(old[at]!, old.subarray(at + 1, at + 5), old[at + VALUE]! - 1)
    }
  }
}

function matches(cells: Int32Array, at: number, scope: number, key: AddressKey): boolean {
  return (
    cells[at + 4] === key[3] &&
    cells[at + 3] === key[2] &&
    cells[at + 2] === key[1] &&
    cells[at + 1] === key[0] &&
    cells[at] === scope
  )
}

function hash(scope: number, key: AddressKey): number {
  let h = Math.imul(key[3]! ^ scope, 0x9e3779b1)
  h = Math.imul(h ^ (h >>> 15) ^ key[2]!, 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13) ^ key[1]!, 0xc2b2ae35)
  h = Math.imul(h ^ (h >>> 16) ^ key[0]!, 0x27d4eb2f)
  return h ^ (h >>> 15)
}

/** The key of an address. */
export function keyOf(ip: Ip): AddressKey {
  const key = new Int32Array(4)
  if (ip.family === 4) {
    key[2] = MAPPED_WORD
    key[3] = ip.word(0)
  } else {
    for (let i = 0; i < 4; i++) key[i] = ip.word(i)
  }
  return key
}
