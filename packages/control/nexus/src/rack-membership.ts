/**
 * Which boards are the rack's. Every change of the sleds in service is a version that is committed with it. Operators ask for boards to be
 * added: that version is in progress until all of them are in service, or until it is taken back.
 */
import { insertMembership, membership, standingMembership, updateMembership } from './store/rack-membership.ts'
import type { BoardId } from './store/schema.ts'
import { sledsInService } from './store/sled.ts'
import type { Db } from './store/store.ts'

/** To be called in the transaction that changes which sleds are in service. */
export async function noteMembership(tx: Db, now: Date): Promise<void> {
  const members = (await sledsInService(tx)).map(boardOf)
  const standing = await standingMembership(tx)
  if (standing?.state === 'in_progress') {
    const missing = without(standing.added, members)
    const whole = { members: JSON.stringify([...members, ...missing]) }
    const end = missing.length > 0 ? {} : { state: 'committed' as const, time_committed: now }
    await updateMembership(tx, Number(standing.version), { ...whole, ...end })
  } else if (standing === undefined || !isSame(standing.members, members)) {
    await addVersion(tx, 'committed', members, [], now)
  }
}

/** @param added boards that are not in service. */
export async function beginMembership(tx: Db, added: readonly BoardId[], now: Date): Promise<void> {
  const members = (await sledsInService(tx)).map(boardOf)
  if (added.length === 0) return addVersion(tx, 'committed', members, [], now)
  await addVersion(tx, 'in_progress', [...members, ...added], added, now)
}

/** Whether an operator has asked for a board that is not in service. */
export async function isAwaited(db: Db, board: BoardId): Promise<boolean> {
  const standing = await standingMembership(db)
  return standing?.state === 'in_progress' && without([board], standing.added).length === 0
}

async function addVersion(
  tx: Db,
  state: 'in_progress' | 'committed',
  members: readonly BoardId[],
  added: readonly BoardId[],
  now: Date,
): Promise<void> {
  const last = await membership(tx)
  await insertMembership(tx, {
    version: Number(last?.version ?? 0) + 1,
    state,
    members: JSON.stringify(members),
    added: JSON.stringify(added),
    time_created: now,
    time_committed: state === 'committed' ? now : null,
    time_aborted: null,
  })
}

export function boardOf({ part, serial }: BoardId): BoardId {
  return { part, serial }
}

/** Those that are not among `others`. */
export function without(boards: readonly BoardId[], others: readonly BoardId[]): BoardId[] {
  return boards.filter(({ part, serial }) => !others.some((other) => other.part === part && other.serial === serial))
}

function isSame(some: readonly BoardId[], others: readonly BoardId[]): boolean {
  return without(some, others).length === 0 && without(others, some).length === 0
}
