/**
 * Topology files of containerlab (`*.clab.yml`), for nodes of the kind `linux`: each becomes a network namespace with the commands of
 * its `exec`. Images, binds and ports have no meaning without containers. Whatever is not read is said, wherever it stands.
 */
import { parse } from 'yaml'
import { z } from 'zod'
import { LabDocument, type LabDocumentInput } from './document.ts'

const Settings = z.looseObject({
  kind: z.string().optional(),
  image: z.string().optional(),
  exec: z.array(z.string()).optional(),
  env: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
  group: z.string().optional(),
})

const End = z.union([
  z.string(),
  z.looseObject({ node: z.string(), interface: z.string(), mac: z.string().optional() }),
])

const ClabLink = z.looseObject({
  type: z.string().optional(),
  endpoints: z.array(End).optional(),
  endpoint: End.optional(),
  mtu: z.int().optional(),
})

const ClabFile = z.looseObject({
  name: z.string(),
  topology: z.looseObject({
    defaults: Settings.optional(),
    kinds: z.record(z.string(), Settings).optional(),
    groups: z.record(z.string(), Settings).optional(),
    nodes: z.record(z.string(), Settings.nullable()),
    links: z.array(ClabLink).default([]),
  }),
})

/** What is read, by where it stands. Names of a link's interfaces and addresses of management networks are among what is not. */
const KNOWN = {
  file: new Set(['name', 'topology']),
  topology: new Set(['defaults', 'kinds', 'groups', 'nodes', 'links']),
  settings: new Set(['kind', 'image', 'exec', 'env', 'group']),
  link: new Set(['type', 'endpoints', 'endpoint', 'mtu']),
  end: new Set(['node', 'interface', 'mac']),
} as const

export type ContainerlabResult =
  | { readonly ok: true; readonly document: LabDocument; readonly notes: readonly string[] }
  | { readonly ok: false; readonly problems: readonly string[] }

export function fromContainerlab(text: string): ContainerlabResult {
  let raw: unknown
  try {
    raw = parse(text)
  } catch (error) {
    return { ok: false, problems: [(error as Error).message] }
  }
  const file = ClabFile.safeParse(raw)
  if (!file.success) return { ok: false, problems: issues(file.error) }
  const { defaults, kinds = {}, groups = {}, nodes, links } = file.data.topology
  const notes = [...ignoredIn('the file', file.data, 'file'), ...ignoredIn('topology', file.data.topology, 'topology')]
  const problems: string[] = []
  const made: LabDocumentInput['nodes'] = {}
  for (const [name, own] of Object.entries(nodes)) {
    // The nearer setting wins: node, group, kind, defaults.
    const group = own?.group === undefined ? undefined : groups[own.group]
    const kind = own?.kind ?? group?.kind ?? defaults?.kind
    if (kind !== 'linux') {
      problems.push(`node ${name} is of the kind ${kind ?? '(none)'}: only linux can be imported`)
      continue
    }
    const layers = [defaults, kinds[kind], group, own ?? undefined]
    const settings = Object.assign({}, ...layers)
    const exec = layers.flatMap((layer) => layer?.exec ?? [])
    const env = Object.assign({}, ...layers.map((layer) => layer?.env)) as Record<string, unknown>
    if (settings.image !== undefined)
      notes.push(`${name}: the image ${settings.image} is not used; commands are those of this machine`)
    notes.push(...ignoredIn(name, settings, 'settings'))
    const exports = Object.entries(env).map(
      ([key, value]) => `export ${key}='${String(value).replaceAll("'", `'\\''`)}'; `,
    )
    made[nameOf(name)] = {
      kind: 'namespace',
      forwarding: true,
      interfaces: {},
      exec: exec.map((command) => exports.join('') + command),
      ...(own?.group === undefined ? {} : { groups: [nameOf(own.group)] }),
    }
  }
  const cables: LabDocumentInput['links'] = {}
  links.forEach((link, index) => {
    const ends = link.endpoints ?? (link.endpoint === undefined ? [] : [link.endpoint])
    if ((link.type !== undefined && link.type !== 'veth') || ends.length !== 2) {
      problems.push(
        `link ${index + 1}: only links between two nodes (veth) can be imported, not ${link.type ?? 'this'}`,
      )
      return
    }
    notes.push(...ignoredIn(`link ${index + 1}`, link, 'link'))
    const [a, b] = ends.map((end) => {
      if (typeof end !== 'string') notes.push(...ignoredIn(`link ${index + 1}, ${end.node}`, end, 'end'))
      const [node, port] = typeof end === 'string' ? end.split(':') : [end.node, end.interface]
      const target = made[nameOf(node!)]
      if (target === undefined) problems.push(`link ${index + 1} names the node ${node}, which does not exist`)
      else if (target.kind === 'namespace')
        target.interfaces![port!] = {
          ...(typeof end !== 'string' && end.mac !== undefined ? { mac: end.mac } : {}),
          ...(link.mtu === undefined ? {} : { mtuBytes: link.mtu }),
        }
      return { node: nameOf(node!), port: port! }
    })
    let name = `${a!.node}-${b!.node}`
    for (let i = 2; cables[name] !== undefined; i++) name = `${a!.node}-${b!.node}-${i}`
    cables[name] = { a: `${a!.node}:${a!.port}`, b: `${b!.node}:${b!.port}` }
  })
  if (problems.length > 0) return { ok: false, problems }
  const document = LabDocument.safeParse({ name: nameOf(file.data.name), nodes: made, links: cables })
  return document.success
    ? { ok: true, document: document.data, notes }
    : { ok: false, problems: issues(document.error) }
}

function ignoredIn(place: string, value: object, kind: keyof typeof KNOWN): readonly string[] {
  const ignored = Object.keys(value).filter((key) => !KNOWN[kind].has(key))
  return ignored.length === 0 ? [] : [`${place}: ${ignored.join(', ')} ignored`]
}

/** Names here are small letters, digits and hyphens. */
function nameOf(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]/g, '-')
    .replace(/^[^a-z]/, 'n$&')
}

function issues(error: z.ZodError): readonly string[] {
  return error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
}
