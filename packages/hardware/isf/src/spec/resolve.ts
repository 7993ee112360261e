/**
 * Syntax tree → instructions: names are looked up, generic instructions expanded (their sections first, with arguments in
 * place of parameters, then the instruction's own). Reports what is undefined, declared twice or of the wrong kind.
 */
import type { DiagnosticSink } from '../source/diagnostic.ts'
import type { Span } from '../source/span.ts'
import type {
  AssemblyElement,
  BaseArgument,
  InstructionDeclaration,
  MachineElement,
  Name,
  NumberLiteral,
  SpecificationFile,
  TimingValue,
} from '../syntax/ast.ts'
import { namesLike } from './suggestion.ts'
import {
  MAX_WIDTH,
  type Field,
  type InstructionExample,
  type RegisterClass,
  type SyntaxElement,
  type Timing,
} from './specification.ts'

/** A field and where it was declared. */
export interface DraftField extends Omit<Field, 'isOptional'> {
  readonly span: Span
}

export interface DraftElement {
  readonly element: SyntaxElement
  readonly span: Span
}

/** A machine element with numbers in place of parameters; `field` is undefined when the name is none. */
export type DraftPlacement = { readonly name: string; readonly span: Span } & (
  | { readonly kind: 'constant'; readonly width: number; readonly value?: bigint }
  | { readonly kind: 'field' | 'negated' | 'present' | 'absent'; readonly field: number }
  | { readonly kind: 'slice'; readonly field: number; readonly begin: number; readonly end: number }
)

/** An instruction before its layout and assembly were checked. */
export interface DraftInstruction {
  readonly name: string
  readonly doc: string
  readonly span: Span
  timing: Timing
  readonly fields: DraftField[]
  readonly syntax: DraftElement[]
  readonly layout: DraftPlacement[]
  readonly examples: InstructionExample[]
}

export interface Resolved {
  /** Undefined when the file does not say, or says something impossible. */
  readonly instructionWidth: number | undefined
  readonly classes: readonly RegisterClass[]
  readonly drafts: readonly DraftInstruction[]
}

type Arguments = ReadonlyMap<string, BaseArgument>

const NO_ARGUMENTS: Arguments = new Map()

export function resolve(file: SpecificationFile, sink: DiagnosticSink): Resolved {
  return new Resolver(file, sink).resolve()
}

class Resolver {
  readonly #file: SpecificationFile
  readonly #sink: DiagnosticSink
  readonly #classes = new Map<string, RegisterClass>()
  readonly #declarations = new Map<string, InstructionDeclaration>()
  readonly #used = new Set<InstructionDeclaration>()

  constructor(file: SpecificationFile, sink: DiagnosticSink) {
    this.#file = file
    this.#sink = sink
  }

  resolve(): Resolved {
    const instructionWidth = this.#instructionWidth()
    this.#declareClasses()
    this.#declareInstructions()
    const drafts: DraftInstruction[] = []
    for (const declaration of this.#file.instructions) {
      if (declaration.parameters.length > 0) this.#checkGeneric(declaration)
      else drafts.push(this.#expand(declaration))
    }
    for (const declaration of this.#file.instructions) {
      if (declaration.parameters.length === 0 || this.#used.has(declaration)) continue
      const { text, span } = declaration.name
      this.#sink.warning('ISF3008', span, `no instruction is made from the generic instruction '${text}'`)
    }
    return { instructionWidth, classes: [...this.#classes.values()], drafts }
  }

  #instructionWidth(): number | undefined {
    let width: number | undefined
    let isDeclared = false
    for (const { name, value, span } of this.#file.characteristics) {
      if (name.text !== 'instruction_width') {
        const like = namesLike(name.text, ['instruction_width'])
        this.#sink.error('ISF3001', name.span, `there is no characteristic '${name.text}'${like}`)
        continue
      }
      if (isDeclared) this.#sink.error('ISF3002', span, 'instruction_width is set twice')
      isDeclared = true
      width ??= this.#width(value, 'an instruction')
    }
    if (!isDeclared) {
      this.#sink.error('ISF3003', { start: 0, end: 0 }, 'the file does not say how wide instructions are', [
        { message: 'begin it with: instruction_width = 32;' },
      ])
    }
    return width
  }

  #declareClasses(): void {
    for (const { name, doc, width } of this.#file.classes) {
      if (this.#classes.has(name.text)) {
        this.#sink.error('ISF3002', name.span, `class '${name.text}' is declared twice`)
        continue
      }
      const bits = this.#width(width, 'a class') ?? 1
      this.#classes.set(name.text, { name: name.text, doc: doc.text, width: bits })
    }
  }

  #declareInstructions(): void {
    for (const declaration of this.#file.instructions) {
      const { text, span } = declaration.name
      const first = this.#declarations.get(text)
      if (first === undefined) {
        this.#declarations.set(text, declaration)
        continue
      }
      const notes = [{ message: 'first declared here', span: first.name.span }]
      this.#sink.error('ISF3002', span, `instruction '${text}' is declared twice`, notes)
    }
  }

  /** A width a machine word can have, or undefined with a diagnostic. */
  #width(literal: NumberLiteral, what: string): number | undefined {
    if (literal.value >= 1n && literal.value <= BigInt(MAX_WIDTH)) return Number(literal.value)
    this.#sink.error('ISF4001', literal.span, `${what} is 1 to ${MAX_WIDTH} bits wide, not ${literal.value}`)
    return undefined
  }

  /** What can be said about a generic instruction before it has arguments. */
  #checkGeneric(declaration: InstructionDeclaration): void {
    const used = new Set<string>()
    for (const element of declaration.assembly?.syntax ?? []) {
      if (element.kind === 'expansion') used.add(element.parameter.text)
    }
    for (const element of declaration.machine?.elements ?? []) {
      if (element.kind === 'constant' && element.value?.kind === 'parameter') used.add(element.value.parameter.text)
    }
    const seen = new Set<string>()
    for (const { text, span } of declaration.parameters) {
      if (seen.has(text)) this.#sink.error('ISF3002', span, `parameter '${text}' is declared twice`)
      else if (!used.has(text)) this.#sink.warning('ISF3009', span, `parameter '${text}' is not used`)
      seen.add(text)
    }
  }

  #expand(declaration: InstructionDeclaration): DraftInstruction {
    const draft: DraftInstruction = {
      name: declaration.name.text,
      doc: declaration.doc.text,
      span: declaration.name.span,
      timing: { kind: 'cycle', count: 0 },
      fields: [],
      syntax: [],
      layout: [],
      examples: [],
    }
    for (const { part, args } of this.#chain(declaration)) this.#append(draft, part, args)
    return draft
  }

  /** The instruction and what it is made from, outermost base first. */
  #chain(declaration: InstructionDeclaration): { part: InstructionDeclaration; args: Arguments }[] {
    const chain = [{ part: declaration, args: NO_ARGUMENTS }]
    const seen = new Set([declaration])
    for (let current = declaration; current.base !== undefined;) {
      const { name, args, span } = current.base
      const base = this.#declarations.get(name.text)
      if (base === undefined) {
        const generics = this.#file.instructions.filter((other) => other.parameters.length > 0)
        const like = namesLike(
          name.text,
          generics.map((other) => other.name.text),
        )
        this.#sink.error('ISF3001', name.span, `there is no generic instruction '${name.text}'${like}`)
        break
      }
      if (seen.has(base)) {
        this.#sink.error('ISF3004', name.span, `'${declaration.name.text}' is made from itself`)
        break
      }
      seen.add(base)
      this.#used.add(base)
      const { parameters } = base
      if (parameters.length !== args.length) {
        const wanted = parameters.length === 0 ? 'is not generic' : `takes ${count(parameters.length, 'argument')}`
        const notes = [{ message: 'declared here', span: base.name.span }]
        this.#sink.error('ISF3005', span, `'${name.text}' ${wanted}, ${count(args.length, 'argument')} given`, notes)
      }
      const bound = new Map<string, BaseArgument>()
      for (const [index, parameter] of parameters.entries()) {
        const arg = args[index]
        if (arg !== undefined) bound.set(parameter.text, arg)
      }
      chain.unshift({ part: base, args: bound })
      current = base
    }
    return chain
  }

  #append(draft: DraftInstruction, part: InstructionDeclaration, args: Arguments): void {
    if (part.timing !== undefined) draft.timing = this.#timing(part.timing.value)
    this.#appendFields(draft, part)
    const syntax = part.assembly?.syntax ?? []
    // Between the syntax of a base and one's own there is no blank in the file, and no element either.
    for (const element of syntax) this.#appendSyntax(draft, element, part, args)
    for (const { text, doc, span } of part.assembly?.examples ?? []) draft.examples.push({ text, doc: doc.text, span })
    for (const element of part.machine?.elements ?? []) this.#appendPlacement(draft, element, part, args)
  }

  #timing(value: TimingValue): Timing {
    if (value.kind !== 'cycle') return { kind: value.kind }
    if (value.count.value > 0xffffffffn) this.#sink.error('ISF4001', value.count.span, 'more cycles than 32 bits count')
    return { kind: 'cycle', count: Number(BigInt.asUintN(32, value.count.value)) }
  }

  #appendFields(draft: DraftInstruction, part: InstructionDeclaration): void {
    for (const { name, doc, type } of part.fields?.fields ?? []) {
      const first = draft.fields.find((field) => field.name === name.text)
      if (first !== undefined) {
        const notes = [{ message: 'first declared here', span: first.span }]
        this.#sink.error('ISF3002', name.span, `field '${name.text}' is declared twice`, notes)
        continue
      }
      let width = 1
      let className: string | undefined
      if (type.kind === 'width') {
        width = this.#width(type.width, 'a field') ?? 1
      } else {
        const found = this.#classes.get(type.name.text)
        if (found === undefined) {
          const like = namesLike(type.name.text, [...this.#classes.keys()])
          this.#sink.error('ISF3001', type.name.span, `there is no class '${type.name.text}'${like}`)
        }
        width = found?.width ?? 1
        className = found?.name
      }
      const isBoolean = width === 1 && className === undefined
      draft.fields.push({
        name: name.text,
        property: propertyName(name.text, draft.fields),
        width,
        type: isBoolean ? 'boolean' : width <= 32 ? 'number' : 'bigint',
        doc: doc.text,
        ...(className === undefined ? {} : { className }),
        span: name.span,
      })
    }
  }

  #fieldIndex(draft: DraftInstruction, name: Name, where: string): number | undefined {
    const index = draft.fields.findIndex((field) => field.name === name.text)
    if (index !== -1) return index
    const like = namesLike(
      name.text,
      draft.fields.map((field) => field.name),
    )
    this.#sink.error('ISF3001', name.span, `${where}: '${draft.name}' has no field '${name.text}'${like}`)
    return undefined
  }

  #argument(parameter: Name, part: InstructionDeclaration, args: Arguments): BaseArgument | undefined {
    const arg = args.get(parameter.text)
    const names = part.parameters.map((declared) => declared.text)
    // A parameter without an argument was reported as a wrong number of arguments.
    if (arg === undefined && !names.includes(parameter.text)) {
      const like = namesLike(parameter.text, names)
      this.#sink.error('ISF3001', parameter.span, `'${part.name.text}' has no parameter '${parameter.text}'${like}`)
    }
    return arg
  }

  #appendSyntax(draft: DraftInstruction, node: AssemblyElement, part: InstructionDeclaration, args: Arguments): void {
    const element = this.#syntaxElement(draft, node, part, args)
    if (element !== undefined) draft.syntax.push({ element, span: node.span })
  }

  #syntaxElement(
    draft: DraftInstruction,
    node: AssemblyElement,
    part: InstructionDeclaration,
    args: Arguments,
  ): SyntaxElement | undefined {
    switch (node.kind) {
      case 'literal':
        return { kind: 'literal', text: node.text.value }
      case 'dot':
        return { kind: 'literal', text: '.' }
      case 'comma':
        return { kind: 'literal', text: ',' }
      case 'space':
        return { kind: 'space' }
      case 'expansion': {
        const arg = this.#argument(node.parameter, part, args)
        if (arg === undefined) return undefined
        return { kind: 'literal', text: arg.kind === 'text' ? arg.text.value : String(arg.number.value) }
      }
    }
    const field = this.#fieldIndex(draft, node.field, 'assembly')
    if (field === undefined) return undefined
    if (node.kind === 'field') return { kind: 'field', field }
    if (node.kind === 'optional') return { kind: 'optional', hasDot: node.hasDot, field }
    const width = draft.fields[field]?.width ?? 1
    if (width !== 1) {
      this.#sink.error('ISF5001', node.span, `a flag is one bit wide, '${node.field.text}' has ${width}`)
    }
    return { kind: 'flag', text: node.text.value, field }
  }

  #appendPlacement(draft: DraftInstruction, node: MachineElement, part: InstructionDeclaration, args: Arguments): void {
    const { name, span } = node
    if (node.kind === 'constant') {
      const width = this.#width(node.width, 'a machine element')
      const value = this.#constantValue(node, part, args)
      if (draft.fields.some((field) => field.name === name.text)) {
        const message = `'${name.text}' is a field: a width here would make it a constant`
        this.#sink.error('ISF4006', span, message, [{ message: `write ${name.text} alone to place the field` }])
      }
      const common = { kind: 'constant', name: name.text, span, width: width ?? 1 } as const
      draft.layout.push(value === undefined ? common : { ...common, value })
      return
    }
    const field = this.#fieldIndex(draft, name, 'machine')
    if (field === undefined) return
    if (node.kind !== 'slice') {
      draft.layout.push({ kind: node.kind, name: name.text, span, field })
      return
    }
    const width = draft.fields[field]?.width ?? 1
    const { begin, end } = node
    if (begin.value > end.value || end.value >= BigInt(width)) {
      const message = `bits ${begin.value} to ${end.value} are no slice of '${name.text}', which has bits 0 to ${width - 1}`
      this.#sink.error('ISF4005', span, message)
      return
    }
    draft.layout.push({
      kind: 'slice',
      name: name.text,
      span,
      field,
      begin: Number(begin.value),
      end: Number(end.value),
    })
  }

  #constantValue(
    node: MachineElement & { kind: 'constant' },
    part: InstructionDeclaration,
    args: Arguments,
  ): bigint | undefined {
    if (node.value === undefined) return undefined
    let number: NumberLiteral
    let span: Span
    if (node.value.kind === 'number') {
      number = node.value.number
      span = number.span
    } else {
      const arg = this.#argument(node.value.parameter, part, args)
      if (arg === undefined) return 0n
      if (arg.kind === 'text') {
        const notes = [{ message: 'it is used here', span: node.span }]
        this.#sink.error('ISF3006', arg.text.span, 'a machine element takes a number, not a string', notes)
        return 0n
      }
      number = arg.number
      span = number.span
    }
    const width = node.width.value
    if (width <= BigInt(MAX_WIDTH) && number.value >> width !== 0n) {
      const message = `${number.text} does not fit in the ${count(Number(width), 'bit')} of '${node.name.text}'`
      this.#sink.error('ISF4004', span, message)
      return 0n
    }
    return number.value
  }
}

/** `kind` discriminates instruction values, and `__proto__` is no ordinary property of an object literal. */
function propertyName(name: string, fields: readonly { readonly property: string }[]): string {
  let property = name === 'kind' || name === '__proto__' ? `${name}_` : name
  while (fields.some((field) => field.property === property)) property += '_'
  return property
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}
