/**
 * What the compiler says about a program. Every message has a stable code `P4Cnnnn`: 1xxx preprocessor and lexer,
 * 2xxx syntax, 3xxx names, 4xxx types, 5xxx compile-time evaluation, 6xxx lowering to an architecture.
 */
import type { Range } from './range.ts'

export type Severity = 'error' | 'warning'

export interface DiagnosticNote {
  readonly message: string
  readonly range?: Range
}

export interface DiagnosticFix {
  readonly title: string
  readonly range: Range
  readonly text: string
}

export interface Diagnostic {
  readonly code: string
  readonly severity: Severity
  readonly message: string
  readonly range: Range
  readonly notes: readonly DiagnosticNote[]
  readonly fix?: DiagnosticFix
}

export interface DiagnosticDetail {
  readonly notes?: readonly DiagnosticNote[]
  readonly fix?: DiagnosticFix
}

/** More than this many errors help nobody; the rest are counted only. */
const MAX_DIAGNOSTICS = 200
const MAX_MESSAGE = 400

/** Collects diagnostics of one run, in order, without exact repetitions. */
export class DiagnosticSink {
  readonly #list: Diagnostic[] = []
  readonly #seen = new Set<string>()
  #errors = 0
  #muted = 0

  get diagnostics(): readonly Diagnostic[] {
    return this.#list
  }

  get errorCount(): number {
    return this.#errors
  }

  error(code: string, range: Range, message: string, detail: DiagnosticDetail = {}): void {
    this.#add('error', code, range, message, detail)
  }

  warning(code: string, range: Range, message: string, detail: DiagnosticDetail = {}): void {
    this.#add('warning', code, range, message, detail)
  }

  /** Runs `body` without recording anything; for speculative parsing and type inference. */
  muted<T>(body: () => T): T {
    this.#muted += 1
    try {
      return body()
    } finally {
      this.#muted -= 1
    }
  }

  #add(severity: Severity, code: string, range: Range, text: string, detail: DiagnosticDetail): void {
    if (this.#muted > 0) return
    // A program may have names and numbers of any length.
    const message = text.length > MAX_MESSAGE ? `${text.slice(0, MAX_MESSAGE)}…` : text
    const key = `${code} ${range.file}:${range.line}:${range.column} ${message}`
    if (this.#seen.has(key)) return
    this.#seen.add(key)
    if (severity === 'error') this.#errors += 1
    if (this.#list.length >= MAX_DIAGNOSTICS) return
    this.#list.push({
      code,
      severity,
      message,
      range,
      notes: detail.notes ?? [],
      ...(detail.fix === undefined ? {} : { fix: detail.fix }),
    })
  }
}
