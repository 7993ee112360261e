/** What the services of a rack without packets have in common: generations, and operations that nobody calls. */
import { type Api, ApiFailure, type OperationIds } from '@lodestone/api'
import { contentText } from './reconcile/causes.ts'

/** What is pushed, without the causes that travel with it. */
export function content<T>(body: T): T {
  return JSON.parse(contentText(body)) as T // because it is JSON that came over HTTP
}

export const unused = (): never => {
  throw new ApiFailure({ kind: 'not-implemented', message: 'the control plane has no business here' })
}

export function unusedOperations<A extends Api>(api: A): { [Id in OperationIds<A>]: typeof unused } {
  // because every operation of the API is in the list
  return Object.fromEntries(api.endpoints.map(({ operationId }) => [operationId, unused])) as {
    [Id in OperationIds<A>]: typeof unused
  }
}

export function checkGeneration(offered: number, present: number | undefined): void {
  if (present === undefined || offered >= present) return
  throw new ApiFailure({ kind: 'conflict', message: `generation ${offered} is older than ${present}` })
}
