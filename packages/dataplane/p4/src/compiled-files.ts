/**
 * The files of a compiled program: the module and its instrumented variant, a description for whoever loads them, a map
 * back to the source, and P4Info. Plain JSON without bigints: numbers beyond 2^53 are decimal strings.
 */
import { generate, type Generated } from './back/index.ts'
import type { Program, SourceRef, Statement } from './ir/index.ts'

export interface CompiledFile {
  /** Follows the name that the user gave: `.wasm`, `.trace.wasm`, `.json`, `.map.json`, `.p4info.txt`. */
  readonly suffix: string
  readonly content: Uint8Array | string
}

export function compiledFiles(program: Program, p4info: string): readonly CompiledFile[] {
  const generated = generate(program)
  return [
    { suffix: '.wasm', content: generated.fast },
    { suffix: '.trace.wasm', content: generated.traced },
    { suffix: '.json', content: json(description(generated)) },
    { suffix: '.map.json', content: json(sourceMap(program)) },
    { suffix: '.p4info.txt', content: p4info },
  ]
}

/** What the program has, and where the module keeps it. */
function description({ program, layout, messages }: Generated): object {
  const { name, architecture, headers, slots, tables, actions, externs, valueSets, intrinsics, errors } = program
  const slotName = (id: number): string => slots[id]?.name ?? ''
  return {
    format: 1,
    name,
    architecture,
    errors,
    headers: headers.map((header) => ({
      name: header.name,
      fields: header.fields.map((id) => ({ name: slotName(id), width: slots[id]?.width, kind: slots[id]?.kind })),
    })),
    tables: tables.map((table) => ({
      name: table.name,
      keys: table.keys.map((key) => ({ name: key.name, match: key.match, width: key.expression.width })),
      actions: table.actions.map((ref) => ({ name: actions[ref.action]?.name, isDefaultOnly: ref.isDefaultOnly })),
      defaultAction: table.defaultAction,
      isDefaultConst: table.isDefaultConst,
      size: table.size,
      entries: table.entries,
      areEntriesConst: table.areEntriesConst,
    })),
    actions: actions.map((action) => ({
      name: action.name,
      parameters: action.parameters.map(({ name: parameter, width }) => ({ name: parameter, width })),
    })),
    externs,
    valueSets,
    blocks: program.blocks.map((block) => ({ name: block.name, kind: block.kind })),
    intrinsics: Object.fromEntries(Object.entries(intrinsics).map(([key, id]) => [key, slotName(id)])),
    messages,
    layout,
  }
}

interface MappedPlace {
  readonly kind: 'state' | 'table' | 'action' | 'statement'
  readonly name: string
  readonly file: string
  readonly line: number
  readonly column: number
}

/** Which states, tables, actions and statements come from which lines. */
function sourceMap(program: Program): { readonly version: 1; readonly places: readonly MappedPlace[] } {
  const places: MappedPlace[] = []
  const add = (kind: MappedPlace['kind'], name: string, at: SourceRef | undefined): void => {
    if (at === undefined) return
    places.push({ kind, name, file: program.files[at.file] ?? '', line: at.line, column: at.column })
  }
  const addBody = (name: string, body: readonly Statement[]): void => {
    for (const statement of body) {
      add('statement', `${name}: ${statement.kind}`, statement.at)
      if (statement.kind === 'if') {
        addBody(name, statement.then)
        addBody(name, statement.else)
      } else if (statement.kind === 'loop') addBody(name, statement.body)
      else if (statement.kind === 'switch') {
        for (const item of statement.cases) addBody(name, item.body)
        addBody(name, statement.default)
      }
    }
  }
  for (const parser of program.parsers) {
    for (const state of parser.states) {
      add('state', `${parser.name}.${state.name}`, state.at)
      addBody(`${parser.name}.${state.name}`, state.body)
    }
  }
  for (const table of program.tables) add('table', table.name, table.at)
  for (const action of program.actions) {
    add('action', action.name, action.at)
    addBody(action.name, action.body)
  }
  for (const procedure of program.procedures) addBody(procedure.name, procedure.body)
  return { version: 1, places }
}

function json(value: object): string {
  return `${JSON.stringify(
    value,
    (_, part: unknown) => {
      if (typeof part === 'bigint') return part <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(part) : String(part)
      return part instanceof Map ? Object.fromEntries(part) : part
    },
    1,
  )}\n`
}
