/** The parts that all named resources share: identity in and out, updates, name conflicts. */
import { ApiFailure } from '@lodestone/api'
import { isUniqueViolation } from '../store/store.ts'

interface IdentityRow {
  readonly id: string
  readonly name: string
  readonly description: string
  readonly time_created: Date
  readonly time_modified: Date
}

export interface Identity {
  readonly id: string
  readonly name: string
  readonly description: string
  readonly time_created: string
  readonly time_modified: string
}

export function identityFromRow(row: IdentityRow): Identity {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    time_created: row.time_created.toISOString(),
    time_modified: row.time_modified.toISOString(),
  }
}

export function newIdentity(id: string, body: { name: string; description: string }, now: Date): IdentityRow {
  return { id, name: body.name, description: body.description, time_created: now, time_modified: now }
}

/** The columns that an update body changes; a field that is absent or null stays. */
export function identityChange(
  body: { name?: string | null | undefined; description?: string | null | undefined },
  now: Date,
): { name?: string; description?: string; time_modified: Date } {
  return {
    ...(typeof body.name === 'string' ? { name: body.name } : {}),
    ...(typeof body.description === 'string' ? { description: body.description } : {}),
    time_modified: now,
  }
}

/** Runs a write whose only unique name is `name`; a conflict becomes 400 `already exists`. */
export async function orAlreadyExists<T>(type: string, name: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    throw new ApiFailure({ kind: 'object-already-exists', type, name }, { cause: error })
  }
}
