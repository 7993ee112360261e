/** Which architecture a program is for: its `main` says so by the package that it instantiates (P4-16 §17). */
import type { InstantiationDeclaration, SyntaxTree } from '../syntax/ast.ts'
import type { Context } from './context.ts'

const PACKAGES: ReadonlyMap<string, string> = new Map([
  ['SoftNPU', 'softnpu'],
  ['V1Switch', 'v1model'],
  ['PSA_Switch', 'psa'],
  ['PNA_NIC', 'pna'],
  ['ebpfFilter', 'ebpf'],
  ['ubpf', 'ubpf'],
  ['xdp', 'xdp'],
])

/** Names that `--arch` takes. */
export const ARCHITECTURE_NAMES: readonly string[] = [...PACKAGES.values()]

export function mainOf(tree: SyntaxTree): InstantiationDeclaration | undefined {
  return tree.declarations.find(
    (declaration): declaration is InstantiationDeclaration =>
      declaration.kind === 'Instantiation' && declaration.name.text === 'main',
  )
}

/** The architecture's name; undefined without `main` or for a package that the program declares itself. */
export function architectureOf(tree: SyntaxTree): string | undefined {
  const main = mainOf(tree)
  return main?.type.kind === 'NamedType' ? PACKAGES.get(main.type.name.text) : undefined
}

/** Complains when the program is for another architecture than the user said. */
export function requireArchitecture(context: Context, tree: SyntaxTree, wanted: string): void {
  const main = mainOf(tree)
  if (main === undefined || main.type.kind !== 'NamedType') return
  const found = architectureOf(tree)
  if (found === wanted) return
  const packageName = main.type.name.text
  const wantedPackage = [...PACKAGES].find(([, name]) => name === wanted)?.[0]
  const what = found === undefined ? `of no architecture known here` : `the package of ${found}`
  const notes = [
    {
      message:
        found === undefined
          ? `a program for ${wanted} instantiates ${wantedPackage ?? 'its package'}`
          : `compile it with --arch ${found}, or without --arch; a program for ${wanted} instantiates ${wantedPackage ?? '?'}`,
    },
  ]
  context.error('P4C6031', main.type.range, `'${packageName}' is ${what}, not of ${wanted}`, { notes })
}
