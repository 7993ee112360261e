/** A bus on which a device may stop answering: reads give ones and writes are lost, as on I²C with pull-ups. */
import type { RegisterFile, SyncPlatform } from '@lodestone/rsf'

export class FaultyBus implements SyncPlatform {
  isBroken = false
  readonly counters = { failedReads: 0, failedWrites: 0 }
  readonly #file: RegisterFile
  readonly #isPowered: () => boolean

  constructor(file: RegisterFile, isPowered: () => boolean) {
    this.#file = file
    this.#isPowered = isPowered
  }

  read(address: number, widthBits: number): number {
    if (!this.isBroken && this.#isPowered()) return this.#file.read(address, widthBits)
    this.counters.failedReads += 1
    return widthBits >= 32 ? 0xffffffff : 2 ** widthBits - 1
  }

  write(address: number, value: number, widthBits: number): void {
    if (!this.isBroken && this.#isPowered()) this.#file.write(address, value, widthBits)
    else this.counters.failedWrites += 1
  }
}
