/**
 * Program → WebAssembly module: puts the pieces together. One `Generator` makes one module; both variants use the same
 * layout and so the same memory 1.
 *
 * The packet function (frame slot, ingress port) → verdict holds everything that `plan.ts` did not make a function.
 * When ingress asks for replication it saves its state and returns; the host then runs `copy(frame slot, egress port)`
 * once per copy. `process(first, count)` runs the packet function over the batch in memory 1 and returns the index
 * after the last packet it handled: a packet to be replicated ends the run. `hash<table>` serves the control plane.
 */
import type { Block, Program, SlotId } from '../ir/index.ts'
import { type FunctionBuilder, type FunctionRef, ModuleBuilder } from '../wasm/index.ts'
import { DESCRIPTOR, DESCRIPTOR_BYTES_LOG2 } from './arena-layout.ts'
import { ExpressionCode, type FlagBit, NO_LOCALS } from './expression-code.ts'
import { externCallWords } from './extern-call-code.ts'
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
  PASS,
  RESERVED_DROP,
  STAGE,
  VERDICT,
  wordsOf,
} from './layout.ts'
import { writeHash, writeLookup } from './lookup-code.ts'
import { writeParser } from './parser-code.ts'
import { hasTarget, type Plan, planFunctions, type Unit } from './plan.ts'
import { Runtime } from './runtime-code.ts'
import { type Cursor, StatementCode } from './statement-code.ts'
import { TRACE, TraceCode } from './trace-code.ts'
import { writeUndoReset } from './undo-log.ts'

const FILL_BYTES_MIN = 1024
const FLAGS_PER_WORD = 64

/** A program ready to be instantiated. */
export interface Generated {
  readonly program: Program
  readonly layout: Layout
  /** Without any instrumentation. */
  readonly fast: Uint8Array<ArrayBuffer>
  /** Writes what happened to the trace area. Made when first asked for. */
  readonly traced: Uint8Array<ArrayBuffer>
  /** As `fast`, but with an undo log of the last packet, and `process` stops behind a dropped packet. Made when asked for. */
  readonly logged: () => Uint8Array<ArrayBuffer>
  /** Texts that trace records and events refer to by index. */
  readonly messages: readonly string[]
}

export type VariantKind = 'fast' | 'logged' | 'traced'

/** Generates the variants of a program. */
export function generate(program: Program): Generated {
  const plan = planFunctions(program)
  const layout = layOut(program, plan)
  const messages: string[] = []
  const make = (variant: VariantKind): Uint8Array<ArrayBuffer> =>
    new Generator(program, plan, layout, messages, variant).finish()
  let traced: Uint8Array<ArrayBuffer> | undefined
  return {
    program,
    layout,
    fast: make('fast'),
    get traced() {
      return (traced ??= make('traced'))
    },
    logged: () => make('logged'),
    messages,
  }
}

export class Generator {
  readonly program: Program
  readonly plan: Plan
  readonly layout: Layout
  readonly module: ModuleBuilder
  readonly runtime: Runtime
  readonly trace: TraceCode
  /** Imported where the program calls user externs. */
  readonly externCall: FunctionRef | undefined
  /** By table; undefined for keyless ones. */
  readonly lookups: readonly (FunctionRef | undefined)[]
  readonly #messages: string[]
  readonly #stopsBehindDrop: boolean
  readonly #functions = new Map<Unit, FunctionBuilder>()

  constructor(program: Program, plan: Plan, layout: Layout, messages: string[], variant: VariantKind) {
    this.program = program
    this.plan = plan
    this.layout = layout
    this.#messages = messages
    this.module = new ModuleBuilder(variant === 'fast' ? program.name : `${program.name} ${variant}`)
    this.runtime = new Runtime(this.module, variant !== 'fast')
    this.trace = new TraceCode(variant === 'traced', this.runtime)
    this.#stopsBehindDrop = variant === 'logged'
    this.module.importMemory('env', 'state', Math.ceil(layout.heapStart / 65536))
    this.module.importMemory('env', 'arena', 1)
    const signature = { parameters: ['i32'], results: [] } as const
    if (externCallWords(program) > 0) this.externCall = this.module.importFunction('env', 'extern', signature)
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
      new StatementCode(this, f, NO_LOCALS, undefined).inlineUnit(unit, { exit })
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
    f.get(body.cursor!.start)
    f.set(body.cursor!.at)
    const isTargeted = hasTarget(program)
    const begin = (): void => {
      writeUndoReset(f, this.runtime, this.layout.undo)
      this.#clearSlots(f)
      this.#setIntrinsic(body, 'ingress.port', 1)
      this.#setTime(body, 'packet.timestamp')
    }
    if (isTargeted) {
      this.#pushCell(body, CELL.pass)
      f.if(undefined, () => this.#restore(body), begin)
      this.#setTime(body, 'clock.now')
    } else begin()
    this.#setIntrinsic(body, 'packet.length', body.cursor!.length)
    this.trace.enter(body.code, program, false, { ...body.cursor!, port: 1 })
    const before = program.blocks.slice(0, plan.blocksBeforeReplication)
    const after = program.blocks.slice(plan.blocksBeforeReplication)
    if (isTargeted) {
      const parsed = before.findIndex((block) => block.name === 'ingressInput' || block.name === 'ingress')
      this.#blocks(body, before.slice(0, parsed))
      this.#pushCell(body, CELL.pass)
      f.i32(PASS.parse)
      f.op('i32.eq')
      f.if(undefined, () => this.#stop(body, STAGE.part))
      this.#blocks(body, before.slice(parsed))
      this.#stopIf(body, 'target.special', STAGE.ingress, () => {
        this.#pushCell(body, CELL.isQueueing)
        f.op('i32.or')
      })
      this.#returnIfDropped(body)
    } else {
      this.#blocks(body, before)
      this.#returnIfDropped(body)
      this.#returnIfReplicated(body)
    }
    this.#leave(body, after)
    return f
  }

  /** All slots in memory to 0; those of header stacks if any was written since. */
  #clearSlots(f: FunctionBuilder): void {
    const { program, layout } = this
    this.#clear(f, layout.slotsStart, layout.stacksStart)
    if (layout.varbitsStart > layout.stacksStart) {
      f.i32(0)
      f.access('i32.load', STATE, CELL.areStacksDirty)
      f.if(undefined, () => {
        this.#clear(f, layout.stacksStart, layout.varbitsStart)
        f.i32(0)
        f.i32(0)
        f.access('i32.store', STATE, CELL.areStacksDirty)
      })
    }
    program.slots.forEach((slot, id) => {
      if (slot.kind !== 'varbit') return
      f.i32(0)
      f.i32(0)
      f.access('i32.store', STATE, layout.slotAddresses[id]!)
    })
  }

  /** A fill is a call out of the generated code, which only many words are worth. */
  #clear(f: FunctionBuilder, from: number, to: number): void {
    if (to - from > FILL_BYTES_MIN) {
      f.i32(from)
      f.i32(0)
      f.i32(to - from)
      f.memoryFill(STATE)
      return
    }
    f.scope(() => {
      f.i64(0n)
      f.splat64()
      const zero = f.temp('v128')
      f.set(zero)
      for (let at = from; at < to; at += 16) {
        f.i32(0)
        f.get(zero)
        f.storeVector(STATE, at)
      }
    })
  }

  /** What follows replication, from the saved state. */
  #writeCopy(): FunctionBuilder {
    const { program, plan } = this
    const body = this.#body('copy', 'egressPort')
    const { f } = body
    this.#enter(body)
    this.#restore(body)
    const after = program.blocks.slice(plan.blocksBeforeReplication)
    const isPart = (): void => {
      this.#pushCell(body, CELL.pass)
      f.i32(PASS.deparse)
      f.op('i32.eq')
    }
    if (!hasTarget(program)) {
      this.#enterCopy(body)
      this.#leave(body, after)
      return f
    }
    if (after[0]?.name === 'ingressDeparser') {
      isPart()
      f.if(undefined, () => {
        this.#blocks(body, after.slice(0, 1))
        this.#stop(body, STAGE.part)
      })
    } else {
      const end = after.findIndex((block) => block.name === 'egressDecision') + 1
      f.block(undefined, (skip) => {
        isPart()
        f.brIf(skip)
        this.#enterCopy(body)
        this.#blocks(body, after.slice(0, end))
        this.#stopIf(body, 'target.egressSpecial', STAGE.egress)
      })
      this.#blocks(body, after.slice(end))
      this.#end(body)
      return f
    }
    this.#enterCopy(body)
    this.#leave(body, after.slice(1))
    return f
  }

  #enterCopy(body: StatementCode): void {
    this.#setIntrinsic(body, 'egress.port', 1)
    this.#setTime(body, 'clock.now')
    this.trace.enter(body.code, this.program, true, { ...body.cursor!, port: 1 })
  }

  /** From behind ingress to the verdict. */
  #leave(body: StatementCode, blocks: readonly Block[]): void {
    let from = 0
    blocks.forEach((block, k) => {
      if (block.name === 'ingressDeparser') {
        this.#blocks(body, blocks.slice(from, k + 1))
        from = k + 1
        // Egress reads the frame as ingress left it.
        this.#enter(body)
        body.f.get(body.cursor!.start)
        body.f.set(body.cursor!.at)
      } else if (block.name === 'egressDecision' && this.program.architecture === 'v1model') {
        this.#blocks(body, blocks.slice(from, k + 1))
        from = k + 1
        this.#stopIf(body, 'target.egressSpecial', STAGE.egress)
      }
    })
    this.#blocks(body, blocks.slice(from))
    this.#end(body)
  }

  /** The frame is written back. */
  #end(body: StatementCode): void {
    const { f } = body
    const truncate = this.#intrinsic(body, 'target.truncate')
    if (truncate !== undefined) {
      truncate()
      f.if(undefined, () => this.#truncate(body, truncate))
    }
    this.#stopIf(body, 'target.endSpecial', STAGE.end)
    const recirculate = this.#intrinsic(body, 'target.recirculate')
    if (recirculate !== undefined) {
      this.#returnIfDropped(body)
      recirculate()
      f.if(undefined, () => this.#stop(body, STAGE.end))
    }
    this.#returnVerdict(body)
  }

  /** The intrinsic is the length to keep, plus one. */
  #truncate(body: StatementCode, push: () => void): void {
    const { f } = body
    const descriptor = f.temp('i32')
    const length = f.temp('i32')
    f.get(body.cursor!.frameSlot)
    f.i32(DESCRIPTOR_BYTES_LOG2)
    f.op('i32.shl')
    f.set(descriptor)
    push()
    f.i32(1)
    f.op('i32.sub')
    f.set(length)
    f.get(descriptor)
    f.get(length)
    f.get(descriptor)
    f.access('i32.load', ARENA, DESCRIPTOR.length)
    f.get(length)
    f.get(descriptor)
    f.access('i32.load', ARENA, DESCRIPTOR.length)
    f.op('i32.lt_u')
    f.op('select')
    f.access('i32.store', ARENA, DESCRIPTOR.length)
  }

  #pushCell(body: StatementCode, cell: number): void {
    body.f.i32(0)
    body.f.access('i32.load', STATE, cell)
  }

  /** Saves the packet's state and leaves the rest to the target. */
  #stop(body: StatementCode, stage: number): void {
    body.f.scope(() => this.#save(body))
    body.f.i32((VERDICT.target << 24) | stage)
    body.f.return()
  }

  #stopIf(body: StatementCode, name: string, stage: number, also?: () => void): void {
    const push = this.#intrinsic(body, name)
    if (push === undefined) return
    push()
    also?.()
    body.f.if(undefined, () => this.#stop(body, stage))
  }

  /** A function (frame slot, port) → verdict with the local slots. */
  #body(name: string, portName: string): StatementCode {
    const { program, module, plan } = this
    const f = module.function(name, { parameters: ['i32', 'i32'], results: ['i32'] })
    f.nameLocal(0, 'frame')
    f.nameLocal(1, portName)
    const words = new Map<SlotId, number[]>()
    const bits = new Map<SlotId, FlagBit>()
    let flags = -1
    let taken = FLAGS_PER_WORD
    for (const group of plan.flagGroups) {
      for (const slot of group) {
        if (taken >= FLAGS_PER_WORD || (slot === group[0] && taken + group.length > FLAGS_PER_WORD)) {
          flags = f.local('i64', 'flags')
          taken = 0
        }
        bits.set(slot, { local: flags, bit: taken++ })
      }
    }
    for (const slot of plan.localSlots) {
      if (bits.has(slot)) continue
      const { name: slotName, width } = program.slots[slot]!
      const count = width <= 64 ? 1 : wordsOf(width)
      words.set(
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
      iterations: f.local('i32', 'iterations'),
    }
    return new StatementCode(this, f, { words, bits }, cursor)
  }

  #blocks(body: StatementCode, blocks: readonly Block[]): void {
    const { f } = body
    for (const block of blocks) {
      const tell = (): void => this.trace.constants(body.code, TRACE.block, this.program.blocks.indexOf(block))
      if (block.kind === 'parser') {
        tell()
        this.#writeParserBlock(body, block.parser)
      } else if (isDeparser(this.program, block)) {
        this.#returnIfDropped(body)
        tell()
        f.scope(() => writeDeparser(body, block.procedure, { exit: () => f.op('unreachable') }))
      } else {
        tell()
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
      f.i32(0)
      f.i32(1)
      f.access('i32.store', STATE, CELL.areStacksDirty)
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

  #setTime(body: StatementCode, name: string): void {
    const slot = this.program.intrinsics[name]
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
      this.trace.number(code, TRACE.parserError, () => f.get(error))
      // psa and BMv2 run ingress after a parser error and leave the decision to the program.
      if (this.program.architecture !== 'psa' && this.program.isBmv2 !== true) {
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
    const code = new ExpressionCode(f, this.program, this.layout, this.runtime, NO_LOCALS)
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
        this.trace.value(code, TRACE.leave, () => f.get(verdict))
        f.get(0)
        f.i32(1)
        f.op('i32.add')
        f.set(0)
        f.get(verdict)
        f.i32((this.#stopsBehindDrop ? VERDICT.drop : VERDICT.broadcast) << 24)
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
