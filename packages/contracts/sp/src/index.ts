/** The management gateway's interface to service processors and ignition, and the testbed's view behind it. */
import { api, type Client } from '@lodestone/api'
import { componentEndpoints } from './component.ts'
import { ignitionEndpoints } from './ignition.ts'
import { labEndpoints } from './lab.ts'
import { stateEndpoints } from './state.ts'

export * from './component.ts'
export * from './identifier.ts'
export * from './ignition.ts'
export * from './lab.ts'
export * from './state.ts'
export {
  type DumpedEntry,
  type DumpedTask,
  encodeTaskMemory,
  type ReadTaskMemory,
  readTaskMemory,
  type TaskMemory,
} from './task-memory.ts'

/** Where a gateway listens, at the underlay address of its switch zone. */
export const GATEWAY_PORT = 12225

export const spApi = api({
  title: 'Lodestone management gateway',
  version: '1.0.0',
  endpoints: [...stateEndpoints, ...componentEndpoints, ...ignitionEndpoints],
})
export type SpApi = typeof spApi
export type SpClient = Client<SpApi>

export const spLabApi = api({
  title: 'Lodestone service processor laboratory',
  version: '1.0.0',
  endpoints: labEndpoints,
})
export type SpLabApi = typeof spLabApi
export type SpLabClient = Client<SpLabApi>
