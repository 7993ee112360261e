/** Structured logging as a capability. One event name per line; values never contain secrets. */

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export interface LogLine {
  readonly level: LogLevel
  readonly wallMs: number
  readonly source: string
  readonly event: string
  readonly fields: Readonly<Record<string, unknown>>
}

export type LogSink = (line: LogLine) => void
