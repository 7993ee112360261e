import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Topology, topologyErrors } from '@lodestone/testbed'

/** The default export of a program. Throws with what is wrong with it. */
export async function loadTopology(file: string): Promise<Topology> {
  const program = (await import(pathToFileURL(resolve(file)).href)) as { readonly default?: Partial<Topology> }
  const topology = program.default
  if (topology?.nodes === undefined || topology.links === undefined) {
    throw new Error(`${file} has no topology as its default export`)
  }
  // because it has what a topology has, and what is in it is checked here
  const errors = topologyErrors(topology as Topology)
  if (errors.length > 0) throw new Error(`${file}: ${errors.join('; ')}`)
  return topology as Topology
}
