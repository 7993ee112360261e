/**
 * What the browser test bundles and runs in a page, and also in Node: compiles a program, sends a frame through it, and
 * explains another one.
 */
import { Arena } from '@lodestone/frame'
import { compile, renderDiagnostics } from '@lodestone/p4'
import { createBatch, createPipeline, explanationText } from '../index.ts'

export interface PageInput {
  readonly fileName: string
  readonly files: Readonly<Record<string, string>>
  readonly includePaths: readonly string[]
  /** Numbers as text: JSON has none that are large enough. */
  readonly entries: readonly {
    readonly table: string
    readonly value: string
    /** Of a prefix; absent: an exact key. */
    readonly length?: number
    readonly action: string
    readonly parameters: readonly string[]
  }[]
  readonly frame: readonly number[]
  readonly missing: readonly number[]
}

export interface PageOutput {
  readonly diagnostics: string
  readonly sent: readonly { readonly port: number; readonly bytes: readonly number[] }[]
  readonly explanation: string
}

export function runPage(input: PageInput): PageOutput {
  const readFile = (path: string): string | undefined => input.files[path]
  const { program, diagnostics } = compile({ fileName: input.fileName, readFile, includePaths: input.includePaths })
  if (program === undefined) return { diagnostics: renderDiagnostics(diagnostics, readFile), sent: [], explanation: '' }
  const arena = new Arena({ slots: 16, slotBytes: 2048 })
  const pipeline = createPipeline(program, { arena, nowMs: () => 0 })
  for (const { table, value, length, action, parameters } of input.entries) {
    const key = { value: BigInt(value) }
    const added = pipeline.addEntry(table, {
      keys: [length === undefined ? { kind: 'exact', ...key } : { kind: 'lpm', ...key, length }],
      action,
      parameters: parameters.map(BigInt),
    })
    if (!added.ok) throw new Error(JSON.stringify(added.error))
  }
  const batch = createBatch(1)
  batch.slots[0] = arena.from(Uint8Array.from(input.frame))
  batch.ports[0] = 1
  batch.count = 1
  pipeline.process(batch)
  const sent = Array.from({ length: batch.outCount }, (_, k) => ({
    port: batch.outPorts[k]!,
    bytes: [...arena.peek(batch.outSlots[k]!)],
  }))
  return { diagnostics: '', sent, explanation: explanationText(pipeline.explain(Uint8Array.from(input.missing), 1)) }
}

// The page's test calls it by this name.
Object.assign(globalThis, { runPage })
