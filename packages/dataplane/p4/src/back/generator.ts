/**
 * Program → WebAssembly module: puts the pieces together. One `Generator` makes one module; both variants use the same
 * layout and so the same memory 1.
 *
 * The packet function (frame slot, ingress port) → verdict (`packet-code.ts`) holds everything that `plan.ts` did not make a function.
 * When ingress asks for replication it saves its state and returns; the host then runs `copy(frame slot, egress port)`
 * once per copy. `process(first, count)` runs the packet function over the batch in memory 1 and returns the index
 * after the last packet it handled: a packet to be replicated ends the run. `hash<table>` serves the control plane.
 */
import type { Program, SlotId } from '../ir/index.ts'
import { type FunctionBuilder, type FunctionRef, ModuleBuilder } from '../wasm/index.ts'
import { ExpressionCode } from './expression-code.ts'
import { NO_LOCALS } from './slot-code.ts'
import { flowSlots } from './flow-memo.ts'
import { externCallWords } from './extern-call-code.ts'
import { BATCH_PORTS, BATCH_SLOTS, BATCH_VERDICTS, type Layout, layOut, STATE_PAGES_MAX, VERDICT } from './layout.ts'
import { writeHash, writeLookup } from './lookup-code.ts'
import { PacketCode } from './packet-code.ts'
import { type Plan, planFunctions, type Unit } from './plan.ts'
import { Runtime } from './runtime-code.ts'
import { StatementCode } from './statement-code.ts'
import { TRACE, TraceCode } from './trace-code.ts'
import { STATE } from './value-class.ts'

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
  /** What the memo tells flows apart by. */
  readonly flowSlots: ReadonlySet<SlotId>
  readonly #messages: string[]
  readonly #stopsBehindDrop: boolean
  readonly #functions = new Map<Unit, FunctionBuilder>()

  constructor(program: Program, plan: Plan, layout: Layout, messages: string[], variant: VariantKind) {
    this.program = program
    this.plan = plan
    this.layout = layout
    this.flowSlots = flowSlots(program)
    this.#messages = messages
    this.module = new ModuleBuilder(variant === 'fast' ? program.name : `${program.name} ${variant}`)
    this.runtime = new Runtime(this.module, variant !== 'fast')
    this.trace = new TraceCode(variant === 'traced', this.runtime)
    this.#stopsBehindDrop = variant === 'logged'
    this.module.importMemory('env', 'state', Math.ceil(layout.heapStart / 65536), STATE_PAGES_MAX)
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
    const packet = new PacketCode(this)
    this.#writeProcess(packet.writePacket())
    this.module.export('copy', packet.writeCopy())
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
