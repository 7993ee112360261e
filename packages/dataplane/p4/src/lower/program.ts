/** From a checked program to IR: finds `main`, makes its blocks, and lets the architecture lower them. */
import type { Program } from '../ir/index.ts'
import type { BoundArgument, CheckedProgram } from '../check/context.ts'
import type { Expression, InstantiationDeclaration } from '../syntax/ast.ts'
import type { Architecture, LoweredBlocks } from './architecture.ts'
import { declareInstance, lowerObject } from './block.ts'
import { Lowering, type BlockObject } from './lowering.ts'
import { softnpu } from './softnpu.ts'
import { psa } from './psa.ts'
import { v1model } from './v1model.ts'

const MAX_ROUNDS = 50
const ARCHITECTURES: readonly Architecture[] = [softnpu, v1model, psa]

/** Undefined, with a diagnostic, when the program has no `main` of a known architecture. */
export function lowerProgram(
  checked: CheckedProgram,
  name: string,
  wanted?: string,
  isBmv2 = false,
): Program | undefined {
  const { context, tree } = checked
  const main = tree.declarations.find(
    (declaration): declaration is InstantiationDeclaration =>
      declaration.kind === 'Instantiation' && declaration.name.text === 'main',
  )
  if (main === undefined) {
    const range = { file: name, line: 1, column: 1, endLine: 1, endColumn: 1 }
    context.error('P4C6030', range, "the program has no package instance 'main'")
    return undefined
  }
  const construction = context.constructions.get(main)
  const type = construction === undefined ? undefined : context.inference.resolve(construction.type)
  if (construction === undefined || type?.kind !== 'block') return undefined
  const packageName = type.declaration.name.text
  const architecture = ARCHITECTURES.find((candidate) => candidate.packageName === packageName)
  if (architecture === undefined || (wanted !== undefined && wanted !== architecture.name)) {
    const known = ARCHITECTURES.filter((candidate) => wanted === undefined || candidate.name === wanted)
    const list = known.map((candidate) => `${candidate.packageName} (${candidate.name})`).join(', ')
    context.error(
      'P4C6031',
      main.type.range,
      `package '${packageName}' is not one that can be compiled; known: ${list}`,
    )
    return undefined
  }
  let shared: ReadonlySet<string> = new Set()
  // An instance found to need storage of its own is known only after the fact; each round finds at least one more.
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const lower = new Lowering(checked, architecture, shared, isBmv2)
    const lowered = lowerOnce(lower, main, construction)
    if (context.sink.errorCount > 0) return undefined
    if (lower.foundShared.size === 0) return assemble(lower, lowered, programName(name))
    shared = new Set([...shared, ...lower.foundShared])
  }
  context.error('P4C6032', main.range, 'control instances are shared in too many ways')
  return undefined
}

function lowerOnce(
  lower: Lowering,
  main: InstantiationDeclaration,
  construction: { readonly args: readonly BoundArgument[] },
): LoweredBlocks {
  for (const declaration of lower.checked.tree.declarations) {
    if (declaration.kind === 'Instantiation' && declaration !== main) declareInstance(lower, declaration)
  }
  const blocks = new Map<string, BlockObject>()
  collectBlocks(lower, construction.args, blocks)
  return lower.architecture.lowerBlocks(lower, blocks)
}

/** Blocks by the package's parameter names; those of a package inside the package by that one's. */
function collectBlocks(lower: Lowering, args: readonly BoundArgument[], into: Map<string, BlockObject>): void {
  for (const argument of args) {
    const source = argument.value ?? argument.parameter.initializer
    if (source === undefined) continue
    const object = lowerObject(lower, source, argument.parameter.name)
    if (object?.kind === 'block') into.set(argument.parameter.name, object)
    else if (object === undefined) collectBlocks(lower, packageArguments(lower, source), into)
  }
}

/** What a package instance, named or made on the spot, was constructed with. */
function packageArguments(lower: Lowering, source: Expression): readonly BoundArgument[] {
  const { context } = lower
  const symbol = context.references.get(source)
  if (symbol?.kind === 'instance') return context.constructions.get(symbol.declaration)?.args ?? []
  const info = source.kind === 'Call' ? context.calls.get(source) : undefined
  return info?.kind === 'constructor' ? info.args : []
}

function assemble(lower: Lowering, lowered: LoweredBlocks, name: string): Program {
  const { builder } = lower
  return {
    name,
    architecture: lower.architecture.name,
    slots: builder.slots,
    headers: builder.headers,
    parsers: builder.parsers,
    procedures: builder.procedures,
    actions: builder.actions,
    tables: builder.tables,
    externs: builder.externs,
    valueSets: builder.valueSets,
    blocks: lowered.blocks,
    intrinsics: lowered.intrinsics,
    errors: lower.errors,
    files: builder.files,
    valueNames: builder.valueNames,
    ...(lowered.fieldLists === undefined ? {} : { fieldLists: lowered.fieldLists }),
    ...(lower.isBmv2 ? { isBmv2: true } : {}),
  }
}

function programName(file: string): string {
  return file.slice(file.lastIndexOf('/') + 1).replace(/\.p4$/, '')
}
