/** What the dissector knows about a header: rows of `generated/header-table.ts`. */
import type { Registry } from './headers/definition.ts'

/** One field of a header as text. */
export interface FieldValue {
  readonly name: string
  readonly value: string
  /** First bit, counted from the start of the header, and width. */
  readonly bit: number
  readonly bits: number
}

export interface HeaderRow {
  readonly name: string
  readonly title: string
  readonly check: (bytes: Uint8Array, offset: number, end: number) => number
  readonly headerLength: (bytes: Uint8Array, offset: number) => number
  readonly describe: (bytes: Uint8Array, offset: number) => string
  readonly fieldValues: (bytes: Uint8Array, offset: number) => FieldValue[]
  /** Reads the field that names the next header, to be looked up in `nextRegistry`. */
  readonly next?: (bytes: Uint8Array, offset: number) => number
  readonly nextRegistry?: Registry
  /** Where, and under which values, this header itself is found. */
  readonly registry?: Registry
  readonly values?: readonly number[]
}
