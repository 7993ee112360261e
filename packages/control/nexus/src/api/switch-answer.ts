/** What a switch answers to a question that the API passes on. */
import { ApiFailure, type CallResult } from '@lodestone/api'

/** A switch that cannot be asked makes the operation unavailable, not wrong. */
export function askSwitch<T>(result: CallResult<T>): T {
  if (result.ok) return result.value
  throw new ApiFailure({
    kind: 'unavailable',
    message: 'the switch cannot be asked at the moment',
    internal: result.message,
  })
}
