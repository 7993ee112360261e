/**
 * One random program, from source to packets: what the fast and the traced module do with random entries and packets must be
 * what the interpreter does, and the explanation must fit.
 */
import type { BoundAction, KeySet, Program } from '@lodestone/p4'
import { Duel } from './duel.ts'
import { Draw } from './draw.ts'
import type { ArchitectureName } from './source-architecture.ts'
import { SourceGenerator } from './source-generator.ts'
import { shrinkSource, type ShrinkOptions } from './shrink-source.ts'

/** Packets per program. */
const FRAMES = 16

/** Compiles a text, or says why not. */
export type CompileText = (text: string) => Program | string

export interface Failure {
  readonly seed: number
  readonly message: string
  /** As small as it got. */
  readonly source: string
}

/** Runs the program of a seed. @returns what went wrong, with the program shrunk. */
export function fuzzSeed(
  seed: number,
  compileText: CompileText,
  architecture: ArchitectureName = 'softnpu',
  options?: ShrinkOptions,
): Failure | undefined {
  const source = new SourceGenerator(seed, architecture).program()
  const message = problemOf(source, seed, compileText)
  if (message === undefined) return undefined
  const kind = kindOf(message)
  const shrunk = shrinkSource(
    source,
    (text) => {
      const now = problemOf(text, seed, compileText)
      return now !== undefined && kindOf(now) === kind
    },
    options,
  )
  return { seed, message: problemOf(shrunk, seed, compileText) ?? message, source: shrunk }
}

/** Undefined when all agree. */
export function problemOf(source: string, seed: number, compileText: CompileText): string | undefined {
  const program = compileText(source)
  if (typeof program === 'string') return `compile: ${program}`
  try {
    run(program, seed)
    return undefined
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  }
}

/** Failures of one kind stay of this kind while the program shrinks. */
function kindOf(message: string): string {
  const [first = ''] = message.split('\n')
  // Numbers and quoted texts change with the program.
  return first
    .replace(/\S+\.p4:\d+:\d+: /, '')
    .replaceAll(/\d+|'[^']*'/g, '#')
    .slice(0, 80)
}

function run(program: Program, seed: number): void {
  const draw = new Draw(seed ^ 0x5555)
  const duel = new Duel(program, 1 + (seed % 1000))
  const add = (index: number, values: readonly (bigint | undefined)[]): void => {
    const table = program.tables[index]!
    if (table.keys.length === 0 || table.areEntriesConst) return
    const keys = table.keys.map(({ match, expression }, k) => keySet(draw, match, expression.width, values[k]))
    const priority = table.keys.some(({ match }) => match !== 'exact' && match !== 'lpm') ? draw.below(4) : 0
    duel.add(index, keys, priority, bound(draw, program, index))
  }
  program.tables.forEach((_, index) => {
    for (let k = 0; k < 4; k++) add(index, [])
  })
  for (let k = 0; k < FRAMES; k++) {
    const length = draw.chance(4) ? draw.below(60) : 60 + draw.below(60)
    const frame = Uint8Array.from({ length }, () => draw.below(256))
    if (length > 0 && !draw.chance(8)) frame[0] = draw.below(15)
    if (draw.chance(3)) frame.fill(0, 1, 8)
    duel.send(frame, draw.below(4))
    // What missed gets an entry that the same packet may hit, so that later ones get further.
    for (const { table, keys, entry } of duel.interpreter.applied) if (entry < 0 && draw.chance(2)) add(table, keys)
  }
  duel.compareState()
}

/** @param wanted what it should match; undefined: anything. */
function keySet(draw: Draw, match: string, width: number, wanted: bigint | undefined): KeySet {
  const full = (1n << BigInt(width)) - 1n
  const value = wanted ?? (draw.chance(2) ? BigInt(draw.below(3)) & full : draw.bits(width))
  if (match === 'exact') return { kind: 'exact', value }
  if (draw.chance(3)) return { kind: 'any' }
  switch (match) {
    case 'lpm': {
      const length = draw.below(width + 1)
      return { kind: 'lpm', value: value & (full ^ (full >> BigInt(length))), length }
    }
    case 'ternary': {
      const mask = draw.chance(2) ? draw.bits(width) : BigInt(draw.below(4)) & full
      return { kind: 'ternary', value: value & mask, mask }
    }
    case 'range': {
      const other = draw.bits(width)
      return { kind: 'range', low: value < other ? value : other, high: value < other ? other : value }
    }
    default:
      return { kind: 'exact', value }
  }
}

function bound(draw: Draw, program: Program, table: number): BoundAction {
  const { actions } = program.tables[table]!
  const action = draw.below(actions.length)
  const { parameters } = program.actions[actions[action]!.action]!
  return { action, parameters: parameters.map(({ width }) => draw.bits(width)) }
}
