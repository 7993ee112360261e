/** The command line itself, without a rack: help, mistakes, completion. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { run, type StricliDynamicCommandContext } from '@stricli/core'
import { application } from './application.ts'
import type { LodeContext } from './context.ts'

const COMMANDS = [
  'up',
  'demo',
  'status',
  'trace',
  'table',
  'capture',
  'api',
  'exec',
  'link',
  'power',
  'down',
  'completion',
] as const
const USAGE = [-4, -5]

interface Outcome {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

async function words(...args: readonly string[]): Promise<Outcome> {
  const out: string[] = []
  const err: string[] = []
  const process = {
    stdout: { write: (text: string) => void out.push(text) },
    stderr: { write: (text: string) => void err.push(text) },
    exitCode: undefined as number | string | null | undefined,
  }
  const context = { process, print: (text: string) => void out.push(`${text}\n`) }
  // because these commands need no more of the context than its process
  await run(application, args, context as unknown as StricliDynamicCommandContext<LodeContext>)
  return { status: Number(process.exitCode ?? 0), stdout: out.join(''), stderr: err.join('') }
}

test('--help lists every command, and each command’s has an example', async () => {
  const top = await words('--help')
  for (const command of COMMANDS) {
    assert.match(top.stdout, new RegExp(`^  ${command} `, 'm'))
    const { status, stdout } = await words(command, '--help')
    assert.equal(status, 0)
    assert.match(stdout, new RegExp(`USAGE\\n  lode ${command}`))
    assert.match(stdout, /--help/)
  }
  assert.doesNotMatch(top.stdout, /^ {2}complete /m, 'what only shells call is not listed')
})

test('what is mistyped is usage, with what was expected', async () => {
  for (const [args, message] of [
    [['stauts'], /did you mean `status`/],
    [['status', '--jsn'], /--jsn[^]*did you mean --json/],
    [['up', '--sleds', '99'], /--sleds takes 1 to 32, not 99/],
    [['up', '--publish', '80'], /HOSTPORT=EXTERNAL_IP:PORT/],
    [['up', '--api-port', 'x'], /x/],
    [['link'], /LINK/],
    [['link', 'a', '--loss', '-1'], /0, or more|0 or more/],
    [['power', 'switch0', 'maybe'], /expected on or off/],
    [['trace', '--count', '0'], /whole number from 1/],
    [['capture'], /--write/],
    [['api', 'FETCH', '/'], /expected GET, POST, PUT, DELETE/],
    [['completion', 'fish'], /expected bash or zsh/],
  ] as const) {
    const { status, stderr } = await words(...args)
    assert.ok(USAGE.includes(status), `${args.join(' ')}: ${status}`)
    assert.match(stderr, message)
  }
})

test('completion proposes commands, flags and fixed words', async () => {
  assert.equal((await words('complete', '--', 'st')).stdout, 'status\n')
  assert.equal((await words('complete', '--', 'link', 'x', '--d')).stdout, '--down\n--delay-ms\n')
  assert.equal((await words('complete', '--', 'completion', '')).stdout, '--\nbash\nzsh\n')
  assert.match((await words('completion', 'bash')).stdout, /^complete .* lode$/m)
})
