/**
 * The device's side of a platform: registers that a simulated device fills and watches. An access that hits no register
 * (or half of one) reads as ones and is counted, as on a bus where nobody answers.
 */
import type { SyncMemories, WideSyncPlatform } from './platform.ts'

/** What a register file asks of a register. Values are unsigned. */
export interface FileRegister {
  readonly path: string
  readonly address: number
  readonly widthBits: number
  busRead(): number | bigint
  busWrite(value: number | bigint): void
  reset(): void
}

export class RegisterFile implements WideSyncPlatform, SyncMemories {
  readonly counters = { reads: 0, writes: 0, unmappedReads: 0, unmappedWrites: 0 }
  readonly #registers = new Map<number, FileRegister>()
  readonly #memories = new Map<string, RegisterFile>()

  /** Every register, in the order they were added; those of memories are in their own files. */
  get registers(): Iterable<FileRegister> {
    return this.#registers.values()
  }

  add(register: FileRegister): void {
    this.#registers.set(register.address, register)
  }

  /** One sram memory; with counters of its own, and empty until registers are added. */
  memory(address: number, selector: number): RegisterFile {
    const key = `${address} ${selector}`
    const known = this.#memories.get(key)
    if (known !== undefined) return known
    const made = new RegisterFile()
    this.#memories.set(key, made)
    return made
  }

  /** Gives every register and sram entry its reset value, without calling hooks. */
  reset(): void {
    for (const register of this.#registers.values()) register.reset()
    for (const memory of this.#memories.values()) memory.reset()
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
