/**
 * A laboratory's state as a file: its topology, which links and nodes are up, what faults made of links, and the entries of P4
 * switches. What hosts and daemons remember (connections, routes learnt) is not in it: they learn it again.
 */
import type { Entry } from '@lodestone/npu'
import { type Impairments, PERFECT } from '@lodestone/link'
import { directionsOf } from '../document/link-shape.ts'
import type { PlanStep } from '../document/plan.ts'
import { LabError, type LabRuntime } from '../runtime/lab-runtime.ts'
import { P4Switch } from '../runtime/p4-switch.ts'
import type { Snapshot } from './lab-api.ts'

type Shape = Record<string, unknown>

export function takeSnapshot(lab: LabRuntime): Snapshot {
  const { document } = lab
  const links: Snapshot['links'] = {}
  for (const [name, spec] of Object.entries(document.links)) {
    const link = lab.link(name)
    const wanted = directionsOf(document, spec)
    links[name] = {
      up: link.isUp,
      aToB: difference({ ...PERFECT, ...wanted.aToB }, link.impairments('a-to-b')),
      bToA: difference({ ...PERFECT, ...wanted.bToA }, link.impairments('b-to-a')),
    }
  }
  const tables: Snapshot['tables'] = {}
  for (const [name, node] of lab.live) {
    if (!(node instanceof P4Switch)) continue
    tables[name] = Object.fromEntries(
      node.pipeline.tables.map((table) => [
        table.name,
        (node.pipeline.entries(table.name) ?? []).map((entry) => written(entry)),
      ]),
    )
  }
  const nodesOff = [
    ...lab.emulation.topology.nodes.flatMap(({ name, kind }) =>
      kind !== 'external' && !lab.emulation.nodes.has(name) ? [name] : [],
    ),
    ...[...lab.live].flatMap(([name, node]) => (node.state.state === 'off' ? [name] : [])),
  ]
  return { version: 1, document, links, nodes_off: nodesOff, tables }
}

export async function restoreSnapshot(lab: LabRuntime, snapshot: Snapshot): Promise<readonly PlanStep[]> {
  const steps = await lab.apply(snapshot.document)
  lab.fault({ kind: 'heal' })
  for (const name of snapshot.nodes_off) lab.fault({ kind: 'off', target: name })
  for (const [name, { up, aToB, bToA }] of Object.entries(snapshot.links)) {
    const link = lab.link(name)
    // because they were taken from a link, and the link checks them again
    link.configure(read(aToB) as Partial<Impairments>, 'a-to-b')
    link.configure(read(bToA) as Partial<Impairments>, 'b-to-a')
    link.setUp(up)
  }
  for (const [name, tables] of Object.entries(snapshot.tables)) {
    const node = lab.live.get(name)
    if (!(node instanceof P4Switch)) continue
    for (const { name: table, isConst } of node.pipeline.tables) {
      if (isConst) continue
      node.pipeline.clearTable(table)
      for (const entry of tables[table] ?? []) {
        const result = node.pipeline.addEntry(table, readEntry(entry))
        if (!result.ok) throw new LabError(`${name}: an entry of ${table} was refused: ${result.error.kind}`)
      }
    }
  }
  return steps
}

/** Fields in which `is` is not `wanted`. Infinity, which JSON has not, is written as text. */
function difference(wanted: Impairments, is: Impairments): Shape {
  const fields = Object.entries(is).filter(([key, value]) => {
    const other = wanted[key as keyof Impairments] // because both have the same fields
    return JSON.stringify(value) !== JSON.stringify(other) || (value === Infinity) !== (other === Infinity)
  })
  return Object.fromEntries(fields.map(([key, value]) => [key, value === Infinity ? 'Infinity' : (value ?? null)]))
}

function read(shape: Shape): Shape {
  const value = (each: unknown): unknown => (each === 'Infinity' ? Infinity : each === null ? undefined : each)
  return Object.fromEntries(Object.entries(shape).map(([key, each]) => [key, value(each)]))
}

function written({ keys, action, parameters, priority }: Entry): Shape {
  const texts = (value: unknown): unknown =>
    JSON.parse(
      JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? `0x${each.toString(16)}` : each)),
    )
  return { keys: texts(keys), action, parameters: texts(parameters), ...(priority === undefined ? {} : { priority }) }
}

function readEntry(shape: Shape): Entry {
  const big = (value: unknown): unknown =>
    typeof value === 'string' && /^0x[\da-f]+$/.test(value) ? BigInt(value) : value
  const keys = (shape['keys'] as readonly Shape[]).map((key) =>
    Object.fromEntries(Object.entries(key).map(([name, value]) => [name, big(value)])),
  )
  // because `written` made it, and the pipeline refuses what does not fit
  return {
    keys,
    action: shape['action'],
    parameters: (shape['parameters'] as readonly unknown[]).map(big),
    ...(shape['priority'] === undefined ? {} : { priority: shape['priority'] }),
  } as unknown as Entry
}
