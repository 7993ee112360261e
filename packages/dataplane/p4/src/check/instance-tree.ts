/**
 * What `main` is made of, with the names that the control plane uses (P4-16 §18.3): its parsers and controls, those that
 * they instantiate or apply by type, and their tables, actions, value sets and extern instances. A block that is
 * instantiated twice appears twice.
 */
import type {
  ActionDeclaration,
  Annotation,
  ControlDeclaration,
  Declaration,
  Expression,
  InstantiationDeclaration,
  ParserDeclaration,
  TableDeclaration,
  ValueSetDeclaration,
} from '../syntax/ast.ts'
import { forEachExpressionIn } from '../syntax/walk.ts'
import { architectureOf, mainOf } from './architecture-name.ts'
import type { BoundArgument, CheckedProgram } from './context.ts'
import { nameAnnotation } from './control-plane-name.ts'
import type { ExternType, Type } from './type.ts'

export interface BlockInstance {
  readonly path: string
  readonly declaration: ControlDeclaration | ParserDeclaration
  /** The name of the parameter of the package that the block fills; undefined for blocks within blocks. */
  readonly role: string | undefined
}

export interface ExternInstance {
  readonly name: string
  readonly type: ExternType
  readonly args: readonly BoundArgument[]
  readonly declaration: InstantiationDeclaration
}

interface Named<D> {
  readonly name: string
  readonly declaration: D
}

export interface InstanceTree {
  readonly architecture: string | undefined
  /** In the order of the package's parameters, each before those within it. */
  readonly blocks: readonly BlockInstance[]
  readonly tables: readonly (Named<TableDeclaration> & { readonly block: BlockInstance })[]
  readonly actions: readonly Named<ActionDeclaration>[]
  readonly valueSets: readonly Named<ValueSetDeclaration>[]
  readonly externs: readonly ExternInstance[]
}

const SOFTNPU_BLOCKS: ReadonlyMap<string, string> = new Map([
  ['p', 'parser'],
  ['i', 'ingress'],
  ['e', 'egress'],
  ['d', 'deparser'],
])

/** More instances than any real program has; guards against controls that double at each level. */
const MAX_BLOCKS = 2000

const KNOWN = new WeakMap<CheckedProgram, InstanceTree>()

/** Undefined for a program without a `main` that could be checked. Made once for each program. */
export function instanceTree(checked: CheckedProgram): InstanceTree | undefined {
  const known = KNOWN.get(checked)
  if (known !== undefined) return known
  const main = mainOf(checked.tree)
  const construction = main === undefined ? undefined : checked.constructions.get(main)
  if (construction === undefined) return undefined
  const walk = new Walk(checked)
  walk.top()
  walk.arguments(construction.args)
  KNOWN.set(checked, walk.tree)
  return walk.tree
}

class Walk {
  readonly tree
  readonly #checked: CheckedProgram

  constructor(checked: CheckedProgram) {
    this.#checked = checked
    this.tree = {
      architecture: architectureOf(checked.tree),
      blocks: [] as BlockInstance[],
      tables: [] as (Named<TableDeclaration> & { block: BlockInstance })[],
      actions: [] as Named<ActionDeclaration>[],
      valueSets: [] as Named<ValueSetDeclaration>[],
      externs: [] as ExternInstance[],
    }
  }

  /** Actions and extern instances outside of all blocks. */
  top(): void {
    for (const declaration of this.#checked.tree.declarations) {
      if (declaration.kind === 'Action') {
        this.tree.actions.push({ name: controlPlaneName('', declaration), declaration })
      } else if (declaration.kind === 'Instantiation' && declaration.name.text !== 'main') {
        this.#extern(declaration, '')
      }
    }
  }

  /** Of a package: blocks, and packages that hold blocks. */
  arguments(args: readonly BoundArgument[]): void {
    for (const { value, parameter } of args) {
      const source = value ?? parameter.initializer
      const made = source === undefined ? undefined : this.#construction(source)
      const type = made === undefined ? undefined : this.#checked.context.inference.resolve(made.type)
      if (made === undefined || type?.kind !== 'block') continue
      const { declaration } = type
      if (declaration.kind === 'Package') this.arguments(made.args)
      else {
        // softnpu names its blocks by what they do, so that programs can be exchanged; P4Runtime by what they are called.
        const role = this.tree.architecture === 'softnpu' ? SOFTNPU_BLOCKS.get(parameter.name) : undefined
        const path = role ?? declaration.name.text
        this.#block({ path, declaration, role: parameter.name })
      }
    }
  }

  #construction(source: Expression): { type: Type; args: readonly BoundArgument[] } | undefined {
    const { context } = this.#checked
    if (source.kind === 'Call') {
      const call = context.calls.get(source)
      return call?.kind === 'constructor' ? call : undefined
    }
    const symbol = context.references.get(source)
    return symbol?.kind === 'instance' ? context.constructions.get(symbol.declaration) : undefined
  }

  #block(block: BlockInstance): void {
    if (this.tree.blocks.length >= MAX_BLOCKS) return
    this.tree.blocks.push(block)
    const { declaration, path } = block
    for (const local of declaration.locals) this.#local(local, block)
    if (declaration.kind === 'Control') {
      if (declaration.apply !== undefined) this.#applied(declaration.apply, path)
    } else {
      for (const state of declaration.states) for (const statement of state.statements) this.#applied(statement, path)
    }
  }

  #local(local: Declaration, block: BlockInstance): void {
    const { path } = block
    if (local.kind === 'Action') this.tree.actions.push({ name: controlPlaneName(path, local), declaration: local })
    else if (local.kind === 'Table') {
      this.tree.tables.push({ name: controlPlaneName(path, local), declaration: local, block })
    } else if (local.kind === 'ValueSet') {
      this.tree.valueSets.push({ name: controlPlaneName(path, local), declaration: local })
    } else if (local.kind === 'Instantiation') {
      this.#extern(local, path)
      const made = this.#checked.context.constructions.get(local)
      if (made?.type.kind === 'block' && made.type.declaration.kind !== 'Package') {
        this.#block({ path: controlPlaneName(path, local), declaration: made.type.declaration, role: undefined })
      }
    }
  }

  #extern(declaration: InstantiationDeclaration, path: string): void {
    const made = this.#checked.context.constructions.get(declaration)
    const type = made === undefined ? undefined : this.#checked.context.inference.resolve(made.type)
    if (made === undefined || type?.kind !== 'extern') return
    this.tree.externs.push({ name: controlPlaneName(path, declaration), type, args: made.args, declaration })
  }

  /** Blocks that are applied by their type, which makes an instance of that name. */
  #applied(statement: Parameters<typeof forEachExpressionIn>[0], path: string): void {
    const { context } = this.#checked
    const seen = new Set<string>()
    forEachExpressionIn(statement, (expression) => {
      if (expression.kind !== 'Call') return
      const call = context.calls.get(expression)
      if (call?.kind !== 'blockApply' || call.object !== undefined || call.type.declaration.kind === 'Package') return
      const { name } = call.type.declaration
      if (seen.has(name.text)) return
      seen.add(name.text)
      this.#block({ path: `${path}.${name.text}`, declaration: call.type.declaration, role: undefined })
    })
  }
}

/** `@name("x")` in place of the declared name; a leading dot makes it absolute. */
function controlPlaneName(
  path: string,
  declaration: { readonly name: { readonly text: string }; readonly annotations: readonly Annotation[] },
): string {
  const own = nameAnnotation(declaration.annotations) ?? declaration.name.text
  if (own.startsWith('.')) return own.slice(1)
  return path === '' ? own : `${path}.${own}`
}
