/**
 * Routing at rest: every node knows exactly the prefixes that somebody announces, and its forwarding tables say what its RIB selected, no
 * more and no less.
 */
import type { Routed } from '@lodestone/routed'
import type { Netstack } from '@lodestone/netstack'
import type { Emulation } from '@lodestone/testbed'

type SwitchNode = ReturnType<Emulation['switches']>[number]

export async function routingProblems(emulation: Emulation): Promise<string[]> {
  const problems = originProblems(emulation)
  for (const [name, node] of emulation.nodes) {
    if (node.routed === undefined) continue
    const wanted = selectedRoutes(node.routed)
    problems.push(...difference(`${name}'s stack`, wanted, stackRoutes(node.stack)))
    if (node.kind === 'switch') problems.push(...difference(`${name}'s pipeline`, wanted, await pipelineRoutes(node)))
  }
  return problems
}

/** Each prefix with its ways, as text. */
type Routes = ReadonlyMap<string, string>

function originProblems(emulation: Emulation): string[] {
  const speakers = [...emulation.nodes.values()].filter((node) => node.routed?.config.bgp !== undefined)
  const origins = new Map<string, Set<number>>()
  for (const { routed } of speakers) {
    const { asn, originate } = routed!.config.bgp!
    for (const prefix of originate) origins.set(`${prefix}`, (origins.get(`${prefix}`) ?? new Set()).add(asn))
  }
  const problems: string[] = []
  for (const { name, routed } of speakers) {
    const { asn } = routed!.config.bgp!
    const known = new Set<string>()
    for (const { prefix, selected } of routed!.rib.snapshot()) {
      if (selected.some((path) => path.source.protocol === 'bgp')) known.add(`${prefix}`)
    }
    for (const prefix of known) {
      if (!origins.has(prefix)) problems.push(`${name} has a BGP route to ${prefix}, which nobody announces`)
    }
    for (const [prefix, asns] of origins) {
      // A route that comes back to the network it began in is refused as a loop (RFC 4271 §9.1.2).
      if (!asns.has(asn) && !known.has(prefix)) problems.push(`${name} has no route to ${prefix}, which is announced`)
    }
  }
  return problems
}

function selectedRoutes({ rib }: Routed): Routes {
  const routes = new Map<string, string>()
  for (const { prefix, selected } of rib.snapshot()) {
    const ways = selected.filter((path) => path.nextHopInterface !== undefined)
    if (ways.length === 0) continue
    routes.set(`${prefix}`, sorted(ways.map((path) => `${path.nextHop}%${path.nextHopInterface}`)))
  }
  return routes
}

function stackRoutes(stack: Netstack): Routes {
  const routes = new Map<string, string>()
  for (const { prefix, origin, nextHops } of stack.routes()) {
    if (origin === 'connected') continue
    routes.set(`${prefix}`, sorted(nextHops.map((hop) => `${hop.via}%${hop.interface}`)))
  }
  return routes
}

async function pipelineRoutes({ api }: SwitchNode): Promise<Routes> {
  const routes = new Map<string, string>()
  for (const list of [api.route_ipv4_list, api.route_ipv6_list]) {
    const page = await list({ query: { limit: 10_000 } })
    if (!page.ok) throw new Error(page.message)
    for (const { cidr, targets } of page.value.items) {
      routes.set(cidr, sorted(targets.map((target) => `${target.tgt_ip}%tfport${target.port_id}`)))
    }
  }
  return routes
}

function sorted(ways: readonly string[]): string {
  return ways.toSorted().join(' ')
}

function difference(where: string, wanted: Routes, actual: Routes): string[] {
  const problems: string[] = []
  for (const [prefix, ways] of wanted) {
    const there = actual.get(prefix)
    if (there === undefined) problems.push(`${where} lacks ${prefix} by ${ways}`)
    else if (there !== ways) problems.push(`${where} has ${prefix} by ${there}; selected is ${ways}`)
  }
  for (const prefix of actual.keys()) {
    if (!wanted.has(prefix)) problems.push(`${where} has ${prefix}, which nothing selected`)
  }
  return problems
}
