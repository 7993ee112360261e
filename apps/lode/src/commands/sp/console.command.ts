import { buildCommand } from '@stricli/core'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { parseText, type RackFlags, rackFlags } from '../../state-flag.ts'
import { ConsoleLine } from './console-line.ts'
import { type BoardId, boardName, boardParameter } from './gateway-client.ts'

interface ConsoleFlags extends RackFlags {
  readonly send?: string
  readonly waitMs: number
}

/** Ctrl-], as telnet has it. */
const LEAVE = 0x1d

export const consoleCommand = buildCommand({
  docs: {
    brief: 'Attach to the serial console of a sled’s host, through its service processor',
    fullDescription: [
      'One client at a time. On a terminal every key goes to the host, and Ctrl-] leaves. Otherwise lines of the standard',
      'input are typed, and it leaves when the host has answered the last. A service processor that restarts is attached to',
      'again.',
      '',
      'Exit status: 0 left, 1 somebody else attached or it was lost, 2 wrong usage or refused, 3 no rack.',
    ].join('\n'),
    customUsage: [
      { input: 'sled0', brief: 'Type; "help" lists the host’s commands' },
      { input: 'sled0 --send "ip route"', brief: 'Type one line, print what comes back, leave' },
      { input: 'sled0 < commands.txt', brief: 'Type the lines of a file' },
    ],
  },
  parameters: {
    flags: {
      ...rackFlags,
      send: {
        kind: 'parsed',
        parse: parseText,
        optional: true,
        brief: 'Type this line and leave',
        placeholder: 'LINE',
      },
      waitMs: {
        kind: 'parsed',
        parse: (text: string): number => {
          const value = Number(text)
          if (!(value > 0)) throw new Error('--wait-ms takes a number above 0')
          return value
        },
        default: '500',
        brief: 'After a line: the host has answered when nothing came for this long',
        placeholder: 'MS',
      },
    },
    positional: { kind: 'tuple', parameters: [boardParameter] },
  },
  async func(this: LodeContext, flags: ConsoleFlags, board: BoardId) {
    const { stdin, stdout } = this.process
    const isTyped = flags.send === undefined && stdin.isTTY === true
    let output = ''
    const line = new ConsoleLine(this, flags, board, (bytes) => {
      if (isTyped) stdout.write(bytes)
      else output += Buffer.from(bytes).toString('utf8')
    })
    if (!(await line.attach())) return
    if (isTyped) await interact(this, line)
    else {
      await typeLines(line, flags.send === undefined ? linesOf(stdin) : [flags.send], flags.waitMs)
      const text = output.replaceAll('\r\n', '\n').trimEnd()
      if (flags.json) this.printJson({ output: text })
      else if (text !== '') this.print(text)
    }
    const end = await line.leave()
    if (end !== undefined) {
      this.note(`${isTyped ? '\r\n' : ''}the console of ${boardName(board)} ended: ${end}`)
      return this.exit(ExitStatus.failed)
    }
    if (isTyped) this.note(`\r\nleft the console of ${boardName(board)}`)
  },
})

/** One after the other: the next is typed when the host has answered the last. */
async function typeLines(
  line: ConsoleLine,
  lines: Iterable<string> | AsyncIterable<string>,
  quietMs: number,
): Promise<void> {
  for await (const each of lines) {
    line.type(Buffer.from(`${each}\r`))
    await line.quiet(quietMs)
    if (line.isOver) return
  }
}

async function* linesOf(stdin: NodeJS.ReadStream): AsyncIterable<string> {
  const { createInterface } = await import('node:readline')
  yield* createInterface({ input: stdin, crlfDelay: Infinity })
}

async function interact(context: LodeContext, line: ConsoleLine): Promise<void> {
  const { stdin } = context.process
  let leave = (): void => {}
  const left = new Promise<void>((resolve) => (leave = resolve))
  const onData = (data: Uint8Array): void => {
    const at = data.indexOf(LEAVE)
    const bytes = at >= 0 ? data.subarray(0, at) : data
    if (bytes.length > 0) line.type(bytes)
    if (at >= 0) leave()
  }
  stdin.setRawMode(true)
  stdin.on('data', onData)
  stdin.on('end', leave)
  stdin.resume()
  context.note('attached; Ctrl-] leaves, Return shows the prompt\r')
  try {
    await Promise.race([left, line.over])
  } finally {
    stdin.setRawMode(false)
    stdin.off('data', onData)
    stdin.off('end', leave)
    stdin.pause()
  }
}
