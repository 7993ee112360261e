/** The control socket of a running topology: what the command line uses to look into it and to break it. */
import { api, type Client } from '@lodestone/api'
import { causeEndpoints } from './cause.ts'
import { explainEndpoints } from './explain.ts'
import { observeEndpoints } from './observe.ts'
import { rackEndpoints } from './rack.ts'
import { reconcilerEndpoints } from './reconciler.ts'

export * from './cause.ts'
export * from './explain.ts'
export * from './observe.ts'
export * from './rack.ts'
export * from './reconciler.ts'
export * from './setup.ts'

export const testbedApi = api({
  title: 'Lodestone testbed',
  version: '1.0.0',
  endpoints: [...rackEndpoints, ...observeEndpoints, ...explainEndpoints, ...causeEndpoints, ...reconcilerEndpoints],
})

export type TestbedApi = typeof testbedApi
export type TestbedClient = Client<TestbedApi>
