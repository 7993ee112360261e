/**
 * Completion for shells: `completion` prints a script to source, and the script asks the hidden `complete` with the words of the
 * line so far.
 */
import { buildCommand, proposeCompletions, type StricliDynamicCommandContext } from '@stricli/core'
import type { LodeContext } from '../context.ts'
import { parseText } from '../state-flag.ts'

const SHELLS = ['bash', 'zsh'] as const

type Shell = (typeof SHELLS)[number]

export const COMPLETION_SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `_lode() {
  local IFS=$'\\n'
  COMPREPLY=($(lode complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _lode lode
`,
  zsh: `#compdef lode
_lode() {
  local -a proposals
  proposals=("\${(@f)$(lode complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -a proposals
}
compdef _lode lode
`,
}

export const completionCommand = buildCommand({
  docs: {
    brief: 'Print a script that makes a shell complete `lode` commands and flags',
    customUsage: [
      { input: 'bash', brief: 'In bash: source <(lode completion bash)' },
      { input: 'zsh', brief: 'In zsh: source <(lode completion zsh)' },
    ],
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [
        {
          parse: (text: string): Shell => {
            const shell = SHELLS.find((each) => each === text)
            if (shell === undefined) throw new Error(`expected ${SHELLS.join(' or ')}`)
            return shell
          },
          proposeCompletions: () => SHELLS,
          brief: 'Shell',
          placeholder: 'bash|zsh',
        },
      ],
    },
  },
  func(this: LodeContext, _flags: Record<never, never>, shell: Shell) {
    this.process.stdout.write(COMPLETION_SCRIPTS[shell])
  },
})

export const completeCommand = buildCommand({
  docs: { brief: 'Propose how the last word of a command line may go on' },
  parameters: {
    positional: { kind: 'array', parameter: { parse: parseText, brief: 'Words so far', placeholder: 'WORD' } },
  },
  async func(this: LodeContext, _flags: Record<never, never>, ...words: string[]) {
    const { application } = await import('../application.ts')
    // because the context that runs this command is the one that the proposals need
    const context = this as unknown as StricliDynamicCommandContext<LodeContext>
    for (const { completion } of await proposeCompletions(application, words, context)) this.print(completion)
  },
})
