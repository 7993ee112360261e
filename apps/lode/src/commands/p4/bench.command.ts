import { buildCommand } from '@stricli/core'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { parseText } from '../../state-flag.ts'
import { textTable } from '../../text-table.ts'
import { sourceAliases, type SourceFlags, sourceFlags, sourceOptions } from './compiler-flags.ts'
import { reportDiagnostics } from './diagnostic-report.ts'

interface BenchFlags extends SourceFlags {
  readonly entries: number
  readonly packets: number
  readonly bmv2: boolean
  readonly json: boolean
}

const FRAME_BYTES = 64
const FLOWS = 256
const BATCH = 256
const PORT = 1
const COPIES = 16

export const benchCommand = buildCommand({
  docs: {
    brief: 'Measure how fast a program is',
    fullDescription: [
      'Makes packets that the parser accepts, fills the tables so that they hit, and measures how long the packets take on',
      'one core, in memory. Entries and packets are the same every time. Tables get --entries entries each, as far as they',
      'have room; packets are 64 bytes, or as long as their headers.',
      '',
      'Exit status: 0 done, 1 the program has errors, 2 wrong usage.',
    ].join('\n'),
    customUsage: [
      { input: 'router.p4', brief: '1000 entries in each table' },
      { input: 'router.p4 --entries 100000 --json', brief: 'As JSON' },
    ],
  },
  parameters: {
    flags: {
      ...sourceFlags,
      entries: { kind: 'parsed', parse: parseCount, default: '1000', brief: 'Entries per table', placeholder: 'N' },
      packets: { kind: 'parsed', parse: parseCount, default: '1000000', brief: 'Packets to send', placeholder: 'N' },
      bmv2: { kind: 'boolean', default: false, brief: 'Behave like BMv2 where it departs from the language' },
      json: { kind: 'boolean', default: false, brief: 'Print JSON' },
    },
    aliases: sourceAliases,
    positional: { kind: 'tuple', parameters: [{ parse: parseText, brief: 'P4 program', placeholder: 'FILE' }] },
  },
  async func(this: LodeContext, flags: BenchFlags, file: string) {
    const { ARCHITECTURE_NAMES, compile, evaluate } = await import('@lodestone/p4')
    const { createBatch, createPipeline } = await import('@lodestone/npu')
    const { Arena } = await import('@lodestone/frame')
    const { fillTables } = await import('./table-fill.ts')
    const { walkPacket } = await import('./packet-walk.ts')
    const source = sourceOptions(file, flags, ARCHITECTURE_NAMES)
    if (!source.ok) {
      this.note(`lode p4 bench: ${source.message}`)
      return this.exit(ExitStatus.usage)
    }
    const { program, diagnostics } = compile({ ...source.value, bmv2: flags.bmv2 })
    await reportDiagnostics(this, diagnostics, source.value.readFile)
    if (program === undefined) return this.exit(ExitStatus.failed)

    const random = generator(1)
    const arena = new Arena({ slots: BATCH * (COPIES + 1), slotBytes: 4096, headroomBytes: 1022 })
    const pipeline = createPipeline(program, { arena, nowMs: () => 0, ports: Array.from({ length: 16 }, (_, k) => k) })
    const walks = Array.from({ length: 2 * FLOWS }, () =>
      walkPacket({ program, evaluate, random, length: FRAME_BYTES }),
    )
    this.note(`filling ${pipeline.tables.length} tables`)
    const frames = fillTables({ pipeline, frames: walks, port: PORT, entries: flags.entries, random }).slice(0, FLOWS)

    const batch = createBatch(BATCH, COPIES)
    const batches = Math.max(2, Math.ceil(flags.packets / BATCH))
    const before = pipeline.tables.map(({ name }) => pipeline.usage(name))
    const spentMs: number[] = []
    let sent = 0
    this.note(`sending ${batches * BATCH} packets`)
    for (let k = 0; k < batches; k++) {
      for (let i = 0; i < BATCH; i++) {
        batch.slots[i] = arena.from(frames[random(frames.length)]!)
        batch.ports[i] = PORT
      }
      batch.count = BATCH
      const started = performance.now()
      pipeline.process(batch)
      spentMs.push(performance.now() - started)
      sent += batch.outCount
      for (let i = 0; i < batch.outCount; i++) arena.free(batch.outSlots[i]!)
      pipeline.takeEvents()
    }
    // The first half is warm-up.
    const measured = spentMs.slice(batches >> 1).sort((a, b) => a - b)
    const nsPerPacket = (measured[measured.length >> 1]! * 1e6) / BATCH
    const tables = pipeline.tables.flatMap(({ name, keys }, k) => {
      const { entries, hits, misses } = pipeline.usage(name)!
      const lookups = hits + misses - before[k]!.hits - before[k]!.misses
      if (keys.length === 0) return []
      const hitRate = lookups === 0 ? undefined : (hits - before[k]!.hits) / lookups
      return [{ table: name, entries, lookups, ...(hitRate === undefined ? {} : { hitRate }) }]
    })
    const packets = batches * BATCH
    const drops = [...pipeline.drops()].map(([reason, count]) => ({ ...pipeline.dropReason(reason), packets: count }))
    if (flags.json) {
      return this.printJson({ nsPerPacket, packetsPerSecond: 1e9 / nsPerPacket, packets, sent, drops, tables })
    }
    this.print(`${(1000 / nsPerPacket).toFixed(2)} million packets/s, ${nsPerPacket.toFixed(0)} ns a packet (median)`)
    this.print(`${packets} packets in, ${sent} out`)
    for (const { sentence, packets: count } of drops) this.print(`${count} dropped: ${sentence}`)
    this.print('')
    this.print(
      textTable(
        ['table', 'entries', 'lookups', 'hits %'],
        tables.map(({ table, entries, lookups, hitRate }) => [
          table,
          String(entries),
          String(lookups),
          hitRate === undefined ? '-' : (100 * hitRate).toFixed(1),
        ]),
      ),
    )
  },
})

function parseCount(text: string): number {
  const count = Number(text)
  if (!Number.isSafeInteger(count) || count < 1) throw new Error(`'${text}' is not a number of 1 or more`)
  return count
}

/** The same numbers every time (xorshift32), so that two runs compare. */
function generator(seed: number): (bound: number) => number {
  let state = seed
  return (bound) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % bound
  }
}
