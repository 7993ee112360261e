/**
 * The simulated identity memories. A quarter that is protected refuses writes and counts them; a lock that was made permanent
 * stays as it is, without power too. What a factory puts there (`program`) goes past the lock.
 */
import { bits } from '@lodestone/rsf'
import { type MainSimulation, vpdSimulation } from '../registers/vpd.ts'
import { FaultyBus } from './faulty-bus.ts'

const WORDS_IN_QUARTER = 8
const ALL_QUARTERS = 0xf

export class VpdDevice {
  readonly bus: FaultyBus
  readonly #device: MainSimulation

  /** @param count how many memories there are. */
  constructor(count: number, hasStandby: () => boolean) {
    const { platform, device } = vpdSimulation()
    this.#device = device
    this.bus = new FaultyBus(platform, hasStandby)
    for (let index = 0; index < device.devicesCount; index++) {
      const memory = device.devices(index)
      memory.presence.update((presence) => (presence.present = index < count))
      memory.lock.onWrite(({ before }) => {
        if (!before.permanent) return
        memory.lock.update((lock) => {
          lock.protect = before.protect
          lock.permanent = true
        })
        this.#refuse(index)
      })
      for (let word = 0; word < memory.wordsCount; word++) {
        const quarter = 1 << Math.floor(word / WORDS_IN_QUARTER)
        const register = memory.words(word)
        register.onWrite(({ before }) => {
          if (index < count && (memory.lock.state.protect & quarter) === 0) return
          register.update((state) => (state.bytes = before.bytes))
          this.#refuse(index)
        })
      }
    }
  }

  /** As it leaves the factory: the contents, locked for good. @param bytes from the start of the memory. */
  program(index: number, bytes: Uint8Array): void {
    const memory = this.#device.devices(index)
    const whole = new Uint8Array(4 * memory.wordsCount).fill(0xff)
    whole.set(bytes)
    const view = new DataView(whole.buffer)
    for (let word = 0; word < memory.wordsCount; word++) {
      memory.words(word).update((state) => (state.bytes = bits(32, view.getUint32(4 * word, true))))
    }
    this.setLock(index, ALL_QUARTERS, true)
  }

  /** As a part that was never, or only partly, locked would be. */
  setLock(index: number, protect: number, isPermanent: boolean): void {
    this.#device.devices(index).lock.update((lock) => {
      lock.protect = bits(4, protect)
      lock.permanent = isPermanent
    })
  }

  #refuse(index: number): void {
    this.#device.devices(index).lock.update((lock) => (lock.refused = bits(16, (lock.refused + 1) & 0xffff)))
  }
}
