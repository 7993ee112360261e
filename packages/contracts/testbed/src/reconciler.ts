/** What the control plane's reconcilers have done for each sled and switch. */
import { endpoint } from '@lodestone/api'
import { z } from 'zod'

export const ReconcilerItem = z
  .object({
    item: z.string(),
    state: z.enum(['applied', 'failed']),
    generation: z.int().optional(),
    /** Why it failed, or what is worth saying. */
    detail: z.string().optional(),
  })
  .meta({ id: 'ReconcilerItem' })

export const Reconciler = z
  .object({
    name: z.string(),
    target: z.string(),
    /** `waiting`: something failed and is tried again; `standby`: another control plane does it. */
    state: z.enum(['idle', 'running', 'waiting', 'standby']),
    /** The highest of what it pushes. */
    generation: z.int().optional(),
    passes: z.int(),
    failed_passes: z.int(),
    last_success: z.iso.datetime().optional(),
    /** Things that are not as they should be. */
    pending: z.int(),
    error: z.string().optional(),
    items: z.array(ReconcilerItem),
  })
  .meta({ id: 'Reconciler' })
export type Reconciler = z.output<typeof Reconciler>

export const reconcilerEndpoints = [
  endpoint({
    operationId: 'reconcilers',
    method: 'GET',
    path: '/reconcilers',
    summary: 'List the reconcilers of the control plane with what they have done',
    response: { status: 200, schema: z.array(Reconciler) },
  }),
] as const
