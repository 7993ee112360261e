/**
 * Keeps the first bytes of the frames of a batch, which the deparser may overwrite, so that a packet that is dropped after
 * that can be replayed as it came. Only on while such drops occur: it costs every packet a copy.
 */
import type { Arena } from '@lodestone/frame'
import {
  BATCH_CAPACITY,
  BATCH_SLOTS,
  ModuleBuilder,
  type Program,
  STATE_PAGES_MAX,
  type Statement,
} from '@lodestone/p4'
import type { StateMemory } from '../state-memory.ts'

/** Order of the imports: memory 0 is the pipeline's own, memory 1 the arena. */
const STATE = 0
const ARENA = 1
const DESCRIPTOR_BYTES_LOG2 = 4
const BYTES_MAX = 512

export class FrameSaver {
  /** Bytes kept per frame: all that the parser can consume, up to a limit. */
  readonly bytes: number
  readonly #arena: Arena
  readonly #state: StateMemory
  readonly #address: number
  readonly #save: (first: number, count: number) => void
  readonly #lengths = new Int32Array(BATCH_CAPACITY)

  constructor(program: Program, arena: Arena, state: StateMemory) {
    this.#arena = arena
    this.#state = state
    this.bytes = Math.min(BYTES_MAX, Math.ceil(parsedBytes(program) / 64) * 64)
    this.#address = state.alloc(this.bytes * BATCH_CAPACITY)
    const code = saveModule(this.#address, this.bytes)
    const imports = { env: { state: state.memory, arena: arena.memory } }
    const { save } = new WebAssembly.Instance(new WebAssembly.Module(code), imports).exports
    this.#save = save as (first: number, count: number) => void // because the module was made here
  }

  /** The frames of the batch that lies in memory. */
  save(count: number): void {
    const { i32 } = this.#state
    for (let k = 0; k < count; k++) this.#lengths[k] = this.#arena.length(i32[(BATCH_SLOTS >> 2) + k]!)
    this.#save(0, count)
  }

  /** Frame `index` of the batch as it was, its end taken from what is left of it. */
  restore(index: number, now: Uint8Array): Uint8Array {
    const length = this.#lengths[index]!
    const kept = Math.min(length, this.bytes)
    const from = this.#address + index * this.bytes
    const frame = new Uint8Array(length)
    frame.set(this.#state.bytes.subarray(from, from + kept))
    const rest = length - kept
    if (rest > 0) frame.set(now.subarray(Math.max(0, now.length - rest)), kept)
    return frame
  }
}

/** (first, count): the first bytes of each frame of the batch to their places. */
function saveModule(address: number, bytes: number): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder('save frames')
  module.importMemory('env', 'state', 1, STATE_PAGES_MAX)
  module.importMemory('env', 'arena', 1)
  const f = module.function('save', { parameters: ['i32', 'i32'], results: [] })
  module.export('save', f)
  const descriptor = f.local('i32', 'descriptor')
  const length = f.local('i32', 'length')
  f.block(undefined, (done) => {
    f.loop((again) => {
      f.get(0)
      f.get(1)
      f.op('i32.ge_u')
      f.brIf(done)
      f.get(0)
      f.i32(2)
      f.op('i32.shl')
      f.access('i32.load', STATE, BATCH_SLOTS)
      f.i32(DESCRIPTOR_BYTES_LOG2)
      f.op('i32.shl')
      f.tee(descriptor)
      f.access('i32.load', ARENA, 4)
      f.set(length)
      f.get(0)
      f.i32(bytes)
      f.op('i32.mul')
      f.i32(address)
      f.op('i32.add')
      f.get(descriptor)
      f.access('i32.load', ARENA, 0)
      f.get(length)
      f.i32(bytes)
      f.get(length)
      f.i32(bytes)
      f.op('i32.lt_u')
      f.op('select')
      f.memoryCopy(STATE, ARENA)
      f.get(0)
      f.i32(1)
      f.op('i32.add')
      f.set(0)
      f.br(again)
    })
  })
  return module.finish()
}

/** Bytes of all headers that the parsers extract. */
function parsedBytes(program: Program): number {
  const found = new Set<number>()
  const visit = (body: readonly Statement[]): void => {
    for (const statement of body) {
      if (statement.kind === 'extract') found.add(statement.header)
      else if (statement.kind === 'if') {
        visit(statement.then)
        visit(statement.else)
      } else if (statement.kind === 'loop') visit(statement.body)
      else if (statement.kind === 'switch') {
        for (const one of statement.cases) visit(one.body)
        visit(statement.default)
      }
    }
  }
  for (const { states } of program.parsers) for (const { body } of states) visit(body)
  const bits = [...found].flatMap((id) => program.headers[id]!.fields.map((slot) => program.slots[slot]!.width))
  return Math.ceil(bits.reduce((sum, width) => sum + width, 0) / 8)
}
