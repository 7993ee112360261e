/**
 * Runs the statements of an STF file against a program, as BMv2's runner does: commands in order; every port that a
 * `packet` or an `expect` mentions is watched, packets on others are nobody's business; in the end each watched port must
 * have seen its expected packets, in order and no others. What BMv2's command line would refuse (an entry twice, a group
 * that does not exist) is a warning there and here; a name that cannot be resolved is a failure.
 *
 * A strict run also carries out what that runner ignores (`check_counter`, `remove`, `wait`, `no_packet`), compares
 * registers, and fails for refused commands. Time is virtual: a second before the first packet after a command, and a
 * millisecond a packet.
 */
import { Arena } from '@lodestone/frame'
import { type Batch, createBatch, createPipeline, type ExternTable, type Pipeline } from '@lodestone/npu'
import type { Program } from '@lodestone/p4'
import { carryOut, type CommandOutcome, type RunState } from './command.ts'
import { differenceOf, hexOf } from './packet-match.ts'
import type { StfPosition, StfStatement } from './statement.ts'

export interface StfOptions {
  readonly strict?: boolean
  readonly externs?: ExternTable
}

export interface StfFailure {
  readonly at?: StfPosition
  readonly port?: number
  readonly message: string
  /** Hexadecimal, `*` for any nibble. */
  readonly expected?: string
  readonly actual?: string
}

export interface StfResult {
  readonly passed: boolean
  readonly packets: number
  readonly failures: readonly StfFailure[]
  readonly warnings: readonly StfFailure[]
  /** What `register_read` and its like found. */
  readonly notes: readonly string[]
}

const START_MS = 1000
const COMMAND_PAUSE_MS = 1000
const PACKET_MS = 1
const ARENA_SLOTS = 512
const OUTPUTS_MAX = 4096

type Expectation = Extract<StfStatement, { kind: 'expect' }>

export function runStf(program: Program, statements: readonly StfStatement[], options: StfOptions = {}): StfResult {
  const arena = new Arena({ slots: ARENA_SLOTS })
  const clock = { ms: 0 }
  const externs = options.externs === undefined ? {} : { externs: options.externs }
  const pipeline = createPipeline(program, { arena, nowMs: () => clock.ms, ...externs })
  clock.ms = START_MS
  return new StfRun(arena, clock, pipeline, options.strict === true).run(statements)
}

class StfRun {
  readonly #arena: Arena
  readonly #clock: { ms: number }
  readonly #batch: Batch = createBatch(1, OUTPUTS_MAX)
  readonly #state: RunState
  readonly #isStrict: boolean
  readonly #received = new Map<number, Uint8Array[]>()
  readonly #failures: StfFailure[] = []
  readonly #warnings: StfFailure[] = []
  readonly #notes: string[] = []
  #isCommandPending = false
  #packets = 0

  constructor(arena: Arena, clock: { ms: number }, pipeline: Pipeline, isStrict: boolean) {
    this.#arena = arena
    this.#clock = clock
    this.#state = { pipeline, entries: new Map() }
    this.#isStrict = isStrict
  }

  run(statements: readonly StfStatement[]): StfResult {
    const expected = new Map<number, Expectation[]>()
    for (const statement of statements) {
      if (statement.kind === 'packet') this.#received.set(statement.port, [])
      if (statement.kind !== 'expect') continue
      this.#received.set(statement.port, [])
      expected.set(statement.port, [...(expected.get(statement.port) ?? []), statement])
    }
    for (const statement of statements) {
      if (!this.#step(statement)) break
    }
    if (this.#failures.length === 0) this.#compare(expected)
    if (this.#isStrict && statements.some((one) => one.kind === 'noPacket') && expected.size === 0) this.#compareNone()
    return {
      passed: this.#failures.length === 0,
      packets: this.#packets,
      failures: this.#failures,
      warnings: this.#warnings,
      notes: this.#notes,
    }
  }

  /** @returns false when there is no point in going on. */
  #step(statement: StfStatement): boolean {
    switch (statement.kind) {
      case 'packet':
        return this.#send(statement)
      case 'expect':
      case 'noPacket':
        return true
      case 'wait':
        if (this.#isStrict) this.#clock.ms += COMMAND_PAUSE_MS
        return true
      case 'remove':
      case 'checkCounter':
        if (!this.#isStrict) return true
        break
      default:
        this.#isCommandPending = true
    }
    return this.#take(statement, carryOut(this.#state, statement))
  }

  #take(statement: StfStatement, outcome: CommandOutcome): boolean {
    const { at } = statement
    switch (outcome.kind) {
      case 'done':
        if (outcome.note !== undefined) this.#notes.push(outcome.note)
        return true
      case 'refused':
        ;(this.#isStrict ? this.#failures : this.#warnings).push({ at, message: outcome.message })
        return true
      case 'differs':
        if (this.#isStrict) this.#failures.push({ at, message: outcome.message })
        return true
      case 'senseless':
        this.#failures.push({ at, message: outcome.message })
        return false
    }
  }

  /** @returns false when BMv2 would have ended. */
  #send({ at, port, bytes }: Extract<StfStatement, { kind: 'packet' }>): boolean {
    if (this.#isCommandPending) this.#clock.ms += COMMAND_PAUSE_MS
    this.#isCommandPending = false
    this.#clock.ms += PACKET_MS
    const slot = this.#arena.from(bytes)
    if (slot < 0) {
      this.#failures.push({ at, message: `a packet of ${bytes.length} bytes is too long for a frame` })
      return true
    }
    this.#packets++
    const batch = this.#batch
    batch.slots[0] = slot
    batch.ports[0] = port
    batch.count = 1
    this.#state.pipeline.process(batch)
    for (const event of this.#state.pipeline.takeEvents()) {
      if (event.kind === 'mistake') this.#failures.push({ at, message: `extern ${event.name}` })
      if (event.kind !== 'target') continue
      this.#warnings.push({ at, message: `the program called '${event.name}', which no module of externs defines` })
    }
    for (let k = 0; k < batch.outCount; k++) {
      const out = batch.outSlots[k]!
      this.#received.get(batch.outPorts[k]!)?.push(this.#arena.peek(out).slice())
      this.#arena.free(out)
    }
    if (this.#state.pipeline.failedAssertions === 0) return true
    this.#failures.push({ at, message: 'an assert or assume of the program is false: BMv2 ends here' })
    return false
  }

  #compare(expected: ReadonlyMap<number, readonly Expectation[]>): void {
    for (const [port, packets] of [...this.#received].sort(([a], [b]) => a - b)) {
      const wanted = expected.get(port) ?? []
      for (const [k, { at, data, isWhole }] of wanted.entries()) {
        const packet = packets[k]
        if (packet === undefined) {
          const message = `packet ${k + 1} of ${wanted.length} did not come out of port ${port}`
          this.#failures.push({ at, port, message, ...(data === undefined ? {} : { expected: data }) })
          continue
        }
        const difference = data === undefined ? undefined : differenceOf(data, isWhole, packet)
        if (difference === undefined) continue
        const message = `packet ${k + 1} on port ${port}: ${difference.message}`
        this.#failures.push({ at, port, message, expected: data!, actual: hexOf(packet) })
      }
      for (const [k, packet] of packets.slice(wanted.length).entries()) {
        const message =
          wanted.length === 0
            ? `nothing was expected on port ${port}`
            : `port ${port}: packet ${wanted.length + k + 1} is one more than the ${wanted.length} expected`
        this.#failures.push({ port, message, actual: hexOf(packet) })
      }
    }
  }

  #compareNone(): void {
    for (const [port, packets] of this.#received) {
      if (packets.length > 0) this.#failures.push({ port, message: `no packet was expected on port ${port}` })
    }
  }
}
