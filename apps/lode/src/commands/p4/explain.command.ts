import { buildCommand } from '@stricli/core'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { parseText } from '../../state-flag.ts'
import { readSource, sourceAliases, type SourceFlags, sourceFlags } from './compiler-flags.ts'
import { loadProgram } from './load-program.ts'

interface ExplainFlags extends SourceFlags {
  readonly packet: Uint8Array
  readonly port: number
  readonly entries?: string
  readonly bmv2: boolean
  readonly all: boolean
  readonly json: boolean
}

export const explainCommand = buildCommand({
  docs: {
    brief: 'Say what a program does with one packet, and why',
    fullDescription: [
      'Parser states with what they selected on, lookups with the matched entry or the one that came closest, the',
      'statements that led to the verdict, and what changed in the headers. With --all also the statements that did not',
      'matter.',
      '',
      'Exit status: 0 the packet is sent, 1 it is dropped or the program has errors, 2 wrong usage.',
    ].join('\n'),
    customUsage: [
      { input: 'router.p4 --packet ffffffffffff0200000000010800 --port 1', brief: 'With the entries of the program' },
      { input: 'router.p4 --packet "$(cat frame.hex)" --port 0 --entries router.stf', brief: 'With entries of a file' },
    ],
  },
  parameters: {
    flags: {
      ...sourceFlags,
      packet: {
        kind: 'parsed',
        parse: parseHex,
        brief: 'Bytes of the frame; spaces and colons do not count',
        placeholder: 'HEX',
      },
      port: { kind: 'parsed', parse: parsePort, brief: 'Port that it comes in by', placeholder: 'N' },
      entries: {
        kind: 'parsed',
        parse: parseText,
        optional: true,
        brief: 'STF file whose table entries, groups and the like are written first',
        placeholder: 'FILE.stf',
      },
      bmv2: { kind: 'boolean', default: false, brief: 'Behave like BMv2 where it departs from the language' },
      all: { kind: 'boolean', default: false, brief: 'Tell every step' },
      json: { kind: 'boolean', default: false, brief: 'Print JSON' },
    },
    aliases: sourceAliases,
    positional: { kind: 'tuple', parameters: [{ parse: parseText, brief: 'P4 program', placeholder: 'FILE' }] },
  },
  async func(this: LodeContext, flags: ExplainFlags, file: string) {
    const { explanationText } = await import('@lodestone/npu')
    const loaded = await loadProgram(this, 'explain', file, flags)
    if (!loaded.ok) return this.exit(loaded.status)
    const explanation = loaded.pipeline.explain(flags.packet, flags.port)
    const isSent = explanation.runs.some((run) => run.outcome.kind === 'sent')
    if (flags.json) this.printJson(explanation)
    else {
      const sourceLine = (name: string, line: number): string | undefined => readSource(name)?.split('\n')[line - 1]
      this.print(explanationText(explanation, { color: this.color, all: flags.all, sourceLine }))
    }
    if (!isSent) this.exit(ExitStatus.failed)
  },
})

function parseHex(text: string): Uint8Array {
  const digits = text.replaceAll(/[\s:]|^0x/g, '')
  if (!/^([0-9a-f]{2})*$/i.test(digits)) throw new Error('--packet takes hexadecimal digits, two per byte')
  if (digits.length > 2 * FRAME_BYTES_MAX) throw new Error(`--packet takes at most ${FRAME_BYTES_MAX} bytes`)
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16))
}

const FRAME_BYTES_MAX = 9216

export function parsePort(text: string): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port > 65535) throw new Error(`a port is a number from 0 to 65535, not '${text}'`)
  return port
}
