/**
 * Keeps the frames of a batch, which the deparser may overwrite, so that a packet that is dropped after that can be
 * replayed as it came. Only on while such drops occur: it costs every packet a copy.
 */
import type { Arena } from '@lodestone/frame'
import { BATCH_CAPACITY, BATCH_SLOTS, ModuleBuilder, STATE_PAGES_MAX } from '@lodestone/p4'
import type { StateMemory } from '../state-memory.ts'

/** Order of the imports: memory 0 is the pipeline's own, memory 1 the arena. */
const STATE = 0
const ARENA = 1
const DESCRIPTOR_BYTES_LOG2 = 4
/** Of longer frames the end is taken from what is left of them. */
const BYTES_MAX = 2048
/** In front of a frame's bytes, its length. */
const LENGTH_BYTES = 16
/** Kept of every frame that has them, with a few moves: no slot of an arena is smaller. */
const UNROLLED = 64

export class FrameSaver {
  /** Bytes kept per frame. */
  readonly bytes: number
  readonly #state: StateMemory
  readonly #address: number
  readonly #save: (first: number, count: number) => void

  constructor(arena: Arena, state: StateMemory) {
    this.#state = state
    this.bytes = Math.min(BYTES_MAX, arena.slotBytes)
    this.#address = state.alloc((LENGTH_BYTES + this.bytes) * BATCH_CAPACITY)
    const code = saveModule(this.#address, this.bytes)
    const imports = { env: { state: state.memory, arena: arena.memory } }
    const { save } = new WebAssembly.Instance(new WebAssembly.Module(code), imports).exports
    this.#save = save as (first: number, count: number) => void // because the module was made here
  }

  /** The frames of the batch that lies in memory. */
  save(count: number): void {
    this.#save(0, count)
  }

  /** Whether all of frame `index` was kept. */
  isWhole(index: number): boolean {
    return this.#length(index) <= this.bytes
  }

  /** Frame `index` of the batch as it was; of a frame that is not whole the end is what `now` has there. */
  restore(index: number, now: Uint8Array): Uint8Array {
    const at = this.#address + index * (LENGTH_BYTES + this.bytes)
    const length = this.#length(index)
    const kept = Math.min(length, this.bytes)
    const from = at + LENGTH_BYTES
    const frame = new Uint8Array(length)
    frame.set(this.#state.bytes.subarray(from, from + kept))
    const rest = length - kept
    if (rest > 0) frame.set(now.subarray(Math.max(0, now.length - rest)), kept)
    return frame
  }

  #length(index: number): number {
    return this.#state.u32[(this.#address + index * (LENGTH_BYTES + this.bytes)) >> 2]!
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
  const from = f.local('i32', 'from')
  const to = f.local('i32', 'to')
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
      f.get(descriptor)
      f.access('i32.load', ARENA, 0)
      f.set(from)
      f.get(0)
      f.i32(LENGTH_BYTES + bytes)
      f.op('i32.mul')
      f.i32(address)
      f.op('i32.add')
      f.tee(to)
      f.get(length)
      f.access('i32.store', STATE, 0)
      // A copy of a length that is not known here is a call out of the generated code.
      f.get(length)
      f.i32(UNROLLED)
      f.op('i32.ge_u')
      f.if(undefined, () => {
        for (let k = 0; k < UNROLLED; k += 16) {
          f.get(to)
          f.get(from)
          f.loadVector(ARENA, k)
          f.storeVector(STATE, LENGTH_BYTES + k)
        }
      })
      f.get(length)
      f.i32(bytes)
      f.get(length)
      f.i32(bytes)
      f.op('i32.lt_u')
      f.op('select')
      f.tee(length)
      f.i32(UNROLLED)
      f.op('i32.ne')
      f.if(undefined, () => {
        f.get(to)
        f.i32(LENGTH_BYTES)
        f.op('i32.add')
        f.get(from)
        f.get(length)
        f.memoryCopy(STATE, ARENA)
      })
      f.get(0)
      f.i32(1)
      f.op('i32.add')
      f.set(0)
      f.br(again)
    })
  })
  return module.finish()
}
