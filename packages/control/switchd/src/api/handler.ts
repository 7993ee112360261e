/** The HTTP interface of the daemon (`@lodestone/contract-switchd`): conversions around its typed methods, nothing else. */
import { type HttpHandler, implement } from '@lodestone/api'
import { switchdApi } from '@lodestone/contract-switchd'
import type { Host } from '@lodestone/host'
import type { Switchd } from '../switchd.ts'
import { linkHandlers } from './links.ts'
import { lldpHandlers } from './lldp.ts'
import { loopbackHandlers } from './loopbacks.ts'
import { natHandlers } from './nat.ts'
import { neighborHandlers } from './neighbors.ts'
import { routeHandlers } from './routes.ts'
import { tableHandlers } from './tables.ts'

export function switchdHandler(switchd: Switchd, host: Host): HttpHandler {
  return implement(
    switchdApi,
    {
      ...linkHandlers(switchd),
      ...lldpHandlers(switchd, host.clock),
      ...neighborHandlers(switchd),
      ...routeHandlers(switchd),
      ...loopbackHandlers(switchd),
      ...natHandlers(switchd),
      ...tableHandlers(switchd),
    },
    {
      newRequestId: () => host.random.uuid(),
      // Translations of a whole rack come in one statement.
      maxBodyBytes: 16 << 20,
      onError: ({ requestId, operationId, error, cause }) => {
        if (error.kind !== 'internal') return
        host.log('error', 'request-failed', { requestId, operationId, internal: error.internal, cause: String(cause) })
      },
    },
  )
}
