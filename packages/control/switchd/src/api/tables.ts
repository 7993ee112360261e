/** The pipeline as it is. */
import { objectNotFound } from '@lodestone/api'
import type { SwitchCounters, TableDump, Written } from '@lodestone/contract-switchd'
import { dropReason } from '../drop-reason.ts'
import { portName } from '../port-number.ts'
import type { Switchd } from '../switchd.ts'
import { entryText, localName } from '../table-dump.ts'
import type { Writing } from '../write-record.ts'
import type { Operations } from './operations.ts'

type TableOperation = 'status' | 'table_list' | 'table_dump' | 'counters'

export function tableHandlers(switchd: Switchd): Operations<TableOperation> {
  const { pipeline } = switchd.node
  return {
    status: () => ({ incarnation: switchd.incarnation }),
    table_list: () =>
      pipeline.tables.map(({ name, size }) => ({
        name,
        size: pipeline.usage(name)?.entries ?? 0,
        capacity: size,
      })),
    table_dump: ({ params }) => dump(switchd, params.table),
    counters: () => counters(switchd),
  }
}

/** @param name the full name, or the end of one, after a dot, that no other table has. */
function dump(switchd: Switchd, name: string): TableDump {
  const { pipeline } = switchd.node
  const found = pipeline.tables.filter((table) => table.name === name || table.name.endsWith(`.${name}`))
  const table = found.find((each) => each.name === name) ?? (found.length === 1 ? found[0] : undefined)
  if (table === undefined) throw objectNotFound('table', { name })
  const entries = pipeline.entries(table.name) ?? []
  return {
    name: table.name,
    size: entries.length,
    capacity: table.size,
    default_action: localName(switchd.writer.defaultAction(table.name) ?? "the program's own"),
    entries: entries.map((entry) => {
      const text = entryText(table, entry)
      return {
        keys: { ...text.keys },
        action: text.action,
        action_args: { ...text.parameters },
        ...(entry.priority === undefined ? {} : { priority: entry.priority }),
        packets: entry.hits.packets,
        ...written(switchd.writer.record.of(table.name, entry)),
      }
    }),
  }
}

function written(writing: Writing | undefined): { written?: Written } {
  if (writing === undefined) return {}
  const { by, about, causes } = writing.origin
  return { written: { at: new Date(writing.atWallMs).toISOString(), by, about, causes: [...(causes ?? [])] } }
}

function counters(switchd: Switchd): SwitchCounters {
  const { node } = switchd
  return {
    ports: node.portCounters().map((counter) => ({
      port_id: portName(counter.port),
      rx_packets: counter.rxPackets,
      rx_bytes: counter.rxBytes,
      tx_packets: counter.txPackets,
      tx_bytes: counter.txBytes,
      rx_drops: counter.rxDrops,
      tx_drops: counter.txDrops,
    })),
    drops: [...node.drops()]
      .sort(([a], [b]) => a - b)
      .map(([number, packets]) => {
        const reason = dropReason(number)
        return { code: number, reason: reason.code, sentence: reason.sentence, packets }
      }),
    tables: node.pipeline.tables.map(({ name }) => {
      const usage = node.pipeline.usage(name)
      return { table: name, hits: usage?.hits ?? 0, misses: usage?.misses ?? 0 }
    }),
  }
}
