/**
 * The overlay at rest: sleds run exactly the instances that there should be, one sled each; all packet engines know where each address is;
 * both switches translate exactly the external addresses in use, and no address and port leads to two places.
 */
import type { Emulation } from '@lodestone/testbed'
import type { Intent, IntendedInstance } from './intent.ts'

interface Placed {
  readonly instance: IntendedInstance
  /** The underlay address of its sled. */
  readonly sled: string
}

export async function overlayProblems(emulation: Emulation, intent: Intent): Promise<string[]> {
  const problems: string[] = []
  const placed = placements(emulation, intent, problems)
  const v2p = new Set(placed.map(({ instance, sled }) => `${instance.ip} ${instance.nicMac} ${sled}`))
  for (const sled of emulation.sleds()) {
    const known = sled.engine.virtualToPhysical().filter(({ ip }) => ip.family === 4)
    const texts = known.map(({ ip, mac, sled: host }) => `${ip} ${mac} ${host}`)
    problems.push(...differences(`${sled.name}'s mappings`, v2p, texts))
  }
  const nat = new Set(
    placed.flatMap(({ instance, sled }) => instance.external.map((each) => `${each} ${sled} ${instance.nicMac}`)),
  )
  for (const node of emulation.switches()) {
    const page = await node.api.nat_list({ query: { limit: 10_000 } })
    if (!page.ok) throw new Error(page.message)
    const texts = page.value.items.map(
      (each) =>
        `${each.external_address} ${each.first_port}-${each.last_port} ${each.internal_ip} ${each.inner_mac.toLowerCase()}`,
    )
    problems.push(...differences(`${node.name}'s translations`, nat, texts))
    problems.push(...overlaps(node.name, page.value.items))
  }
  return problems
}

function placements(emulation: Emulation, intent: Intent, problems: string[]): Placed[] {
  const placed: Placed[] = []
  const wanted = new Map(intent.instances.map((each) => [each.id, each]))
  const found = new Set<string>()
  for (const sled of emulation.sleds()) {
    for (const [id, there] of sled.agent.instances) {
      const instance = wanted.get(id)
      const name = there.desired.hostname
      if (instance === undefined || instance.runState === 'stopped') {
        problems.push(`${sled.name} has ${name}, which should not be there`)
        continue
      }
      if (found.has(id)) problems.push(`${name} is on two sleds`)
      found.add(id)
      if (there.guest === undefined)
        problems.push(`${name} is on ${sled.name} and does not run: ${there.view().reason ?? there.view().state}`)
      placed.push({ instance, sled: sled.spec.address.toString() })
    }
  }
  for (const { id, name, project, runState } of intent.instances) {
    if (runState === 'running' && !found.has(id)) problems.push(`${project}/${name} should run and is on no sled`)
    if (runState !== 'running' && runState !== 'stopped') problems.push(`${project}/${name} is ${runState}`)
  }
  return placed
}

interface Translation {
  readonly external_address: string
  readonly first_port: number
  readonly last_port: number
}

function overlaps(name: string, translations: readonly Translation[]): string[] {
  const sorted = translations.toSorted(
    (a, b) => a.external_address.localeCompare(b.external_address, 'en') || a.first_port - b.first_port,
  )
  return sorted.flatMap((each, i) => {
    const next = sorted[i + 1]
    const isShared = next?.external_address === each.external_address && next.first_port <= each.last_port
    return isShared ? [`${name}: ${each.external_address} port ${next.first_port} leads to two places`] : []
  })
}

function differences(where: string, wanted: ReadonlySet<string>, actual: readonly string[]): string[] {
  const there = new Set(actual)
  return [
    ...[...wanted].filter((each) => !there.has(each)).map((each) => `${where} lack ${each}`),
    ...actual.filter((each) => !wanted.has(each)).map((each) => `${where} have ${each}, which should not be`),
  ]
}
