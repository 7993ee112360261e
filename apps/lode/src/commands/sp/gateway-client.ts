/** Reaches the management gateway and the laboratory of a running rack, on the rack's control socket. */
import type { CallFailure, CallResult, ChannelClient } from '@lodestone/api'
import type { SpApi, SpClient, SpLabClient } from '@lodestone/contract-sp'
import { join } from 'node:path'
import type { LodeContext } from '../../context.ts'
import { CONTROL_SOCKET, reportFailure, socketNetwork } from '../../rack-client.ts'
import type { RackFlags } from '../../state-flag.ts'

export interface BoardId {
  readonly type: 'sled' | 'switch' | 'power'
  readonly slot: number
}

export interface Clients {
  readonly gateway: SpClient
  readonly lab: SpLabClient
}

/** Loads the contracts only here, so that help and mistakes are answered without them. */
export async function spClients(context: LodeContext, flags: RackFlags): Promise<Clients> {
  const { client, httpFetch } = await import('@lodestone/api')
  const { spApi, spLabApi } = await import('@lodestone/contract-sp')
  const path = join(context.stateDirectory(flags.state), CONTROL_SOCKET)
  const fetch = httpFetch(socketNetwork(context.network, path))
  return { gateway: client(spApi, fetch, 'http://rack'), lab: client(spLabApi, fetch, 'http://rack') }
}

export type SpChannels = ChannelClient<SpApi>

/** What the gateway has as WebSockets. */
export async function spChannels(context: LodeContext, flags: RackFlags): Promise<SpChannels> {
  const { channelClient } = await import('@lodestone/api')
  const { spApi } = await import('@lodestone/contract-sp')
  const path = join(context.stateDirectory(flags.state), CONTROL_SOCKET)
  return channelClient(spApi, socketNetwork(context.network, path), 'http://rack')
}

/** The value, or undefined after saying why there is none; the exit status is set then. */
export function valueOrReport<T>(context: LodeContext, flags: RackFlags, result: CallResult<T>): T | undefined {
  if (result.ok) return result.value
  const failure: CallFailure = result
  reportFailure(context, context.stateDirectory(flags.state), failure)
  return undefined
}

export function parseBoard(text: string): BoardId {
  const match = /^(sled|switch|power)(\d+)$/.exec(text)
  if (match === null) throw new Error(`expected a board as in sled0, switch1 or power0, not ${text}`)
  // because the pattern has both groups, and the first is one of three words
  return { type: match[1] as BoardId['type'], slot: Number(match[2]) }
}

export function boardName(board: { readonly type: string; readonly slot: number }): string {
  return `${board.type}${board.slot}`
}

export const boardParameter = {
  parse: parseBoard,
  brief: 'Board: sled0, switch1, power0, …',
  placeholder: 'BOARD',
} as const
