/**
 * Daemons that keep nothing, and may die and begin anew without anybody's knowing: their answer to who they are changes then, and
 * everything that they were told is said again.
 */
import type { SledAgentClient } from '@lodestone/contract-sled-agent'
import type { SwitchdClient } from '@lodestone/contract-switchd'
import type { PassResult } from './loop.ts'

/** How soon the loss of a switch's tables is noticed. */
const SWITCH_POLL_MS = 2_000
/** Instances of a sled are asked for as often as they change; this finds an agent that lost what nobody asks for. */
const SLED_POLL_MS = 10_000

/** @param onNew the daemon has begun anew, or is seen for the first time. */
export function switchdWatch(switchd: SwitchdClient, onNew: () => void): () => Promise<PassResult> {
  let known: number | undefined
  return async () => {
    const status = await switchd.status()
    if (!status.ok)
      return { items: [{ item: 'switchd', state: 'failed', detail: status.message }], againMs: SWITCH_POLL_MS }
    const { incarnation } = status.value
    if (known !== undefined && known !== incarnation) onNew()
    known = incarnation
    const detail = `since ${new Date(incarnation).toISOString()}`
    return { items: [{ item: 'switchd', state: 'applied', detail }], againMs: SWITCH_POLL_MS }
  }
}

/** @param onForgotten the agent does not know which sled it is, though it was told. */
export function agentWatch(agent: SledAgentClient, sledId: string, onForgotten: () => void): () => Promise<PassResult> {
  let wasTold = false
  return async () => {
    const inventory = await agent.inventory_view()
    if (!inventory.ok)
      return { items: [{ item: 'agent', state: 'failed', detail: inventory.message }], againMs: SLED_POLL_MS }
    const isTold = inventory.value.role?.sled_id === sledId
    if (wasTold && !isTold) onForgotten()
    wasTold = isTold
    return { items: [{ item: 'agent', state: 'applied' }], againMs: SLED_POLL_MS }
  }
}
