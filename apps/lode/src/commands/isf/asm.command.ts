import { buildCommand } from '@stricli/core'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { parseText } from '../../state-flag.ts'
import { jsonDiagnostics, loadSpecification } from './load-specification.ts'
import { outputFlag, readInput, writeOutput } from './text-file.ts'

interface AsmFlags {
  readonly listing: boolean
  readonly json: boolean
  readonly output?: string
}

export const asmCommand = buildCommand({
  docs: {
    brief: 'Assemble a program: machine words, one a line in hexadecimal',
    fullDescription: [
      'One instruction a line, labels `name:`, comments from ; or //, directives .org N, .word N, …, .equ name N.',
      '',
      'Exit status: 0 assembled, 1 the specification or the program has mistakes, 2 wrong usage.',
    ].join('\n'),
    customUsage: [
      { input: 'core.isf route.asm', brief: 'Words to standard output' },
      { input: '--listing core.isf route.asm', brief: 'Addresses and words beside the source' },
      { input: 'core.isf -', brief: 'From standard input, as in: echo "addi r1, 2" | lode isf asm core.isf -' },
    ],
  },
  parameters: {
    flags: {
      listing: { kind: 'boolean', default: false, brief: 'Show address, words and source of each line' },
      json: { kind: 'boolean', default: false, brief: 'Print {words, labels, diagnostics}' },
      output: outputFlag,
    },
    aliases: { o: 'output' },
    positional: {
      kind: 'tuple',
      parameters: [
        { parse: parseText, brief: 'Specification', placeholder: 'FILE' },
        { parse: parseText, brief: 'Program, or - for standard input', placeholder: 'PROGRAM' },
      ],
    },
  },
  async func(this: LodeContext, flags: AsmFlags, file: string, program: string) {
    const loaded = await loadSpecification(this, file)
    if (loaded === undefined) return
    const text = readInput(this, program)
    if (text === undefined) return
    const { assembleProgram, createInstructionSet, formatListing, renderDiagnostics, wordText } =
      await import('@lodestone/isf')
    const { instructionWidth } = loaded.specification
    const result = assembleProgram(createInstructionSet(loaded.specification), text)
    const { diagnostics, words, labels } = result
    const isWrong = diagnostics.some((diagnostic) => diagnostic.severity === 'error')
    if (isWrong) this.exit(ExitStatus.failed)
    if (flags.json) {
      return this.printJson({
        words: words.map((word) => `0x${wordText(word, instructionWidth)}`),
        labels: Object.fromEntries(labels),
        diagnostics: await jsonDiagnostics(program, text, diagnostics),
      })
    }
    if (diagnostics.length > 0) this.note(renderDiagnostics(diagnostics, program, text))
    // Words of a program with mistakes would be taken for the program.
    if (isWrong && !flags.listing) return
    const lines = words.map((word) => `0x${wordText(word, instructionWidth)}\n`).join('')
    writeOutput(this, flags.output, flags.listing ? withNewline(formatListing(result, instructionWidth)) : lines)
  },
})

function withNewline(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`
}
