/** Reaches a running routing daemon by its admin interface. */
import type { CallFailure } from '@lodestone/api'
import type { RoutedClient } from '@lodestone/contract-routed'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { socketNetwork } from '../../rack-client.ts'
import { parseText } from '../../state-flag.ts'
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

export function adminPlace(context: LodeContext, flags: { readonly routed?: string }): string {
  return flags.routed ?? defaultAdminPlace(context)
}

/** Loads the contract only here, so that help and mistakes are answered without it. */
export async function routedClient(context: LodeContext, flags: { readonly routed?: string }): Promise<RoutedClient> {
  const { client, httpFetch } = await import('@lodestone/api')
  const { routedApi } = await import('@lodestone/contract-routed')
  const place = adminPlace(context, flags)
  if (place.startsWith('/')) return client(routedApi, httpFetch(socketNetwork(context.network, place)), 'http://routed')
  return client(routedApi, httpFetch(context.network), `http://${place}`)
}

/** Says why a call failed and what to do, and sets the exit status. */
export function reportRoutedFailure(context: LodeContext, flags: DaemonFlags, failure: CallFailure): void {
  if (failure.kind === 'unreachable') {
    context.note(`No routing daemon answers at ${adminPlace(context, flags)}.`)
    context.note('Start one with lode routed --config FILE, or say where it is with --routed.')
    context.exit(ExitStatus.noRack)
    return
  }
  context.note(failure.message)
  context.exit(ExitStatus.failed)
}
