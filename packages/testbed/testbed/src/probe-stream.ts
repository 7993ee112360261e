/** `lode probe`: what probe programs say, as NDJSON. Programs run here, so that only what they say leaves the rack. */
import { ndjsonWriter } from '@lodestone/api'
import { type Clock, every } from '@lodestone/host'
import { type ProbeOutput, type ProbeRun, type ProbeSource, type ProgramProblem, startProbe } from '@lodestone/probe'

/** A reader that is slower than this many lines loses some. */
const MAX_QUEUED = 4096
/** Each may keep some thousands of rows. */
const MAX_RUNS = 32

export type ProbeStreamResult =
  | { readonly ok: true; readonly stream: ReadableStream<Uint8Array> }
  | { readonly ok: false; readonly reason: 'mistakes'; readonly problems: readonly ProgramProblem[] }
  | { readonly ok: false; readonly reason: 'busy'; readonly running: number }

type ProbeLine =
  | { readonly kind: 'start'; readonly id: number }
  | ProbeOutput
  | { readonly kind: 'lost'; readonly count: number }
  | { readonly kind: 'end'; readonly events: number }

/** The programs that run. */
export class ProbeStreams {
  readonly #clock: Clock
  readonly #sources: readonly ProbeSource[]
  readonly #runs = new Map<number, ProbeRun>()
  #last = 0

  constructor(clock: Clock, sources: readonly ProbeSource[]) {
    this.#clock = clock
    this.#sources = sources
  }

  /** @param durationMs ends the program after so long. */
  start(program: string, durationMs?: number): ProbeStreamResult {
    if (this.#runs.size >= MAX_RUNS) return { ok: false, reason: 'busy', running: this.#runs.size }
    const clock = this.#clock
    const id = ++this.#last
    const writer = ndjsonWriter<ProbeLine>(() => this.stop(id), MAX_QUEUED)
    let lost = 0
    const write = (line: ProbeLine): void => {
      if (lost > 0 && writer.write({ kind: 'lost', count: lost })) lost = 0
      if (lost > 0 || !writer.write(line)) lost++
    }
    write({ kind: 'start', id })
    const started = startProbe(program, {
      sources: this.#sources,
      nowMs: () => clock.nowMs(),
      every(intervalMs, fn) {
        const timer = every(clock, intervalMs, fn)
        return () => timer.cancel()
      },
      output: write,
      // Later: a BEGIN clause may end the run while it is still being made.
      onEnd: () =>
        void clock.after(0, () => {
          write({ kind: 'end', events: this.#runs.get(id)?.events ?? 0 })
          this.#runs.delete(id)
          writer.end()
        }),
    })
    if (!started.ok) return { ok: false, reason: 'mistakes', problems: started.problems }
    this.#runs.set(id, started.run)
    if (durationMs !== undefined) clock.after(durationMs, () => this.stop(id))
    return { ok: true, stream: writer.stream }
  }

  /** @returns false when there is no such run, or no longer. */
  stop(id: number): boolean {
    const run = this.#runs.get(id)
    run?.stop()
    return run !== undefined
  }
}
