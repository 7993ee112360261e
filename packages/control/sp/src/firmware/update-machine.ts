/**
 * One update at a time, from the first message to a whole image in the slot that is not running.
 *
 *   None ─prepare→ Preparing (erasing) ─time→ InProgress ─chunks→ Complete
 *                      └───────── abort ──────────┘→ Aborted      wrong board, bad image → Failed
 *
 * The machine is what the update task keeps in memory: a crash or a reset forgets it, and flash remembers that it was begun.
 */
import type { SpError, UpdateStatus } from '../protocol/error.ts'
import { readImage } from './image.ts'

/** Erasing takes this long for each 64 KiB begun. */
const ERASE_MS = 20
const ERASE_BYTES = 65_536

export interface UpdateTarget {
  readonly component: string
  readonly slot: number
  readonly totalSize: number
  /** What images for it must carry as BORD; undefined for data that is no image. */
  readonly board: string | undefined
}

export type UpdatePhase =
  | { readonly kind: 'none' }
  | { readonly kind: 'preparing'; readonly untilMs: number; readonly sinceMs: number }
  | { readonly kind: 'receiving'; readonly received: number }
  | { readonly kind: 'complete' | 'aborted' }
  | { readonly kind: 'failed'; readonly code: number }

export interface UpdateSession {
  readonly id: Uint8Array
  readonly target: UpdateTarget
  readonly phase: UpdatePhase
  /** What has arrived; `totalSize` bytes. */
  readonly bytes: Uint8Array
}

export type UpdateReply =
  | { readonly ok: true; readonly session: UpdateSession | undefined; readonly action?: 'write' | 'drop' }
  | {
      readonly ok: false
      readonly session: UpdateSession | undefined
      readonly error: SpError
      readonly action?: 'drop'
    }

/** Codes of `UpdateFailed`. */
export const UpdateFailure = { badImage: 1, wrongBoard: 2, ended: 3 } as const

export function prepareUpdate(
  session: UpdateSession | undefined,
  id: Uint8Array,
  target: UpdateTarget,
  limitBytes: number,
  nowMs: number,
): UpdateReply {
  const isSame = session !== undefined && session.target.component === target.component && sameId(session.id, id)
  // The same request again: its answer was lost.
  if (isSame && (isUnderWay(session) || session.phase.kind === 'complete')) return { ok: true, session }
  if (session !== undefined && isUnderWay(session)) {
    if (session.target.component !== target.component) {
      return {
        ok: false,
        session,
        error: { kind: 'OtherComponentUpdateInProgress', component: session.target.component },
      }
    }
    return { ok: false, session, error: { kind: 'UpdateInProgress', status: statusOf(session, nowMs) } }
  }
  if (target.totalSize === 0 || target.totalSize > limitBytes) {
    return { ok: false, session, error: { kind: 'UpdateIsTooLarge' } }
  }
  const untilMs = nowMs + ERASE_MS * Math.ceil(target.totalSize / ERASE_BYTES)
  return {
    ok: true,
    action: 'drop',
    session: {
      id,
      target,
      phase: { kind: 'preparing', untilMs, sinceMs: nowMs },
      bytes: new Uint8Array(target.totalSize),
    },
  }
}

export function acceptChunk(
  session: UpdateSession | undefined,
  chunk: { readonly component: string; readonly id: Uint8Array; readonly offset: number; readonly data: Uint8Array },
  nowMs: number,
): UpdateReply {
  if (session === undefined || session.target.component !== chunk.component) {
    return { ok: false, session, error: { kind: 'UpdateNotPrepared' } }
  }
  if (!sameId(session.id, chunk.id)) return { ok: false, session, error: { kind: 'InvalidUpdateId', id: session.id } }
  const ready = prepared(session, nowMs)
  if (ready.phase.kind === 'preparing') {
    return { ok: false, session, error: { kind: 'UpdateInProgress', status: statusOf(session, nowMs) } }
  }
  const end = chunk.offset + chunk.data.length
  if (ready.phase.kind === 'complete' && end <= ready.target.totalSize) return { ok: true, session }
  if (ready.phase.kind !== 'receiving') return { ok: false, session, error: { kind: 'UpdateNotPrepared' } }
  // A chunk again whose answer was lost; one that leaves a hole or ends behind the end is no chunk of ours.
  if (end <= ready.phase.received && chunk.data.length > 0) return { ok: true, session: ready }
  if (chunk.offset !== ready.phase.received || end > ready.target.totalSize || chunk.data.length === 0) {
    return { ok: false, session: ready, error: { kind: 'InvalidUpdateChunk' } }
  }
  ready.bytes.set(chunk.data, chunk.offset)
  const received: UpdateSession = { ...ready, phase: { kind: 'receiving', received: end } }
  return end < ready.target.totalSize ? { ok: true, session: received } : verify(received)
}

export function abortUpdate(session: UpdateSession | undefined, component: string, id: Uint8Array): UpdateReply {
  if (session === undefined || session.target.component !== component) {
    return { ok: false, session, error: { kind: 'UpdateNotPrepared' } }
  }
  if (!sameId(session.id, id)) return { ok: false, session, error: { kind: 'InvalidUpdateId', id: session.id } }
  if (session.phase.kind === 'complete') return { ok: false, session, error: { kind: 'UpdateNotPrepared' } }
  return { ok: true, session: { ...session, phase: { kind: 'aborted' } }, action: 'drop' }
}

export function statusOf(session: UpdateSession | undefined, nowMs: number): UpdateStatus {
  if (session === undefined) return { kind: 'None' }
  const { id, phase, target } = prepared(session, nowMs)
  switch (phase.kind) {
    case 'none':
      return { kind: 'None' }
    case 'preparing': {
      const total = phase.untilMs - phase.sinceMs
      const current = Math.floor(nowMs - phase.sinceMs)
      return { kind: 'Preparing', id, progress: { current, total } }
    }
    case 'receiving':
      return { kind: 'InProgress', id, bytesReceived: phase.received, totalSize: target.totalSize }
    case 'complete':
      return { kind: 'Complete', id }
    case 'aborted':
      return { kind: 'Aborted', id }
    case 'failed':
      return { kind: 'Failed', id, code: phase.code }
  }
}

export function isUnderWay({ phase }: UpdateSession): boolean {
  return phase.kind === 'preparing' || phase.kind === 'receiving'
}

function verify(session: UpdateSession): UpdateReply {
  const { board } = session.target
  if (board !== undefined) {
    const image = readImage(session.bytes)
    const isRight = image.ok && image.caboose.get('BORD') === board
    if (!isRight) {
      const code = image.ok ? UpdateFailure.wrongBoard : UpdateFailure.badImage
      const error: SpError = image.ok ? { kind: 'ImageBoardMismatch' } : { kind: 'UpdateFailed', code }
      return { ok: false, session: { ...session, phase: { kind: 'failed', code } }, error, action: 'drop' }
    }
  }
  return { ok: true, session: { ...session, phase: { kind: 'complete' } }, action: 'write' }
}

function prepared(session: UpdateSession, nowMs: number): UpdateSession {
  if (session.phase.kind !== 'preparing' || nowMs < session.phase.untilMs) return session
  return { ...session, phase: { kind: 'receiving', received: 0 } }
}

export function sameId(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index])
}

export function idText(id: Uint8Array): string {
  const hex = Array.from(id, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
