/**
 * Program → WebAssembly module: puts the pieces together. One `Generator` makes one module; both variants use the same
 * layout and so the same memory 1.
 *
 * The packet function (frame slot, ingress port) → verdict holds everything that `plan.ts` did not make a function.
 * When ingress asks for replication it saves its state and returns; the host then runs `copy(frame slot, egress port)`
 * once per copy. `process(first, count)` runs the packet function over the batch in memory 1 and returns the index
 * after the last packet it handled: a packet to be replicated ends the run. `hash<table>` serves the control plane.
 */
import type { Block, HeaderId, Program, SlotId, Statement } from '../ir/index.ts'
import { type FunctionBuilder, type FunctionRef, ModuleBuilder } from '../wasm/index.ts'
import { DESCRIPTOR, DESCRIPTOR_BYTES_LOG2 } from './arena-layout.ts'
import { isDeparser, writeDeparser } from './deparser-code.ts'
import { ARENA, classOf, mask, STATE } from './value-class.ts'
import { crcTable } from './hash-code.ts'
import {
  BATCH_PORTS,
  BATCH_SLOTS,
  BATCH_VERDICTS,
  CELL,
  type Layout,
  layOut,
  RESERVED_DROP,
  VERDICT,
  wordsOf,
} from './layout.ts'
import { writeHash, writeLookup } from './lookup-code.ts'
import { writeParser } from './parser-code.ts'
import { type Plan, planFunctions, type Unit } from './plan.ts'
import { Runtime } from './runtime-code.ts'
import { type Cursor, StatementCode } from './statement-code.ts'
import { TRACE, TraceCode } from './trace-code.ts'

/** A program ready to be instantiated. */
export interface Generated {
  readonly program: Program
  readonly layout: Layout
  /** Without any instrumentation. */
  readonly fast: Uint8Array<ArrayBuffer>
  /** Writes what happened to the trace area. */
  readonly traced: Uint8Array<ArrayBuffer>
  /** Texts that trace records and events refer to by index. */
  readonly messages: readonly string[]
}

/** Generates both variants of a program. */
export function generate(program: Program): Generated {
  const plan = planFunctions(program)
  const layout = layOut(program, (slot) => !plan.localSlots.has(slot), plan.copiedSlots)
  const messages: string[] = []
  const fast = new Generator(program, plan, layout, messages, false).finish()
  const traced = new Generator(program, plan, layout, messages, true).finish()
  return { program, layout, fast, traced, messages }
}

export class Generator {
  readonly program: Program
  readonly plan: Plan
  readonly layout: Layout
  readonly module: ModuleBuilder
  readonly runtime: Runtime
  readonly trace: TraceCode
  /** By table; undefined for keyless ones. */
  readonly lookups: readonly (FunctionRef | undefined)[]
  readonly #messages: string[]
  readonly #functions = new Map<Unit, FunctionBuilder>()
  readonly #told: ReadonlySet<SlotId>

  constructor(program: Program, plan: Plan, layout: Layout, messages: string[], isTraced: boolean) {
    this.program = program
    this.plan = plan
    this.layout = layout
    this.#messages = messages
    this.module = new ModuleBuilder(isTraced ? `${program.name} traced` : program.name)
    this.runtime = new Runtime(this.module)
    this.trace = new TraceCode(isTraced, this.runtime)
    this.module.importMemory('env', 'arena', 1)
    this.module.importMemory('env', 'state', Math.ceil(layout.heapStart / 65536))
    this.#told = new Set(
      [...wireHeaders(program)].flatMap((id) => {
        const { valid, fields } = program.headers[id]!
        return [valid, ...fields.filter((slot) => program.slots[slot]!.kind !== 'varbit')]
      }),
    )
    this.lookups = layout.tables.map((table) =>
      table.shape === 'always' ? undefined : writeLookup(this.module, table),
    )
  }

  finish(): Uint8Array<ArrayBuffer> {
    this.layout.tables.forEach((table, index) => {
      if (table.shape !== 'always') writeHash(this.module, this.layout, table, index)
    })
    for (const unit of this.plan.functions) {
      const results = this.plan.mayExit(unit) ? (['i32'] as const) : []
      const f = this.module.function(this.#unitName(unit), { parameters: [], results })
      this.#functions.set(unit, f)
      const exit = (): void => {
        f.i32(1)
        f.return()
      }
      new StatementCode(this, f, new Map(), undefined).inlineUnit(unit, { exit })
      if (results.length > 0) f.i32(0)
    }
    this.#writeProcess(this.#writePacket())
    this.module.export('copy', this.#writeCopy())
    this.module.data(STATE, this.layout.crc32Table, new Uint8Array(crcTable(32).buffer))
    this.module.data(STATE, this.layout.crc16Table, new Uint8Array(crcTable(16).buffer))
    this.module.data(STATE, this.layout.crc8Table, new Uint8Array(crcTable(8).buffer))
    return this.module.finish()
  }

  functionOf(unit: Unit): FunctionRef {
    return this.#functions.get(unit)!
  }

  /** Whether traces tell writes to the slot: fields and validity of headers that go over the wire. */
  isTold(slot: SlotId): boolean {
    return this.trace.isOn && this.#told.has(slot)
  }

  /** Index of a text in `Generated.messages`. */
  message(text: string): number {
    const known = this.#messages.indexOf(text)
    return known >= 0 ? known : this.#messages.push(text) - 1
  }

  #writePacket(): FunctionBuilder {
    const { program, plan } = this
    const body = this.#body('packet', 'port')
    const { f } = body
    this.#enter(body)
    if (this.layout.slotsEnd > this.layout.slotsStart) {
      f.i32(this.layout.slotsStart)
      f.i32(0)
      f.i32(this.layout.slotsEnd - this.layout.slotsStart)
      f.memoryFill(STATE)
    }
    f.get(body.cursor!.start)
    f.set(body.cursor!.at)
    this.#setIntrinsic(body, 'ingress.port', 1)
    this.#setIntrinsic(body, 'packet.length', body.cursor!.length)
    this.#setTimestamp(body)
    this.#blocks(body, program.blocks.slice(0, plan.blocksBeforeReplication))
    this.#returnIfDropped(body)
    this.#returnIfReplicated(body)
    this.#blocks(body, program.blocks.slice(plan.blocksBeforeReplication))
    this.#returnVerdict(body)
    return f
  }

  /** What follows replication, from the saved state. */
  #writeCopy(): FunctionBuilder {
    const { program, plan } = this
    const body = this.#body('copy', 'egressPort')
    const { f } = body
    this.#enter(body)
    this.#restore(body)
    this.#setIntrinsic(body, 'egress.port', 1)
    this.#blocks(body, program.blocks.slice(plan.blocksBeforeReplication))
    this.#returnVerdict(body)
    return f
  }

  /** A function (frame slot, port) → verdict with the local slots. */
  #body(name: string, portName: string): StatementCode {
    const { program, module, plan } = this
    const f = module.function(name, { parameters: ['i32', 'i32'], results: ['i32'] })
    f.nameLocal(0, 'frame')
    f.nameLocal(1, portName)
    const locals = new Map<SlotId, number[]>()
    for (const slot of plan.localSlots) {
      const { name: slotName, width } = program.slots[slot]!
      const count = width <= 64 ? 1 : wordsOf(width)
      locals.set(
        slot,
        Array.from({ length: count }, (_, k) => f.local(classOf(width), count === 1 ? slotName : `${slotName}.${k}`)),
      )
    }
    const cursor: Cursor = {
      frameSlot: 0,
      start: f.local('i32', 'start'),
      end: f.local('i32', 'end'),
      length: f.local('i32', 'length'),
      at: f.local('i32', 'at'),
    }
    return new StatementCode(this, f, locals, cursor)
  }

  #blocks(body: StatementCode, blocks: readonly Block[]): void {
    const { f } = body
    for (const block of blocks) {
      if (block.kind === 'parser') {
        this.#writeParserBlock(body, block.parser)
      } else if (isDeparser(this.program, block.procedure)) {
        this.#returnIfDropped(body)
        f.scope(() => writeDeparser(body, block.procedure, { exit: () => f.op('unreachable') }))
      } else {
        f.block(undefined, (end) => body.unit(`procedure:${block.procedure}`, { exit: () => f.br(end) }))
      }
    }
  }

  /** Reads the descriptor and tells functions outside about the frame. */
  #enter(body: StatementCode): void {
    const { f } = body
    const { frameSlot, start, end, length } = body.cursor!
    const descriptor = f.local('i32')
    f.get(frameSlot)
    f.i32(DESCRIPTOR_BYTES_LOG2)
    f.op('i32.shl')
    f.tee(descriptor)
    f.access('i32.load', ARENA, DESCRIPTOR.start)
    f.set(start)
    f.get(descriptor)
    f.access('i32.load', ARENA, DESCRIPTOR.length)
    f.tee(length)
    f.get(start)
    f.op('i32.add')
    f.set(end)
    for (const [cell, local] of [
      [CELL.frameStart, start],
      [CELL.frameEnd, end],
    ] as const) {
      f.i32(0)
      f.get(local)
      f.access('i32.store', STATE, cell)
    }
  }

  /** Saves everything that `copy` needs. */
  #save(body: StatementCode): void {
    const { f, code } = body
    const { layout, program } = this
    const { at, start } = body.cursor!
    f.i32(0)
    f.get(at)
    f.get(start)
    f.op('i32.sub')
    f.access('i32.store', STATE, CELL.replicaConsumed)
    if (layout.slotsEnd > layout.slotsStart) {
      f.i32(layout.replicaSlots)
      f.i32(layout.slotsStart)
      f.i32(layout.slotsEnd - layout.slotsStart)
      f.memoryCopy(STATE, STATE)
    }
    for (const [slot, address] of layout.replicaCells) {
      const { width } = program.slots[slot]!
      const load = { op: 'load', width, slot } as const
      if (width <= 64) {
        f.i32(0)
        code.push(load)
        f.access(`${classOf(width)}.store`, STATE, address)
        continue
      }
      code.words(load).forEach((word, k) => {
        f.i32(0)
        code.pushWord(word)
        f.access('i64.store', STATE, address + 8 * k)
      })
    }
  }

  #restore(body: StatementCode): void {
    const { f, code } = body
    const { layout, program } = this
    const { at, start } = body.cursor!
    f.i32(0)
    f.access('i32.load', STATE, CELL.replicaConsumed)
    f.get(start)
    f.op('i32.add')
    f.set(at)
    if (layout.slotsEnd > layout.slotsStart) {
      f.i32(layout.slotsStart)
      f.i32(layout.replicaSlots)
      f.i32(layout.slotsEnd - layout.slotsStart)
      f.memoryCopy(STATE, STATE)
    }
    for (const [slot, address] of layout.replicaCells) {
      const { width } = program.slots[slot]!
      const load = (type: 'i32' | 'i64', offset: number) => () => {
        f.i32(0)
        f.access(`${type}.load`, STATE, address + offset)
      }
      if (width <= 64) code.storeSlot(slot, load(classOf(width), 0))
      else for (let k = 0; k < wordsOf(width); k++) code.storeSlotWord(slot, k, load('i64', 8 * k))
    }
  }

  #setTimestamp(body: StatementCode): void {
    const slot = this.program.intrinsics['packet.timestamp']
    if (slot === undefined) return
    const { f, code } = body
    const { width } = this.program.slots[slot]!
    code.storeSlot(slot, () => {
      f.i32(0)
      f.access('i64.load', STATE, CELL.nowUs)
      if (width <= 32) f.op('i32.wrap_i64')
      if (width === 32 || width === 64) return
      code.constant(width, mask(width))
      f.op(`${classOf(width)}.and`)
    })
  }

  #setIntrinsic(body: StatementCode, name: string, local: number): void {
    const slot = this.program.intrinsics[name]
    if (slot === undefined) return
    const { width } = this.program.slots[slot]!
    body.code.storeSlot(slot, () => {
      body.f.get(local)
      if (width > 32) body.f.op('i64.extend_i32_u')
      else if (width < 32) {
        body.f.i32(2 ** width - 1)
        body.f.op('i32.and')
      }
    })
  }

  #writeParserBlock(body: StatementCode, parser: number): void {
    const { f, code } = body
    const error = f.local('i32', 'parserError')
    f.block(undefined, (accepted) => {
      f.block(undefined, (rejected) => {
        const reject = (): void => {
          f.set(error)
          f.br(rejected)
        }
        writeParser(body, parser, { exit: () => f.br(accepted), reject })
        f.br(accepted)
      })
      this.#setIntrinsic(body, 'parser.error', error)
      this.trace.value(code, TRACE.parserError, () => f.get(error))
      // v1model runs ingress after a parser error and leaves the decision to the program.
      if (this.program.architecture !== 'v1model') {
        f.i32((VERDICT.drop << 24) | RESERVED_DROP.parserReject)
        f.return()
      }
    })
  }

  /** A closure that pushes an intrinsic as i32; undefined when the program has none of that name. */
  #intrinsic(body: StatementCode, name: string): (() => void) | undefined {
    const slot = this.program.intrinsics[name]
    if (slot === undefined) return undefined
    const { width } = this.program.slots[slot]!
    return () => {
      body.code.push({ op: 'load', width, slot })
      if (width > 32) body.f.op('i32.wrap_i64')
    }
  }

  #return(body: StatementCode, kind: number, push: (() => void) | undefined): void {
    const { f } = body
    if (push === undefined) f.i32(kind << 24)
    else {
      push()
      f.i32(0xffff)
      f.op('i32.and')
      f.i32(kind << 24)
      f.op('i32.or')
    }
    f.return()
  }

  #returnIfDropped(body: StatementCode): void {
    const drop = this.#intrinsic(body, 'egress.drop')
    if (drop === undefined) return
    drop()
    body.f.if(undefined, () => this.#return(body, VERDICT.drop, this.#intrinsic(body, 'egress.dropReason')))
  }

  #returnIfReplicated(body: StatementCode): void {
    const { f } = body
    for (const [name, kind] of [
      ['egress.broadcast', VERDICT.broadcast],
      ['egress.multicastGroup', VERDICT.multicast],
    ] as const) {
      const push = this.#intrinsic(body, name)
      if (push === undefined) continue
      push()
      f.if(undefined, () => {
        f.scope(() => this.#save(body))
        this.#return(body, kind, kind === VERDICT.multicast ? push : undefined)
      })
    }
  }

  #returnVerdict(body: StatementCode): void {
    this.#returnIfDropped(body)
    this.#return(body, VERDICT.unicast, this.#intrinsic(body, 'egress.port'))
    body.f.op('unreachable')
  }

  #writeProcess(packet: FunctionRef): void {
    const f = this.module.function('process', { parameters: ['i32', 'i32'], results: ['i32'] })
    f.nameLocal(0, 'first')
    f.nameLocal(1, 'count')
    this.module.export('process', f)
    const at = f.local('i32', 'at')
    const verdict = f.local('i32', 'verdict')
    f.block(undefined, (done) => {
      f.loop((again) => {
        f.get(0)
        f.get(1)
        f.op('i32.ge_u')
        f.brIf(done)
        f.get(0)
        f.i32(2)
        f.op('i32.shl')
        f.tee(at)
        f.get(at)
        f.access('i32.load', STATE, BATCH_SLOTS)
        f.get(at)
        f.access('i32.load', STATE, BATCH_PORTS)
        f.call(packet)
        f.tee(verdict)
        f.access('i32.store', STATE, BATCH_VERDICTS)
        f.get(0)
        f.i32(1)
        f.op('i32.add')
        f.set(0)
        f.get(verdict)
        f.i32(VERDICT.broadcast << 24)
        f.op('i32.lt_u')
        f.brIf(again)
      })
    })
    f.get(0)
  }

  #unitName(unit: Unit): string {
    const [kind, number] = unit.split(':')
    const id = Number(number)
    const list =
      kind === 'procedure' ? this.program.procedures : kind === 'action' ? this.program.actions : this.program.tables
    return `${kind} ${list[id]!.name}`
  }
}

/** Headers that are extracted or emitted; others are copies that the front end made for parameters and variables. */
function wireHeaders(program: Program): ReadonlySet<HeaderId> {
  const found = new Set<HeaderId>()
  const visit = (body: readonly Statement[]): void => {
    for (const statement of body) {
      if (statement.kind === 'extract' || statement.kind === 'emit') found.add(statement.header)
      else if (statement.kind === 'loop') visit(statement.body)
      else if (statement.kind === 'if') {
        visit(statement.then)
        visit(statement.else)
      } else if (statement.kind === 'switch') {
        for (const one of statement.cases) visit(one.body)
        visit(statement.default)
      }
    }
  }
  for (const parser of program.parsers) for (const state of parser.states) visit(state.body)
  for (const procedure of program.procedures) visit(procedure.body)
  return found
}
