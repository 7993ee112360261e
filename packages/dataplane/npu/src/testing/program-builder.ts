/** Builds IR by hand, for tests and benchmarks that should not depend on the front end. */
import type {
  Action,
  ActionRef,
  Block,
  Expression,
  Extern,
  HeaderInstance,
  KeySet,
  MatchKind,
  Parser,
  ParserState,
  Procedure,
  Program,
  Slot,
  Statement,
  StateTarget,
  Table,
} from '@lodestone/p4'

export class ProgramBuilder {
  readonly slots: Slot[] = []
  readonly headers: HeaderInstance[] = []
  readonly actions: Action[] = []
  readonly tables: Table[] = []
  readonly procedures: Procedure[] = []
  readonly parsers: Parser[] = []
  readonly externs: Extern[] = []
  readonly blocks: Block[] = []
  readonly intrinsics: Record<string, number> = {}
  readonly #name: string

  constructor(name: string) {
    this.#name = name
  }

  slot(name: string, width: number, format?: Slot['format'], kind: Slot['kind'] = 'bit'): number {
    return this.slots.push({ name, kind, width, ...(format === undefined ? {} : { format }) }) - 1
  }

  intrinsic(name: string, width: number): number {
    const id = this.slot(`meta.${name}`, width, undefined, width === 1 ? 'bool' : 'bit')
    this.intrinsics[name] = id
    return id
  }

  /** Fields by name: width, or width and format. */
  header<Fields extends Record<string, number | readonly [number, Slot['format']]>>(
    name: string,
    fields: Fields,
  ): { readonly id: number; readonly valid: number; readonly slots: { readonly [Name in keyof Fields]: number } } {
    const valid = this.slot(`${name}.$valid`, 1, undefined, 'bool')
    const slots = Object.fromEntries(
      Object.entries(fields).map(([field, shape]) => {
        const [width, format] = typeof shape === 'number' ? [shape, undefined] : shape
        return [field, this.slot(`${name}.${field}`, width, format)]
      }),
    ) as { [Name in keyof Fields]: number }
    const id = this.headers.push({ name, valid, fields: Object.values(slots) }) - 1
    return { id, valid, slots }
  }

  load(slot: number): Expression {
    return { op: 'load', width: this.slots[slot]!.width, slot }
  }

  assign(slot: number, value: Expression | bigint): Statement {
    const width = this.slots[slot]!.width
    return { kind: 'assign', slot, value: typeof value === 'bigint' ? constant(width, value) : value }
  }

  action(name: string, parameters: Readonly<Record<string, number>>, body: (slots: number[]) => Statement[]): number {
    const list = Object.entries(parameters).map(([parameter, width]) => ({
      name: parameter,
      width,
      slot: this.slot(`${name}.${parameter}`, width),
    }))
    return this.actions.push({ name, parameters: list, body: body(list.map(({ slot }) => slot)) }) - 1
  }

  table(
    name: string,
    keys: readonly { readonly name: string; readonly match: MatchKind; readonly expression: Expression }[],
    actions: readonly number[],
    options: Partial<Table> = {},
  ): number {
    const references: ActionRef[] = actions.map((action) => ({
      action,
      isDefaultOnly: false,
      isTableOnly: false,
      before: [],
      after: [],
    }))
    const last = actions.length - 1
    return (
      this.tables.push({
        name,
        keys,
        actions: references,
        defaultAction: { action: last, parameters: this.actions[actions[last]!]!.parameters.map(() => 0n) },
        isDefaultConst: false,
        size: undefined,
        entries: [],
        areEntriesConst: false,
        hitSlot: this.slot(`${name}.$hit`, 1, undefined, 'bool'),
        actionSlot: this.slot(`${name}.$action`, 16),
        ...options,
      }) - 1
    )
  }

  procedure(name: string, body: readonly Statement[]): number {
    return this.procedures.push({ name, body }) - 1
  }

  control(name: string, body: readonly Statement[]): void {
    this.blocks.push({ name, kind: 'control', procedure: this.procedure(name, body) })
  }

  parser(name: string, states: readonly ParserState[]): void {
    this.blocks.push({ name, kind: 'parser', parser: this.parsers.push({ name, states }) - 1 })
  }

  build(): Program {
    return {
      name: this.#name,
      architecture: 'softnpu',
      slots: this.slots,
      headers: this.headers,
      parsers: this.parsers,
      procedures: this.procedures,
      actions: this.actions,
      tables: this.tables,
      externs: this.externs,
      valueSets: [],
      blocks: this.blocks,
      intrinsics: this.intrinsics,
      errors: [
        'NoError',
        'PacketTooShort',
        'NoMatch',
        'StackOutOfBounds',
        'HeaderTooShort',
        'ParserTimeout',
        'ParserInvalidArgument',
      ],
      files: [],
      valueNames: new Map(),
    }
  }
}

export function constant(width: number, value: bigint): Expression {
  return { op: 'const', width, value }
}

export function exact(value: bigint): KeySet {
  return { kind: 'exact', value }
}

export function state(
  name: string,
  body: readonly Statement[],
  keys: readonly Expression[] = [],
  cases: readonly (readonly [readonly KeySet[], StateTarget])[] = [],
  otherwise: StateTarget | 'noMatch' = 'accept',
): ParserState {
  return { name, body, select: { keys, cases: cases.map(([sets, next]) => ({ keys: sets, next })), otherwise } }
}
