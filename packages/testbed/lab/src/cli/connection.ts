/** From a command to the laboratory that runs in the background, through the control socket of its state directory. */
import type { CallFailure, ChannelClient } from '@lodestone/api'
import type { Network } from '@lodestone/host'
import { join } from 'node:path'
import type { labApi, LabClient } from '../control/lab-api.ts'
import { ExitStatus, type LabContext } from '../os-context.ts'
import { CONTROL_SOCKET } from '../os-lab-process.ts'

export interface LabFlags {
  readonly state?: string
  readonly json: boolean
}

export const parseText = (text: string): string => text

export const labFlags = {
  state: { kind: 'parsed', parse: parseText, optional: true, brief: 'State directory', placeholder: 'DIR' },
  json: { kind: 'boolean', default: false, brief: 'Print JSON' },
} as const

export async function connect(context: LabContext, flags: { readonly state?: string }): Promise<LabClient> {
  const { client, httpFetch } = await import('@lodestone/api')
  const { labApi } = await import('../control/lab-api.ts')
  const path = join(context.stateDirectory(flags.state), CONTROL_SOCKET)
  return client(labApi, httpFetch(socketNetwork(context.network, path)), 'http://lab')
}

/** Attaches to consoles of the same laboratory. */
export async function consoleOf(
  context: LabContext,
  flags: { readonly state?: string },
): Promise<ChannelClient<typeof labApi>['console']> {
  const { channelClient } = await import('@lodestone/api')
  const { labApi } = await import('../control/lab-api.ts')
  const path = join(context.stateDirectory(flags.state), CONTROL_SOCKET)
  return channelClient(labApi, socketNetwork(context.network, path), 'http://lab').console
}

/** Every connection goes to one Unix socket, whatever host the URL names. */
export function socketNetwork(network: Network, path: string): Network {
  return {
    name: path,
    listenTcp: (options, onConnection) => network.listenTcp(options, onConnection),
    connectTcp: (options) => network.connectTcp({ ...options, address: path }),
    bindUdp: (options, onDatagram) => network.bindUdp(options, onDatagram),
  }
}

/** The value of a call, or undefined after its failure was told and the exit status set. */
export function valueOrReport<T>(
  context: LabContext,
  result: { readonly ok: true; readonly value: T } | CallFailure,
): { readonly value: T } | undefined {
  if (result.ok) return { value: result.value }
  if (result.kind === 'unreachable') {
    context.note(`The laboratory ${context.document.name} is not running. Start it with: launch`)
    context.exit(ExitStatus.notRunning)
  } else {
    context.note(result.message)
    context.exit(result.kind === 'refused' && result.status < 500 ? ExitStatus.usage : ExitStatus.failed)
  }
  return undefined
}

/** Columns under their names; numbers to the right. */
export function textTable(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const numeric = columns.map((_, i) => rows.length > 0 && rows.every((row) => /^-?[\d.,]*$/.test(row[i] ?? '')))
  const widths = columns.map((name, i) => Math.max(name.length, ...rows.map((row) => (row[i] ?? '').length)))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (numeric[i] === true ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd()
  return [line(columns.map((name) => name.toUpperCase())), ...rows.map(line)].join('\n')
}
