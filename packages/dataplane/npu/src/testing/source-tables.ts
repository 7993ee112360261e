/** Actions and tables of random programs: every match kind and property that the architecture has. */
import { bit, BOOL, int, type Type, typeText, type Variable } from './source-expressions.ts'
import { directCall, type SourceStatements, type SourceTable } from './source-statements.ts'
import type { SourceWriter } from './source-writer.ts'

const MATCHES = ['exact', 'exact', 'lpm', 'ternary', 'range', 'optional'] as const

interface SourceAction {
  readonly name: string
  readonly types: readonly Type[]
  readonly directions: readonly string[]
}

/** Declares actions and tables in a control, and tells `statements` what may be applied. */
export function writeTables(w: SourceWriter, statements: SourceStatements, scope: readonly Variable[]): void {
  const { draw } = w
  const shared = [
    action(w, statements, scope, []),
    action(w, statements, scope, ['inout', 'in']),
    action(w, statements, scope, ['', '']),
    action(w, statements, scope, ['', '']),
    action(w, statements, scope, ['inout', '']),
    structAction(w),
  ]
  const [plain, directed] = shared
  statements.directActions = [`${plain!.name}();`, direct(w, directed!, scope), direct(w, directed!, scope)]
  const tables: SourceTable[] = [{ name: fixedTable(w, plain!.name), actions: [plain!.name, 'NoAction'] }]
  const count = 2 + draw.below(3)
  for (let k = 0; k < count; k++) {
    const listed = w.some(shared, 2 + draw.below(4))
    const own = draw.chance(3) ? ownAction(w, statements, scope) : undefined
    tables.push(table(w, scope, listed, own))
  }
  statements.tables = tables
}

function direct(w: SourceWriter, { name, types, directions }: SourceAction, scope: readonly Variable[]): string {
  return directCall(w, name, types, directions, scope)
}

/** @param directions of up to two parameters; the last may be left out. */
function action(
  w: SourceWriter,
  statements: SourceStatements,
  scope: readonly Variable[],
  directions: readonly string[],
): SourceAction {
  const { draw } = w
  const name = w.name('act')
  const count = directions.includes('')
    ? directions.length - draw.below(directions[0] === '' ? 2 : 1)
    : directions.length
  // Directed parameters come from places of the scope.
  const types = directions.slice(0, count).map((direction) => (direction === '' ? w.expressions.type(scope) : bit(16)))
  const parameters = types.map((type, k): Variable => ({
    text: `a${k}`,
    type,
    isReadOnly: directions[k] !== 'inout',
  }))
  w.line(
    `action ${name}(${parameters.map(({ text, type }, k) => `${directions[k]} ${typeText(type)} ${text}`.trim()).join(', ')})`,
  )
  w.block(() => body(w, statements, [...scope, ...parameters, ...parameters]))
  return { name, types, directions: directions.slice(0, count) }
}

function body(w: SourceWriter, statements: SourceStatements, scope: readonly Variable[]): void {
  const { draw, architecture } = w
  statements.statements(scope, 1, 3, { isIngress: true, mayLeave: true })
  if (draw.chance(4)) statements.request('ingress', scope)
  if (draw.chance(5)) w.line(draw.pick(['return;', 'exit;']))
  if (draw.chance(6)) for (const line of architecture.drop(draw.below(200))) w.line(line)
  if (draw.chance(4)) statements.assignment(scope, 1)
}

function structAction(w: SourceWriter): SourceAction {
  const name = w.name('act')
  w.line(`action ${name}(pair_t given, bool how)`)
  w.block(() => {
    w.line('meta.other = (how ? given : meta.pair);')
    w.line('meta.pair.z = how;')
  })
  return { name, types: [BOOL, BOOL], directions: ['', ''] }
}

/** For one table only: direct counter and meter. */
function ownAction(w: SourceWriter, statements: SourceStatements, scope: readonly Variable[]): OwnAction {
  const { draw, architecture } = w
  const counter = w.name('direct')
  const meter = w.name('rate')
  const hasMeter = draw.chance(2)
  const isCounted = !draw.chance(4)
  w.line(architecture.directCounter(counter))
  if (hasMeter) w.line(architecture.directMeter(meter))
  const name = w.name('act')
  const variable = w.name('c')
  w.line(`action ${name}(bit<9> a0)`)
  w.block(() => {
    const inner: Variable[] = [...scope, { text: 'a0', type: bit(9), isReadOnly: true }]
    if (isCounted && draw.chance(2)) w.line(`${counter}.count();`)
    if (hasMeter) {
      for (const line of architecture.readDirectMeter(variable, meter, w.value(bit(1), 1, inner))) w.line(line)
      w.line(`meta.other.x = (bit<7>)(${variable}) ++ a0;`)
    }
    statements.statements(inner, 1, 2, { isIngress: true, mayLeave: true })
    if (isCounted) w.line(`${counter}.count();`)
    // What follows belongs to the entry still.
    if (draw.chance(2)) statements.assignment(inner, 1)
  })
  return {
    name,
    properties: [architecture.countersProperty(counter), ...(hasMeter ? [architecture.metersProperty(meter)] : [])],
  }
}

interface OwnAction {
  readonly name: string
  readonly properties: readonly string[]
}

function table(
  w: SourceWriter,
  scope: readonly Variable[],
  listed: readonly SourceAction[],
  own: OwnAction | undefined,
): SourceTable {
  const { draw, architecture } = w
  const name = w.name('table')
  const matches = Array.from({ length: draw.below(4) }, () => draw.pick(MATCHES))
  const profile =
    own === undefined && matches.length > 0 && draw.chance(3)
      ? architecture.profile(w.name('ap'), draw.pick([3, 8]), draw.chance(2))
      : undefined
  if (profile !== undefined) w.line(profile.instance)
  w.line(`table ${name}`)
  const names = [...listed.map((one) => one.name), ...(own === undefined ? [] : [own.name])]
  const types = matches.map((match) => keyType(w, match))
  w.block(() => {
    if (matches.length > 0) {
      w.line('key =')
      w.block(() => {
        matches.forEach((match, k) =>
          w.line(`${w.value(types[k]!, draw.chance(3) ? 1 : 0, scope)} : ${match} @name("k${k}");`),
        )
        if (profile?.isSelector === true) {
          for (let k = 1 + draw.below(2); k > 0; k--) {
            w.line(`${w.value(bit(draw.pick([8, 16, 33])), 1, scope)} : selector @name("s${k}");`)
          }
        }
      })
    }
    const uses = listed.map((one) => {
      const [inout, input] = [w.place(bit(16), scope) ?? 'meta.pair.x', w.value(bit(16), 1, scope)]
      if (one.directions[0] !== 'inout') return `${one.name};`
      return one.directions[1] === 'in' ? `${one.name}(${inout}, ${input});` : `${one.name}(${inout});`
    })
    w.line(
      `actions = { ${uses.join(' ')} ${own === undefined ? '' : `${own.name}; `}${draw.chance(4) ? '@defaultonly ' : ''}NoAction; }`,
    )
    if (draw.chance(2)) w.line(`${draw.chance(6) ? 'const ' : ''}default_action = NoAction();`)
    for (const property of own?.properties ?? []) w.line(property)
    if (profile !== undefined) w.line(profile.property)
    else if (draw.chance(3) && architecture.timeout !== undefined) w.line(architecture.timeout)
    const plain = listed.find((one) => one.types.length === 0 && one.directions.length === 0)
    if (profile === undefined && plain !== undefined && draw.chance(3)) entries(w, plain.name, matches, types)
    w.line(`size = ${draw.pick([64, 64, 5])};`)
  })
  return { name, actions: [...names, 'NoAction'] }
}

function keyType(w: SourceWriter, match: string): Type {
  const { draw } = w
  if (match === 'exact' && draw.chance(8)) return BOOL
  if (match === 'exact' && draw.chance(6)) return int(draw.pick([9, 33, 65]))
  return bit(draw.pick([1, 8, 16, 16, 9, 13, 31, 32, 33, 48, 64, 65, 100, 128]))
}

/** Entries of the program, constant or initial. */
function entries(w: SourceWriter, actionName: string, matches: readonly string[], types: readonly Type[]): void {
  if (matches.length === 0 || types.some(({ kind }) => kind !== 'bit')) return
  const { draw } = w
  const isRanked = matches.some((match) => match !== 'exact' && match !== 'lpm')
  const isConst = draw.chance(2)
  const hasPriorities = isRanked && !isConst && draw.chance(2)
  if (hasPriorities && draw.chance(2)) w.line('largest_priority_wins = false;')
  const seen = new Set<string>()
  w.line(`${isConst ? 'const ' : ''}entries =`)
  w.block(() => {
    for (let k = 1 + draw.below(4); k > 0; k--) {
      const keys = matches.map((match, at) => keyText(w, match, types[at]!.width))
      const text = keys.length === 1 ? keys[0]! : `(${keys.join(', ')})`
      if (seen.has(text)) continue
      seen.add(text)
      const priority = hasPriorities ? `priority = ${1 + draw.below(30)}: ` : ''
      w.line(`${priority}${text} : ${actionName}();`)
    }
  })
}

function keyText(w: SourceWriter, match: string, width: number): string {
  const { draw } = w
  const hex = (value: bigint): string => `0x${value.toString(16)}`
  const value = draw.chance(2) ? BigInt(draw.below(2)) : draw.bits(width)
  const full = (1n << BigInt(width)) - 1n
  switch (match) {
    case 'exact':
      return hex(value)
    case 'lpm': {
      // A mask of zeros is `_` once more, and no entry may be there twice.
      const mask = full ^ (full >> BigInt(1 + draw.below(width)))
      return draw.chance(5) ? '_' : `${hex(value & mask)} &&& ${hex(mask)}`
    }
    case 'ternary': {
      const mask = draw.bits(width) | 1n
      return draw.chance(3) ? '_' : `${hex(value & mask)} &&& ${hex(mask)}`
    }
    case 'range': {
      const other = draw.bits(width)
      return value < other ? `${hex(value)} .. ${hex(other)}` : `${hex(other)} .. ${hex(value)}`
    }
    default:
      return draw.chance(3) ? '_' : hex(value)
  }
}

/** A table whose entries are the program's own. */
function fixedTable(w: SourceWriter, plain: string): string {
  w.line('table fixed')
  w.block(() => {
    w.line('key = { hdr.first.kind : exact; hdr.first.a : ternary; }')
    w.line(`actions = { ${plain}; NoAction; }`)
    w.line('const entries =')
    w.block(() => {
      w.line(`(1, _) : ${plain}();`)
      w.line(`(2, 1 &&& 3) : ${plain}();`)
      w.line('(2, _) : NoAction();')
    })
  })
  return 'fixed'
}
