/** Answers of the control interfaces that are not tables: done, or refused with a sentence that names what and why. */
export type ControlErrorKind = 'notFound' | 'exists' | 'outOfRange' | 'full' | 'inUse' | 'badValue'

export interface ControlError {
  readonly kind: ControlErrorKind
  readonly message: string
}

export type ControlResult = { readonly ok: true } | { readonly ok: false; readonly error: ControlError }

export const done: ControlResult = { ok: true }

export function refused(kind: ControlErrorKind, message: string): { readonly ok: false; readonly error: ControlError } {
  return { ok: false, error: { kind, message } }
}
