/** What became of a request to change the switch. Errors are values; `api/operations.ts` maps them to the API's. */
import type { TableError } from '@lodestone/npu'

export type SwitchdError =
  /** The request can never work: an unknown port, a next hop of the wrong family. */
  | { readonly kind: 'invalid'; readonly message: string }
  | { readonly kind: 'notFound'; readonly type: string; readonly name: string }
  /** Not in the present state: a generation older than the one that stands. */
  | { readonly kind: 'conflict'; readonly message: string }
  | { readonly kind: 'capacity'; readonly message: string }
  /** A table refused the write for another reason. Nothing has changed. */
  | { readonly kind: 'table'; readonly message: string }

export type Outcome = { readonly ok: true } | { readonly ok: false; readonly error: SwitchdError }

export const DONE: Outcome = { ok: true }

export function failed(error: SwitchdError): { readonly ok: false; readonly error: SwitchdError } {
  return { ok: false, error }
}

export function invalid(message: string): { readonly ok: false; readonly error: SwitchdError } {
  return failed({ kind: 'invalid', message })
}

/** One sentence about an error. */
export function errorText(error: SwitchdError): string {
  return error.kind === 'notFound' ? `there is no ${error.type} ${error.name}` : error.message
}

/** A table's refusal, with the table named. */
export function tableFailure(table: string, error: TableError): SwitchdError {
  switch (error.kind) {
    case 'full':
      return { kind: 'capacity', message: `table ${table} is full: it holds ${error.size} entries` }
    case 'exists':
      return { kind: 'table', message: `table ${table} has such an entry already` }
    case 'notFound':
      return { kind: 'table', message: `table ${table} has no such entry` }
    case 'noSuchTable':
      return { kind: 'table', message: `the program has no table ${error.table}` }
    case 'noSuchAction':
      return { kind: 'table', message: `table ${table} has no action ${error.action}` }
    case 'badKey':
      return { kind: 'table', message: `table ${table}, key ${error.key}: ${error.message}` }
    case 'badParameter':
      return { kind: 'table', message: `table ${table}, parameter ${error.parameter}: ${error.message}` }
    case 'constant':
      return { kind: 'table', message: `table ${table}: ${error.message}` }
    default: {
      const unreachable: never = error
      return unreachable
    }
  }
}
