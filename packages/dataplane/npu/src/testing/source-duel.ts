/**
 * One random program, from source to packets: what the fast and the traced module do with random entries and packets must be
 * what the interpreter does, and explanations must fit. The control plane writes between packets, and time passes.
 */
import type { InterpretedExtern, Program } from '@lodestone/p4'
import { Duel } from './duel.ts'
import { Draw } from './draw.ts'
import { RandomControl } from './random-control.ts'
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

/** The user's side of the externs that random programs declare. */
const EXTERNS: Readonly<Record<string, InterpretedExtern>> = {
  twist: (a, b) => ({ return: (a! * 3n) ^ (b! >> 49n) }),
  split: (whole, low) => ({ low: (whole! & 0xffn) + low!, high: whole! >> 8n }),
  broaden: (value) => ({ value: (value! << 50n) | 1n }),
  'Recall.mix': (by, x, y, z) => ({
    'pair.x': x! + by!,
    'pair.y': y! ^ by!,
    ...(z === 0n ? { 'pair.z': by! & 1n } : {}),
  }),
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
  const duel = new Duel(program, 1 + (seed % 1000), {
    hasForensics: seed % 2 === 0,
    isRecorded: seed % 4 === 1,
    externs: seed % 3 === 0 ? {} : EXTERNS,
  })
  const control = new RandomControl(draw, duel)
  control.begin()
  for (let k = 0; k < FRAMES; k++) {
    const length = draw.chance(4) ? draw.below(60) : 60 + draw.below(60)
    const frame = Uint8Array.from({ length }, () => draw.below(256))
    if (length > 0 && !draw.chance(8)) frame[0] = draw.below(16)
    if (draw.chance(3)) frame.fill(0, 1, 8)
    const port = draw.below(4)
    // Explanations take most of the time: of some packets they are enough.
    duel.send(frame, port, k % 3 === seed % 3)
    // What missed gets an entry that the same packet may hit, so that later ones get further.
    for (const { table, keys, entry } of duel.interpreter.applied) {
      if (entry < 0 && draw.chance(2)) control.add(table, keys)
    }
    if (draw.chance(3)) control.change()
    if (draw.chance(2)) duel.pass(draw.pick([1, 300, 5000]))
    // Cut somewhere, and the next time elsewhere.
    if (draw.chance(3)) duel.send(frame.subarray(0, draw.below(length + 1)), port, k % 3 === (seed + 1) % 3)
    if (k % 4 === 0) duel.compareIdle()
  }
  duel.compareState()
}
