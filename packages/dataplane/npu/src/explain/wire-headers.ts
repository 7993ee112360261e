/** What a program knows about the wire: the headers that it extracts or emits, and which slots are fields of which header. */
import { type HeaderId, isDeparser, type Program, type SlotId, type Statement } from '@lodestone/p4'

export interface WireHeaders {
  /** Extracted or emitted; the others are copies that the front end made for parameters and variables. */
  readonly headers: ReadonlySet<HeaderId>
  /** Field slot → header, of wire headers only. */
  readonly ofField: ReadonlyMap<SlotId, HeaderId>
  /** Validity slot → header, of wire headers only. */
  readonly ofValidity: ReadonlyMap<SlotId, HeaderId>
}

const known = new WeakMap<Program, WireHeaders>()

export function wireHeaders(program: Program): WireHeaders {
  let found = known.get(program)
  if (found === undefined) {
    found = collect(program)
    known.set(program, found)
  }
  return found
}

const knownDeparsers = new WeakMap<Program, ReadonlySet<number>>()

/** Procedures of blocks that write the packet's headers. */
export function deparsers(program: Program): ReadonlySet<number> {
  let found = knownDeparsers.get(program)
  if (found === undefined) {
    const all = program.blocks.flatMap((block) =>
      block.kind === 'control' && isDeparser(program, block) ? [block.procedure] : [],
    )
    found = new Set(all)
    knownDeparsers.set(program, found)
  }
  return found
}

function collect(program: Program): WireHeaders {
  const headers = new Set<HeaderId>()
  const visit = (body: readonly Statement[]): void => {
    for (const statement of body) {
      if (statement.kind === 'extract' || statement.kind === 'emit') headers.add(statement.header)
      else if (statement.kind === 'loop') visit(statement.body)
      else if (statement.kind === 'if') {
        visit(statement.then)
        visit(statement.else)
      } else if (statement.kind === 'switch') {
        for (const one of statement.cases) visit(one.body)
        visit(statement.default)
      }
    }
  }
  for (const parser of program.parsers) for (const state of parser.states) visit(state.body)
  for (const procedure of program.procedures) visit(procedure.body)
  const ofField = new Map<SlotId, HeaderId>()
  const ofValidity = new Map<SlotId, HeaderId>()
  for (const id of headers) {
    const { valid, fields } = program.headers[id]!
    ofValidity.set(valid, id)
    for (const slot of fields) ofField.set(slot, id)
  }
  return { headers, ofField, ofValidity }
}
