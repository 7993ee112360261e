/**
 * A laboratory's state as a file: its topology, which links and nodes are up, what faults made of links, the entries of P4 switches,
 * and where the memory of machines was written. What emulated hosts and daemons remember (connections, routes learnt) is not in it:
 * they learn it again.
 */
import type { Entry } from '@lodestone/npu'
import { type Impairments, PERFECT } from '@lodestone/link'
import type { ImpairmentsDocument } from '../document/document.ts'
import { directionsOf } from '../document/link-shape.ts'
import { LabError } from '../runtime/lab-error.ts'
import type { Applied, LabRuntime } from '../runtime/lab-runtime.ts'
import { impairmentsOf, lossSource } from '../runtime/loss-source.ts'
import { P4Switch } from '../runtime/p4-switch.ts'
import type { Snapshot } from './lab-api.ts'

type Shape = Record<string, unknown>

/** @param folder where the memory of machines goes; without one it is left out. Machines stand still while it is written. */
export async function takeSnapshot(lab: LabRuntime, folder: string | undefined): Promise<Snapshot> {
  const { document } = lab
  const links: Snapshot['links'] = {}
  for (const [name, spec] of Object.entries(document.links)) {
    const link = lab.link(name)
    const wanted = directionsOf(document, spec)
    links[name] = {
      up: link.isUp,
      aToB: difference(wanted.aToB, link.impairments('a-to-b')),
      bToA: difference(wanted.bToA, link.impairments('b-to-a')),
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
  const paused = [...lab.live].flatMap(([name, node]) => (node.state.state === 'paused' ? [name] : []))
  const machines = folder === undefined ? {} : await saveMemories(lab, folder)
  return { version: 1, document, links, nodes_off: nodesOff, nodes_paused: paused, tables, machines }
}

/** @returns the files, by node. */
async function saveMemories(lab: LabRuntime, folder: string): Promise<Snapshot['machines']> {
  const entries = [...lab.live].flatMap(([name, { memory, state }]) => {
    const isThere = state.state === 'running' || state.state === 'paused'
    return memory === undefined || !isThere ? [] : [[name, memory] as const]
  })
  // All at once: each of them stops first.
  const files = await Promise.all(
    entries.map(async ([name, memory]) => [name, await memory.save(folder, name)] as const),
  )
  return Object.fromEntries(files)
}

export async function restoreSnapshot(lab: LabRuntime, snapshot: Snapshot): Promise<Applied> {
  const applied = await lab.apply(snapshot.document)
  await lab.fault({ kind: 'heal' })
  for (const name of snapshot.nodes_off) await lab.fault({ kind: 'off', target: name })
  for (const [name, { up, aToB, bToA }] of Object.entries(snapshot.links)) {
    const link = lab.link(name)
    link.configure(read(aToB, lab), 'a-to-b')
    link.configure(read(bToA, lab), 'b-to-a')
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
  const failures = await Promise.all(
    Object.entries(snapshot.machines).map(async ([name, file]) => {
      try {
        await lab.live.get(name)?.memory?.load(file)
        return []
      } catch (error) {
        return [`${name}: ${(error as Error).message}`]
      }
    }),
  )
  for (const name of snapshot.nodes_paused) await lab.fault({ kind: 'pause', target: name })
  return { ...applied, failures: [...applied.failures, ...failures.flat()] }
}

/** Fields in which `is` is not what the document wants. Infinity, which JSON has not, is written as text. */
function difference(document: ImpairmentsDocument, is: Impairments): Shape {
  const wanted: Shape = { ...PERFECT, ...document }
  const said: Shape = { ...is, lossModel: is.lossModel === undefined ? undefined : lossSource(is.lossModel) }
  const fields = Object.entries(said).filter(([key, value]) => {
    const other = wanted[key]
    return JSON.stringify(value) !== JSON.stringify(other) || (value === Infinity) !== (other === Infinity)
  })
  return Object.fromEntries(fields.map(([key, value]) => [key, value === Infinity ? 'Infinity' : (value ?? null)]))
}

/** What `difference` wrote; a field that is null there is taken back. */
function read(shape: Shape, lab: LabRuntime): Partial<Impairments> {
  const fields = Object.entries(shape)
  const cleared = fields.flatMap(([key, value]) => (value === null ? [[key, undefined]] : []))
  const set = fields.flatMap(([key, value]) => (value === null ? [] : [[key, value === 'Infinity' ? Infinity : value]]))
  // because it was taken from a link, and the link checks it again
  const document = Object.fromEntries(set) as ImpairmentsDocument
  return { ...Object.fromEntries(cleared), ...impairmentsOf(document, lab.predicates) }
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
