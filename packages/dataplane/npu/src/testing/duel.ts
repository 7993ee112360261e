/**
 * One program several times: fast variant, traced variant, fast variant under drop forensics, one that records, reference
 * interpreter. Every step must agree, and so must explanations, those of forensics and recordings too.
 */
import assert from 'node:assert/strict'
import { Arena } from '@lodestone/frame'
import {
  type BoundAction,
  Interpreter,
  type InterpretedExtern,
  type KeySet,
  type Program,
  RESERVED_DROP,
} from '@lodestone/p4'
import { Tracer } from '@lodestone/probe'
import { DuelControl } from './duel-control.ts'
import { PsaReference } from './psa-reference.ts'
import type { ReferenceNetwork } from './reference-run.ts'
import { V1modelReference } from './v1model-reference.ts'
import {
  type Batch,
  createBatch,
  createPipeline,
  type Explanation,
  type ExternFunction,
  type Pipeline,
  type TableResult,
} from '../index.ts'
import { canonical } from '../table/packed-key.ts'

/** Multicast groups that exist. */
const GROUPS: Readonly<Record<number, readonly number[]>> = { 1: [4], 2: [5, 6, 7] }
/** In v1model and psa copies have instance numbers, and there are clone sessions; session 4 does not exist. */
const NETWORK: ReferenceNetwork = {
  groups: Object.fromEntries(
    Object.entries(GROUPS).map(([group, ports]) => [group, ports.map((port) => ({ port, instance: 10 + port }))]),
  ),
  sessions: { 0: { port: 8 }, 1: { group: 2 }, 2: { port: 9, group: 1 }, 3: { group: 3 } },
}
/** What psa's sessions have besides. */
const PSA_NETWORK: ReferenceNetwork = {
  ...NETWORK,
  sessions: {
    0: { port: 8, classOfService: 3 },
    1: { group: 2, truncateBytes: 40 },
    2: { port: 9, group: 1, classOfService: 1 },
    3: { group: 3 },
  },
}

interface Sent {
  readonly port: number
  readonly frame: string
}

interface Outcome {
  readonly sent: readonly Sent[]
  readonly drops: readonly number[]
}

interface Expected extends Outcome {
  /** Of the drops, those of copies that never ran: explanations have notes for them, not runs. */
  readonly lost: readonly number[]
}

export interface DuelOptions {
  /** What the interpreter runs; another program only to see that a difference is found. */
  readonly reference?: Program
  /** Also compares what drop forensics finds out. */
  readonly hasForensics?: boolean
  /** Also records every packet, and compares what the records say. */
  readonly isRecorded?: boolean
  /** The user's externs: functions that are the same every time. */
  readonly externs?: Readonly<Record<string, InterpretedExtern>>
}

export class Duel {
  readonly program: Program
  readonly fast: Pipeline
  readonly traced: Pipeline
  /** As `fast`, with forensics on. */
  readonly watched: Pipeline | undefined
  /** As `fast`, with a recording on. */
  readonly recorded: Pipeline | undefined
  /** What was sent through it. */
  readonly #history: { readonly port: number; readonly frame: Uint8Array; readonly expected: Expected }[] = []
  readonly interpreter: Interpreter
  readonly control: DuelControl
  readonly #pipelines: readonly (readonly [string, Pipeline])[]
  readonly #arena = new Arena({ slots: 512, slotBytes: 4096, headroomBytes: 2046 })
  readonly #batch: Batch = createBatch(8, 64)
  readonly #reference: V1modelReference | PsaReference | undefined
  readonly #hasExterns: boolean
  readonly #clock = { ms: 0 }

  constructor(
    program: Program,
    seed = 1,
    { reference = program, hasForensics = false, isRecorded = false, externs = {} }: DuelOptions = {},
  ) {
    this.program = program
    const tracer = new Tracer(() => 0)
    tracer.listen(() => undefined)
    // The interpreter's answers are objects by name, as the host's may be.
    const table = externs as Readonly<Record<string, unknown>> as Readonly<Record<string, ExternFunction>>
    this.#hasExterns = Object.keys(externs).length > 0
    const given = this.#hasExterns ? { externs: table } : {}
    const options = { arena: this.#arena, nowMs: () => this.#clock.ms, seed, ...given }
    this.fast = createPipeline(program, options)
    this.traced = createPipeline(program, { ...options, tracer })
    this.#pipelines = [
      ['fast', this.fast],
      ['traced', this.traced],
    ]
    if (hasForensics) {
      this.watched = createPipeline(program, options)
      this.watched.forensics.enable({ replaysPerSecond: 1e9, exemplarsMax: 100 })
      this.#pipelines = [...this.#pipelines, ['watched', this.watched]]
    }
    if (isRecorded) {
      this.recorded = createPipeline(program, options)
      this.recorded.recording.start()
      this.#pipelines = [...this.#pipelines, ['recorded', this.recorded]]
    }
    this.interpreter = new Interpreter(reference)
    for (const [name, answer] of Object.entries(externs)) this.interpreter.externs.functions.set(name, answer)
    const all = this.#pipelines.map(([, pipeline]) => pipeline)
    this.control = new DuelControl(program, all, this.interpreter)
    for (const [group, ports] of Object.entries(GROUPS)) {
      for (const pipeline of all) pipeline.setMulticastGroup(Number(group), ports)
    }
    if (program.architecture !== 'softnpu') {
      const network = program.architecture === 'psa' ? PSA_NETWORK : NETWORK
      const Reference = program.architecture === 'psa' ? PsaReference : V1modelReference
      this.#reference = new Reference(this.interpreter, network)
      for (const { traffic } of all) {
        if (traffic === undefined) continue
        const { replication } = traffic
        for (const [group, members] of Object.entries(network.groups)) replication.setGroup(Number(group), members)
        for (const [session, config] of Object.entries(network.sessions)) {
          replication.setSession(Number(session), config)
        }
      }
    }
    this.pass(1000)
    this.interpreter.random = BigInt.asUintN(64, BigInt(seed) * 0x9e3779b97f4a7c15n)
  }

  /** Lets time go by. */
  pass(ms: number): void {
    this.#clock.ms += ms
    this.interpreter.nowUs = 1000 * this.#clock.ms
  }

  /** Both pipelines' answer to an insertion; the interpreter inserts when they accept. */
  add(table: number, sets: readonly KeySet[], given: number, action: BoundAction): TableResult {
    const { keys: declared } = this.program.tables[table]!
    const keys = sets.map((set, k) => canonical(set, declared[k]!.expression.width))
    const priority = declared.some(({ match }) => ['ternary', 'range', 'optional'].includes(match)) ? given : 0
    return this.control.add(table, keys, priority, action)
  }

  delete(table: number, index: number): void {
    assert.deepEqual(this.control.delete(table, index), { ok: true })
  }

  /** Runs a frame through all, unless told otherwise with an explanation beside it, and compares what comes out. */
  send(frame: Uint8Array, port: number, isExplained = true): void {
    const explained = isExplained ? this.fast.explain(frame, port) : undefined
    this.interpreter.externs.events.length = 0
    const expected = this.#expect(frame, port)
    const { sent, drops } = expected
    // Calls that nobody answers are told behind the rest.
    const isCall = ({ kind }: { readonly kind: string }): number => (kind === 'target' ? 1 : 0)
    const events = this.interpreter.externs.events.toSorted((a, b) => isCall(a) - isCall(b))
    for (const [name, pipeline] of this.#pipelines) {
      assert.deepEqual(this.#run(pipeline, frame, port), { sent, drops }, name)
      assert.deepEqual(pipeline.takeEvents(), events, `${name}: events`)
    }
    if (explained !== undefined) this.#compareExplanation(explained, expected)
    if (this.watched !== undefined) this.#compareForensics(this.watched, frame, expected)
    if (this.recorded !== undefined) {
      this.#history.push({ port, frame, expected })
      if (explained !== undefined) this.#compareLastRecord(this.recorded, explained)
    }
    assert.equal(this.#arena.freeSlots, this.#arena.slots)
  }

  /** Nothing has changed since, so that the recording tells what the explanation told. */
  #compareLastRecord({ recording }: Pipeline, explained: Explanation): void {
    const last = [...recording.packets()].at(-1)!.explain()
    if (last.notes.some((note) => note.startsWith('only the first'))) return
    const notes = explained.notes.filter((note) => !note.startsWith('user externs'))
    assert.deepEqual(last.notes, notes, 'recording: notes of the last packet')
    assert.deepEqual(essence(last), essence(explained), 'recording: the last packet')
  }

  /** Entries may be other ones by now, or gone; what became of packets is not. */
  #compareRecording({ recording }: Pipeline): void {
    const packets = [...recording.packets()]
    assert.equal(packets.length, this.#history.length, 'recording: packets')
    packets.forEach((packet, k) => {
      const { port, frame, expected } = this.#history[k]!
      assert.deepEqual([packet.port, packet.length], [port, frame.length], 'recording: the packet')
      assert.equal(text(packet.head), text(frame.subarray(0, 256)), 'recording: its head')
      assert.equal(packet.isDropped, expected.drops.length > 0, 'recording: whether it was dropped')
      const { runs } = packet.explain()
      assert.deepEqual(
        runs.flatMap(({ outcome }) => (outcome.kind === 'sent' ? [outcome.port] : [])),
        expected.sent.map((one) => one.port),
        'recording: ports',
      )
      assert.deepEqual(
        runs.flatMap(({ outcome }) => (outcome.kind === 'dropped' ? [outcome.number] : [])).toSorted((a, b) => a - b),
        without(expected.drops, expected.lost),
        'recording: drops',
      )
    })
  }

  #compareForensics({ forensics }: Pipeline, frame: Uint8Array, expected: Expected): void {
    const report = forensics.report()
    forensics.reset()
    assert.equal(report.dropped, expected.drops.length, 'forensics: drops')
    assert.equal(report.replayed, report.dropped, 'forensics: replays')
    for (const { exemplars, number } of report.groups) {
      for (const { explanation } of exemplars) {
        assert.ok(expected.drops.includes(number), 'forensics: reason')
        // A frame that was rewritten before it was dropped is not the one that arrived, and the report says so.
        if (explanation.notes.some((note) => note.startsWith('the frame is as it was'))) continue
        assert.equal(explanation.packet.bytes, text(frame), 'forensics: the frame that arrived')
        assert.deepEqual(
          explanation.notes.filter(
            (note) => !note.startsWith('a copy was not made') && !note.startsWith('user externs'),
          ),
          [],
        )
        this.#compareExplanation(explanation, expected, 'forensics: ')
      }
    }
  }

  #compareExplanation(explained: Explanation, expected: Expected, who = ''): void {
    if (who === '') assert.equal(explained.isExact, true, `the explanation is exact: ${explained.notes.join('; ')}`)
    assert.deepEqual(
      explained.notes.map((note) => note.split(':', 1)[0]!).filter((note) => !note.startsWith('user externs')),
      expected.lost.map(() => 'a copy was not made'),
      `${who}notes`,
    )
    assert.deepEqual(
      explained.runs.flatMap(({ outcome }) =>
        outcome.kind === 'sent' ? [{ port: outcome.port, frame: outcome.bytes }] : [],
      ),
      expected.sent,
      `${who}explained packets`,
    )
    assert.deepEqual(
      explained.runs
        .flatMap(({ outcome }) => (outcome.kind === 'dropped' ? [outcome.number] : []))
        .toSorted((a, b) => a - b),
      without(expected.drops, expected.lost),
      `${who}explained drops`,
    )
  }

  #expect(frame: Uint8Array, port: number): Expected {
    if (this.#reference !== undefined) {
      const { sent: packets, drops: reasons, lost } = this.#reference.run(frame, port)
      return {
        sent: packets.map(({ port: to, frame: bytes }) => ({ port: to, frame: text(bytes) })),
        drops: [...reasons, ...lost].map((reason) => reason & 0xff).toSorted((a, b) => a - b),
        lost,
      }
    }
    const sent: Sent[] = []
    const drops: number[] = []
    const first = this.interpreter.run(frame, port)
    const ends =
      first.kind === 'multicast'
        ? (GROUPS[first.group] ?? []).map((one) => this.interpreter.copy(one))
        : first.kind === 'broadcast'
          ? []
          : [first]
    if (ends.length === 0) drops.push(RESERVED_DROP.emptyGroup)
    for (const end of ends) {
      if (end.kind === 'drop') drops.push(end.reason & 0xff)
      else if (end.kind === 'unicast') sent.push({ port: end.port, frame: text(end.frame) })
    }
    return { sent, drops: drops.toSorted((a, b) => a - b), lost: [] }
  }

  /** Entries whose time is up are the same for all variants; which they are is tested elsewhere. */
  compareIdle(): void {
    const [first, ...others] = this.#pipelines.map(([, pipeline]) => pipeline.idleEntries())
    for (const other of others) assert.deepEqual(other, first, 'idle entries')
  }

  /** Counters, registers and entry hits, and what was recorded. */
  compareState(): void {
    const { program, interpreter } = this
    if (this.recorded !== undefined) this.#compareRecording(this.recorded)
    for (const [, pipeline] of this.#pipelines) {
      program.tables.forEach(({ name }, index) => {
        const table = interpreter.tables[index]!
        const { hits, misses } = pipeline.usage(name)!
        assert.deepEqual({ hits, misses }, { hits: table.hits, misses: table.misses }, name)
        assert.deepEqual(
          pipeline.entries(name)!.map((entry) => entry.hits),
          table.entries.map(({ packets, bytes }) => ({ packets, bytes })),
          name,
        )
      })
      program.externs.forEach((extern, id) => {
        if (extern.kind === 'directCounter') {
          const table = program.tables.findIndex(({ directCounter }) => directCounter === id)
          if (table < 0) return
          // A direct counter that no action counts has what matched.
          const isCounted = counts([program.actions, program.tables[table]!.actions], id)
          const counted = interpreter.tables[table]!.entries.map(({ counted: own, packets, bytes }) =>
            isCounted ? own : { packets, bytes },
          )
          assert.deepEqual(pipeline.counter(extern.name), counted, extern.name)
        }
        if (extern.kind === 'counter') assert.deepEqual(pipeline.counter(extern.name), interpreter.externs.counters[id])
        if (extern.kind !== 'register') return
        const cells = interpreter.externs.registers[id]!.map((_, k) => pipeline.readRegister(extern.name, k))
        assert.deepEqual(cells, interpreter.externs.registers[id])
      })
    }
  }

  #run(pipeline: Pipeline, frame: Uint8Array, port: number): Outcome {
    const before = new Map(pipeline.drops())
    const batch = this.#batch
    batch.slots[0] = this.#arena.from(frame)
    batch.ports[0] = port
    batch.count = 1
    pipeline.process(batch)
    const sent = Array.from({ length: batch.outCount }, (_, k) => {
      const slot = batch.outSlots[k]!
      const one = { port: batch.outPorts[k]!, frame: text(this.#arena.peek(slot)) }
      this.#arena.free(slot)
      return one
    })
    const drops = [...pipeline.drops()].flatMap(([reason, count]) => {
      return Array.from({ length: count - (before.get(reason) ?? 0) }, () => reason)
    })
    return { sent, drops: drops.toSorted((a, b) => a - b) }
  }
}

/** What two explanations of a packet have in common: a recording has no payload. */
function essence({ runs }: Explanation): unknown {
  return runs.map(({ cause, steps, outcome, because, decidedBy, headers }) => ({
    cause,
    steps,
    because,
    decidedBy,
    headers,
    outcome: outcome.kind === 'sent' ? outcome.port : outcome,
  }))
}

/** Whether a statement in here counts with this direct counter. */
function counts(part: unknown, counter: number): boolean {
  if (typeof part !== 'object' || part === null) return false
  if ('kind' in part && part.kind === 'count' && 'counter' in part && part.counter === counter) return true
  return Object.values(part).some((inner) => counts(inner, counter))
}

/** The list less one of each of the others. */
function without(list: readonly number[], others: readonly number[]): number[] {
  const left = [...list]
  for (const one of others) left.splice(left.indexOf(one), 1)
  return left
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
