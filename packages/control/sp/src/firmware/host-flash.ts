/** The host's boot flash as the service processor reads it: pages, and a hash that takes its time. */
import type { Clock } from '@lodestone/host'
import type { MgsRequest } from '../protocol/request.ts'
import type { Answer } from './agent.ts'
import { sha256 } from './image.ts'

const PAGE_BYTES = 256
/** The flash has this much in each slot, whatever was written. */
export const HOST_FLASH_SLOT_BYTES = 64 * 1024
const HASH_MS = 500

export class HostFlash {
  readonly #clock: Clock
  readonly #image: (slot: number) => Uint8Array | undefined
  #hash: { readonly slot: number; readonly untilMs: number; readonly of: Uint8Array | undefined } | undefined

  constructor(clock: Clock, image: (slot: number) => Uint8Array | undefined) {
    this.#clock = clock
    this.#image = image
  }

  handle(request: Extract<MgsRequest, { kind: 'ReadHostFlash' | 'StartHostFlashHash' | 'GetHostFlashHash' }>): Answer {
    if (request.slot > 1) return { response: { kind: 'Error', error: { kind: 'InvalidSlotForComponent' } } }
    switch (request.kind) {
      case 'ReadHostFlash':
        return this.#read(request.slot, request.address)
      case 'StartHostFlashHash':
        if (this.#hash !== undefined && this.#clock.nowMs() < this.#hash.untilMs) return failed('HashInProgress')
        this.#hash = {
          slot: request.slot,
          untilMs: this.#clock.nowMs() + HASH_MS,
          of: this.#image(request.slot),
        }
        return { response: { kind: 'StartHostFlashHashAck' } }
      case 'GetHostFlashHash': {
        if (this.#hash === undefined || this.#hash.slot !== request.slot) return failed('HashUncalculated')
        if (this.#clock.nowMs() < this.#hash.untilMs) return failed('HashInProgress')
        // What was written since makes the hash worthless.
        if (this.#hash.of !== this.#image(request.slot)) return failed('RecalculateHash')
        return { response: { kind: 'HostFlashHash', hash: sha256(this.#content(request.slot)) } }
      }
    }
  }

  #read(slot: number, address: number): Answer {
    const content = this.#content(slot)
    if (address % PAGE_BYTES !== 0 || address + PAGE_BYTES > content.length) return failed('BadAddress')
    return { response: { kind: 'ReadHostFlash' }, data: content.slice(address, address + PAGE_BYTES) }
  }

  /** Erased flash is all ones. */
  #content(slot: number): Uint8Array {
    const image = this.#image(slot) ?? new Uint8Array(0)
    const content = new Uint8Array(Math.max(HOST_FLASH_SLOT_BYTES, image.length)).fill(0xff)
    content.set(image)
    return content
  }
}

function failed(error: 'HashInProgress' | 'HashUncalculated' | 'RecalculateHash' | 'BadAddress'): Answer {
  return { response: { kind: 'Error', error: { kind: 'Hf', error } } }
}
