/** Reaches a running routing daemon by its admin interface. */
import type { CallFailure } from '@lodestone/api'
import type { RoutedClient } from '@lodestone/contract-routed'
import { join } from 'node:path'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { CONTROL_SOCKET, reportFailure, socketNetwork } from '../../rack-client.ts'
import { parseText, rackFlags } from '../../state-flag.ts'
import { defaultAdminPlace } from './admin-place.ts'

export interface DaemonFlags {
  readonly routed?: string
  readonly json: boolean
}

/** Flags that every command which talks to a routing daemon has. */
export const daemonFlags = {
  routed: {
    kind: 'parsed',
    parse: parseText,
    optional: true,
    brief:
      'Admin interface of the daemon: HOST:PORT, or the path of its socket; default $LODE_ROUTED, else its usual socket',
    placeholder: 'PLACE',
  },
  json: { kind: 'boolean', default: false, brief: 'Print JSON' },
} as const

/** Of commands that ask a router, wherever it runs. */
export interface RouterFlags extends DaemonFlags {
  readonly node?: string
  readonly state?: string
}

export const routerFlags = {
  ...daemonFlags,
  node: {
    kind: 'parsed',
    parse: parseText,
    optional: true,
    brief: 'A router or switch of the running rack, instead of the daemon of this host',
    placeholder: 'NAME',
  },
  state: rackFlags.state,
} as const

export function adminPlace(context: LodeContext, flags: { readonly routed?: string }): string {
  return flags.routed ?? defaultAdminPlace(context)
}

/** Loads the contract only here, so that help and mistakes are answered without it. */
export async function routedClient(context: LodeContext, flags: Omit<RouterFlags, 'json'>): Promise<RoutedClient> {
  const { client, httpFetch } = await import('@lodestone/api')
  const { routedApi } = await import('@lodestone/contract-routed')
  if (flags.node !== undefined) {
    const socket = socketNetwork(context.network, join(context.stateDirectory(flags.state), CONTROL_SOCKET))
    return client(routedApi, httpFetch(socket), `http://rack/routed/${encodeURIComponent(flags.node)}`)
  }
  const place = adminPlace(context, flags)
  if (place.startsWith('/')) return client(routedApi, httpFetch(socketNetwork(context.network, place)), 'http://routed')
  return client(routedApi, httpFetch(context.network), `http://${place}`)
}

/** Says why a call failed and what to do, and sets the exit status. */
export function reportRoutedFailure(context: LodeContext, flags: RouterFlags, failure: CallFailure): void {
  if (flags.node !== undefined) return reportFailure(context, context.stateDirectory(flags.state), failure)
  if (failure.kind === 'unreachable') {
    context.note(`No routing daemon answers at ${adminPlace(context, flags)}.`)
    context.note('Start one with lode routed --config FILE, or say where it is with --routed.')
    context.exit(ExitStatus.noRack)
    return
  }
  context.note(failure.message)
  context.exit(ExitStatus.failed)
}
