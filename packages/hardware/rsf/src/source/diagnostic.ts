/**
 * What is said about a specification. Every message has a stable code `RSFnnnn`: 1xxx characters and literals, 2xxx
 * syntax, 3xxx modules and names, 4xxx layout (widths, places, addresses), 5xxx access attributes.
 */
import type { Range } from './range.ts'

export type Severity = 'error' | 'warning'

export interface DiagnosticNote {
  readonly message: string
  readonly range: Range
}

export interface Diagnostic {
  readonly code: string
  readonly severity: Severity
  readonly message: string
  readonly range: Range
  readonly notes: readonly DiagnosticNote[]
}

/** More than this many help nobody; the rest are counted only. */
const MAX_DIAGNOSTICS = 200

/** Collects the diagnostics of one run, in order. */
export class DiagnosticSink {
  readonly #list: Diagnostic[] = []
  #errorCount = 0

  get diagnostics(): readonly Diagnostic[] {
    return this.#list
  }

  get errorCount(): number {
    return this.#errorCount
  }

  error(code: string, range: Range, message: string, notes: readonly DiagnosticNote[] = []): void {
    this.#errorCount += 1
    this.#add({ code, severity: 'error', message, range, notes })
  }

  warning(code: string, range: Range, message: string, notes: readonly DiagnosticNote[] = []): void {
    this.#add({ code, severity: 'warning', message, range, notes })
  }

  #add(diagnostic: Diagnostic): void {
    if (this.#list.length < MAX_DIAGNOSTICS) this.#list.push(diagnostic)
  }
}
