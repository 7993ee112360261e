/**
 * Annotations (P4-16 §20): what the known ones must hold, structured bodies, repetition. Annotations that the language
 * and the architectures do not know are left alone, since tools of others may read them.
 */
import type { Annotation, Expression, TypeNode } from '../syntax/ast.ts'
import type { Context } from './context.ts'
import { evaluate } from './evaluate.ts'
import { checkExpression } from './expression.ts'
import { printExpression } from '../syntax/print.ts'

type Body = 'string' | 'number' | 'pairs'

/** Those that mean nothing without a body, and what it holds. */
const BODIES: ReadonlyMap<string, Body> = new Map([
  ['name', 'string'],
  ['deprecated', 'string'],
  ['noWarn', 'string'],
  ['pkginfo', 'pairs'],
  ['platform_property', 'pairs'],
])

export function checkAnnotations(context: Context, annotations: readonly Annotation[]): void {
  const seen = new Map<string, Annotation>()
  for (const annotation of annotations) {
    const name = annotation.name.text
    const before = seen.get(name)
    if (before !== undefined && (annotation.isStructured || before.isStructured)) {
      const notes = [{ message: 'the first is here', range: before.range }]
      context.error('P4C3005', annotation.range, `structured annotation '@${name}' is given twice`, { notes })
    }
    seen.set(name, annotation)
    checkBody(context, annotation)
    if (annotation.isStructured) checkStructured(context, annotation)
    if (name === 'match') checkMatch(context, annotation)
    if (name === 'p4runtime_translation') checkTranslation(context, annotation)
  }
}

function checkBody(context: Context, annotation: Annotation): void {
  const body = BODIES.get(annotation.name.text)
  if (body === undefined) return
  const at = `'@${annotation.name.text}'`
  if (body === 'pairs') {
    if (annotation.text === '' && annotation.pairs.length === 0) {
      context.error('P4C4140', annotation.range, `${at} needs a body, as in ${at.slice(1, -1)}(key = "value")`)
    }
    return
  }
  const [value] = annotation.values
  // Free text that is no expression list is kept as text, and cannot be judged here.
  if (value === undefined && (annotation.text !== '' || annotation.pairs.length > 0)) return
  const isString = annotation.values.length === 1 && value !== undefined && isStringExpression(value)
  if (!isString) context.error('P4C4140', annotation.range, `${at} needs a string, as in ${at.slice(1, -1)}("text")`)
}

/** A string, or strings joined with `++`. */
function isStringExpression(value: Expression): boolean {
  if (value.kind === 'Binary') {
    return value.operator === '++' && isStringExpression(value.left) && isStringExpression(value.right)
  }
  return value.kind === 'String' || value.kind === 'Name'
}

/** The values of `@x[…]` are compile-time ints, bools and strings, all named or none (§20.1.2). */
function checkStructured(context: Context, annotation: Annotation): void {
  const keys = new Set<string>()
  for (const { name } of annotation.pairs) {
    if (keys.has(name.text)) context.error('P4C3005', name.range, `key '${name.text}' is given twice`)
    keys.add(name.text)
  }
  if (annotation.pairs.length > 0 && annotation.values.length > 0) {
    context.error('P4C4141', annotation.range, 'a structured annotation holds either values or key = value pairs')
  }
  for (const value of [...annotation.values, ...annotation.pairs.map((pair) => pair.value)]) {
    const type = context.inference.prune(checkExpression(context, value))
    if (type.kind === 'unknown') continue
    const kind = evaluate(context, value)?.kind
    if (kind === 'number' || kind === 'bool' || kind === 'string') continue
    const text = `${printExpression(value)} is not a compile-time int, bool or string`
    context.error('P4C4141', value.range, text)
  }
}

/** `@match(kind)` of a value set's field names a match kind (§13.6.1). */
function checkMatch(context: Context, annotation: Annotation): void {
  const [value] = annotation.values
  if (value?.kind === 'Name' && context.matchKinds.has(value.name)) return
  if (value?.kind === 'Name') {
    context.error('P4C3008', value.range, `match kind '${value.name}' is not declared`)
  } else context.error('P4C4140', annotation.range, "'@match' needs a match kind, as in @match(ternary)")
}

/** The second part is the type that the controller sees: `string`, `bit<W>`, or a number of bits (P4Runtime §8.4.6). */
function checkTranslation(context: Context, annotation: Annotation): void {
  const second = annotation.values[1]
  const isGood =
    second === undefined ||
    second.kind === 'Integer' ||
    second.kind === 'String' ||
    (second.kind === 'TypeExpression' && isTranslatedType(second.type))
  if (isGood) return
  context.error('P4C4140', second.range, "the controller's type must be string or bit<W> with a number W")
}

function isTranslatedType(type: TypeNode): boolean {
  if (type.kind === 'SimpleType') return type.name === 'string'
  return type.kind === 'BitType' && !type.isSigned && type.width?.kind === 'Integer'
}
