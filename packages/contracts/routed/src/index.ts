/** The interface of routed, the routing daemon of switches and sleds. Default port 4676. */
import { api, type Client } from '@lodestone/api'
import { bfdEndpoints } from './bfd.ts'
import { bgpEndpoints } from './bgp.ts'
import { configEndpoints } from './config.ts'
import { ddmEndpoints } from './ddm.ts'
import { eventEndpoints } from './events.ts'
import { ribEndpoints } from './rib.ts'

export * from './bfd.ts'
export * from './bgp.ts'
export * from './config.ts'
export * from './ddm.ts'
export * from './events.ts'
export * from './rib.ts'

export const ROUTED_PORT = 4676

export const routedApi = api({
  title: 'Lodestone routed',
  version: '1.0.0',
  endpoints: [
    ...configEndpoints,
    ...bgpEndpoints,
    ...ribEndpoints,
    ...bfdEndpoints,
    ...ddmEndpoints,
    ...eventEndpoints,
  ],
})

export type RoutedApi = typeof routedApi
export type RoutedClient = Client<RoutedApi>
