/**
 * Which path each flow took last, when, and how much it has sent. A fixed number of rows, found by the flow's hash and without a tag: flows that share
 * a row share its path and its pauses, which costs balance and never order.
 */

export class FlowletTable {
  readonly #mask: number
  readonly #paths: Int8Array<ArrayBuffer>
  readonly #lastUs: Float64Array<ArrayBuffer>
  readonly #decidedUs: Float64Array<ArrayBuffer>
  readonly #bytes: Float64Array<ArrayBuffer>

  /** @param rows a power of two */
  constructor(rows: number) {
    if (rows < 1 || (rows & (rows - 1)) !== 0) throw new RangeError(`${rows} rows are not a power of two`)
    this.#mask = rows - 1
    this.#paths = new Int8Array(rows).fill(-1)
    this.#lastUs = new Float64Array(rows).fill(-Infinity)
    this.#decidedUs = new Float64Array(rows).fill(-Infinity)
    this.#bytes = new Float64Array(rows)
  }

  row(flowHash: number): number {
    return (flowHash ^ (flowHash >>> 15)) & this.#mask
  }

  /** -1 when the row was never used. */
  path(row: number): number {
    return this.#paths[row]!
  }

  /** Microseconds since the row's last packet. */
  pauseUs(row: number, nowUs: number): number {
    return nowUs - this.#lastUs[row]!
  }

  /** Microseconds since `decided`. */
  settledUs(row: number, nowUs: number): number {
    return nowUs - this.#decidedUs[row]!
  }

  /** What the row's flow has sent with a packet more, of a flow that begins anew if `isFirst`. */
  bytesWith(row: number, bytes: number, isFirst: boolean): number {
    return isFirst ? bytes : this.#bytes[row]! + bytes
  }

  setBytes(row: number, bytes: number): void {
    this.#bytes[row] = bytes
  }

  /** The row's flow began, moved, or lost its patience and stayed. */
  decided(row: number, nowUs: number): void {
    this.#decidedUs[row] = nowUs
  }

  note(row: number, path: number, nowUs: number): void {
    this.#paths[row] = path
    this.#lastUs[row] = nowUs
  }
}
