import { buildCommand } from '@stricli/core'
import { resolve } from 'node:path'
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { parseText } from '../../state-flag.ts'

export const runCommand = buildCommand({
  docs: {
    brief: 'Run a topology: a program (.ts, .js) or a document (.yaml, .json), with the commands of a laboratory',
    fullDescription:
      'The words after the file are the commands: launch, info, exec, capture, fault, plan, apply, test, destroy, …',
    customUsage: [
      { input: 'examples/two-hosts.ts launch', brief: 'Start it in the background' },
      { input: 'lab.yaml exec left -- ping 10.0.0.2', brief: 'From a document' },
      { input: 'lab.yaml -- --help', brief: 'All commands' },
    ],
  },
  parameters: {
    positional: {
      kind: 'array',
      minimum: 1,
      parameter: { parse: parseText, brief: 'File, then the command', placeholder: 'WORD' },
    },
  },
  async func(this: LodeContext, _flags: Record<never, never>, file: string, ...words: string[]) {
    const path = resolve(file)
    if (!/\.(ya?ml|json)$/.test(file)) {
      // The program calls `run` itself, with the words of the process.
      this.process.argv.splice(1, this.process.argv.length - 1, path, ...words)
      await import(pathToFileURL(path).href)
      return
    }
    const { fromYaml, runDocument } = await import('@lodestone/lab')
    const result = fromYaml(readFileSync(path, 'utf8'))
    if (!result.ok) {
      for (const problem of result.problems) this.note(`${file}: ${problem}`)
      return this.exit(ExitStatus.usage)
    }
    const self = [this.process.execPath, this.process.argv[1]!, 'run', path, '--']
    await runDocument(result.document, { args: words, self })
  },
})
