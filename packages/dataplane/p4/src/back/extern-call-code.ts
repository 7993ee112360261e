/**
 * Calls of user externs: the inputs and the present values of the outputs go as 64-bit words (least significant first)
 * to a fixed area of memory 1, the host's `extern` function is called with the index of a description, and leaves the
 * outputs where theirs were.
 */
import { pushWord } from './word-code.ts'
import type { Program, Statement } from '../ir/index.ts'
import { loadSlot } from './extern-code.ts'
import { wordsOf } from './layout.ts'
import type { StatementCode } from './statement-code.ts'
import { STATE } from './value-class.ts'

/** What a call passes; its JSON is one of `Generated.messages`. Widths in bits. */
export interface ExternCallShape {
  /** Under which the host may know it, the most particular first. */
  readonly names: readonly string[]
  /** The object that it is a method of; arguments of its constructor as decimal text. */
  readonly object?: {
    readonly type: string
    readonly name: string
    readonly method: string
    readonly arguments: readonly string[]
  }
  readonly inputs: readonly number[]
  /** `return`, or a parameter's name. */
  readonly outputs: readonly { readonly name: string; readonly width: number }[]
}

export function writeExternCall(body: StatementCode, statement: Extract<Statement, { kind: 'target' }>): void {
  const { f, code, generator } = body
  const { program, layout } = generator
  const { name, instance, constructed, inputs, outputs, outputNames } = statement
  const widths = outputs.map((slot) => program.slots[slot]!.width)
  const loads = outputs.map((slot, k) => ({ op: 'load', width: widths[k]!, slot }) as const)
  const words = [...inputs, ...loads].flatMap((value) => code.words(value))
  words.forEach((word, k) => {
    f.i32(0)
    pushWord(code, word)
    f.access('i64.store', STATE, layout.externCall + 8 * k)
  })
  const shape: ExternCallShape = {
    names: instance === undefined ? [name] : [instance, name],
    ...(constructed === undefined
      ? {}
      : {
          object: {
            type: constructed.type,
            name: constructed.name,
            method: name.slice(name.lastIndexOf('.') + 1),
            arguments: constructed.arguments.map(String),
          },
        }),
    inputs: inputs.map((input) => input.width),
    outputs: widths.map((width, k) => ({ name: outputNames?.[k] ?? 'return', width })),
  }
  f.i32(generator.message(JSON.stringify(shape)))
  f.call(generator.externCall!)
  if (outputs.length === 0) return
  f.i32(0)
  const base = f.stash('i32')
  let at = layout.externCall + 8 * inputs.reduce((sum, input) => sum + wordsOf(input.width), 0)
  outputs.forEach((slot, k) => {
    loadSlot(code, slot, widths[k]!, base, at)
    generator.trace.result(code, program, slot)
    at += 8 * wordsOf(widths[k]!)
  })
}

/** Words that the largest call passes; 0 when the program calls no user externs. */
export function externCallWords(program: Program): number {
  let most = 0
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) return value.forEach(visit)
    if (typeof value !== 'object' || value === null) return
    const statement = value as { readonly kind?: string }
    if (statement.kind === 'target') {
      const { inputs, outputs } = value as Extract<Statement, { kind: 'target' }>
      const words = [...inputs.map((input) => input.width), ...outputs.map((slot) => program.slots[slot]!.width)]
      most = Math.max(
        most,
        words.reduce((sum, width) => sum + wordsOf(width), 1),
      )
    }
    Object.values(value).forEach(visit)
  }
  visit(program.actions)
  visit(program.procedures)
  visit(program.parsers)
  visit(program.tables)
  return most
}
