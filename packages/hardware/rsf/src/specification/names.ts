/** What a path means in a module, and what is declared where. */
import type { DiagnosticSink } from '../source/diagnostic.ts'
import type { BlockItem, EnumItem, Identifier, Path, RegisterItem } from '../syntax/syntax-tree.ts'
import type { Module } from './module.ts'

export type DefinitionItem = EnumItem | RegisterItem | BlockItem

export interface Declared {
  readonly item: DefinitionItem
  readonly module: Module
}

const BUILT_IN = /^(bool|b(0x[0-9a-fA-F]+|0b[01]+|[0-9]+))$/

/** The definitions of all modules by name. Names declared twice or built in are reported, the first one counts. */
export class Names {
  readonly #sink: DiagnosticSink
  readonly #scopes = new Map<Module, Map<string, Declared>>()
  readonly #used = new Set<Module>()

  constructor(modules: readonly Module[], sink: DiagnosticSink) {
    this.#sink = sink
    for (const module of modules) this.#scopes.set(module, this.#scopeOf(module))
  }

  /** All definitions, in the order of modules and files. */
  get all(): readonly Declared[] {
    return [...this.#scopes.values()].flatMap((scope) => [...scope.values()])
  }

  /** Resolves a path from inside `from`; a name that does not exist is reported. */
  resolve(path: Path, from: Module): Declared | undefined {
    let module = from
    for (const segment of path.segments.slice(0, -1)) {
      const used = module.uses.get(segment.name)
      if (used === undefined) {
        // A use that could not be loaded has been reported itself.
        if (!this.#isBroken(segment.name, module)) {
          this.#sink.error('RSF3005', segment.range, `no use binds the module ${segment.name}`)
        }
        return undefined
      }
      if (module === from) this.#used.add(used.module)
      module = used.module
    }
    // Because a path has at least one segment.
    const last = path.segments.at(-1)!
    const declared = this.#scopes.get(module)?.get(last.name)
    if (declared === undefined) this.#sink.error('RSF3006', last.range, `no type is called ${last.name}`)
    return declared
  }

  /** Warns of each `use` that no path went through. Call when everything is resolved. */
  reportUnused(): void {
    for (const module of this.#scopes.keys()) {
      for (const [name, { module: used, item }] of module.uses) {
        if (!this.#used.has(used)) this.#sink.warning('RSF3012', item.path.range, `nothing uses the module ${name}`)
      }
    }
  }

  #scopeOf(module: Module): Map<string, Declared> {
    const scope = new Map<string, Declared>()
    for (const item of module.tree.items) {
      if (item.kind === 'use') continue
      const { name, range } = item.name
      if (BUILT_IN.test(name)) this.#sink.error('RSF3011', range, `${name} is a built-in type`)
      const earlier = scope.get(name)
      if (earlier === undefined) scope.set(name, { item, module })
      else reportTwice(item.name, earlier.item.name, 'definition', this.#sink)
    }
    return scope
  }

  #isBroken(name: string, module: Module): boolean {
    return module.tree.items.some((item) => item.kind === 'use' && item.path.segments.at(-1)?.name === name)
  }
}

/** Reports members of one definition that have the same name. */
export function checkDistinct(
  members: readonly { readonly name: Identifier }[],
  what: string,
  sink: DiagnosticSink,
): void {
  const seen = new Map<string, Identifier>()
  for (const { name } of members) {
    const earlier = seen.get(name.name)
    if (earlier === undefined) seen.set(name.name, name)
    else reportTwice(name, earlier, what, sink)
  }
}

function reportTwice(name: Identifier, earlier: Identifier, what: string, sink: DiagnosticSink): void {
  const notes = [{ message: 'first here', range: earlier.range }]
  sink.error('RSF3004', name.range, `a second ${what} is called ${name.name}`, notes)
}
