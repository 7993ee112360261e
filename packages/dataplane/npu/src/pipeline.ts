/**
 * A compiled P4 program at work: the one interface between whoever moves frames and whoever programs tables.
 * A batch goes in, descriptors come out; table writes are atomic to the packet path; exact errors are values.
 */
import type { KeySet, MatchKind } from '@lodestone/p4'
import type { StoryEvent } from '@lodestone/probe'

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
  readonly kind: 'digest' | 'log' | 'target'
  /** Digest: its name. Log: the message. Target: the operation (`clone`, `resubmit`, …), which was not carried out. */
  readonly name: string
  readonly values: readonly bigint[]
}

export interface Pipeline {
  readonly tables: readonly TableDescription[]
  process(batch: Batch): void

  addEntry(table: string, entry: Entry): TableResult
  /** Same key, new action: one atomic write. */
  modifyEntry(table: string, entry: Entry): TableResult
  deleteEntry(table: string, key: EntryKey): TableResult
  setDefault(table: string, action: string, parameters: readonly bigint[]): TableResult
  clearTable(table: string): TableResult
  entries(table: string): readonly (Entry & { readonly hits: EntryCounter })[] | undefined
  /** How full, and how many lookups hit and missed. */
  usage(
    table: string,
  ): { readonly size: number; readonly entries: number; readonly hits: number; readonly misses: number } | undefined

  /** A counter extern's cells, or undefined when there is none of that name. */
  counter(name: string): readonly EntryCounter[] | undefined
  resetCounter(name: string): void
  readRegister(name: string, index: number): bigint | undefined
  writeRegister(name: string, index: number, value: bigint): void
  /** Token buckets of one meter cell (RFC 2698): rates per second and bursts, in the meter's unit. */
  setMeter(name: string, index: number, config: MeterConfig): boolean
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

  /**
   * Runs one frame through the traced variant: nothing is sent, no table, counter or register is written.
   * The steps are those of `@lodestone/probe`, in order, and end with 'egress' or 'dropped'.
   */
  explain(frame: Uint8Array, ingressPort: number): readonly StoryEvent['step'][]
}
