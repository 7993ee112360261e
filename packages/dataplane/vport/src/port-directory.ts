/** The ports of a sled by (VNI, MAC of the guest), as inbound frames name them. */
import type { Mac } from '@lodestone/net'
import { WordTable } from './word-table.ts'

export class PortDirectory<T> {
  readonly #table = new WordTable(3, 4, 16)
  readonly #ports: (T | undefined)[] = []
  readonly #key = new Int32Array(3)

  /** @param macHigh first two bytes. @param macLow last four. No allocation. */
  find(vni: number, macHigh: number, macLow: number): T | undefined {
    const key = this.#key
    key[0] = vni
    key[1] = macHigh
    key[2] = macLow
    const row = this.#table.find(key)
    return row < 0 ? undefined : this.#ports[row]
  }

  has(vni: number, mac: Mac): boolean {
    this.#setKey(vni, mac)
    return this.#table.find(this.#key) >= 0
  }

  add(vni: number, mac: Mac, port: T): void {
    this.#setKey(vni, mac)
    this.#ports[this.#table.insert(this.#key)] = port
  }

  remove(vni: number, mac: Mac): void {
    this.#setKey(vni, mac)
    const row = this.#table.find(this.#key)
    if (row < 0) return
    this.#ports[row] = undefined
    this.#table.remove(row)
  }

  #setKey(vni: number, mac: Mac): void {
    const m = mac.bytes
    this.#key[0] = vni
    this.#key[1] = (m[0]! << 8) | m[1]!
    this.#key[2] = (m[2]! << 24) | (m[3]! << 16) | (m[4]! << 8) | m[5]!
  }
}
