/** Text in and out of the specification commands: files by name, `-` for standard input, `--output` for a file. */
import { readFileSync, writeFileSync } from 'node:fs'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { parseText } from '../../state-flag.ts'

const STANDARD_INPUT = 0

export const outputFlag = {
  kind: 'parsed',
  parse: parseText,
  optional: true,
  brief: 'Write to this file instead of standard output',
  placeholder: 'FILE',
} as const

/** @returns undefined after saying why it cannot be read; the exit status is set then. */
export function readInput(context: LodeContext, path: string): string | undefined {
  try {
    return readFileSync(path === '-' ? STANDARD_INPUT : path, 'utf8')
  } catch (error) {
    context.note(`cannot read ${path}: ${reasonOf(error)}`)
    context.exit(ExitStatus.usage)
    return undefined
  }
}

/** To the file, if one is given. The text ends with a newline or not, as it is. */
export function writeOutput(context: LodeContext, path: string | undefined, text: string): void {
  if (path === undefined) {
    context.process.stdout.write(text)
    return
  }
  try {
    writeFileSync(path, text)
  } catch (error) {
    context.note(`cannot write ${path}: ${reasonOf(error)}`)
    context.exit(ExitStatus.failed)
  }
}

function reasonOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : (error as Error).message
}
