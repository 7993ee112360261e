/** A program of a file in BMv2 and in ours, with packets that nobody wrote down what comes of them. */
import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { compile, type Program, renderDiagnostics } from '@lodestone/p4'
import { parseStf, type StfStatement } from '@lodestone/stf'
import { Draw } from '../../../packages/dataplane/npu/src/testing/draw.ts'
import { compare, type Comparison } from './comparison.ts'
import { addEntries, plannedEntries } from './entries.ts'
import { compileOnce } from './p4c.ts'
import { PacketSource } from './packets.ts'
import { prepare } from './statements.ts'

const INCLUDE = join(import.meta.dirname, '../../../p4/include')
const NOT_CONTROL: ReadonlySet<StfStatement['kind']> = new Set(['packet', 'expect', 'wait', 'noPacket', 'remove'])

export interface TrialOptions {
  /** How many. */
  readonly packets: number
  readonly seed: number
  /** For compiled programs, which are found here the next time, and for what the switch writes. */
  readonly work: string
}

export type Trial =
  | { readonly kind: 'compared'; readonly comparison: Comparison }
  /** One of the compilers refuses it. */
  | { readonly kind: 'left'; readonly why: string }

/**
 * Entries and groups come from the STF file beside the program, and so do the packets that others are made from. Without
 * such statements, entries are random.
 */
export async function trySample(path: string, { packets: count, seed, work }: TrialOptions): Promise<Trial> {
  const source = readFileSync(path, 'utf8')
  const jsonPath = join(work, `${basename(path, '.p4')}.json`)
  const refusal = compileOnce(path, jsonPath, architectureOf(source) ?? 'v1model')
  if (refusal !== undefined) return { kind: 'left', why: `p4c: ${refusal}` }
  const program = ourProgram(path)
  if (typeof program === 'string') return { kind: 'left', why: `ours: ${program}` }
  const statements = statementsOf(path)
  const seeds = statements.flatMap((one) => (one.kind === 'packet' ? [{ port: one.port, bytes: one.bytes }] : []))
  const draw = new Draw(seed)
  const packets = new PacketSource(draw, seeds, source).packets(count)
  const control = statements.filter(({ kind }) => !NOT_CONTROL.has(kind))
  const entries = control.length === 0 ? plannedEntries(program, packets, draw) : []
  const subject = { program, jsonPath, folder: join(work, `run-${process.pid}`) }
  const comparison = await compare(
    {
      ...subject,
      prepare: async (ours, theirs) => {
        await prepare(control, ours, theirs)
        await addEntries(entries, ours, theirs)
      },
    },
    packets,
  )
  return { kind: 'compared', comparison }
}

/** By the file it includes; undefined for those that BMv2's back ends are not for. */
export function architectureOf(text: string): 'v1model' | 'psa' | undefined {
  if (/#include\s*[<"]v1model\.p4/.test(text)) return 'v1model'
  return /#include\s*[<"](?:bmv2\/)?psa\.p4/.test(text) ? 'psa' : undefined
}

function ourProgram(path: string): Program | string {
  const readFile = (file: string): string | undefined => (existsSync(file) ? readFileSync(file, 'utf8') : undefined)
  const { program, diagnostics } = compile({ fileName: path, readFile, includePaths: [INCLUDE], bmv2: true })
  return program ?? renderDiagnostics(diagnostics.slice(0, 1), readFile).split('\n', 1)[0]!
}

function statementsOf(path: string): readonly StfStatement[] {
  const file = path.replace(/\.p4$/, '.stf')
  return existsSync(file) ? parseStf(readFileSync(file, 'utf8')).statements : []
}
