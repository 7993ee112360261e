/**
 * The device's side of a platform: registers that a simulated device fills and watches. An access that hits no register
 * (or half of one) reads as ones and is counted, as on a bus where nobody answers.
 */
import type { WideSyncPlatform } from './platform.ts'

/** What a register file asks of a register. Values are unsigned. */
export interface FileRegister {
  readonly path: string
  readonly address: number
  readonly widthBits: number
  busRead(): number | bigint
  busWrite(value: number | bigint): void
  reset(): void
}

export class RegisterFile implements WideSyncPlatform {
  readonly counters = { reads: 0, writes: 0, unmappedReads: 0, unmappedWrites: 0 }
  readonly #registers = new Map<number, FileRegister>()

  /** Every register, in the order they were added. */
  get registers(): Iterable<FileRegister> {
    return this.#registers.values()
  }

  add(register: FileRegister): void {
    this.#registers.set(register.address, register)
  }

  /** Gives every register its reset value, without calling hooks. */
  reset(): void {
    for (const register of this.#registers.values()) register.reset()
  }

  read(address: number, widthBits: number): number {
    const register = this.#find(address, widthBits)
    if (register === undefined) {
      this.counters.unmappedReads += 1
      return widthBits >= 32 ? 0xffffffff : 2 ** widthBits - 1
    }
    this.counters.reads += 1
    return Number(register.busRead())
  }

  write(address: number, value: number, widthBits: number): void {
    const register = this.#find(address, widthBits)
    if (register === undefined) {
      this.counters.unmappedWrites += 1
      return
    }
    this.counters.writes += 1
    register.busWrite(value)
  }

  readWide(address: number, widthBits: number): bigint {
    const register = this.#find(address, widthBits)
    if (register === undefined) {
      this.counters.unmappedReads += 1
      return (1n << BigInt(widthBits)) - 1n
    }
    this.counters.reads += 1
    return BigInt(register.busRead())
  }

  writeWide(address: number, value: bigint, widthBits: number): void {
    const register = this.#find(address, widthBits)
    if (register === undefined) {
      this.counters.unmappedWrites += 1
      return
    }
    this.counters.writes += 1
    register.busWrite(value)
  }

  #find(address: number, widthBits: number): FileRegister | undefined {
    const register = this.#registers.get(address)
    return register?.widthBits === widthBits ? register : undefined
  }
}
