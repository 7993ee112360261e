/**
 * The function that handles one packet, and the one that handles one copy after replication: the program's blocks in their
 * order, what the architecture does between them, and the verdict.
 */
import type { Block, Program, SlotId } from '../ir/index.ts'
import type { FunctionBuilder, ModuleBuilder } from '../wasm/index.ts'
import { touchTables } from './apply-code.ts'
import { pushCondition } from './condition-code.ts'
import { writeMemoLine } from './flow-memo.ts'
import { DESCRIPTOR, DESCRIPTOR_BYTES_LOG2 } from './arena-layout.ts'
import { isDeparser, writeDeparser } from './deparser-code.ts'
import { type FlagBit, storeSlot } from './slot-code.ts'
import type { Generator } from './generator.ts'
import { CELL, isRemembered, type Layout, PASS, RESERVED_DROP, STAGE, VERDICT, wordsOf } from './layout.ts'
import { clearSlots, restoreState, saveState } from './packet-state.ts'
import { writeParser } from './parser-code.ts'
import { hasTarget, type Plan } from './plan.ts'
import type { Runtime } from './runtime-code.ts'
import { type Cursor, StatementCode } from './statement-code.ts'
import { TRACE, type TraceCode } from './trace-code.ts'
import { writeUndoReset } from './undo-log.ts'
import { ARENA, classOf, mask, STATE } from './value-class.ts'

const FLAGS_PER_WORD = 64

export class PacketCode {
  readonly generator: Generator
  readonly program: Program
  readonly plan: Plan
  readonly layout: Layout
  readonly module: ModuleBuilder
  readonly runtime: Runtime
  readonly trace: TraceCode

  constructor(generator: Generator) {
    this.generator = generator
    this.program = generator.program
    this.plan = generator.plan
    this.layout = generator.layout
    this.module = generator.module
    this.runtime = generator.runtime
    this.trace = generator.trace
  }

  /** `packet`: from a frame and its port to a verdict. */
  writePacket(): FunctionBuilder {
    const { program, plan } = this
    const body = this.#body('packet', 'port')
    const { f } = body
    this.#enter(body)
    f.get(body.cursor!.start)
    f.set(body.cursor!.at)
    const isTargeted = hasTarget(program)
    const begin = (): void => {
      writeUndoReset(f, this.runtime, this.layout.undo)
      clearSlots(this.generator, f)
      this.#setIntrinsic(body, 'ingress.port', 1)
      this.#setTime(body, 'packet.timestamp')
    }
    if (isTargeted) {
      this.#pushCell(body, CELL.pass)
      f.if(undefined, () => restoreState(body), begin)
      this.#setTime(body, 'clock.now')
    } else begin()
    this.#setIntrinsic(body, 'packet.length', body.cursor!.length)
    if (isTargeted && program.isBmv2 === true) this.#forgetLength(body)
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

  /** BMv2 does not tell the parser the length of a clone, which it parses once more. */
  #forgetLength(body: StatementCode): void {
    const slot = this.program.intrinsics['packet.length']
    if (slot === undefined) return
    this.#pushCell(body, CELL.pass)
    body.f.i32(PASS.parse)
    body.f.op('i32.eq')
    const { width } = this.program.slots[slot]!
    body.f.if(undefined, () => body.code.assign(slot, { op: 'const', width, value: 0n }))
  }

  /** What follows replication, from the saved state. */
  writeCopy(): FunctionBuilder {
    const { program, plan } = this
    const body = this.#body('copy', 'egressPort')
    const { f } = body
    this.#enter(body)
    restoreState(body)
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
    const recirculate = this.#intrinsic(body, 'target.recirculate')
    if (truncate !== undefined) {
      truncate()
      if (this.program.isBmv2 === true && recirculate !== undefined) {
        // BMv2 recirculates the whole packet, whatever was asked for before.
        f.i32(0)
        truncate()
        recirculate()
        f.op('select')
        f.op('i32.and')
      }
      f.if(undefined, () => this.#truncate(body, truncate))
    }
    this.#stopIf(body, 'target.endSpecial', STAGE.end)
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
    body.f.scope(() => saveState(body))
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
    const hasMemo = !this.trace.isOn && this.layout.tables.some(isRemembered)
    const cursor: Cursor = {
      frameSlot: 0,
      start: f.local('i32', 'start'),
      end: f.local('i32', 'end'),
      length: f.local('i32', 'length'),
      counted: f.local('v128', 'counted'),
      at: f.local('i32', 'at'),
      iterations: f.local('i32', 'iterations'),
      ...(name === 'packet' && hasMemo ? { flow: f.local('i64', 'flow'), memoLine: f.local('i32', 'memoLine') } : {}),
    }
    return new StatementCode(this.generator, f, { words, bits }, cursor)
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
    body.makeCounted()
    f.set(body.cursor!.counted)
    for (const [cell, local] of [
      [CELL.frameStart, start],
      [CELL.frameEnd, end],
    ] as const) {
      f.i32(0)
      f.get(local)
      f.access('i32.store', STATE, cell)
    }
  }

  #setTime(body: StatementCode, name: string): void {
    const slot = this.program.intrinsics[name]
    if (slot === undefined) return
    const { f, code } = body
    const { width } = this.program.slots[slot]!
    storeSlot(code, slot, () => {
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
    storeSlot(body.code, slot, () => {
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
    if (body.cursor!.flow !== undefined) {
      f.i64(0n)
      f.set(body.cursor!.flow)
    }
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
    writeMemoLine(body, () => touchTables(body))
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
    const slot = this.program.intrinsics['egress.drop']
    if (slot === undefined) return
    pushCondition(body.code, { op: 'load', width: this.program.slots[slot]!.width, slot })
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
        f.scope(() => saveState(body))
        this.#return(body, kind, kind === VERDICT.multicast ? push : undefined)
      })
    }
  }

  #returnVerdict(body: StatementCode): void {
    this.#returnIfDropped(body)
    this.#return(body, VERDICT.unicast, this.#intrinsic(body, 'egress.port'))
    body.f.op('unreachable')
  }
}
