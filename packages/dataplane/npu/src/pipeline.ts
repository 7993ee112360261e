/**
 * A compiled P4 program at work: the one interface between whoever moves frames and whoever programs tables.
 * A batch goes in, descriptors come out; table writes are atomic to the packet path; exact errors are values.
 */
import type { KeySet, MatchKind } from '@lodestone/p4'
import type { DropReason, StoryEvent } from '@lodestone/probe'
import type { ActionProfile } from './target/action-profile.ts'
import type { ControlResult } from './target/control-result.ts'
import type { CrcParameters } from './target/custom-crc.ts'
import type { IdleEntry } from './target/idle-timeout.ts'
import type { TrafficManager } from './target/traffic-manager.ts'
import type { ValueSetControl } from './target/value-set.ts'
import type { Explanation } from './explain/explanation.ts'
import type { Recording } from './explain/recording.ts'
import type { Forensics } from './forensics/drop-report.ts'

/**
 * A batch in both directions, made once and reused. The caller fills `slots`, `ports` and `count`; `process` fills the
 * `out` side and owns the input frames from then on. A dropped frame is freed by the pipeline after it is counted.
 */
export interface Batch {
  readonly capacity: number
  readonly slots: Int32Array
  readonly ports: Int32Array
  count: number
  /** Frames to send: slot and egress port. Replication (broadcast, multicast) makes this longer than the input. */
  readonly outSlots: Int32Array
  readonly outPorts: Int32Array
  outCount: number
}

/** What the control plane writes. Values are unsigned; addresses as integers in network order. */
export interface EntryKey {
  readonly keys: readonly KeySet[]
  /** The larger wins; only for tables with ternary, range or optional keys. */
  readonly priority?: number
}

export interface Entry extends EntryKey {
  readonly action: string
  /** In the action's declared order. */
  readonly parameters: readonly bigint[]
  /**
   * In a table with an action profile or selector, instead of an action (whose name is then '' and which has no
   * parameters): a member of it, or a group.
   */
  readonly member?: number
  readonly group?: number
  /** In a table that supports time-outs: `idleEntries` tells when nothing has matched for so long. */
  readonly idleTimeoutMs?: number
}

export type TableError =
  | { readonly kind: 'noSuchTable'; readonly table: string }
  | { readonly kind: 'noSuchAction'; readonly action: string; readonly allowed: readonly string[] }
  | { readonly kind: 'badKey'; readonly key: string; readonly message: string }
  | { readonly kind: 'badParameter'; readonly parameter: string; readonly message: string }
  | { readonly kind: 'exists' }
  | { readonly kind: 'notFound' }
  | { readonly kind: 'full'; readonly size: number }
  | { readonly kind: 'constant'; readonly message: string }

export type TableResult = { readonly ok: true } | { readonly ok: false; readonly error: TableError }

export interface TableDescription {
  readonly name: string
  readonly keys: readonly { readonly name: string; readonly match: MatchKind; readonly width: number }[]
  readonly actions: readonly {
    readonly name: string
    readonly parameters: readonly { readonly name: string; readonly width: number }[]
  }[]
  readonly size: number
  readonly isConst: boolean
}

export interface EntryCounter {
  readonly packets: number
  readonly bytes: number
}

export interface MeterConfig {
  readonly committedRate: number
  readonly committedBurst: number
  readonly peakRate: number
  readonly peakBurst: number
}

/** What a program told the host. `values` in order, unsigned; a log line's text keeps its `{}`. */
export interface PipelineEvent {
  readonly kind: 'digest' | 'log' | 'target' | 'mistake'
  /**
   * Digest: its name. Log: the message. Target: the extern that nobody supplied. Mistake: which extern of the user threw, or
   * answered with what is no number, and how; its values are what it was given.
   */
  readonly name: string
  readonly values: readonly bigint[]
}

export interface Pipeline {
  readonly tables: readonly TableDescription[]
  process(batch: Batch): void
  /** Frames that waited in egress queues and may leave now, into the `out` side of the batch. */
  poll(batch: Batch): void
  /** Multicast groups, clone sessions and egress queues of v1model and psa; undefined for softnpu. */
  readonly traffic: TrafficManager | undefined

  addEntry(table: string, entry: Entry): TableResult
  /** Same key, new action: one atomic write. */
  modifyEntry(table: string, entry: Entry): TableResult
  deleteEntry(table: string, key: EntryKey): TableResult
  setDefault(table: string, action: string, parameters: readonly bigint[]): TableResult
  /** Back to the program's own. */
  resetDefault(table: string): TableResult
  clearTable(table: string): TableResult
  entries(table: string): readonly (Entry & { readonly hits: EntryCounter })[] | undefined
  /** An entry that stands in the table as stories tell it, `203.0.113.0/24 → forward(port=1)`. */
  entryText(table: string, key: EntryKey): string | undefined
  /** How full, and how many lookups hit and missed. */
  usage(
    table: string,
  ): { readonly size: number; readonly entries: number; readonly hits: number; readonly misses: number } | undefined

  /** What crc16_custom and crc32_custom compute; at first what crc16 and crc32 do. */
  setCrc(algorithm: 'crc16_custom' | 'crc32_custom', parameters: CrcParameters): ControlResult
  /** Members and groups of an action profile or selector, or undefined when there is none of that name. */
  profile(name: string): ActionProfile | undefined
  /** Members of a parser value set, or undefined when there is none of that name. */
  valueSet(name: string): ValueSetControl | undefined
  /**
   * Entries with an idle time-out that nothing has matched for that long, each once until it is matched again. The
   * clock is the host's: call it as often as time-outs are to be exact.
   */
  idleEntries(): readonly IdleEntry[]
  /** Token buckets of one entry of a table with a direct meter. */
  setEntryMeter(table: string, entry: EntryKey, config: MeterConfig): TableResult

  /** A counter extern's cells, or undefined when there is none of that name. */
  counter(name: string): readonly EntryCounter[] | undefined
  resetCounter(name: string): void
  /** @returns false when there is no such cell. */
  writeCounter(name: string, index: number, value: EntryCounter): boolean
  readRegister(name: string, index: number): bigint | undefined
  writeRegister(name: string, index: number, value: bigint): void
  /** Token buckets of one meter cell (RFC 2698): rates per second and bursts, in the meter's unit. */
  setMeter(name: string, index: number, config: MeterConfig): boolean
  meter(name: string, index: number): MeterConfig | undefined
  /** How often an `assert` or `assume` of the program was false; such packets go on. */
  readonly failedAssertions: number
  /** Digests, log lines and target calls since the last call. */
  takeEvents(): readonly PipelineEvent[]
  /**
   * The ports that exist: broadcast goes to all of them but the ingress port, and a frame for another port is dropped.
   * Before the first call every port exists, and broadcast reaches nobody.
   */
  setPorts(ports: readonly number[]): void
  /** Multicast group → egress ports. Group 0 is none. */
  setMulticastGroup(group: number, ports: readonly number[]): void

  /** Frames dropped by reason number (`egress.dropReason`), as the program sets it; 0 where it gave none. */
  drops(): ReadonlyMap<number, number>

  /** What a number of `drops` means. */
  dropReason(reason: number): DropReason
  /** A trace of every packet; off at first. A tracer that listens comes before it, and it before forensics. */
  readonly recording: Recording
  /** Looks into dropped packets while others flow; off at first. */
  readonly forensics: Forensics

  /**
   * What the program does with a frame, and why. Nothing is sent, and no table, counter, meter or register is written; what
   * it would see is as the next packet would see it. Throws when the arena has no free frame, or none of that length.
   */
  explain(frame: Uint8Array, ingressPort: number): Explanation
  /** The same as steps of a story, as a tracer gets them; they end with 'egress' or 'dropped'. */
  story(frame: Uint8Array, ingressPort: number): readonly StoryEvent['step'][]
}
