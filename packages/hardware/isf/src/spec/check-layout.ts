/**
 * The machine layout of one instruction: its elements add up to the instruction's width, and every bit of every field is
 * placed exactly once. Makes placements, mask and match on the way.
 */
import type { DiagnosticSink } from '../source/diagnostic.ts'
import type { Span } from '../source/span.ts'
import type { DraftInstruction, DraftPlacement } from './resolve.ts'
import type { Placement } from './specification.ts'

export interface CheckedLayout {
  readonly layout: readonly Placement[]
  readonly mask: bigint
  readonly match: bigint
  /** Per field, whether a presence bit says if it is there. */
  readonly isOptional: readonly boolean[]
}

export function checkLayout(draft: DraftInstruction, width: number, sink: DiagnosticSink): CheckedLayout {
  const layout: Placement[] = []
  const placed = draft.fields.map((field) => new Array<Span | undefined>(field.width).fill(undefined))
  const presence = new Map<string, Span>()
  const isOptional = draft.fields.map(() => false)
  let bit = 0
  let mask = 0n
  let match = 0n
  for (const element of draft.layout) {
    const placement = place(element, bit, draft)
    layout.push(placement)
    if (placement.kind === 'constant') {
      mask |= ((1n << BigInt(placement.width)) - 1n) << BigInt(bit)
      match |= placement.value << BigInt(bit)
    } else if (placement.kind === 'field') {
      markPlaced(placed[placement.field] ?? [], placement.low, placement.width, element, sink)
    } else if (placement.kind === 'presence') {
      isOptional[placement.field] = true
      const key = `${element.kind} ${placement.field}`
      const first = presence.get(key)
      if (first !== undefined) {
        const notes = [{ message: 'first placed here', span: first }]
        sink.error('ISF4003', element.span, `the presence of '${element.name}' is placed twice`, notes)
      }
      presence.set(key, element.span)
    }
    bit += placement.width
  }
  if (draft.layout.length === 0) {
    sink.error('ISF4007', draft.span, `'${draft.name}' has no machine layout`)
  } else {
    reportUnplaced(draft, placed, sink)
    if (bit !== width) {
      sink.error(
        'ISF4008',
        draft.span,
        `the machine layout of '${draft.name}' has ${bit} bits, instructions have ${width}`,
      )
    }
  }
  return { layout, mask, match, isOptional }
}

function place(element: DraftPlacement, bit: number, draft: DraftInstruction): Placement {
  switch (element.kind) {
    case 'constant': {
      const { name, width, value } = element
      if (value === undefined) return { kind: 'unused', bit, width, name }
      return { kind: 'constant', bit, width, name, value }
    }
    case 'present':
    case 'absent':
      return { kind: 'presence', bit, width: 1, field: element.field, whenSet: element.kind === 'present' ? 1 : 0 }
    case 'slice': {
      const { field, begin, end } = element
      return { kind: 'field', bit, width: end - begin + 1, field, low: begin, isNegated: false }
    }
    case 'field':
    case 'negated': {
      const width = draft.fields[element.field]?.width ?? 1
      return { kind: 'field', bit, width, field: element.field, low: 0, isNegated: element.kind === 'negated' }
    }
  }
}

/** Reports an element once, however many of its bits are placed already. */
function markPlaced(
  bits: (Span | undefined)[],
  low: number,
  width: number,
  element: DraftPlacement,
  sink: DiagnosticSink,
): void {
  let isReported = false
  for (let bit = low; bit < low + width; bit++) {
    const first = bits[bit]
    if (first !== undefined && !isReported) {
      const what = bits.length === 1 ? `'${element.name}'` : `bit ${bit} of '${element.name}'`
      sink.error('ISF4003', element.span, `${what} is placed twice`, [{ message: 'first placed here', span: first }])
      isReported = true
    }
    bits[bit] = element.span
  }
}

function reportUnplaced(
  draft: DraftInstruction,
  placed: readonly (readonly (Span | undefined)[])[],
  sink: DiagnosticSink,
): void {
  for (const [index, field] of draft.fields.entries()) {
    const bits = placed[index] ?? []
    const missing = [...bits.keys()].filter((bit) => bits[bit] === undefined)
    if (missing.length === 0) continue
    const ranges = missing.length === bits.length ? '' : `bits ${ranged(missing)} of `
    sink.error(
      'ISF4002',
      field.span,
      `${ranges}'${field.name}' ${ranges === '' ? 'is' : 'are'} not in the machine layout`,
      [{ message: 'in this instruction', span: draft.span }],
    )
  }
}

/** Ascending numbers as `1, 4-7`. */
function ranged(numbers: readonly number[]): string {
  const parts: string[] = []
  let first = numbers[0] ?? 0
  for (const [index, number] of numbers.entries()) {
    if (numbers[index + 1] === number + 1) continue
    parts.push(first === number ? `${number}` : `${first}-${number}`)
    first = numbers[index + 1] ?? 0
  }
  return parts.join(', ')
}
