/**
 * A topology as a drawing. Nodes find their places by springs along the links and pushes between all pairs, from places on a
 * circle: the same topology gives the same drawing.
 */
import type { LabInfo } from '../control/lab-api.ts'
import { endOf, type LabDocument } from '../document/document.ts'

export interface GraphNode {
  readonly name: string
  readonly kind: string
  readonly state: string
}

export interface GraphLink {
  readonly name: string
  readonly from: string
  readonly to: string
  readonly up: boolean
  readonly label: string
}

export interface Graph {
  readonly name: string
  readonly nodes: readonly GraphNode[]
  readonly links: readonly GraphLink[]
}

const WIDTH = 960
const HEIGHT = 640
const ROUNDS = 300
const COLOURS: Readonly<Record<string, string>> = {
  host: '#2f6f8f',
  switch: '#8f5a2f',
  sled: '#4f7f3f',
  namespace: '#6f4f8f',
  machine: '#8f2f4f',
  guest: '#2f8f6f',
  external: '#666666',
  device: '#8f7f2f',
}

/** What runs where it runs; otherwise what the document says. */
export function graphOf(document: LabDocument, info: LabInfo | undefined): Graph {
  if (info !== undefined) {
    return {
      name: info.name,
      nodes: info.nodes.map(({ name, kind, state }) => ({ name, kind, state })),
      links: info.links.map((link) => ({
        name: link.name,
        from: link.a.split('/')[0]!,
        to: link.b.split('/')[0]!,
        up: link.up,
        label: link.profile ?? '',
      })),
    }
  }
  const nodes = Object.entries(document.nodes).map(([name, { kind }]) => ({ name, kind, state: 'off' }))
  const links = Object.entries(document.links).map(([name, link]) => ({
    name,
    from: endOf(link.a).node,
    to: endOf(link.b).node,
    up: link.isUp,
    label: link.profile ?? '',
  }))
  // Switches inside racks that links name.
  const named = new Set(nodes.map(({ name }) => name))
  const inner = [...new Set(links.flatMap(({ from, to }) => [from, to]))].filter((name) => !named.has(name))
  return {
    name: document.name,
    nodes: [...nodes, ...inner.map((name) => ({ name, kind: 'switch', state: 'off' }))],
    links,
  }
}

export function graphSvg(graph: Graph): string {
  const places = placesOf(graph)
  const lines = graph.links.map((link) => {
    const [a, b] = [places.get(link.from), places.get(link.to)]
    if (a === undefined || b === undefined) return ''
    const style = link.up ? 'stroke="#555"' : 'stroke="#c33" stroke-dasharray="6 5"'
    const label = `<text x="${round((a.x + b.x) / 2)}" y="${round((a.y + b.y) / 2 - 4)}" class="l">${escape(link.label)}</text>`
    const title = `<title>${escape(`${link.name}${link.up ? '' : ' (down)'}`)}</title>`
    return `<g><line x1="${round(a.x)}" y1="${round(a.y)}" x2="${round(b.x)}" y2="${round(b.y)}" ${style} stroke-width="2">${title}</line>${label}</g>`
  })
  const boxes = graph.nodes.map(({ name, kind, state }) => {
    const { x, y } = places.get(name)!
    const width = Math.max(64, name.length * 8 + 20)
    const fill = COLOURS[kind] ?? '#444'
    const opacity = state === 'running' ? 1 : 0.45
    return `<g><rect x="${round(x - width / 2)}" y="${round(y - 18)}" width="${width}" height="36" rx="6" fill="${fill}" fill-opacity="${opacity}"/><text x="${round(x)}" y="${round(y - 1)}" class="n">${escape(name)}</text><text x="${round(x)}" y="${round(y + 12)}" class="k">${escape(kind)}</text></g>`
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="${escape(graph.name)}">`,
    '<style>text{font-family:system-ui,sans-serif;text-anchor:middle}.n{font-size:13px;fill:#fff}.k{font-size:9px;fill:#fff}.l{font-size:10px;fill:#555}</style>',
    ...lines,
    ...boxes,
    '</svg>',
  ].join('\n')
}

interface Place {
  x: number
  y: number
}

function placesOf({ nodes, links }: Graph): ReadonlyMap<string, Place> {
  const count = Math.max(1, nodes.length)
  const places = nodes.map((_, i) => ({
    x: WIDTH / 2 + 200 * Math.cos((2 * Math.PI * i) / count),
    y: HEIGHT / 2 + 200 * Math.sin((2 * Math.PI * i) / count),
  }))
  const index = new Map(nodes.map(({ name }, i) => [name, i]))
  const springs = links.flatMap(({ from, to }): [number, number][] => {
    const [a, b] = [index.get(from), index.get(to)]
    return a === undefined || b === undefined ? [] : [[a, b]]
  })
  const ideal = Math.sqrt((WIDTH * HEIGHT) / count) * 0.75
  for (let round = 0; round < ROUNDS; round++) {
    const moves = places.map(() => ({ x: 0, y: 0 }))
    for (let i = 0; i < places.length; i++) {
      for (let j = i + 1; j < places.length; j++) push(places, moves, i, j, (distance) => (ideal * ideal) / distance)
    }
    for (const [a, b] of springs) push(places, moves, a, b, (distance) => -(distance * distance) / ideal)
    const heat = 40 * (1 - round / ROUNDS)
    places.forEach((place, i) => {
      const length = Math.hypot(moves[i]!.x, moves[i]!.y) || 1
      const step = Math.min(length, heat) / length
      place.x = clamp(place.x + moves[i]!.x * step, 60, WIDTH - 60)
      place.y = clamp(place.y + moves[i]!.y * step, 30, HEIGHT - 30)
    })
  }
  return new Map(nodes.map(({ name }, i) => [name, places[i]!]))
}

function push(
  places: readonly Place[],
  moves: readonly Place[],
  i: number,
  j: number,
  force: (distance: number) => number,
): void {
  const [dx, dy] = [places[i]!.x - places[j]!.x, places[i]!.y - places[j]!.y]
  const distance = Math.max(1, Math.hypot(dx, dy))
  const strength = force(distance) / distance
  moves[i]!.x += dx * strength
  moves[i]!.y += dy * strength
  moves[j]!.x -= dx * strength
  moves[j]!.y -= dy * strength
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value))
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
