/** The interface of switchd: whatever configures a switch does it through this. Default port 12224. */
import { api, type Client } from '@lodestone/api'
import { linkEndpoints } from './link.ts'
import { lldpEndpoints } from './lldp.ts'
import { loopbackEndpoints } from './loopback.ts'
import { natEndpoints } from './nat.ts'
import { neighborEndpoints } from './neighbor.ts'
import { routeEndpoints } from './route.ts'
import { tableEndpoints } from './table.ts'

export * from './link.ts'
export * from './lldp.ts'
export * from './nat.ts'
export * from './neighbor.ts'
export * from './route.ts'
export * from './table.ts'

export const SWITCHD_PORT = 12224

export const switchdApi = api({
  title: 'Lodestone switchd',
  version: '1.0.0',
  endpoints: [
    ...linkEndpoints,
    ...lldpEndpoints,
    ...neighborEndpoints,
    ...routeEndpoints,
    ...loopbackEndpoints,
    ...natEndpoints,
    ...tableEndpoints,
  ],
})

export type SwitchdApi = typeof switchdApi
export type SwitchdClient = Client<SwitchdApi>
