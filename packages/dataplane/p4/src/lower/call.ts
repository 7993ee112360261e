/** Calls of every kind. Functions and actions are inlined: parameters are slots, copied in and out (P4-16 §6.8). */
import type { SlotId } from '../ir/index.ts'
import type { BoundArgument, CallInfo } from '../check/context.ts'
import { sizeInBits } from '../check/size.ts'
import { substitutionOf, type Type } from '../check/type.ts'
import type { BlockStatement, CallExpression, Expression as Ast, Statement as AstStatement } from '../syntax/ast.ts'
import type { ExternCall } from './architecture.ts'
import { applyBlock, blockOf, instantiateBlock } from './block.ts'
import { lowerScalar, lowerValue, tableOf } from './expression.ts'
import { lowerTarget, forEachAlternative, readTarget, singlePlace, writeTarget } from './target.ts'
import * as fold from './fold.ts'
import { lowerHeaderMethod, lowerStackShift } from './header.ts'
import {
  Environment,
  type Binding,
  type BlockObject,
  type ExternObject,
  type Lowering,
  type Target,
} from './lowering.ts'
import { packetMethod } from './packet.ts'
import { allocate, allSlots, scalarShape, type Place } from './place.ts'
import { leaveIfExited, lowerBlock, lowerExit } from './statement.ts'
import { callUserExtern } from './user-extern.ts'
import { convert, defaultValue, freeze, NONE, read, scalar, scalarOf, write, type Value } from './value.ts'

export function lowerCall(lower: Lowering, call: CallExpression): Value {
  const info = lower.context.calls.get(call)
  if (info === undefined) return NONE
  return lower.located(call.range, () => dispatch(lower, call, info))
}

function dispatch(lower: Lowering, call: CallExpression, info: CallInfo): Value {
  switch (info.kind) {
    case 'function':
      return lowerFunction(lower, call, info)
    case 'action':
      return lowerAction(lower, info)
    case 'method':
      return lowerMethod(lower, call, info)
    case 'builtin':
      return lowerBuiltin(lower, info)
    case 'tableApply': {
      const table = tableOf(lower, info.table)
      if (table === undefined) return NONE
      for (const statement of table.prelude) lower.emit(statement)
      lower.emit({ kind: 'apply', table: table.id })
      for (const flag of table.exitFlags) {
        const then = lower.collect(() => lowerExit(lower))
        lower.emit({ kind: 'if', condition: lower.builder.load(flag), then, else: [] })
      }
      leaveIfExited(lower)
      return NONE
    }
    case 'blockApply': {
      const object = info.object === undefined ? undefined : blockOf(lower, info.object)
      const name = info.type.declaration.name.text
      const instance = object ?? instantiateBlock(lower, info.type, [], lower.qualified(name))
      if (instance !== undefined) applyBlock(lower, instance, argumentsFor(lower, instance, info.args), call.range)
      return NONE
    }
    case 'constructor':
      return NONE
  }
}

/** An instance that was passed as a constructor argument is applied through its type, whose parameters are others. */
function argumentsFor(lower: Lowering, object: BlockObject, args: readonly BoundArgument[]): readonly BoundArgument[] {
  const own = lower.context.parametersOf(object.type)
  return args.map((argument, index) => {
    const parameter = own[index]
    return parameter === undefined || parameter.node === argument.parameter.node ? argument : { ...argument, parameter }
  })
}

function lowerFunction(lower: Lowering, call: CallExpression, info: Extract<CallInfo, { kind: 'function' }>): Value {
  const { symbol, args, typeArgs } = info
  const { declaration, signature } = symbol
  const resolved = typeArgs.map((arg) => lower.resolve(arg))
  if (declaration.body === undefined) {
    const externCall = makeExternCall(lower, symbol.name, call, args, resolved)
    const value = coreFunction(lower, externCall) ?? lower.architecture.function(lower, externCall)
    return value ?? callUserExtern(lower, externCall)
  }
  const environment = new Environment(lower.globals, substitutionOf(signature.typeParameters, resolved))
  const returnType = lower.within(environment, () => lower.resolve(signature.returnType))
  return inline(lower, declaration.body, returnType, environment, args, 'function')
}

function coreFunction(lower: Lowering, call: ExternCall): Value | undefined {
  if (call.name === 'static_assert') return scalar(fold.TRUE)
  if (call.name !== 'verify') return undefined
  const condition = call.expression(0)
  if (condition.op === 'const' && condition.value === 1n) return NONE
  lower.emit({ kind: 'verify', condition, error: call.expression(1) })
  return NONE
}

function lowerAction(lower: Lowering, info: Extract<CallInfo, { kind: 'action' }>): Value {
  const { declaration } = info.symbol
  // An action reads and writes its control's variables itself, so its parameters must be copies.
  const environment = new Environment(lower.environment)
  return inline(lower, declaration.body, { kind: 'void' }, environment, info.args, 'copy')
}

/**
 * How a parameter becomes storage: its own slots, or those of the argument where nobody can tell the difference. For BMv2, p4c
 * puts the argument in the place of a parameter of a control or parser, but gives those of functions variables.
 */
export type PassingMode = 'alias' | 'function' | 'copy'

/** Binds parameters in `environment`, runs `body`, copies out. */
export function passArguments(
  lower: Lowering,
  environment: Environment,
  args: readonly BoundArgument[],
  mode: PassingMode,
  body: () => void,
): void {
  const copies: (() => void)[] = []
  const targets = args.map(({ parameter, value }) =>
    value !== undefined &&
    (parameter.direction === 'out' || parameter.direction === 'inout') &&
    value.kind !== 'DontCare'
      ? lowerTarget(lower, value)
      : undefined,
  )
  for (const [index, argument] of args.entries()) {
    const symbol = lower.context.symbols.get(argument.parameter.node)
    if (symbol === undefined) continue
    const binding = bindParameter(lower, argument, targets, index, args, mode, copies)
    environment.bind(symbol, binding)
  }
  const copyOut = (): void => {
    for (const copy of copies) copy()
  }
  if (copies.length > 0) lower.pendingCopies.push(copyOut)
  lower.within(environment, body)
  if (copies.length > 0) lower.pendingCopies.pop()
  copyOut()
}

function bindParameter(
  lower: Lowering,
  argument: BoundArgument,
  targets: readonly (Target | undefined)[],
  index: number,
  args: readonly BoundArgument[],
  mode: PassingMode,
  copies: (() => void)[],
): Binding {
  const { parameter, value } = argument
  const type = lower.resolve(argument.type)
  if (type.kind === 'extern' || type.kind === 'block') {
    return value === undefined ? { kind: 'value', value: NONE } : objectBinding(lower, value)
  }
  const name = lower.qualified(parameter.name)
  const target = targets[index]
  if (parameter.direction === 'out' || parameter.direction === 'inout') {
    const place = singlePlace(target)
    // Such a variable is zero, or what this call left in it in an earlier round of a loop.
    const isOwn = mode === 'function' && lower.isBmv2 && parameter.direction === 'out'
    const isCopied = mode === 'copy' || (isOwn && place !== undefined && !holdsHeader(place))
    if (place !== undefined && !isCopied && !overlaps(place, targets, index, lower, args)) {
      if (parameter.direction === 'out') invalidate(lower, place)
      return { kind: 'place', place }
    }
    const own = allocate(lower.builder, lower.context, type, name)
    if (parameter.direction === 'inout' && target !== undefined) write(lower, own, readTarget(lower, target))
    else invalidate(lower, own)
    if (target !== undefined) copies.push(() => writeTarget(lower, target, read(lower, own)))
    return { kind: 'place', place: own }
  }
  const source = value ?? parameter.initializer
  if (source === undefined) return { kind: 'value', value: defaultValue(lower, type) }
  const isPlace = value !== undefined && (value.kind === 'Name' || value.kind === 'Member' || value.kind === 'Index')
  if (mode !== 'copy' && isPlace && !isScalar(type) && !lower.context.conversions.has(value)) {
    const place = singlePlace(lowerTarget(lower, value))
    if (place !== undefined && !overlaps(place, targets, index, lower, args)) return { kind: 'place', place }
  }
  const passed = lowerValue(lower, source)
  if (mode !== 'copy' && !isScalar(type) && !readsWritten(lower, passed, targets))
    return { kind: 'value', value: passed }
  return { kind: 'value', value: freeze(lower, convert(lower, passed, lower.typeOf(source), type)) }
}

function holdsHeader(place: Place): boolean {
  if (place.kind === 'struct') return [...place.fields.values()].some(holdsHeader)
  if (place.kind === 'tuple') return place.elements.some(holdsHeader)
  return place.kind !== 'scalar'
}

function isScalar(type: Type): boolean {
  return scalarShape(type) !== undefined
}

/** What an argument of extern or block type stands for. */
export function objectBinding(lower: Lowering, value: Ast): Binding {
  const symbol = lower.context.references.get(value)
  const binding = symbol === undefined ? undefined : lower.environment.lookup(symbol)
  return binding ?? { kind: 'value', value: NONE }
}

function slotsOf(value: Value): Set<SlotId> {
  const slots = new Set<SlotId>()
  const visit = (item: Value): void => {
    switch (item.kind) {
      case 'scalar':
        fold.forEachSlot(item.expression, (slot) => slots.add(slot))
        return
      case 'varbit':
        slots.add(item.slot)
        return
      case 'struct':
      case 'union':
        for (const field of item.fields.values()) visit(field)
        return
      case 'header':
        fold.forEachSlot(item.valid, (slot) => slots.add(slot))
        for (const field of item.fields.values()) visit(field)
        return
      case 'tuple':
      case 'stack':
        for (const element of item.elements) visit(element)
        return
      default:
    }
  }
  visit(value)
  return slots
}

function readsWritten(lower: Lowering, value: Value, targets: readonly (Target | undefined)[]): boolean {
  const slots = slotsOf(value)
  return targets.some((target) =>
    (target?.alternatives ?? []).some(({ place }) => {
      const written = new Set<SlotId>()
      allSlots(place, written)
      return [...written].some((slot) => slots.has(slot))
    }),
  )
}

/** Whether another argument touches the same storage. */
function overlaps(
  place: Place,
  targets: readonly (Target | undefined)[],
  index: number,
  lower: Lowering,
  args: readonly BoundArgument[],
): boolean {
  const own = new Set<SlotId>()
  allSlots(place, own)
  const isHit = (other: Place): boolean => {
    const slots = new Set<SlotId>()
    allSlots(other, slots)
    return [...slots].some((slot) => own.has(slot))
  }
  return targets.some((target, position) => {
    if (position === index) return false
    if (target !== undefined) return target.alternatives.some((alternative) => isHit(alternative.place))
    const value = args[position]?.value
    if (value === undefined) return false
    const type = lower.typeOf(value)
    // Scalars passed `in` are read into temporaries before the body runs.
    if (isScalar(type) || (value.kind !== 'Name' && value.kind !== 'Member' && value.kind !== 'Index')) return false
    return lowerTarget(lower, value).alternatives.some((alternative) => isHit(alternative.place))
  })
}

/** Headers of an uninitialised variable or `out` parameter are invalid (§6.8, §8.23). */
export function invalidate(lower: Lowering, place: Place): void {
  switch (place.kind) {
    case 'header':
      lower.emit({ kind: 'assign', slot: place.valid, value: fold.FALSE })
      return
    case 'struct':
    case 'union':
      for (const field of place.fields.values()) invalidate(lower, field)
      return
    case 'stack':
      for (const element of place.elements) invalidate(lower, element)
      lower.emit({ kind: 'assign', slot: place.next, value: fold.constant(0n, 32) })
      return
    case 'tuple':
      for (const element of place.elements) invalidate(lower, element)
      return
    default:
  }
}

function inline(
  lower: Lowering,
  body: BlockStatement,
  returnType: Type,
  environment: Environment,
  args: readonly BoundArgument[],
  mode: PassingMode,
): Value {
  const result =
    returnType.kind === 'void'
      ? undefined
      : allocate(lower.builder, lower.context, returnType, lower.qualified('$return'))
  const isProcedure = returnsEarly(body)
  const savedFrame = lower.frame
  const savedLoops = lower.loops
  passArguments(lower, environment, args, mode, () => {
    lower.frame = { result, isProcedure }
    lower.loops = []
    if (isProcedure) {
      const statements = lower.collect(() => lowerBlock(lower, body))
      const procedure = lower.builder.procedure({ name: lower.qualified('$inlined'), body: statements })
      lower.emit({ kind: 'call', procedure })
      leaveIfExited(lower)
    } else {
      lowerBlock(lower, body)
    }
    lower.frame = savedFrame
    lower.loops = savedLoops
  })
  return result === undefined ? NONE : read(lower, result)
}

/** Whether some `return` is followed by statements that it must skip. */
export function returnsEarly(block: BlockStatement): boolean {
  return block.statements.some((statement, index) =>
    index === block.statements.length - 1 ? returnsInside(statement) : hasReturn(statement),
  )
}

/** For a statement in last position. */
function returnsInside(statement: AstStatement): boolean {
  switch (statement.kind) {
    case 'Block':
      return returnsEarly(statement)
    case 'If':
      return returnsInside(statement.then) || (statement.else !== undefined && returnsInside(statement.else))
    case 'Switch':
      return statement.cases.some((item) => item.body !== undefined && returnsEarly(item.body))
    case 'Return':
      return false
    default:
      return hasReturn(statement)
  }
}

function hasReturn(statement: AstStatement): boolean {
  switch (statement.kind) {
    case 'Return':
      return true
    case 'Block':
      return statement.statements.some(hasReturn)
    case 'If':
      return hasReturn(statement.then) || (statement.else !== undefined && hasReturn(statement.else))
    case 'Switch':
      return statement.cases.some((item) => item.body !== undefined && hasReturn(item.body))
    case 'For':
    case 'ForIn':
      return hasReturn(statement.body)
    default:
      return false
  }
}

function lowerMethod(lower: Lowering, call: CallExpression, info: Extract<CallInfo, { kind: 'method' }>): Value {
  const name = info.method.name.text
  const typeArgs = info.typeArgs.map((arg) => lower.resolve(arg))
  const externCall = makeExternCall(lower, name, call, info.args, typeArgs)
  const externName = info.type.declaration.name.text
  if (externName === 'packet_in' || externName === 'packet_out') {
    const value = packetMethod(lower, externCall)
    if (value !== undefined) return value
  }
  if (info.object.kind === 'Index') return callOfArray(lower, call, info.object, externCall)
  const binding = objectBinding(lower, info.object)
  if (binding.kind === 'object' && binding.object.kind === 'extern') {
    return callOfObject(lower, binding.object, externCall)
  }
  lower.error('P4C6002', call.range, `method '${externName}.${name}' is not known to ${lower.architecture.name}`)
  return NONE
}

function callOfObject(lower: Lowering, object: ExternObject, call: ExternCall): Value {
  return lower.architecture.method(lower, object, call) ?? callUserExtern(lower, call, object)
}

/** A method of one instance of an array; beyond its end nothing happens. */
function callOfArray(
  lower: Lowering,
  call: CallExpression,
  { object, index }: Extract<Ast, { kind: 'Index' }>,
  externCall: ExternCall,
): Value {
  const binding = objectBinding(lower, object)
  if (binding.kind !== 'instances') return NONE
  const at = lower.capture(lowerScalar(lower, index))
  const known = fold.constantOf(at)
  if (known !== undefined) {
    const only = binding.objects[Number(known)]
    if (only !== undefined) return callOfObject(lower, only, externCall)
    lower.error('P4C6009', index.range, `the array has ${binding.objects.length} instances: there is none at ${known}`)
    return NONE
  }
  const type = lower.resolve(externCall.returnType)
  const result =
    type.kind === 'void' ? undefined : allocate(lower.builder, lower.context, type, lower.qualified('$result'))
  for (const [position, one] of binding.objects.entries()) {
    if (at.width < 32 && position >= 2 ** at.width) break
    const then = lower.collect(() => {
      const value = callOfObject(lower, one, externCall)
      if (result !== undefined) write(lower, result, value)
    })
    const condition = fold.equal(at, fold.constant(BigInt(position), at.width))
    lower.emit({ kind: 'if', condition, then, else: [] })
  }
  return result === undefined ? NONE : lower.located(call.range, () => read(lower, result))
}

function makeExternCall(
  lower: Lowering,
  name: string,
  call: CallExpression,
  args: readonly BoundArgument[],
  typeArgs: readonly Type[],
): ExternCall {
  const valueOf = (index: number): Value => {
    const argument = args[index]
    const source = argument?.value ?? argument?.parameter.initializer
    return source === undefined ? NONE : lowerValue(lower, source)
  }
  return {
    name,
    range: call.range,
    args,
    typeArgs,
    returnType: lower.typeOf(call),
    value: valueOf,
    expression: (index) => {
      const argument = args[index]
      const source = argument?.value
      if (source !== undefined) return lowerScalar(lower, source)
      return scalarOf(
        valueOf(index),
        argument === undefined ? 1 : (scalarShape(lower.resolve(argument.type))?.width ?? 1),
      )
    },
    target: (index) => {
      const value = args[index]?.value
      return value === undefined || value.kind === 'DontCare' ? undefined : lowerTarget(lower, value)
    },
    enumerator: (index) => {
      const value = args[index]?.value
      return value === undefined ? undefined : enumeratorName(lower, value)
    },
    ast: (index) => args[index]?.value,
    result: () => {
      const shape = scalarShape(lower.typeOf(call)) ?? { kind: 'bit', width: 1 }
      const slot = lower.builder.temporary(lower.path, shape.width, shape.kind)
      return { slot, value: scalar(lower.builder.load(slot)) }
    },
  }
}

/** The member that an enum-typed constant expression names. */
export function enumeratorName(lower: Lowering, expression: Ast): string | undefined {
  if (expression.kind === 'Member') return expression.member.text
  if (expression.kind !== 'Name') return undefined
  const symbol = lower.context.references.get(expression)
  if (symbol?.kind === 'constant') return enumeratorName(lower, symbol.declaration.initializer)
  const type = lower.typeOf(expression)
  const value = lowerValue(lower, expression)
  if (type.kind !== 'enum' || value.kind !== 'scalar' || value.expression.op !== 'const') return undefined
  return type.declaration.members[Number(value.expression.value)]?.name.text
}

function lowerBuiltin(lower: Lowering, info: Extract<CallInfo, { kind: 'builtin' }>): Value {
  const type = lower.typeOf(info.object)
  switch (info.name) {
    case 'isValid':
    case 'setValid':
    case 'setInvalid':
      return lowerHeaderMethod(lower, info.name, info.object)
    case 'push_front':
    case 'pop_front': {
      const [count] = info.args
      const value = count === undefined ? NONE : lowerValue(lower, count)
      const places = lowerTarget(lower, info.object)
      const amount =
        value.kind === 'integer'
          ? value.value
          : value.kind === 'scalar'
            ? (fold.constantOf(value.expression) ?? 0n)
            : 0n
      forEachAlternative(lower, places, (place) => {
        if (place.kind === 'stack') lowerStackShift(lower, place, info.name === 'push_front', Number(amount))
      })
      return NONE
    }
    default: {
      const bits = sizeInBits(lower.context, type, info.name.startsWith('max')) ?? 0
      return { kind: 'integer', value: BigInt(info.name.endsWith('Bits') ? bits : Math.ceil(bits / 8)) }
    }
  }
}
