/**
 * Cuts a topology into parts that run in processes of their own. A link between two parts becomes two: in each part one that ends in a
 * tunnel. The first part keeps what the link does to frames on their way to the second, and the second what it does on their way
 * back, so that each frame is shaped once.
 */
import { endOf, type LabDocument, type LinkDocument, type NodeDocument, type NodeOf } from './document.ts'
import { directionsOf } from './link-shape.ts'

export interface PartSpec {
  readonly name: string
  readonly nodes: readonly string[]
}

/** Where tunnels go: ports of the loopback, or services of a cluster with the names of parts. */
export type Placement = { readonly kind: 'loopback'; readonly basePort: number } | { readonly kind: 'services' }

/**
 * UDP loses what the network loses, and keeps the time of what it does not. TCP crosses what lets no UDP through; it loses nothing until
 * its buffers are full, and is late instead.
 */
export type TunnelTransport = 'udp' | 'tcp'

export interface Part {
  readonly name: string
  readonly document: LabDocument
  /** Where others reach it. */
  readonly ports: readonly { readonly port: number; readonly transport: TunnelTransport }[]
}

export type CutResult =
  | { readonly ok: true; readonly parts: readonly Part[] }
  | { readonly ok: false; readonly message: string }

const SERVICE_BASE_PORT = 42_100

type Attach = NodeOf<'external'>['attach']

export function parseParts(
  texts: readonly string[],
): { readonly ok: true; readonly value: readonly PartSpec[] } | { readonly ok: false; readonly message: string } {
  const value: PartSpec[] = []
  for (const text of texts) {
    const match = /^([a-z][a-z0-9-]*)=([a-z0-9-]+(?:,[a-z0-9-]+)*)$/.exec(text)
    if (match === null) return { ok: false, message: `${text} is not NAME=NODE,NODE…` }
    value.push({ name: match[1]!, nodes: match[2]!.split(',') })
  }
  return { ok: true, value }
}

/** @param transport of all tunnels. */
export function cutDocument(
  document: LabDocument,
  specs: readonly PartSpec[],
  placement: Placement,
  transport: TunnelTransport = 'udp',
): CutResult {
  const partOf = new Map<string, string>()
  for (const { name, nodes } of specs) {
    for (const node of nodes) {
      if (document.nodes[node] === undefined) return { ok: false, message: `part ${name}: there is no node ${node}` }
      if (partOf.has(node)) return { ok: false, message: `${node} is in two parts, ${partOf.get(node)} and ${name}` }
      partOf.set(node, name)
    }
  }
  const missing = Object.keys(document.nodes).filter((node) => !partOf.has(node))
  if (missing.length > 0) return { ok: false, message: `in no part: ${missing.join(', ')}` }
  // Switches of a rack, and guests, are where the rack is.
  const placeOf = (node: string): string | undefined => partOf.get(node) ?? partOf.get(node.replace(/-switch[01]$/, ''))
  for (const [name, node] of Object.entries(document.nodes)) {
    if (node.kind === 'guest' && partOf.get(name) !== partOf.get(node.rack)) {
      return { ok: false, message: `guest ${name} has to be in the part of its rack ${node.rack}` }
    }
  }
  const parts = new Map(
    specs.map(({ name }) => [
      name,
      {
        nodes: {} as Record<string, NodeDocument>,
        links: {} as Record<string, LinkDocument>,
        ports: [] as Part['ports'][number][],
      },
    ]),
  )
  for (const [name, node] of Object.entries(document.nodes)) parts.get(partOf.get(name)!)!.nodes[name] = node
  let tunnel = 0
  for (const [name, link] of Object.entries(document.links)) {
    const [a, b] = [placeOf(endOf(link.a).node), placeOf(endOf(link.b).node)]
    if (a === undefined || b === undefined) return { ok: false, message: `link ${name} ends at no node of a part` }
    if (a === b) {
      parts.get(a)!.links[name] = link
      continue
    }
    tunnel++
    const base = placement.kind === 'loopback' ? placement.basePort : SERVICE_BASE_PORT
    const ports =
      placement.kind === 'loopback'
        ? ([base + 2 * tunnel, base + 2 * tunnel + 1] as const)
        : ([base + tunnel, base + tunnel] as const)
    const addressOf = (part: string): string =>
      placement.kind === 'loopback' ? '127.0.0.1' : serviceName(document.name, part)
    const listenAddress = placement.kind === 'loopback' ? '127.0.0.1' : '0.0.0.0'
    const shapes = directionsOf(document, link)
    // Of a TCP tunnel the first part listens, and the second connects as often as it takes.
    const tcp = (here: string, port: number): Attach =>
      here === a
        ? { type: 'tcp', role: 'listen', address: listenAddress, port }
        : { type: 'tcp', role: 'connect', address: addressOf(a), port }
    const half = (here: string, there: string, end: string, mine: number, theirs: number, toTunnel: object): void => {
      const part = parts.get(here)!
      const far = `tunnel-${tunnel}`
      part.nodes[far] = {
        kind: 'external',
        attach:
          transport === 'tcp'
            ? tcp(here, ports[0])
            : {
                type: 'udp',
                listen: { address: listenAddress, port: mine },
                peer: { address: addressOf(there), port: theirs },
                tunnel,
              },
        groups: [],
      }
      part.links[name] = {
        a: end,
        b: `${far}:port`,
        isUp: link.isUp,
        groups: link.groups,
        aToB: toTunnel,
        ...(link.mtuBytes === undefined ? {} : { mtuBytes: link.mtuBytes }),
      }
      if (transport === 'udp') part.ports.push({ port: mine, transport })
      else if (here === a) part.ports.push({ port: ports[0], transport })
    }
    half(a, b, link.a, ports[0], ports[1], shapes.aToB)
    half(b, a, link.b, ports[1], ports[0], shapes.bToA)
  }
  return {
    ok: true,
    parts: [...parts].map(([name, { nodes, links, ports }]) => ({
      name,
      document: { ...document, name: `${document.name}-${name}`, nodes, links, timeline: [] },
      ports,
    })),
  }
}

/** The name by which a part is found in a cluster. */
export function serviceName(lab: string, part: string): string {
  return `${lab}-${part}`
}
