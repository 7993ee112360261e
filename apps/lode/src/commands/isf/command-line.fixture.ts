/** For tests: runs `lode` words in this process and keeps what they print. For commands that need no rack. */
import { run, type StricliDynamicCommandContext } from '@stricli/core'
import { application } from '../../application.ts'
import { LodeContext } from '../../context.ts'

export interface Outcome {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

export async function words(...args: readonly string[]): Promise<Outcome> {
  const out: string[] = []
  const err: string[] = []
  const process = {
    stdout: { write: (text: string) => void out.push(text) },
    stderr: { write: (text: string) => void err.push(text) },
    env: {},
    exitCode: undefined as number | string | null | undefined,
  }
  // because these commands use no more of a process than this
  const context = new LodeContext(process as unknown as NodeJS.Process)
  // because Node types exitCode as possibly undefined, and the parser's type does not
  await run(application, args, context as unknown as StricliDynamicCommandContext<LodeContext>)
  return { status: Number(process.exitCode ?? 0), stdout: out.join(''), stderr: err.join('') }
}
