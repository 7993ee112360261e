/** One program three times: fast variant, traced variant, reference interpreter. Every step must agree. */
import assert from 'node:assert/strict'
import { Arena } from '@lodestone/frame'
import { type BoundAction, Interpreter, type KeySet, type Program, RESERVED_DROP } from '@lodestone/p4'
import { Tracer } from '@lodestone/probe'
import { type ReferenceNetwork, V1modelReference } from './v1model-reference.ts'
import { type Batch, createBatch, createPipeline, type Pipeline, type TableResult } from '../index.ts'

/** Multicast groups that exist. */
const GROUPS: Readonly<Record<number, readonly number[]>> = { 1: [4], 2: [5, 6, 7] }
/** In v1model copies have instance numbers, and there are clone sessions; session 4 does not exist. */
const NETWORK: ReferenceNetwork = {
  groups: Object.fromEntries(
    Object.entries(GROUPS).map(([group, ports]) => [group, ports.map((port) => ({ port, instance: 10 + port }))]),
  ),
  sessions: { 0: { port: 8 }, 1: { group: 2 }, 2: { port: 9, group: 1 }, 3: { group: 3 } },
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

export class Duel {
  readonly program: Program
  readonly fast: Pipeline
  readonly traced: Pipeline
  readonly interpreter: Interpreter
  readonly #arena = new Arena({ slots: 64, slotBytes: 4096, headroomBytes: 2046 })
  readonly #batch: Batch = createBatch(8, 64)
  readonly #v1model: V1modelReference | undefined

  /** @param reference what the interpreter runs; another program only to see that a difference is found. */
  constructor(program: Program, seed = 1, reference = program) {
    this.program = program
    const tracer = new Tracer(() => 0)
    tracer.listen(() => undefined)
    const options = { arena: this.#arena, nowMs: () => 1000, seed }
    this.fast = createPipeline(program, options)
    this.traced = createPipeline(program, { ...options, tracer })
    this.interpreter = new Interpreter(reference)
    for (const [group, ports] of Object.entries(GROUPS)) {
      this.fast.setMulticastGroup(Number(group), ports)
      this.traced.setMulticastGroup(Number(group), ports)
    }
    if (program.architecture === 'v1model') {
      this.#v1model = new V1modelReference(this.interpreter, NETWORK)
      for (const { traffic } of [this.fast, this.traced]) {
        if (traffic === undefined) continue
        const { replication } = traffic
        for (const [group, members] of Object.entries(NETWORK.groups)) replication.setGroup(Number(group), members)
        for (const [session, config] of Object.entries(NETWORK.sessions)) {
          replication.setSession(Number(session), config)
        }
      }
    }
    this.interpreter.nowUs = 1_000_000
    this.interpreter.random = BigInt.asUintN(64, BigInt(seed) * 0x9e3779b97f4a7c15n)
  }

  /** Both pipelines' answer to an insertion; the interpreter inserts when they accept. */
  add(table: number, keys: readonly KeySet[], priority: number, action: BoundAction): TableResult {
    const { name, actions } = this.program.tables[table]!
    const entry = {
      keys,
      priority,
      action: this.program.actions[actions[action.action]!.action]!.name,
      parameters: action.parameters,
    }
    const result = this.fast.addEntry(name, entry)
    assert.deepEqual(this.traced.addEntry(name, entry), result)
    if (result.ok) this.interpreter.tables[table]!.entries.push({ keys, priority, action, packets: 0, bytes: 0 })
    return result
  }

  delete(table: number, index: number): void {
    const { name } = this.program.tables[table]!
    const [entry] = this.interpreter.tables[table]!.entries.splice(index, 1)
    if (entry === undefined) return
    assert.deepEqual(this.fast.deleteEntry(name, entry), { ok: true })
    assert.deepEqual(this.traced.deleteEntry(name, entry), { ok: true })
  }

  /** Runs a frame through all three, and an explanation beside it, and compares what comes out. */
  send(frame: Uint8Array, port: number): void {
    const explained = this.fast.explain(frame, port)
    const expected = this.#expect(frame, port)
    const { sent, drops } = expected
    for (const [name, pipeline] of [
      ['fast', this.fast],
      ['traced', this.traced],
    ] as const) {
      assert.deepEqual(this.#run(pipeline, frame, port), { sent, drops }, name)
    }
    assert.deepEqual(
      explained.notes.map((note) => note.split(':', 1)[0]),
      expected.lost.map(() => 'a copy was not made'),
    )
    assert.deepEqual(
      explained.runs.flatMap(({ outcome }) =>
        outcome.kind === 'sent' ? [{ port: outcome.port, frame: outcome.bytes }] : [],
      ),
      expected.sent,
    )
    assert.deepEqual(
      explained.runs
        .flatMap(({ outcome }) => (outcome.kind === 'dropped' ? [outcome.number] : []))
        .toSorted((a, b) => a - b),
      without(expected.drops, expected.lost),
    )
    assert.equal(this.#arena.freeSlots, this.#arena.slots)
  }

  #expect(frame: Uint8Array, port: number): Expected {
    if (this.#v1model !== undefined) {
      const { sent: packets, drops: reasons, lost } = this.#v1model.run(frame, port)
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

  /** Counters, registers and entry hits. */
  compareState(): void {
    const { program, interpreter } = this
    for (const pipeline of [this.fast, this.traced]) {
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
        if (extern.kind === 'counter') assert.deepEqual(pipeline.counter(extern.name), interpreter.counters[id])
        if (extern.kind !== 'register') return
        const cells = interpreter.registers[id]!.map((_, k) => pipeline.readRegister(extern.name, k))
        assert.deepEqual(cells, interpreter.registers[id])
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

/** The list less one of each of the others. */
function without(list: readonly number[], others: readonly number[]): number[] {
  const left = [...list]
  for (const one of others) left.splice(left.indexOf(one), 1)
  return left
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
