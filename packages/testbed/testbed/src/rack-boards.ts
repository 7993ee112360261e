/** Boards that were put into a rack while it ran, kept in its state directory, so that they are there at the next start. */
import type { Files } from '@lodestone/host'
import { withSled } from './rack-topology.ts'
import type { MultipathMode, Topology } from './topology.ts'

const FILE = 'boards.json'

/** Serials by place. */
export type PlacedBoards = ReadonlyMap<number, string>

/** A file that is no such list counts as none: then the rack is that of its plan. */
export async function readBoards(state: Files): Promise<PlacedBoards> {
  const bytes = await state.read(FILE)
  if (bytes === undefined) return new Map()
  try {
    const entries = Object.entries(JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>)
    return new Map(entries.flatMap(([place, serial]) => (typeof serial === 'string' ? [[Number(place), serial]] : [])))
  } catch {
    return new Map()
  }
}

export async function writeBoards(state: Files, boards: PlacedBoards): Promise<void> {
  await state.write(FILE, new TextEncoder().encode(`${JSON.stringify(Object.fromEntries(boards))}\n`))
}

export function withBoards(topology: Topology, boards: PlacedBoards, multipath: MultipathMode): Topology {
  let all = topology
  for (const [place, serial] of [...boards].toSorted(([a], [b]) => a - b))
    all = withSled(all, place, { serial, multipath })
  return all
}
