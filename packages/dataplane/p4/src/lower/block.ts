/** Instances of controls, parsers and externs, and the application of controls (P4-16 §14, §16). */
import type { Expression, SlotId } from '../ir/index.ts'
import type { BoundArgument } from '../check/context.ts'
import type { ActionSymbol, Symbol } from '../check/symbol.ts'
import { substitutionOf, type BlockType, type ExternType } from '../check/type.ts'
import type { Range } from '../source/range.ts'
import type {
  Annotation,
  ControlDeclaration,
  Declaration,
  Expression as Ast,
  InstantiationDeclaration,
} from '../syntax/ast.ts'
import { evaluateInteger } from '../check/evaluate.ts'
import { objectBinding, passArguments, invalidate } from './call.ts'
import { lowerValue } from './expression.ts'
import { lowerTarget, readTarget, writeTarget } from './target.ts'
import { Environment, type Binding, type BlockObject, type ExternObject, type Lowering } from './lowering.ts'
import * as fold from './fold.ts'
import { allocate, allSlots, type Place } from './place.ts'
import { leaveIfExited, lowerBlock, lowerExit, lowerVariable } from './statement.ts'
import { declareTable } from './table.ts'
import { userExtern } from './user-extern.ts'
import { convert, leaves, NONE, read, write, type Value } from './value.ts'

/** `@name("x")` in place of the declared name; a leading dot makes it absolute. */
export function controlPlaneName(lower: Lowering, name: string, annotations: readonly Annotation[]): string {
  const given = annotations.find((annotation) => annotation.name.text === 'name')?.values[0]
  if (given?.kind !== 'String') return lower.qualified(name)
  return given.value.startsWith('.') ? given.value.slice(1) : lower.qualified(given.value)
}

export function instantiateBlock(
  lower: Lowering,
  type: BlockType,
  args: readonly BoundArgument[],
  path: string,
): BlockObject | undefined {
  const { declaration } = type
  if (declaration.kind === 'Package') return undefined
  const bindings = new Map<Symbol, Binding>()
  for (const argument of args) {
    const symbol = lower.context.symbols.get(argument.parameter.node)
    if (symbol === undefined) continue
    bindings.set(symbol, constructorArgument(lower, argument, `${path}.${argument.parameter.name}`))
  }
  const resolved = type.args.map((arg) => lower.resolve(arg))
  const typeArgs = substitutionOf(declaration.typeParameters, resolved)
  return { kind: 'block', type: { ...type, args: resolved }, declaration, path, bindings, typeArgs }
}

function constructorArgument(lower: Lowering, argument: BoundArgument, path: string): Binding {
  const source = argument.value ?? argument.parameter.initializer
  if (source === undefined) return { kind: 'value', value: NONE }
  const object = lowerObject(lower, source, path)
  if (object !== undefined) return { kind: 'object', object }
  const type = lower.resolve(argument.type)
  return { kind: 'value', value: convert(lower, lowerValue(lower, source), lower.typeOf(source), type) }
}

/** An expression that is an instance: a name of one, or a constructor call. */
export function lowerObject(lower: Lowering, expression: Ast, path: string): ExternObject | BlockObject | undefined {
  const symbol = lower.context.references.get(expression)
  if (symbol !== undefined) {
    const binding = lower.environment.lookup(symbol)
    return binding?.kind === 'object' && binding.object.kind !== 'table' ? binding.object : undefined
  }
  if (expression.kind !== 'Call') return undefined
  const info = lower.context.calls.get(expression)
  if (info?.kind !== 'constructor') return undefined
  const type = lower.resolve(info.type)
  if (type.kind === 'block') return instantiateBlock(lower, type, info.args, path)
  return type.kind === 'extern' ? instantiateExtern(lower, type, info.args, path, expression.range) : undefined
}

function instantiateExtern(
  lower: Lowering,
  type: ExternType,
  args: readonly BoundArgument[],
  name: string,
  range: Range,
): ExternObject {
  const values: Value[] = args.map((argument) => {
    const binding = constructorArgument(lower, argument, name)
    return binding.kind === 'value' ? binding.value : NONE
  })
  return lower.architecture.construct(lower, type, name, values, range) ?? userExtern(type, name, values)
}

export function declareInstance(lower: Lowering, declaration: InstantiationDeclaration): void {
  const symbol = lower.context.symbols.get(declaration)
  const construction = lower.context.constructions.get(declaration)
  if (symbol === undefined || construction === undefined) return
  const type = lower.resolve(construction.type)
  const path = controlPlaneName(lower, declaration.name.text, declaration.annotations)
  if (declaration.size !== undefined && type.kind === 'extern') {
    const size = Number(evaluateInteger(lower.context, declaration.size) ?? 0n)
    const objects = Array.from({ length: size }, (_, index) =>
      instantiateExtern(lower, type, construction.args, `${path}[${index}]`, declaration.range),
    )
    lower.environment.bind(symbol, { kind: 'instances', objects })
    return
  }
  const object =
    type.kind === 'block'
      ? instantiateBlock(lower, type, construction.args, path)
      : type.kind === 'extern'
        ? instantiateExtern(lower, type, construction.args, path, declaration.range)
        : undefined
  if (object !== undefined) lower.environment.bind(symbol, { kind: 'object', object })
}

/** The block that an expression names. */
export function blockOf(lower: Lowering, expression: Ast): BlockObject | undefined {
  const binding = objectBinding(lower, expression)
  return binding.kind === 'object' && binding.object.kind === 'block' ? binding.object : undefined
}

/** Lowers `instance.apply(args)`. */
export function applyBlock(lower: Lowering, object: BlockObject, args: readonly BoundArgument[], range: Range): void {
  const { declaration } = object
  if (declaration.kind === 'Parser') {
    if (lower.applySubParser === undefined) lower.error('P4C6005', range, 'a parser cannot be applied here')
    else lower.applySubParser(object, args)
    return
  }
  const known = lower.controls.get(object)
  if (known !== undefined) {
    applyAgain(lower, object, known, args)
    return
  }
  const environment = blockEnvironment(lower, object)
  const isShared = lower.shared.has(object.path)
  const places = args.map((arg, index) =>
    isShared || lower.shared.has(parameterPath(object, index))
      ? allocate(lower.builder, lower.context, lower.resolve(arg.type), `${object.path}.${arg.parameter.name}`)
      : undefined,
  )
  if (isShared) {
    bindShared(lower, environment, args, places)
    const saved = lower.exit
    const flag = lower.builder.slot(`${object.path}.$exit`, 'bool', 1)
    const exit = { flag, copies: lower.pendingCopies.length, isUsed: false }
    lower.exit = exit
    const procedure = lowerControl(lower, declaration, object, environment)
    lower.exit = saved
    const control = { procedure, isShared, places, signature: [], exitFlag: exit.isUsed ? flag : undefined }
    lower.controls.set(object, control)
    applyAgain(lower, object, control, args)
    return
  }
  copyIn(lower, args, places)
  passArguments(lower, environment, withoutPlace(args, places), 'alias', () => {
    bindShared(lower, environment, args, places)
    const signature = storageOf(lower, environment, args)
    const procedure = lowerControl(lower, declaration, object, environment)
    lower.controls.set(object, { procedure, isShared, places, signature, exitFlag: undefined })
    lower.emit({ kind: 'call', procedure })
    leaveIfExited(lower)
  })
}

/** Names a parameter of an instance in `Lowering.shared`. */
function parameterPath(object: BlockObject, index: number): string {
  return `${object.path}#${index}`
}

function withoutPlace(args: readonly BoundArgument[], places: readonly (Place | undefined)[]): BoundArgument[] {
  return args.filter((_, index) => places[index] === undefined)
}

/** Arguments of `in` parameters that have storage of their own. */
function copyIn(lower: Lowering, args: readonly BoundArgument[], places: readonly (Place | undefined)[]): void {
  args.forEach(({ value, parameter }, index) => {
    const place = places[index]
    const source = value ?? parameter.initializer
    if (place !== undefined && source !== undefined) write(lower, place, lowerValue(lower, source))
  })
}

export interface LoweredControl {
  readonly procedure: number
  /** All parameters have storage of their own, because the instance is applied to different things in different places. */
  readonly isShared: boolean
  /** The storage of those parameters that have it; `in` parameters have it alone when only their values differ. */
  readonly places: readonly (Place | undefined)[]
  /** What each parameter was bound to. */
  readonly signature: readonly string[]
  /** Set when the control ended by `exit`. */
  readonly exitFlag: SlotId | undefined
}

/** The slots that each parameter of a block is bound to, as text. */
function storageOf(lower: Lowering, environment: Environment, args: readonly BoundArgument[]): string[] {
  return args.map((argument) => {
    const symbol = lower.context.symbols.get(argument.parameter.node)
    const binding = symbol === undefined ? undefined : environment.lookup(symbol)
    if (binding?.kind === 'object') return 'object'
    const slots = new Set<SlotId>()
    if (binding?.kind === 'place') allSlots(binding.place, slots)
    if (binding?.kind === 'value') {
      const parts: Expression[] = []
      leaves(binding.value, parts)
      return parts
        .map((part) => (part.op === 'const' ? `=${part.value}` : part.op === 'load' ? part.slot : '?'))
        .join('+')
    }
    return [...slots].join('+')
  })
}

function bindShared(
  lower: Lowering,
  environment: Environment,
  args: readonly BoundArgument[],
  places: readonly (Place | undefined)[],
): void {
  for (const [index, argument] of args.entries()) {
    const symbol = lower.context.symbols.get(argument.parameter.node)
    const place = places[index]
    if (symbol === undefined || place === undefined) continue
    const type = lower.resolve(argument.type)
    if (type.kind === 'extern' && argument.value !== undefined)
      environment.bind(symbol, objectBinding(lower, argument.value))
    else environment.bind(symbol, { kind: 'place', place })
  }
}

function applyAgain(
  lower: Lowering,
  object: BlockObject,
  control: LoweredControl,
  args: readonly BoundArgument[],
): void {
  const { procedure, places } = control
  if (!control.isShared) {
    const environment = blockEnvironment(lower, object)
    copyIn(lower, args, places)
    passArguments(lower, environment, withoutPlace(args, places), 'alias', () => {
      bindShared(lower, environment, args, places)
      // Bound to other storage than before: the whole program is lowered again, with storage for what differs.
      storageOf(lower, environment, args).forEach((storage, index) => {
        if (storage === control.signature[index]) return
        const isIn = args[index]!.parameter.direction === 'in'
        lower.foundShared.add(isIn ? parameterPath(object, index) : object.path)
      })
      lower.emit({ kind: 'call', procedure })
      leaveIfExited(lower)
    })
    return
  }
  const outs: (() => void)[] = []
  for (const [index, argument] of args.entries()) {
    const place = places[index]
    const { value, parameter } = argument
    if (place === undefined || value === undefined || lower.resolve(argument.type).kind === 'extern') continue
    if (parameter.direction === 'out' || parameter.direction === 'inout') {
      const target = lowerTarget(lower, value)
      if (parameter.direction === 'inout') write(lower, place, readTarget(lower, target))
      else invalidate(lower, place)
      outs.push(() => writeTarget(lower, target, read(lower, place)))
    } else write(lower, place, lowerValue(lower, value))
  }
  const { exitFlag } = control
  if (exitFlag !== undefined) lower.emit({ kind: 'assign', slot: exitFlag, value: fold.FALSE })
  lower.emit({ kind: 'call', procedure })
  for (const out of outs) out()
  if (exitFlag === undefined) {
    leaveIfExited(lower)
    return
  }
  const then = lower.collect(() => lowerExit(lower))
  lower.emit({ kind: 'if', condition: lower.builder.load(exitFlag), then, else: [] })
}

export function blockEnvironment(lower: Lowering, object: BlockObject): Environment {
  const environment = new Environment(lower.globals, object.typeArgs)
  for (const [symbol, binding] of object.bindings) environment.bind(symbol, binding)
  return environment
}

/** A block's environment with its parameters bound by position. */
export function bindPlaces(lower: Lowering, block: BlockObject, places: readonly (Place | undefined)[]): Environment {
  const environment = blockEnvironment(lower, block)
  for (const [index, parameter] of lower.context.parametersOf(block.type).entries()) {
    const symbol = lower.context.symbols.get(parameter.node)
    const place = places[index]
    if (symbol === undefined || place === undefined) continue
    environment.bind(symbol, { kind: 'place', place })
  }
  return environment
}

/** The control's body as a procedure; its tables, actions and instances come into being here, once. */
export function lowerControl(
  lower: Lowering,
  declaration: ControlDeclaration,
  object: BlockObject,
  environment: Environment,
): number {
  const { apply } = declaration
  const id = lower.builder.procedure({ name: object.path, body: [] })
  const saved = { frame: lower.frame, loops: lower.loops, control: lower.control }
  lower.frame = { result: undefined, isProcedure: true }
  lower.loops = []
  const body = lower.atPath(object.path, () =>
    lower.within(environment, () =>
      lower.collect(() => {
        lower.inScope(() => {
          lower.control = { environment: lower.environment, actions: new Map<ActionSymbol, number>() }
          for (const local of declaration.locals) declareLocal(lower, local)
          if (apply !== undefined) lowerBlock(lower, apply)
        })
      }),
    ),
  )
  lower.frame = saved.frame
  lower.loops = saved.loops
  lower.control = saved.control
  lower.builder.procedures[id] = { name: object.path, body }
  return id
}

function declareLocal(lower: Lowering, local: Declaration): void {
  lower.located(local.range, () => {
    if (local.kind === 'Variable') lowerVariable(lower, local)
    else if (local.kind === 'Instantiation') declareInstance(lower, local)
    else if (local.kind === 'Table') declareTable(lower, local)
  })
}
