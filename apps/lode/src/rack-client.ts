/** Reaches a running rack through the control socket in its state directory, and its public API through the token there. */
import type { CallFailure } from '@lodestone/api'
import type { TestbedClient } from '@lodestone/contract-testbed'
import type { Network, TcpSocket } from '@lodestone/host'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ExitStatus, type LodeContext } from './context.ts'

export const CONTROL_SOCKET = 'control.sock'
export const TOKEN_FILE = 'token'

/** Loads the contract only here, so that help, mistakes and completion are answered without it. */
export async function rackClient(context: LodeContext, stateDirectory: string): Promise<TestbedClient> {
  const { client, httpFetch } = await import('@lodestone/api')
  const { testbedApi } = await import('@lodestone/contract-testbed')
  return client(
    testbedApi,
    httpFetch(socketNetwork(context.network, join(stateDirectory, CONTROL_SOCKET))),
    'http://rack',
  )
}

/** Every connection goes to one Unix socket, whatever host the URL names. */
export function socketNetwork(network: Network, path: string): Network {
  return {
    name: path,
    listenTcp: (options, onConnection) => network.listenTcp(options, onConnection),
    connectTcp: (options): Promise<TcpSocket> => network.connectTcp({ ...options, address: path }),
    bindUdp: (options, onDatagram) => network.bindUdp(options, onDatagram),
  }
}

/** The bearer token of the recovery user, as `lode up` left it for its owner. */
export async function readToken(stateDirectory: string): Promise<string | undefined> {
  try {
    return (await readFile(join(stateDirectory, TOKEN_FILE), 'utf8')).trim()
  } catch {
    return undefined // no rack has been up there
  }
}

/** Says why a call failed and what to do, and sets the exit status. */
export function reportFailure(context: LodeContext, stateDirectory: string, failure: CallFailure): void {
  if (failure.kind === 'unreachable') {
    context.note(`No rack is running on ${stateDirectory}. Start one with: lode up --state ${stateDirectory}`)
    context.exit(ExitStatus.noRack)
    return
  }
  context.note(failure.message)
  context.exit(failure.kind === 'refused' && failure.status < 500 ? ExitStatus.usage : ExitStatus.failed)
}
