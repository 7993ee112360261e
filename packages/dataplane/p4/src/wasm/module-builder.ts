/**
 * A WebAssembly module put together section by section (core specification §5.5): imported memories, functions, exports,
 * active data segments, and the name section that makes traps, profiles and disassembly readable.
 */
import { ByteSink } from './byte-sink.ts'
import { FunctionBuilder, type FunctionRef, type Signature } from './function-builder.ts'
import { VALUE_TYPE } from './opcode.ts'

const SECTION = { custom: 0, type: 1, import: 2, function: 3, export: 7, code: 10, data: 11 } as const
const KIND_FUNCTION = 0
const KIND_MEMORY = 2
const SHARED_WITH_MAXIMUM = 3

interface ImportedMemory {
  readonly module: string
  readonly name: string
  readonly minimumPages: number
  readonly sharedPages: number | undefined
}

export class ModuleBuilder {
  readonly #name: string
  readonly #types: Signature[] = []
  readonly #typeIndex = new Map<string, number>()
  readonly #memories: ImportedMemory[] = []
  readonly #imported: { readonly module: string; readonly name: string; readonly signature: Signature }[] = []
  readonly #functions: FunctionBuilder[] = []
  readonly #exports: { readonly name: string; readonly index: number }[] = []
  readonly #data: { readonly memory: number; readonly offset: number; readonly bytes: Uint8Array }[] = []

  constructor(name: string) {
    this.#name = name
  }

  /**
   * @param sharedPages of a shared memory, the most that it may have; of others any maximum is accepted.
   * @returns the memory's index.
   */
  importMemory(module: string, name: string, minimumPages: number, sharedPages?: number): number {
    this.#memories.push({ module, name, minimumPages, sharedPages })
    return this.#memories.length - 1
  }

  /** Imported functions come before all others, so they must be declared first. */
  importFunction(module: string, name: string, signature: Signature): FunctionRef {
    if (this.#functions.length > 0) throw new Error('functions are imported before any is declared')
    this.#imported.push({ module, name, signature })
    return { index: this.#imported.length - 1 }
  }

  /** Declares a function; it can be called at once and its body written later. */
  function(name: string, signature: Signature): FunctionBuilder {
    const builder = new FunctionBuilder(this.#imported.length + this.#functions.length, name, signature)
    this.#functions.push(builder)
    return builder
  }

  export(name: string, builder: FunctionBuilder): void {
    this.#exports.push({ name, index: builder.index })
  }

  /** Bytes copied into the memory at instantiation. */
  data(memory: number, offset: number, bytes: Uint8Array): void {
    this.#data.push({ memory, offset, bytes })
  }

  finish(): Uint8Array<ArrayBuffer> {
    const out = new ByteSink()
    out.bytes([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00])
    const importedTypes = this.#imported.map((imported) => this.#type(imported.signature))
    const functionTypes = this.#functions.map((builder) => this.#type(builder.signature))
    section(out, SECTION.type, this.#types, (sink, type) => {
      sink.byte(0x60)
      sink.vector(Uint8Array.from(type.parameters, (name) => VALUE_TYPE[name]))
      sink.vector(Uint8Array.from(type.results, (name) => VALUE_TYPE[name]))
    })
    const imports = [
      ...this.#memories.map((memory) => ({ ...memory, type: undefined })),
      ...this.#imported.map((imported, k) => ({ ...imported, type: importedTypes[k]! })),
    ]
    section(out, SECTION.import, imports, (sink, one) => {
      sink.name(one.module)
      sink.name(one.name)
      sink.byte(one.type === undefined ? KIND_MEMORY : KIND_FUNCTION)
      if (one.type === undefined) writeLimits(sink, one)
      else sink.u32(one.type)
    })
    section(out, SECTION.function, functionTypes, (sink, type) => sink.u32(type))
    section(out, SECTION.export, this.#exports, (sink, entry) => {
      sink.name(entry.name)
      sink.byte(KIND_FUNCTION)
      sink.u32(entry.index)
    })
    section(out, SECTION.code, this.#functions, (sink, builder) => sink.vector(builder.finish()))
    section(out, SECTION.data, this.#data, (sink, segment) => {
      sink.u32(2)
      sink.u32(segment.memory)
      sink.byte(0x41)
      sink.s32(segment.offset)
      sink.byte(0x0b)
      sink.vector(segment.bytes)
    })
    this.#nameSection(out)
    return out.finish()
  }

  #type(signature: Signature): number {
    const key = `${signature.parameters.join()}:${signature.results.join()}`
    let index = this.#typeIndex.get(key)
    if (index === undefined) {
      index = this.#types.length
      this.#types.push(signature)
      this.#typeIndex.set(key, index)
    }
    return index
  }

  #nameSection(out: ByteSink): void {
    const names = new ByteSink()
    names.name('name')
    subsection(names, 0, (sink) => sink.name(this.#name))
    subsection(names, 1, (sink) => {
      sink.u32(this.#functions.length)
      for (const builder of this.#functions) {
        sink.u32(builder.index)
        sink.name(builder.name)
      }
    })
    const withLocals = this.#functions.filter((builder) => builder.localNames.size > 0)
    subsection(names, 2, (sink) => {
      sink.u32(withLocals.length)
      for (const builder of withLocals) {
        sink.u32(builder.index)
        const sorted = [...builder.localNames].sort((a, b) => a[0] - b[0])
        sink.u32(sorted.length)
        for (const [index, name] of sorted) {
          sink.u32(index)
          sink.name(name)
        }
      }
    })
    out.byte(SECTION.custom)
    out.vector(names.finish())
  }
}

/** Pages at least, and whether there is a maximum, without which no memory can be shared (threads proposal). */
function writeLimits(sink: ByteSink, { minimumPages, sharedPages }: ImportedMemory): void {
  sink.byte(sharedPages === undefined ? 0 : SHARED_WITH_MAXIMUM)
  sink.u32(minimumPages)
  if (sharedPages !== undefined) sink.u32(sharedPages)
}

function section<Item>(
  out: ByteSink,
  id: number,
  items: readonly Item[],
  write: (sink: ByteSink, item: Item) => void,
): void {
  if (items.length === 0) return
  const body = new ByteSink()
  body.u32(items.length)
  for (const item of items) write(body, item)
  out.byte(id)
  out.vector(body.finish())
}

function subsection(out: ByteSink, id: number, write: (sink: ByteSink) => void): void {
  const body = new ByteSink()
  write(body)
  out.byte(id)
  out.vector(body.finish())
}
