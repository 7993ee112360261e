/** Source file → pipeline with the entries of an STF file, for the commands that send packets through a program. */
import type { Arena } from '@lodestone/frame'
import type { Pipeline, PipelineOptions } from '@lodestone/npu'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { readSource, type SourceFlags, sourceOptions } from './compiler-flags.ts'
import { reportDiagnostics } from './diagnostic-report.ts'

export interface LoadFlags extends SourceFlags {
  readonly entries?: string
  readonly bmv2: boolean
}

export type Loaded =
  | { readonly ok: true; readonly pipeline: Pipeline; readonly arena: Arena }
  | { readonly ok: false; readonly status: number }

/** Diagnostics and mistakes in the entries go to standard error. Time stands at 0 unless the options say otherwise. */
export async function loadProgram(
  context: LodeContext,
  command: string,
  file: string,
  flags: LoadFlags,
  options: Partial<PipelineOptions> = {},
): Promise<Loaded> {
  const { ARCHITECTURE_NAMES, compile } = await import('@lodestone/p4')
  const { createPipeline } = await import('@lodestone/npu')
  const { Arena: FrameArena } = await import('@lodestone/frame')
  const source = sourceOptions(file, flags, ARCHITECTURE_NAMES)
  if (!source.ok) {
    context.note(`lode p4 ${command}: ${source.message}`)
    return { ok: false, status: ExitStatus.usage }
  }
  const { program, diagnostics } = compile({ ...source.value, bmv2: flags.bmv2 })
  await reportDiagnostics(context, diagnostics, source.value.readFile)
  if (program === undefined) return { ok: false, status: ExitStatus.failed }
  const arena = new FrameArena({ slots: 1024, slotBytes: 16384, headroomBytes: 2046 })
  const pipeline = createPipeline(program, { arena, nowMs: () => 0, ...options })
  if (flags.entries !== undefined) {
    const text = readSource(flags.entries)
    if (text === undefined) {
      context.note(`lode p4 ${command}: cannot read ${flags.entries}`)
      return { ok: false, status: ExitStatus.usage }
    }
    const problems = await writeEntries(pipeline, flags.entries, text)
    for (const problem of problems) context.note(problem)
    if (problems.length > 0) return { ok: false, status: ExitStatus.failed }
  }
  return { ok: true, pipeline, arena }
}

/**
 * Carries out what is for the control plane; packets of the file are left alone.
 * @returns what was refused, each with file and line.
 */
async function writeEntries(pipeline: Pipeline, file: string, text: string): Promise<string[]> {
  const { carryOut, parseStf } = await import('@lodestone/stf')
  const { statements, errors } = parseStf(text)
  const problems = errors.map(({ at, message }) => `${file}:${at.line}:${at.column}: ${message}`)
  const state = { pipeline, entries: new Map() }
  for (const statement of statements) {
    const outcome = carryOut(state, statement)
    if (outcome.kind === 'done') continue
    problems.push(`${file}:${statement.at.line}:${statement.at.column}: ${outcome.message}`)
  }
  return problems
}
