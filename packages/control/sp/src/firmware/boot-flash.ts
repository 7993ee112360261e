/**
 * Flash: what survives resets and power cuts, and from which of its two slots a component starts. A new image is tried once:
 *
 *   written ──armed, reset──→ trying ──confirmed──→ active            finished
 *                               │ watchdog, any other reset, bad image
 *                               └──────────────────→ the old one      rolled back
 *
 * Invariant: every update that was begun ends in exactly one of the two, and the slot that starts holds a whole image.
 */
import { readImage } from './image.ts'

export type Slot = 0 | 1
export type UpdateOutcome = 'finished' | 'rolled-back'

/** A switch of slots that waits for its reset, or is being tried. */
interface Pending {
  readonly slot: Slot
  readonly phase: 'armed' | 'trying'
  /** Undefined where nobody asked for a watchdog: a start that gets through in time is enough. */
  readonly watchdogMs: number | undefined
}

export interface BankedFlash {
  readonly slots: [Uint8Array | undefined, Uint8Array | undefined]
  /** The one that starts when nothing is pending. */
  active: Slot
  pending: Pending | undefined
  /** An update that was begun and has not ended: its number in hexadecimal, and where it writes. */
  begun: { readonly id: string; readonly slot: Slot } | undefined
  /** How updates ended, the last sixteen. */
  readonly history: { readonly id: string; readonly outcome: UpdateOutcome }[]
}

export function newFlash(image: Uint8Array, other?: Uint8Array): BankedFlash {
  return { slots: [image, other], active: 0, pending: undefined, begun: undefined, history: [] }
}

export function otherSlot(slot: Slot): Slot {
  return slot === 0 ? 1 : 0
}

/** Which slot starts now. Called once at each start of the component; changes what is pending. */
export function startFrom(
  flash: BankedFlash,
  board: string,
): { readonly slot: Slot; readonly watchdogMs: number | undefined } {
  const { pending } = flash
  if (pending === undefined) {
    // An update that a reset interrupted before it was armed never happened.
    endUpdate(flash, 'rolled-back')
    return { slot: flash.active, watchdogMs: undefined }
  }
  if (pending.phase === 'trying' || !isBootable(flash.slots[pending.slot], board)) {
    rollBack(flash)
    return { slot: flash.active, watchdogMs: undefined }
  }
  flash.pending = { ...pending, phase: 'trying' }
  return { slot: pending.slot, watchdogMs: pending.watchdogMs }
}

/** The new image is written and whole: the next reset tries it. */
export function arm(flash: BankedFlash, slot: Slot, watchdogMs: number | undefined): void {
  flash.pending = { slot, phase: 'armed', watchdogMs }
}

/** The image being tried works. @returns false when none is. */
export function confirm(flash: BankedFlash): boolean {
  if (flash.pending?.phase !== 'trying') return false
  flash.active = flash.pending.slot
  flash.pending = undefined
  endUpdate(flash, 'finished')
  return true
}

export function rollBack(flash: BankedFlash): void {
  flash.pending = undefined
  endUpdate(flash, 'rolled-back')
}

export function beginUpdate(flash: BankedFlash, id: string, slot: Slot): void {
  endUpdate(flash, 'rolled-back')
  flash.pending = undefined
  flash.begun = { id, slot }
  flash.slots[slot] = undefined
}

export function endUpdate(flash: BankedFlash, outcome: UpdateOutcome): void {
  if (flash.begun === undefined) return
  flash.history.push({ id: flash.begun.id, outcome })
  if (flash.history.length > 16) flash.history.shift()
  flash.begun = undefined
}

export function isBootable(image: Uint8Array | undefined, board: string): boolean {
  const read = readImage(image)
  return read.ok && read.caboose.get('BORD') === board
}
