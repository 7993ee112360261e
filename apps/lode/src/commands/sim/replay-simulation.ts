/** Runs a stored simulation again and shows what there was where it stopped. */
import { readFileSync } from 'node:fs'
import { type ProbeOutput, renderProbeOutput } from '@lodestone/probe'
import {
  describeEvent,
  lastFrameLines,
  parseCondition,
  readReplay,
  ReplayStop,
  SimulatedDatabase,
} from '@lodestone/simulation'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { textTable } from '../../text-table.ts'
import { causeText } from '../why/cause-text.ts'
import { loadTopology } from './load-topology.ts'
import { probeSimulation } from './probe-simulation.ts'

export interface ReplayFlags {
  readonly until?: number
  readonly break?: string
  readonly packets: number
  readonly steps: number
  readonly cause?: string
  readonly probe?: string
  readonly json: boolean
}

export async function replaySimulation(this: LodeContext, flags: ReplayFlags, file: string): Promise<void> {
  const replay = readReplay(readFileSync(file, 'utf8'))
  const condition = flags.break === undefined ? undefined : parseCondition(flags.break)
  if (!replay.ok || condition?.ok === false) {
    this.note(replay.ok ? `--break: ${condition?.ok === false ? condition.reason : ''}` : `${file}: ${replay.reason}`)
    return this.exit(ExitStatus.usage)
  }
  const [node = '', table, ...words] = (flags.cause ?? '').split(/\s+/)
  if (flags.cause !== undefined && table === undefined) {
    this.note('--cause takes a node, a table and words of the entry: "switch0 ingress_ipv4 198.51.100.30"')
    return this.exit(ExitStatus.usage)
  }
  const { seed, minutes, timeline, topology, hash } = replay.value
  const database = await SimulatedDatabase.create(this.databaseArchives)
  const stop = new ReplayStop({
    seed,
    minutes,
    timeline,
    database,
    packets: flags.packets,
    steps: flags.steps,
    ...(table === undefined ? {} : { cause: { node, table, words } }),
    ...(topology === undefined ? {} : { topology: await loadTopology(topology) }),
    ...(flags.until === undefined ? {} : { untilMs: flags.until * 1000 }),
    ...(condition === undefined ? {} : { holds: condition.holds }),
  })
  const said: ProbeOutput[] = []
  const say = (output: ProbeOutput): unknown => (flags.json ? said.push(output) : this.print(renderProbeOutput(output)))
  const probe = flags.probe === undefined ? undefined : probeSimulation(stop.simulation, flags.probe, say)
  if (typeof probe === 'string') {
    this.note(probe)
    stop.simulation.close()
    await database.close()
    return this.exit(ExitStatus.usage)
  }
  const verdict = await stop.run()
  probe?.stop()
  const tables = verdict === undefined || flags.until !== undefined ? await stop.tables() : []
  const nowMs = stop.simulation.clock.nowMs()
  const cause = await stop.cause()
  if (cause?.ok === false) this.note(`--cause: ${cause.message}`)
  const { packets, steps } = stop
  const answer = cause?.ok === true ? cause.answer : undefined
  if (flags.json) {
    const probed = probe === undefined ? {} : { probe: said }
    this.printJson({ stoppedAtMs: nowMs, verdict, packets, steps, cause: answer, ...probed, tables })
  } else {
    for (const event of timeline) this.print(describeEvent(event))
    for (const { node, table, rows } of tables) {
      if (rows.length === 0) continue
      this.print(`\n${node} ${table}`)
      for (const row of rows) this.print(`  ${row.join('  ')}`)
    }
    const lines = stop.packets.map((each) => [
      each.atMs.toFixed(4),
      each.link,
      each.direction,
      String(each.bytes),
      String(each.packet),
    ])
    this.print(`\n${textTable(['ms', 'link', 'direction', 'bytes', 'packet'], lines)}`)
    for (const { packet, changes } of steps) {
      const { atMs, link, direction, bytes, packet: number } = packet
      this.print(`step at ${atMs.toFixed(4)} ms: ${link} ${direction}, ${bytes} bytes, packet ${number}`)
      for (const change of changes) this.print(`  ${change}`)
    }
    if (answer !== undefined) this.print(`\n${causeText(answer)}\n`)
    if (verdict === undefined) this.print(`stopped at ${(nowMs / 1000).toFixed(6)} s`)
    else {
      for (const [name, frames] of Object.entries(lastFrameLines(verdict.failure?.lastFrames ?? []))) {
        this.print(`last frames of ${name}`)
        for (const frame of frames.slice(-flags.packets)) this.print(`  ${frame}`)
      }
      for (const problem of verdict.failure?.problems ?? []) this.print(problem)
      this.print(verdict.hash === hash ? `hash ${hash}, as stored` : `hash ${verdict.hash}; stored is ${hash}`)
    }
  }
  stop.simulation.close()
  await database.close()
  this.exit(verdict?.failure === undefined ? ExitStatus.ok : ExitStatus.failed)
}
