import { buildCommand } from '@stricli/core'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { parseText } from '../../state-flag.ts'
import { textTable } from '../../text-table.ts'
import { loadSpecification } from './load-specification.ts'
import { outputFlag, readInput, writeOutput } from './text-file.ts'

interface DisasmFlags {
  readonly plain: boolean
  readonly json: boolean
  readonly origin: number
  readonly output?: string
}

const address = (text: string): number => {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 0) throw new Error('--origin takes a word address, 0 or more')
  return value
}

export const disasmCommand = buildCommand({
  docs: {
    brief: 'Disassemble machine words',
    fullDescription: [
      'Reads numbers (0x…, or decimal) between blanks, commas and newlines; what follows ; or // on a line is left out.',
      'A word that is no instruction becomes .word, so that what is printed with --plain assembles to the same words.',
      '',
      'Exit status: 0 every word is an instruction, 1 some are not, 2 wrong usage.',
    ].join('\n'),
    customUsage: [
      { input: 'core.isf route.hex', brief: 'Address, word and instruction of each' },
      { input: '--plain core.isf -', brief: 'Instructions only, from standard input' },
    ],
  },
  parameters: {
    flags: {
      plain: { kind: 'boolean', default: false, brief: 'Instructions only' },
      json: { kind: 'boolean', default: false, brief: 'Print [{address, word, text}]' },
      origin: { kind: 'parsed', parse: address, default: '0', brief: 'Address of the first word', placeholder: 'N' },
      output: outputFlag,
    },
    aliases: { o: 'output' },
    positional: {
      kind: 'tuple',
      parameters: [
        { parse: parseText, brief: 'Specification', placeholder: 'FILE' },
        { parse: parseText, brief: 'Words, or - for standard input', placeholder: 'WORDS' },
      ],
    },
  },
  async func(this: LodeContext, flags: DisasmFlags, file: string, input: string) {
    const loaded = await loadSpecification(this, file)
    if (loaded === undefined) return
    const text = readInput(this, input)
    if (text === undefined) return
    const { instructionWidth } = loaded.specification
    const read = wordsOf(text, instructionWidth)
    if (!read.ok) {
      this.note(`${input}:${read.line}: ${read.message}`)
      return this.exit(ExitStatus.usage)
    }
    const { createInstructionSet, disassembleWords, wordText } = await import('@lodestone/isf')
    const set = createInstructionSet(loaded.specification)
    const words = read.words.map((word) => (instructionWidth > 32 ? word : Number(word)))
    const rows = disassembleWords(set, words, flags.origin)
    if (rows.some((row) => row.text.startsWith('.word'))) this.exit(ExitStatus.failed)
    const table = rows.map((row, index) => ({
      address: flags.origin + index,
      word: `0x${wordText(words[index]!, instructionWidth)}`,
      text: row.text,
    }))
    if (flags.json) return this.printJson(table)
    const lines = flags.plain
      ? table.map((row) => `${row.text}\n`).join('')
      : `${textTable(
          ['address', 'word', 'instruction'],
          table.map((row) => [String(row.address), row.word, row.text]),
        )}\n`
    writeOutput(this, flags.output, lines)
  },
})

type Words =
  | { readonly ok: true; readonly words: readonly bigint[] }
  | { readonly ok: false; readonly line: number; readonly message: string }

function wordsOf(text: string, width: number): Words {
  const words: bigint[] = []
  const limit = 1n << BigInt(width)
  for (const [index, line] of text.split('\n').entries()) {
    for (const token of line.replace(/(;|\/\/).*/, '').split(/[\s,]+/)) {
      if (token === '') continue
      if (!/^(0x[0-9a-fA-F]+|0b[01]+|\d+)$/.test(token)) {
        return { ok: false, line: index + 1, message: `${token} is no number` }
      }
      const word = BigInt(token)
      if (word >= limit) return { ok: false, line: index + 1, message: `${token} has more than ${width} bits` }
      words.push(word)
    }
  }
  return { ok: true, words }
}
