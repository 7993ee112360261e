/**
 * From a path to a checked specification: read and parse the modules, resolve names, check enums, then registers, then
 * blocks from the innermost out. Every problem is a diagnostic; there is a specification only when none is an error.
 */
import { DiagnosticSink, type Diagnostic } from './source/diagnostic.ts'
import { startOf } from './source/range.ts'
import type { ReadFile } from './source/render.ts'
import { checkBlock, reportWrongElement } from './specification/check-block.ts'
import { checkEnum } from './specification/check-enum.ts'
import { checkRegister } from './specification/check-register.ts'
import type { BlockType, EnumType, RegisterType, Specification } from './specification/model.ts'
import { loadModules } from './specification/module.ts'
import { Names, type Declared, type DefinitionItem } from './specification/names.ts'
import type { BlockItem, Element } from './syntax/syntax-tree.ts'

export interface CompileOptions {
  /** A file that others use: `Main` may be missing, and then there is no specification. Default false. */
  readonly isLibrary?: boolean
}

export interface CompileResult {
  /** Absent when a diagnostic is an error. */
  readonly specification: Specification | undefined
  readonly diagnostics: readonly Diagnostic[]
}

/**
 * Checks the specification whose root file is `path`. Files come only from `readFile`, which gets `path` itself and
 * paths in its folder and below (`/` between segments); a file that it does not have is a diagnostic.
 */
export function compile(path: string, readFile: ReadFile, options: CompileOptions = {}): CompileResult {
  const sink = new DiagnosticSink()
  const loaded = loadModules(path, readFile, sink)
  if (loaded === undefined) return { specification: undefined, diagnostics: sink.diagnostics }
  const names = new Names(loaded.modules, sink)
  const checker = new Checker(names, sink)
  for (const declared of names.all) checker.check(declared)
  names.reportUnused()
  const main = checker.blocks.find((block) => block.name === 'Main' && block.module.length === 0)
  if (main === undefined && options.isLibrary !== true) {
    sink.error('RSF3010', startOf(path), 'the root file declares no block Main')
  }
  const { enums, registers, blocks } = checker
  const specification =
    main === undefined || sink.errorCount > 0 ? undefined : { file: path, main, enums, registers, blocks }
  return { specification, diagnostics: sink.diagnostics }
}

class Checker {
  readonly enums: EnumType[] = []
  readonly registers: RegisterType[] = []
  /** A block stands after the blocks it holds. */
  readonly blocks: BlockType[] = []
  readonly #names: Names
  readonly #sink: DiagnosticSink
  readonly #enumOf = new Map<DefinitionItem, EnumType>()
  readonly #typeOf = new Map<DefinitionItem, RegisterType | BlockType>()
  readonly #open: DefinitionItem[] = []

  constructor(names: Names, sink: DiagnosticSink) {
    this.#names = names
    this.#sink = sink
    for (const { item, module } of names.all) {
      if (item.kind !== 'enum') continue
      const type = checkEnum(item, module, sink)
      this.enums.push(type)
      this.#enumOf.set(item, type)
    }
  }

  check(declared: Declared): RegisterType | BlockType | undefined {
    const { item, module } = declared
    const known = this.#typeOf.get(item)
    if (known !== undefined || item.kind === 'enum') return known
    if (item.kind === 'block') return this.#checkBlock(declared, item)
    const type = checkRegister(item, { module, names: this.#names, enums: this.#enumOf, sink: this.#sink })
    this.registers.push(type)
    this.#typeOf.set(item, type)
    return type
  }

  #checkBlock({ module }: Declared, item: BlockItem): BlockType {
    this.#open.push(item)
    const block = checkBlock(item, {
      module,
      sink: this.#sink,
      typeOf: (element) => this.#elementType(element, module),
    })
    this.#open.pop()
    this.blocks.push(block)
    this.#typeOf.set(item, block)
    return block
  }

  #elementType(element: Element, module: Declared['module']): RegisterType | BlockType | undefined {
    const declared = this.#names.resolve(element.type, module)
    if (declared === undefined) return undefined
    if (declared.item.kind === 'enum') {
      reportWrongElement(element, declared, this.#sink)
      return undefined
    }
    const loop = this.#open.indexOf(declared.item)
    if (loop < 0) return this.check(declared)
    const chain = [...this.#open.slice(loop), declared.item].map((item) => item.name.name)
    this.#sink.error('RSF3009', element.type.range, `blocks hold each other in a cycle: ${chain.join(' -> ')}`)
    return undefined
  }
}
