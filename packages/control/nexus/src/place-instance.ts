/** On which sled an instance is placed, from what the store knows. */
import { chosenSled } from './placement.ts'
import { instancesPerSled } from './store/instance.ts'
import { neighborsInGroups } from './store/placement-group.ts'
import { sledsInService } from './store/sled.ts'
import type { Db } from './store/store.ts'

/**
 * @param isAnswering what is known of a sled's agent; one that does not answer is taken only when no other may be.
 * @returns undefined when no sled may be taken.
 */
export async function placeInstance(
  db: Db,
  instanceId: string,
  isAnswering: (sledId: string) => boolean = () => true,
): Promise<string | undefined> {
  const counts = await instancesPerSled(db)
  const candidates = (await sledsInService(db))
    .filter((sled) => sled.provision_policy === 'provisionable')
    .map(({ id }) => ({ sledId: id, count: counts.get(id) ?? 0 }))
  const neighbors = (await neighborsInGroups(db, instanceId)).flatMap(({ kind, policy, sled_id: sledId }) =>
    sledId === null ? [] : [{ kind, policy, sledId }],
  )
  const answering = candidates.filter(({ sledId }) => isAnswering(sledId))
  return chosenSled(answering, neighbors) ?? chosenSled(candidates, neighbors)
}
