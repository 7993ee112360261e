import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CapturedPacket } from '@lodestone/packet'
import { buildCommand } from '@stricli/core'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { parseText } from '../../state-flag.ts'
import { textTable } from '../../text-table.ts'
import { sourceAliases, type SourceFlags, sourceFlags } from './compiler-flags.ts'
import { parsePort } from './explain.command.ts'
import { loadProgram } from './load-program.ts'
import { makeFolder, writeOutput } from '../../output-file.ts'

interface RunFlags extends SourceFlags {
  readonly pcap: readonly PortCapture[]
  readonly out: string
  readonly entries?: string
  readonly bmv2: boolean
  readonly why: boolean
  readonly json: boolean
}

interface PortCapture {
  readonly port: number
  readonly file: string
}

interface Arrival extends CapturedPacket {
  readonly port: number
}

/** Progress is told after so many packets, if that took more than a second. */
const PROGRESS_EVERY = 100_000
const COPIES_MAX = 4096

export const runCommand = buildCommand({
  docs: {
    brief: 'Run captures through a program',
    fullDescription: [
      'Reads a pcap or pcapng file per port, sends the packets through in the order of their times, which are also the',
      "program's clock, and writes DIR/PORT.pcap for every port that packets leave by.",
      '',
      'Exit status: 0 done, 1 the program or its entries have errors, 2 wrong usage.',
    ].join('\n'),
    customUsage: [
      { input: 'router.p4 --pcap 1=lan.pcap --pcap 2=wan.pcapng --out result', brief: 'Two ports' },
      {
        input: 'router.p4 --pcap 1=lan.pcap --out result --entries router.stf --why',
        brief: 'And why packets were lost',
      },
    ],
  },
  parameters: {
    flags: {
      ...sourceFlags,
      pcap: {
        kind: 'parsed',
        parse: parseCapture,
        variadic: true,
        brief: 'Packets of a port',
        placeholder: 'PORT=FILE',
      },
      out: {
        kind: 'parsed',
        parse: parseText,
        brief: 'Folder for the results, made if it is missing',
        placeholder: 'DIR',
      },
      entries: {
        kind: 'parsed',
        parse: parseText,
        optional: true,
        brief: 'STF file whose table entries, groups and the like are written first',
        placeholder: 'FILE.stf',
      },
      bmv2: { kind: 'boolean', default: false, brief: 'Behave like BMv2 where it departs from the language' },
      why: { kind: 'boolean', default: false, brief: 'Say where and why packets were dropped' },
      json: { kind: 'boolean', default: false, brief: 'Print JSON' },
    },
    aliases: sourceAliases,
    positional: { kind: 'tuple', parameters: [{ parse: parseText, brief: 'P4 program', placeholder: 'FILE' }] },
  },
  async func(this: LodeContext, flags: RunFlags, file: string) {
    const arrivals = await readArrivals(this, flags.pcap)
    if (arrivals === undefined) return this.exit(ExitStatus.usage)
    const unwritable = (problem: string): void => {
      this.note(`lode p4 run: ${problem}`)
      this.exit(ExitStatus.usage)
    }
    // Before the packets, which may take long.
    const problem = makeFolder(flags.out)
    if (problem !== undefined) return unwritable(problem)
    const clock = { ms: arrivals[0] === undefined ? 0 : timeMs(arrivals[0]) }
    const loaded = await loadProgram(this, 'run', file, flags, { nowMs: () => clock.ms })
    if (!loaded.ok) return this.exit(loaded.status)
    const { createBatch, dropReportText } = await import('@lodestone/npu')
    const { pcapFileHeader, pcapRecord } = await import('@lodestone/packet')
    const { pipeline, arena } = loaded
    if (flags.why) pipeline.forensics.enable({ replaysPerSecond: Infinity, burst: Infinity })
    const batch = createBatch(1, COPIES_MAX)
    const results = new Map<number, Uint8Array[]>()
    let tooLong = 0
    let sent = 0
    const startedMs = this.clock.nowMs()
    const collect = (packet: Arrival): void => {
      for (let k = 0; k < batch.outCount; k++) {
        const port = batch.outPorts[k]!
        const slot = batch.outSlots[k]!
        let records = results.get(port)
        if (records === undefined) results.set(port, (records = []))
        const { seconds, nanoseconds } = packet
        records.push(pcapRecord({ seconds, nanoseconds, bytes: arena.peek(slot) }))
        arena.free(slot)
        sent++
      }
    }
    for (const [index, packet] of arrivals.entries()) {
      clock.ms = timeMs(packet)
      const slot = arena.from(packet.bytes)
      if (slot < 0) {
        tooLong++
        continue
      }
      batch.slots[0] = slot
      batch.ports[0] = packet.port
      batch.count = 1
      pipeline.process(batch)
      collect(packet)
      if ((index + 1) % PROGRESS_EVERY === 0 && this.clock.nowMs() - startedMs > 1000) {
        this.note(`${index + 1} of ${arrivals.length} packets`)
      }
    }
    for (const [port, records] of results) {
      const problem = writeOutput(join(flags.out, `${port}.pcap`), Buffer.concat([pcapFileHeader(), ...records]))
      if (problem !== undefined) return unwritable(problem)
    }
    const drops = [...pipeline.drops()].map(([reason, packets]) => ({ ...pipeline.dropReason(reason), packets }))
    const ports = [...new Set([...arrivals.map(({ port }) => port), ...results.keys()])].sort((a, b) => a - b)
    const counts = ports.map((port) => ({
      port,
      received: arrivals.filter((packet) => packet.port === port).length,
      sent: results.get(port)?.length ?? 0,
    }))
    const report = flags.why ? pipeline.forensics.report() : undefined
    if (flags.json) {
      return this.printJson({
        received: arrivals.length,
        sent,
        tooLong,
        ports: counts,
        drops,
        ...(report && { report }),
      })
    }
    this.print(
      textTable(
        ['port', 'received', 'sent'],
        counts.map(({ port, received, sent: left }) => [String(port), String(received), String(left)]),
      ),
    )
    if (tooLong > 0) this.print(`${tooLong} packets are too long for the pipeline and were left out`)
    if (report !== undefined) this.print(`\n${dropReportText(report)}`)
    else if (drops.length > 0) {
      const rows = drops.map(({ code, sentence, packets }) => [String(packets), code, sentence])
      this.print(`\n${textTable(['dropped', 'reason', 'meaning'], rows)}`)
    }
  },
})

function parseCapture(text: string): PortCapture {
  const at = text.indexOf('=')
  if (at < 0) throw new Error(`--pcap takes PORT=FILE, not '${text}'`)
  return { port: parsePort(text.slice(0, at)), file: text.slice(at + 1) }
}

function timeMs({ seconds, nanoseconds }: CapturedPacket): number {
  return seconds * 1000 + nanoseconds / 1e6
}

/** The packets of all files in the order of their times; undefined, with a message, when a file cannot be read. */
async function readArrivals(context: LodeContext, captures: readonly PortCapture[]): Promise<Arrival[] | undefined> {
  const { readPcap, readPcapng } = await import('@lodestone/packet')
  const arrivals: Arrival[] = []
  for (const { port, file } of captures) {
    let bytes: Uint8Array
    try {
      bytes = readFileSync(file)
    } catch {
      context.note(`lode p4 run: cannot read ${file}`)
      return undefined
    }
    let capture: {
      readonly packets: readonly CapturedPacket[]
      readonly error?: { readonly kind: string; readonly offset: number }
    } = readPcap(bytes)
    if (capture.error?.kind === 'not-a-capture') capture = readPcapng(bytes)
    const { error } = capture
    if (error?.kind === 'not-a-capture') {
      context.note(`lode p4 run: ${file} is neither pcap nor pcapng`)
      return undefined
    }
    if (error !== undefined) context.note(`${file}: ${error.kind} at byte ${error.offset}; what comes before is used`)
    for (const packet of capture.packets) arrivals.push({ ...packet, port })
  }
  // Stable: of packets of the same time, the file that was named first comes first.
  return arrivals.sort((a, b) => a.seconds - b.seconds || a.nanoseconds - b.nanoseconds)
}
