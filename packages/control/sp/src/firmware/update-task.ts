/** The update task: takes images by chunks into the slot that does not run, and sees to it that the right one starts. */
import { Component } from '../protocol/component.ts'
import type { SpError, UpdateStatus } from '../protocol/error.ts'
import {
  arm,
  type BankedFlash,
  beginUpdate,
  endUpdate,
  isBootable,
  otherSlot,
  rollBack,
  type Slot,
} from './boot-flash.ts'
import { MAX_IMAGE_BYTES } from './image.ts'
import type { TaskContext } from './task-context.ts'
import {
  abortUpdate,
  acceptChunk,
  idText,
  isUnderWay,
  prepareUpdate,
  statusOf,
  UpdateFailure,
  type UpdateReply,
  type UpdateSession,
} from './update-machine.ts'

/** What of a service processor survives everything but the loss of the board. */
export interface SpFlash {
  readonly sp: BankedFlash
  readonly rot: BankedFlash
  readonly hostBoot: BankedFlash
}

export const ROT_BOARD = 'oxide-rot-1'
const HOST_FLASH_BYTES = 4 << 20

export type UpdateAnswer = { readonly ok: true } | { readonly ok: false; readonly error: SpError }

export class UpdateTask {
  readonly #context: TaskContext
  readonly #flash: SpFlash
  readonly #board: string
  /** The slot that this service processor started from. */
  readonly #running: Slot
  #session: UpdateSession | undefined
  /** Fault: power fails when this many bytes have arrived. */
  interruptAfterBytes: number | undefined
  onInterrupt: () => void = () => {}

  constructor(context: TaskContext, flash: SpFlash, board: string, running: Slot) {
    this.#context = context
    this.#flash = flash
    this.#board = board
    this.#running = running
  }

  /** What a crash of the task loses: the update that was under way. */
  forget(): void {
    if (this.#session !== undefined && isUnderWay(this.#session)) {
      endUpdate(this.#flashOf(this.#session.target.component)!, 'rolled-back')
    }
    this.#session = undefined
  }

  prepare(component: string, id: Uint8Array, slot: number, totalSize: number): UpdateAnswer {
    const flash = this.#flashOf(component)
    if (flash === undefined) return refused({ kind: 'RequestUnsupportedForComponent' })
    if (slot > 1) return refused({ kind: 'InvalidSlotForComponent' })
    const chosen = this.#slotFor(component, slot)
    if (flash.pending?.phase === 'trying') return refused({ kind: 'UpdateSlotBusy' })
    if (component === Component.rot && chosen === flash.active) return refused({ kind: 'UpdateSlotBusy' })
    const board = component === Component.sp ? this.#board : component === Component.rot ? ROT_BOARD : undefined
    const limit = board === undefined ? HOST_FLASH_BYTES : MAX_IMAGE_BYTES
    const before = this.#session
    // An update that has ended does not begin again: a late repetition of its first message would undo what it did.
    if (flash.history.some((each) => each.id === idText(id))) {
      return refused({ kind: 'UpdateFailed', code: UpdateFailure.ended })
    }
    const target = { component, slot: chosen, totalSize, board }
    const reply = prepareUpdate(before, id, target, limit, this.#context.clock.nowMs())
    if (reply.ok && reply.session !== before) {
      beginUpdate(flash, idText(id), chosen)
      this.#context.trace('update_server', `prepare ${component} slot ${chosen}, ${totalSize} bytes`)
    }
    return this.#apply(reply)
  }

  chunk(component: string, id: Uint8Array, offset: number, data: Uint8Array): UpdateAnswer {
    const answer = this.#apply(acceptChunk(this.#session, { component, id, offset, data }, this.#context.clock.nowMs()))
    const after = this.interruptAfterBytes
    if (after !== undefined && answer.ok && offset + data.length >= after) {
      this.interruptAfterBytes = undefined
      this.onInterrupt()
    }
    return answer
  }

  abort(component: string, id: Uint8Array): UpdateAnswer {
    return this.#apply(abortUpdate(this.#session, component, id))
  }

  status(component: string): UpdateStatus {
    if (this.#session?.target.component !== component) return { kind: 'None' }
    return statusOf(this.#session, this.#context.clock.nowMs())
  }

  /** Slots as the protocol numbers them: of the service processor 0 is the one that runs, of others they are fixed. */
  image(component: string, slot: number): Uint8Array | undefined {
    const flash = this.#flashOf(component)
    if (flash === undefined || slot > 1) return undefined
    if (component === Component.sp) return flash.slots[slot === 0 ? this.#running : otherSlot(this.#running)]
    return flash.slots[slot === 0 ? 0 : 1]
  }

  has(component: string): boolean {
    return this.#flashOf(component) !== undefined
  }

  activeSlot(component: string): number | undefined {
    return this.#flashOf(component)?.active
  }

  /** Host flash and root of trust: from which slot they start, at once. The service processor's changes with a reset. */
  setActiveSlot(component: string, slot: number): UpdateAnswer {
    const flash = this.#flashOf(component)
    if (flash === undefined || component === Component.sp) return refused({ kind: 'RequestUnsupportedForComponent' })
    if (slot !== 0 && slot !== 1) return refused({ kind: 'InvalidSlotForComponent' })
    const code = 1
    if (component === Component.rot && !isBootable(flash.slots[slot], ROT_BOARD)) {
      return refused({ kind: 'SwitchDefaultImageError', code })
    }
    flash.active = slot
    return { ok: true }
  }

  /** A whole new image waits in the other slot: the next reset tries it, under a watchdog when one is asked for. */
  armForReset(watchdogMs: number | undefined): void {
    const { pending } = this.#flash.sp
    if (pending?.phase === 'armed') arm(this.#flash.sp, pending.slot, watchdogMs)
  }

  get hasCompletedUpdate(): boolean {
    return this.#flash.sp.pending?.phase === 'armed'
  }

  #apply(reply: UpdateReply): UpdateAnswer {
    const { session } = reply
    this.#session = session
    if (session !== undefined && reply.action !== undefined) {
      const { component, slot } = session.target
      // because only components with flash get a session
      const flash = this.#flashOf(component)!
      if (reply.action === 'write') this.#finish(flash, session)
      else if (!isUnderWay(session)) {
        rollBack(flash)
        flash.slots[slot === 0 ? 0 : 1] = undefined
        this.#context.trace('update_server', `${component}: ${session.phase.kind}`)
      }
    }
    return reply.ok ? { ok: true } : refused(reply.error)
  }

  #finish(flash: BankedFlash, session: UpdateSession): void {
    const { component, slot } = session.target
    const at = slot === 0 ? 0 : 1
    flash.slots[at] = session.bytes.slice()
    this.#context.trace('update_server', `${component}: complete`)
    // The service processor's image takes over with the next reset; others are there with their last byte.
    if (component === Component.sp) arm(flash, at, undefined)
    else endUpdate(flash, 'finished')
  }

  #slotFor(component: string, slot: number): Slot {
    if (component === Component.sp) return otherSlot(this.#running)
    return slot === 0 ? 0 : 1
  }

  #flashOf(component: string): BankedFlash | undefined {
    if (component === Component.sp) return this.#flash.sp
    if (component === Component.rot) return this.#flash.rot
    if (component === Component.hostBootFlash) return this.#flash.hostBoot
    return undefined
  }
}

function refused(error: SpError): UpdateAnswer {
  return { ok: false, error }
}
