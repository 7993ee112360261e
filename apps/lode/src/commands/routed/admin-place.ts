/** Where a routing daemon on this host serves its admin interface unless told otherwise, and where its commands look. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { LodeContext } from '../../context.ts'

/** `$LODE_ROUTED`, else a Unix socket: of the system for root, else of the user. */
export function defaultAdminPlace({ process }: LodeContext): string {
  const place = process.env['LODE_ROUTED']
  if (place !== undefined && place !== '') return place
  return process.getuid?.() === 0 ? '/run/lode/routed.sock' : join(homedir(), '.lode', 'routed.sock')
}
