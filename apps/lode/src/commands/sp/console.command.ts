import { sleep } from '@lodestone/host'
import { buildCommand } from '@stricli/core'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { parseText, type RackFlags, rackFlags } from '../../state-flag.ts'
import { type BoardId, boardName, boardParameter, type Clients, spClients, valueOrReport } from './gateway-client.ts'

interface ConsoleFlags extends RackFlags {
  readonly send?: string
  readonly waitMs: number
}

const POLL_MS = 50
/** Ctrl-], as telnet has it. */
const LEAVE = 0x1d

export const consoleCommand = buildCommand({
  docs: {
    brief: 'Attach to the serial console of a sled’s host, through its service processor',
    fullDescription: 'One client at a time. Ctrl-] leaves. Without a terminal use --send.',
    customUsage: [
      { input: 'sled0', brief: 'Type; "help" lists the host’s commands' },
      { input: 'sled0 --send "ip route"', brief: 'Type one line, print what comes back, leave' },
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
        brief: 'With --send: leave when nothing came for this long',
        placeholder: 'MS',
      },
    },
    positional: { kind: 'tuple', parameters: [boardParameter] },
  },
  async func(this: LodeContext, flags: ConsoleFlags, board: BoardId) {
    const { stdin } = this.process
    if (flags.send === undefined && stdin.isTTY !== true) {
      this.note('standard input is no terminal: use --send LINE')
      return this.exit(ExitStatus.usage)
    }
    const { gateway } = await spClients(this, flags)
    const params = { ...board, component: 'sp3-host-cpu' }
    const attached = await gateway.sp_component_serial_console_attach({ params })
    if (!attached.ok) return void valueOrReport(this, flags, attached)
    try {
      if (flags.send === undefined) await interact(this, flags, gateway, params)
      else await sendLine(this, flags, gateway, params, flags.send)
    } finally {
      await gateway.sp_component_serial_console_detach({ params })
      if (flags.send === undefined) this.note(`\r\nleft the console of ${boardName(board)}`)
    }
  },
})

type Gateway = Clients['gateway']
type Place = BoardId & { readonly component: string }

async function sendLine(
  context: LodeContext,
  flags: ConsoleFlags,
  gateway: Gateway,
  params: Place,
  line: string,
): Promise<void> {
  const body = { base64_data: Buffer.from(`${line}\r`).toString('base64') }
  const typed = await gateway.sp_component_serial_console_write({ params, body })
  if (!typed.ok) return void valueOrReport(context, flags, typed)
  let offset = 0
  let output = ''
  for (let quietMs = 0; quietMs < flags.waitMs; quietMs += POLL_MS) {
    await sleep(context.clock, POLL_MS)
    const read = valueOrReport(
      context,
      flags,
      await gateway.sp_component_serial_console_read({ params, query: { from_offset: offset } }),
    )
    if (read === undefined) return
    if (read.next_offset > offset) quietMs = 0
    offset = read.next_offset
    output += Buffer.from(read.base64_data, 'base64').toString('utf8')
  }
  if (flags.json) context.printJson({ output })
  else context.print(output.replaceAll('\r\n', '\n').trimEnd())
}

async function interact(context: LodeContext, flags: ConsoleFlags, gateway: Gateway, params: Place): Promise<void> {
  const { stdin, stdout } = context.process
  let isOpen = true
  let typing = Promise.resolve()
  const onData = (data: Uint8Array): void => {
    const leave = data.indexOf(LEAVE)
    if (leave >= 0) isOpen = false
    const bytes = leave >= 0 ? data.subarray(0, leave) : data
    if (bytes.length === 0) return
    const body = { base64_data: Buffer.from(bytes).toString('base64') }
    // In the order of the keys, whatever the answers take.
    typing = typing.then(async () => {
      const typed = await gateway.sp_component_serial_console_write({ params, body })
      if (!typed.ok && isOpen) {
        isOpen = false
        valueOrReport(context, flags, typed)
      }
    })
  }
  stdin.setRawMode(true)
  stdin.on('data', onData)
  stdin.resume()
  context.note('attached; Ctrl-] leaves, Return shows the prompt\r')
  try {
    for (let offset = 0; isOpen;) {
      const read = valueOrReport(
        context,
        flags,
        await gateway.sp_component_serial_console_read({ params, query: { from_offset: offset } }),
      )
      if (read === undefined) return
      if (read.lost > 0) stdout.write(`\r\n[${read.lost} bytes lost]\r\n`)
      stdout.write(Buffer.from(read.base64_data, 'base64'))
      offset = read.next_offset
      await sleep(context.clock, POLL_MS)
    }
    await typing
  } finally {
    stdin.setRawMode(false)
    stdin.off('data', onData)
    stdin.pause()
  }
}
