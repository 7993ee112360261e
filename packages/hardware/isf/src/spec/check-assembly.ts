/** The assembly syntax of one instruction: every field once, numbers that end where they seem to, one reading of a line. */
import type { DiagnosticSink } from '../source/diagnostic.ts'
import type { DraftElement, DraftInstruction } from './resolve.ts'
import type { SyntaxElement } from './specification.ts'
import { findAmbiguity } from './syntax-overlap.ts'

/** Reports, and gives the elements in their simplest form: no blanks in literals, neighbouring literals joined. */
export function checkAssembly(
  draft: DraftInstruction,
  isOptional: readonly boolean[],
  sink: DiagnosticSink,
): readonly SyntaxElement[] {
  if (draft.syntax.length === 0) {
    sink.error('ISF5002', draft.span, `'${draft.name}' has no assembly syntax`)
    return []
  }
  checkFields(draft, isOptional, sink)
  for (const { element, span } of draft.syntax) {
    if (element.kind !== 'literal' && element.kind !== 'flag') continue
    if (element.text.trim() === '') sink.error('ISF5006', span, 'a string in assembly syntax cannot be empty')
    else if (element.text.includes(';') || element.text.includes('//')) {
      sink.error('ISF5007', span, "assembly text ends at ';' and '//': a string cannot contain them")
    } else if (element.kind === 'flag' && /\s/.test(element.text)) {
      sink.error('ISF5006', span, 'the string of a flag cannot contain blanks')
    }
  }
  const syntax = simplify(draft.syntax)
  for (const [index, element] of syntax.entries()) {
    if (element.kind !== 'field' && element.kind !== 'optional') continue
    if (!runsInto(syntax, index + 1)) continue
    const name = draft.fields[element.field]?.name ?? ''
    const place = draft.syntax.find((other) => other.element === element)
    sink.error(
      'ISF5008',
      place?.span ?? draft.span,
      `the number '${name}' runs into what follows it; put a blank between`,
    )
  }
  const witness = findAmbiguity(syntax, syntax)
  if (witness !== undefined) {
    sink.error('ISF5009', draft.span, `the assembly of '${draft.name}' can be read in two ways: ${witness.trim()}`)
  }
  return syntax
}

function checkFields(draft: DraftInstruction, isOptional: readonly boolean[], sink: DiagnosticSink): void {
  const first = new Map<number, DraftElement>()
  for (const place of draft.syntax) {
    const { element, span } = place
    if (element.kind === 'literal' || element.kind === 'space') continue
    const name = draft.fields[element.field]?.name ?? ''
    const earlier = first.get(element.field)
    if (earlier !== undefined) {
      const notes = [{ message: 'first used here', span: earlier.span }]
      sink.error('ISF5003', span, `'${name}' is used twice in the assembly`, notes)
      continue
    }
    first.set(element.field, place)
    if (element.kind === 'optional' && isOptional[element.field] !== true) {
      sink.warning('ISF5005', span, `when '${name}' is left out it is stored as 0: no machine bit says it is absent`, [
        { message: `add '${name}?' or '${name}?!' to the machine layout` },
      ])
    }
    if (element.kind !== 'optional' && isOptional[element.field] === true) {
      sink.error('ISF5010', span, `'${name}' has a presence bit, so it must be optional here: [${name}]`)
    }
  }
  for (const [index, field] of draft.fields.entries()) {
    if (first.has(index)) continue
    const notes = [{ message: 'in this instruction', span: draft.span }]
    sink.warning('ISF5004', field.span, `'${field.name}' is not in the assembly: disassembling loses it`, notes)
  }
}

function simplify(draft: readonly DraftElement[]): SyntaxElement[] {
  const syntax: SyntaxElement[] = []
  const add = (element: SyntaxElement): void => {
    const last = syntax.at(-1)
    if (element.kind === 'space' && last?.kind === 'space') return
    if (element.kind === 'literal' && last?.kind === 'literal') {
      syntax[syntax.length - 1] = { kind: 'literal', text: last.text + element.text }
    } else if (element.kind !== 'literal' || element.text !== '') {
      syntax.push(element)
    }
  }
  for (const { element } of draft) {
    if (element.kind !== 'literal') {
      add(element)
      continue
    }
    for (const [index, text] of element.text.split(/\s+/).entries()) {
      if (index > 0) add({ kind: 'space' })
      add({ kind: 'literal', text })
    }
  }
  if (syntax[0]?.kind === 'space') syntax.shift()
  if (syntax.at(-1)?.kind === 'space') syntax.pop()
  return syntax
}

/** Whether a number's end could be followed at once by something that continues a number. */
function runsInto(syntax: readonly SyntaxElement[], from: number): boolean {
  for (let index = from; index < syntax.length; index++) {
    const element = syntax[index]
    if (element === undefined || element.kind === 'space') return false
    if (element.kind === 'field') return true
    if (element.kind === 'optional') {
      if (!element.hasDot) return true
      continue
    }
    if (/^[0-9A-Fa-fx]/.test(element.text)) return true
    if (element.kind === 'literal') return false
  }
  return false
}
