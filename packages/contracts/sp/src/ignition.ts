/** Ignition: which boards are there, and switching them on and off without their service processors. */
import { endpoint } from '@lodestone/api'
import { z } from 'zod'
import { ofSp, SpIdentifier } from './identifier.ts'

const LinkEvents = z.object({ controller: z.array(z.string()), link0: z.array(z.string()), link1: z.array(z.string()) })

export const SpIgnition = z
  .object({
    present: z.boolean(),
    /** Absent when no board answers. */
    system_type: z.string().optional(),
    power: z.enum(['off', 'on', 'aborted', 'powering_off', 'powering_on']).optional(),
    power_reset_in_progress: z.boolean().optional(),
    ctrl_detect_0: z.boolean().optional(),
    ctrl_detect_1: z.boolean().optional(),
    flt_a3: z.boolean().optional(),
    flt_a2: z.boolean().optional(),
    flt_sp: z.boolean().optional(),
    flt_rot: z.boolean().optional(),
    link_events: LinkEvents,
  })
  .meta({ id: 'SpIgnition' })
export type SpIgnition = z.output<typeof SpIgnition>

export const SpIgnitionInfo = z.object({ id: SpIdentifier, details: SpIgnition }).meta({ id: 'SpIgnitionInfo' })
export type SpIgnitionInfo = z.output<typeof SpIgnitionInfo>

export const IgnitionCommand = z.enum(['power-on', 'power-off', 'power-reset', 'clear-events'])
export type IgnitionCommand = z.output<typeof IgnitionCommand>

const tags = ['ignition']

export const ignitionEndpoints = [
  endpoint({
    operationId: 'ignition_list',
    method: 'GET',
    path: '/ignition',
    tags,
    summary: 'What every wire of the ignition controller says',
    response: { status: 200, schema: z.array(SpIgnitionInfo) },
  }),
  endpoint({
    operationId: 'ignition_get',
    method: 'GET',
    path: '/ignition/{type}/{slot}',
    tags,
    summary: 'What one wire of the ignition controller says',
    params: ofSp,
    response: { status: 200, schema: SpIgnitionInfo },
  }),
  endpoint({
    operationId: 'ignition_command',
    method: 'POST',
    path: '/ignition/{type}/{slot}/{command}',
    tags,
    summary: 'Switch a board on or off, standby power too',
    params: ofSp.extend({ command: IgnitionCommand }),
    response: { status: 204 },
  }),
] as const
