/**
 * What externs keep from packet to packet, for the interpreter: counters, registers, token buckets with exact arithmetic, members
 * and groups of action profiles, and what the program told the host. Plain data that a test writes; nothing is checked.
 */
import type { BoundAction, Program, Statement, Table } from '../ir/index.ts'

/** Rates per second, bursts, in packets or bytes (RFC 2698). */
export interface InterpretedMeter {
  readonly committedRate: bigint
  readonly committedBurst: bigint
  readonly peakRate: bigint
  readonly peakBurst: bigint
  /** In millionths. */
  committed: bigint
  peak: bigint
  filledUs: number
}

export interface Reference {
  readonly member?: number
  readonly group?: number
}

interface Profile {
  readonly members: Map<number, BoundAction>
  readonly groups: Map<number, Set<number>>
}

export interface InterpretedEvent {
  readonly kind: 'digest' | 'log' | 'target'
  readonly name: string
  readonly values: readonly bigint[]
}

/** Answers a call of a user's extern: values by the names of the outputs. */
export type InterpretedExtern = (...inputs: readonly bigint[]) => Readonly<Record<string, bigint>>

const MILLION = 1_000_000n

export class InterpretedExterns {
  readonly #program: Program
  /** By extern id: (packets, bytes) per cell. */
  readonly counters: readonly { packets: number; bytes: number }[][]
  readonly registers: readonly bigint[][]
  /** By extern id: token buckets per cell; a cell without is always green. */
  readonly meters: readonly (InterpretedMeter | undefined)[][]
  readonly profiles: readonly Profile[]
  readonly events: InterpretedEvent[] = []
  /** By the name of a function, or `instance.method`. */
  readonly functions = new Map<string, InterpretedExtern>()

  constructor(program: Program) {
    this.#program = program
    const cells = <Cell>(kind: string, make: () => Cell): Cell[][] =>
      program.externs.map((extern) =>
        Array.from({ length: extern.kind === kind && 'size' in extern ? extern.size : 0 }, make),
      )
    this.counters = cells('counter', () => ({ packets: 0, bytes: 0 }))
    this.registers = program.externs.map((extern) =>
      extern.kind === 'register' ? Array.from({ length: extern.size }, () => extern.initial ?? 0n) : [],
    )
    this.meters = cells('meter', (): InterpretedMeter | undefined => undefined)
    this.profiles = program.externs.map(() => ({ members: new Map(), groups: new Map() }))
  }

  /** 0 green, 1 yellow, 2 red; RFC 2698 §3, colour-aware. Spends tokens. */
  measure(id: number, meter: InterpretedMeter | undefined, length: number, nowUs: number, before: bigint): bigint {
    if (meter === undefined || (meter.committedBurst === 0n && meter.peakBurst === 0n)) return before
    const extern = this.#program.externs[id]!
    const cost = MILLION * ('unit' in extern && extern.unit === 'bytes' ? BigInt(length) : 1n)
    const elapsed = BigInt(nowUs - meter.filledUs)
    const filled = (tokens: bigint, rate: bigint, burst: bigint): bigint => {
      const sum = tokens + rate * elapsed
      return sum < burst * MILLION ? sum : burst * MILLION
    }
    meter.filledUs = nowUs
    meter.committed = filled(meter.committed, meter.committedRate, meter.committedBurst)
    meter.peak = filled(meter.peak, meter.peakRate, meter.peakBurst)
    if (before === 2n || meter.peak < cost) return 2n
    meter.peak -= cost
    if (before === 1n || meter.committed < cost) return 1n
    meter.committed -= cost
    return 0n
  }

  /** What an entry does; undefined: what the table does on a miss. */
  actionOf(
    { implementation, emptyGroupAction }: Table,
    { action, reference }: { readonly action: BoundAction; readonly reference?: Reference },
    hash: bigint,
  ): BoundAction | undefined {
    if (implementation === undefined || reference === undefined) return action
    const { members, groups } = this.profiles[implementation]!
    if (reference.group === undefined) return members.get(reference.member ?? -1)
    const chosen = [...(groups.get(reference.group) ?? [])].sort((a, b) => a - b)
    return chosen.length === 0 ? emptyGroupAction : members.get(chosen[Number(hash % BigInt(chosen.length))]!)
  }

  call(
    { name, instance }: Extract<Statement, { kind: 'target' }>,
    inputs: readonly bigint[],
  ): Readonly<Record<string, bigint>> {
    const known = this.functions.get(instance ?? name) ?? this.functions.get(name)
    if (known !== undefined) return known(...inputs)
    this.events.push({ kind: 'target', name: instance ?? name, values: inputs })
    return {}
  }
}
