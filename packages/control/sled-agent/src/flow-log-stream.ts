/**
 * What connections of all ports do, as streams of lines of JSON that end when their readers go. The packet engine writes entries only
 * while somebody reads.
 */
import { ndjsonWriter, type NdjsonWriter } from '@lodestone/api'
import type { FlowLogEntry } from '@lodestone/contract-sled-agent'
import type { Clock } from '@lodestone/host'
import type { FlowLogEntry as EngineEntry, VportEngine } from '@lodestone/vport'

/** How many entries a reader may be behind before it loses some. */
const MAX_QUEUED = 4096

interface Reader {
  readonly writer: NdjsonWriter<FlowLogEntry>
  readonly hasAddresses: boolean
}

export class FlowLogStreams {
  readonly #engine: VportEngine
  readonly #clock: Clock
  readonly #readers = new Set<Reader>()
  #stop: (() => void) | undefined

  constructor(engine: VportEngine, clock: Clock) {
    this.#engine = engine
    this.#clock = clock
  }

  /** @param hasAddresses whether the other side of a connection is told. */
  open(hasAddresses: boolean): ReadableStream<Uint8Array> {
    const reader: Reader = {
      writer: ndjsonWriter<FlowLogEntry>(() => this.#close(reader), MAX_QUEUED),
      hasAddresses,
    }
    this.#readers.add(reader)
    this.#stop ??= this.#engine.logFlows((entry) => this.#write(entry))
    return reader.writer.stream
  }

  close(): void {
    for (const reader of this.#readers) reader.writer.end()
    this.#readers.clear()
    this.#stop?.()
    this.#stop = undefined
  }

  #close(reader: Reader): void {
    this.#readers.delete(reader)
    if (this.#readers.size > 0) return
    this.#stop?.()
    this.#stop = undefined
  }

  #write(entry: EngineEntry): void {
    const wallMs = entry.atMs + this.#clock.wallMs() - this.#clock.nowMs()
    const line = flowLogEntry(entry, wallMs)
    for (const { writer, hasAddresses } of this.#readers) writer.write(hasAddresses ? line : withoutAddresses(line))
  }
}

/** What is told about the other side is left out; a refused packet's detail may name it. */
function withoutAddresses(line: FlowLogEntry): FlowLogEntry {
  if (line.kind === 'refused') {
    const { remote: _, detail: __, ...rest } = line
    return rest
  }
  const { remote: _, ...rest } = line
  return rest
}

function flowLogEntry(entry: EngineEntry, wallMs: number): FlowLogEntry {
  const ofPort = {
    version: entry.version,
    time: new Date(wallMs).toISOString(),
    port_id: entry.portId,
    port_name: entry.portName,
    vni: entry.vni,
  }
  if (entry.kind === 'refused') {
    const { direction, reason, detail, rule, protocol, guest, remote, bytes, unlogged } = entry
    return {
      kind: 'refused',
      ...ofPort,
      direction,
      reason,
      ...(detail === undefined ? {} : { detail }),
      ...(rule === undefined ? {} : { rule }),
      ...(protocol === undefined ? {} : { protocol }),
      ...(guest === undefined ? {} : { guest }),
      ...(remote === undefined ? {} : { remote }),
      bytes,
      unlogged,
    }
  }
  const { flow } = entry
  return {
    kind: entry.kind,
    ...ofPort,
    protocol: flow.protocol,
    guest: flow.guest,
    ...(flow.remote === undefined ? {} : { remote: flow.remote }),
    ...(flow.external === undefined ? {} : { external: flow.external }),
    initiator: flow.initiator,
    ...(flow.tcpState === undefined ? {} : { tcp_state: flow.tcpState }),
    firewall_rule: flow.firewallRule,
    age_ms: Math.round(flow.ageMs),
    packets_in: flow.packetsIn,
    bytes_in: flow.bytesIn,
    packets_out: flow.packetsOut,
    bytes_out: flow.bytesOut,
  }
}
