/**
 * What a test of a laboratory is given: the laboratory by its control interface, and ways to say what shall hold. The same test
 * runs in virtual time, in real time, and on a laboratory that was launched before.
 */
import { readNdjson } from '@lodestone/api'
import { type Clock, sleep } from '@lodestone/host'
import {
  ExecLine,
  type LabClient,
  type LabInfo,
  type Reach,
  type TrafficReport,
  type TrafficRequest,
} from '../control/lab-api.ts'
import type { Fault } from '../document/document.ts'

export interface LabTest {
  readonly name: string
  readonly run: (lab: LabUnderTest) => Promise<void>
  /** On the laboratory's clock. */
  readonly timeoutMs: number
}

export interface ExecResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

export interface Patience {
  /** Default 30 000. */
  readonly withinMs?: number
  /** Default 100. */
  readonly everyMs?: number
  /** Said when it did not hold. */
  readonly because?: string
}

/** A claim about a laboratory that did not hold. */
export class ClaimError extends Error {}

type Condition = () => boolean | Promise<boolean>

export class LabUnderTest {
  readonly client: LabClient
  readonly clock: Clock

  constructor(client: LabClient, clock: Clock) {
    this.client = client
    this.clock = clock
  }

  // ── Claims ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Waits until it holds. */
  async eventually(condition: Condition, patience: Patience = {}): Promise<void> {
    const withinMs = patience.withinMs ?? 30_000
    const endMs = this.clock.nowMs() + withinMs
    for (;;) {
      if (await condition()) return
      if (this.clock.nowMs() >= endMs)
        throw new ClaimError(`not within ${withinMs} ms: ${patience.because ?? text(condition)}`)
      await sleep(this.clock, patience.everyMs ?? 100)
    }
  }

  /** It holds now, and each time it is looked at for `forMs`. */
  async stable(condition: Condition, forMs: number, patience: Omit<Patience, 'withinMs'> = {}): Promise<void> {
    const startMs = this.clock.nowMs()
    for (;;) {
      const atMs = this.clock.nowMs() - startMs
      if (!(await condition()))
        throw new ClaimError(`did not hold after ${Math.round(atMs)} ms: ${patience.because ?? text(condition)}`)
      if (atMs >= forMs) return
      await sleep(this.clock, patience.everyMs ?? 100)
    }
  }

  /** It does not hold now, nor each time it is looked at for `forMs`. */
  never(condition: Condition, forMs: number, patience: Omit<Patience, 'withinMs'> = {}): Promise<void> {
    return this.stable(async () => !(await condition()), forMs, {
      ...patience,
      because: patience.because ?? `never: ${text(condition)}`,
    })
  }

  /** Throws unless it holds. */
  claim(holds: boolean, what: string): void {
    if (!holds) throw new ClaimError(what)
  }

  // ── Asking and doing ───────────────────────────────────────────────────────────────────────────────────────────────

  info(): Promise<LabInfo> {
    return this.#value(this.client.info())
  }

  async exec(node: string, command: string): Promise<ExecResult> {
    const stream = await this.#value(this.client.exec({ body: { node, command } }))
    let [stdout, stderr] = ['', '']
    let exitCode: number | undefined
    for await (const line of readNdjson(stream, ExecLine)) {
      if ('error' in line) throw new ClaimError(`${node}: ${line.error}`)
      if ('exit_code' in line) exitCode = line.exit_code
      else if (line.stream === 'stdout') stdout += line.text
      else stderr += line.text
    }
    if (exitCode === undefined) throw new ClaimError(`${node}: ${command} ended without an exit code`)
    return { exitCode, stdout, stderr }
  }

  /** Whether one ping is answered. */
  async pings(from: string, address: string): Promise<boolean> {
    return (await this.exec(from, `ping -c 1 ${address}`)).exitCode === 0
  }

  fault(fault: Fault): Promise<void> {
    return this.#value(this.client.fault({ body: fault }))
  }

  reachability(nodes?: readonly string[]): Promise<Reach[]> {
    return this.#value(this.client.reachability({ body: nodes === undefined ? {} : { nodes: [...nodes] } }))
  }

  /** Whether every one of these nodes reaches every other one. */
  async isFullyReachable(nodes?: readonly string[]): Promise<boolean> {
    return (await this.reachability(nodes)).every(({ reached }) => reached)
  }

  traffic(request: Pick<TrafficRequest, 'from' | 'to'> & Partial<TrafficRequest>): Promise<TrafficReport> {
    return this.#value(this.client.traffic({ body: request }))
  }

  async table(node: string, table: string): Promise<readonly (readonly string[])[]> {
    return (await this.#value(this.client.table_view({ params: { node, table } }))).rows
  }

  sleep(ms: number): Promise<void> {
    return sleep(this.clock, ms)
  }

  async #value<T>(
    call: Promise<{ readonly ok: true; readonly value: T } | { readonly ok: false; readonly message: string }>,
  ): Promise<T> {
    const result = await call
    if (result.ok) return result.value
    throw new ClaimError(result.message)
  }
}

function text(condition: Condition): string {
  return condition
    .toString()
    .replace(/^(async )?\(\) => /, '')
    .slice(0, 200)
}
