/** The interface of a sled's agent: instances and the network state they need. Default port 12345. */
import { api, type Client } from '@lodestone/api'
import { instanceEndpoints } from './instance.ts'
import { inventoryEndpoints } from './inventory.ts'
import { networkEndpoints } from './network.ts'

export * from './instance.ts'
export * from './inventory.ts'
export * from './network.ts'
export * from './nic.ts'

export const SLED_AGENT_PORT = 12345

export const sledAgentApi = api({
  title: 'Lodestone sled agent',
  version: '1.0.0',
  endpoints: [...inventoryEndpoints, ...instanceEndpoints, ...networkEndpoints],
})

export type SledAgentApi = typeof sledAgentApi
export type SledAgentClient = Client<SledAgentApi>
