/** What is wrong with the parts of an entry that only some tables have. */
import type { Entry, TableError } from '../pipeline.ts'
import type { TableControl } from '../table/table-control.ts'
import type { ActionProfile } from './action-profile.ts'

export function entryProblem(
  control: TableControl,
  profile: ActionProfile | undefined,
  { member, group, idleTimeoutMs }: Entry,
): TableError | undefined {
  const { name } = control.description
  const bad = (parameter: string, message: string): TableError => ({ kind: 'badParameter', parameter, message })
  if (profile === undefined && (member !== undefined || group !== undefined)) {
    return bad(member === undefined ? 'group' : 'member', `${name} has no action profile: its entries name actions`)
  }
  if (member !== undefined && group !== undefined) return bad('member', 'an entry has a member or a group, not both')
  if (idleTimeoutMs === undefined) return undefined
  if (!control.supportsTimeout) {
    return bad('idleTimeoutMs', `${name} does not support time-outs: the program must say so (support_timeout)`)
  }
  return idleTimeoutMs >= 0 ? undefined : bad('idleTimeoutMs', `${idleTimeoutMs} is no time`)
}
