/** The set-up of a new rack, which it answers at the technician's port of its switches, and nowhere else before it is set up. */
import { api, type Client, endpoint } from '@lodestone/api'
import { z } from 'zod'

export const SetupStep = z
  .object({
    name: z.string(),
    state: z.enum(['pending', 'done']),
    detail: z.string().optional(),
    /** Since the set-up began. */
    after_ms: z.number().optional(),
  })
  .meta({ id: 'SetupStep' })

export const SetupStatus = z
  .object({
    state: z.enum(['uninitialized', 'initializing', 'initialized', 'failed']),
    has_config: z.boolean(),
    steps: z.array(SetupStep),
    /** Why it failed; the rack then has to be started anew. */
    message: z.string().optional(),
  })
  .meta({ id: 'SetupStatus' })
export type SetupStatus = z.output<typeof SetupStatus>

const tags = ['setup']

export const setupApi = api({
  title: 'Lodestone rack set-up',
  version: '1.0.0',
  endpoints: [
    endpoint({
      operationId: 'setup_view',
      method: 'GET',
      path: '/rack-setup',
      tags,
      summary: 'How far the set-up is',
      response: { status: 200, schema: SetupStatus },
    }),
    endpoint({
      operationId: 'setup_config_put',
      method: 'PUT',
      path: '/rack-setup/config',
      tags,
      summary: 'Give the configuration; mistakes are told with their lines, and then it is not taken',
      body: z.object({
        /** As `lode up --config` takes it. */
        toml: z.string(),
        /** How it is called in messages. */
        file: z.string().optional(),
      }),
      response: { status: 204 },
    }),
    endpoint({
      operationId: 'setup_run',
      method: 'POST',
      path: '/rack-setup',
      tags,
      summary: 'Set the rack up with the configuration that it was given',
      response: { status: 202, schema: SetupStatus },
    }),
  ],
})
export type SetupApi = typeof setupApi
export type SetupClient = Client<SetupApi>
