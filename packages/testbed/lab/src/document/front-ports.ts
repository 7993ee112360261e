/** Which front ports the two switches of a rack have in a document: those with a cable, and those of its uplinks. */
import { endOf, type LabDocument } from './document.ts'

/** As `SWITCH:PORT`, in order: the same set gives the same list. */
export function frontPorts({ nodes, links }: LabDocument, rack: string): readonly string[] {
  const node = nodes[rack]
  const own = node?.kind === 'rack' ? node.uplinks.map((each) => `${each.switch}:${each.port}`) : []
  const linked = Object.values(links).flatMap(({ a, b }) =>
    [a, b].flatMap((text) => {
      const end = endOf(text)
      const index = [0, 1].find((each) => end.node === `${rack}-switch${each}`)
      return index === undefined || !end.port.startsWith('qsfp') ? [] : [`${index}:${end.port.slice(4)}`]
    }),
  )
  return [...new Set([...own, ...linked])].toSorted()
}
