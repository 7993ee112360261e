/**
 * Files that use each other. `use a::b::c;` binds the file `a/b/c.rsf` beside the using file to the name `c`. A file
 * is read once however often it is used; a loop and two uses that bind one name are errors.
 */
import type { DiagnosticSink } from '../source/diagnostic.ts'
import { startOf } from '../source/range.ts'
import type { ReadFile } from '../source/render.ts'
import { parse } from '../syntax/parser.ts'
import type { SyntaxTree, UseItem } from '../syntax/syntax-tree.ts'

export interface Module {
  /** Path segments below the root file's folder; empty for the root file. */
  readonly name: readonly string[]
  readonly tree: SyntaxTree
  readonly uses: ReadonlyMap<string, UsedModule>
}

export interface UsedModule {
  readonly module: Module
  readonly item: UseItem
}

/** The root module, and all modules with a module after those it uses; `undefined` when the root cannot be read. */
export function loadModules(
  path: string,
  readFile: ReadFile,
  sink: DiagnosticSink,
): { readonly root: Module; readonly modules: readonly Module[] } | undefined {
  const folder = path.slice(0, path.lastIndexOf('/') + 1)
  const loaded = new Map<string, Module>()
  const opening: string[] = []

  function load(file: string, name: readonly string[]): Module | undefined {
    const text = readFile(file)
    if (text === undefined) return undefined
    opening.push(file)
    const tree = parse(file, text, sink)
    const uses = new Map<string, UsedModule>()
    for (const item of tree.items) if (item.kind === 'use') use(item, name, uses)
    opening.pop()
    const module: Module = { name, tree, uses }
    loaded.set(file, module)
    return module
  }

  function use(item: UseItem, user: readonly string[], uses: Map<string, UsedModule>): void {
    const { range, segments } = item.path
    const name = [...user.slice(0, -1), ...segments.map((segment) => segment.name)]
    const file = `${folder}${name.join('/')}.rsf`
    // Because a path has at least one segment.
    const bound = name.at(-1)!
    const earlier = uses.get(bound)
    if (earlier !== undefined) {
      const notes = [{ message: 'bound here before', range: earlier.item.path.range }]
      sink.error('RSF3003', range, `a second use binds the name ${bound}`, notes)
      return
    }
    const loop = opening.indexOf(file)
    if (loop >= 0) {
      const chain = [...opening.slice(loop), file].map((each) => each.slice(folder.length))
      sink.error('RSF3002', range, `files use each other in a loop: ${chain.join(' -> ')}`)
      return
    }
    const module = loaded.get(file) ?? load(file, name)
    if (module === undefined) sink.error('RSF3001', range, `cannot read ${file}`)
    else uses.set(bound, { module, item })
  }

  const root = load(path, [])
  if (root === undefined) {
    sink.error('RSF3001', startOf(path), `cannot read ${path}`)
    return undefined
  }
  return { root, modules: [...loaded.values()] }
}
