/** Which service processor, which component: what paths name. */
import { z } from 'zod'

export const SpType = z.enum(['sled', 'switch', 'power'])
export type SpType = z.output<typeof SpType>

export const SpIdentifier = z.object({ type: SpType, slot: z.int().min(0) }).meta({ id: 'SpIdentifier' })
export type SpIdentifier = z.output<typeof SpIdentifier>

export const PowerState = z.enum(['A0', 'A1', 'A2'])
export type PowerState = z.output<typeof PowerState>

export const ofSp = z.object({ type: SpType, slot: z.int().min(0) })
export const ofComponent = z.object({
  type: SpType,
  slot: z.int().min(0),
  component: z.string().min(1).max(16),
})
