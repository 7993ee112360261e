/**
 * Error reports: what went wrong, kept until the control plane says that it has them. Reports are numbered from 1 within one
 * life of the reporter (the "ENA"); a life has a random number (the "restart id").
 *
 *   request   0 | limit u8 | request u8 | restart id 16 | first wanted u64 | last stored u64
 *   response  0 | request u8 | restart id 16 | first u64 | BF metadata FF | 9F [task, generation, uptime ms, CBOR]… FF
 */
import { type Cbor, decodeCbor, encodeCbor } from './cbor.ts'

const REQUEST_BYTES = 35
const RESPONSE_HEADER_BYTES = 26
const MAX_RESPONSE_BYTES = 1024
/** Bytes of reports that are kept. */
const CAPACITY_BYTES = 4096

interface Kept {
  readonly ena: bigint
  readonly bytes: Uint8Array
}

export interface EreportRequest {
  readonly limit: number
  readonly requestId: number
  readonly restartId: Uint8Array
  readonly firstEna: bigint
  readonly committedEna: bigint
}

export interface Ereport {
  readonly ena: bigint
  readonly task: string
  readonly generation: number
  readonly uptimeMs: number
  readonly body: Readonly<Record<string, Cbor>>
}

export interface EreportResponse {
  readonly requestId: number
  readonly restartId: Uint8Array
  readonly metadata: Readonly<Record<string, Cbor>>
  readonly reports: readonly Ereport[]
}

export class EreportLog {
  readonly restartId: Uint8Array
  readonly #metadata: Readonly<Record<string, Cbor>>
  #kept: Kept[] = []
  #size = 0
  #next = 1n
  #lost = 0

  /** @param restartId 16 random bytes, not all 0. */
  constructor(restartId: Uint8Array, metadata: Readonly<Record<string, Cbor>>) {
    this.restartId = restartId
    this.#metadata = metadata
  }

  get count(): number {
    return this.#kept.length
  }

  /** Reports that found no room. */
  get lost(): number {
    return this.#lost
  }

  add(task: string, generation: number, uptimeMs: number, body: Readonly<Record<string, Cbor>>): void {
    const bytes = encodeCbor([task, generation, Math.floor(uptimeMs), encodeCbor(body)])
    if (this.#size + bytes.length > CAPACITY_BYTES) {
      this.#lost += 1
      this.#next += 1n
      return
    }
    this.#kept.push({ ena: this.#next, bytes })
    this.#next += 1n
    this.#size += bytes.length
  }

  /** @returns the answer, or undefined when the request is none. */
  answer(datagram: Uint8Array): Uint8Array | undefined {
    const request = decodeEreportRequest(datagram)
    if (request === undefined) return undefined
    const isSameLife = request.restartId.every((byte, index) => byte === this.restartId[index])
    if (isSameLife && request.committedEna > 0n) this.#discard(request.committedEna)
    const first = isSameLife ? request.firstEna : 0n
    const out: number[] = []
    let room = MAX_RESPONSE_BYTES - RESPONSE_HEADER_BYTES - 2
    // Metadata is told once to each life's reader: to whoever does not know the life yet.
    const metadata = isSameLife
      ? []
      : Object.entries(this.#metadata).map((entry) => entry.map((each) => encodeCbor(each)))
    out.push(0xbf, ...metadata.flatMap((entry) => entry.flatMap((bytes) => [...bytes])), 0xff)
    room -= out.length
    const chosen: Kept[] = []
    for (const each of this.#kept) {
      if (each.ena < first) continue
      if (chosen.length >= request.limit || each.bytes.length > room) break
      // The ENA is counted from the first: a hole ends the answer.
      if (chosen.length > 0 && each.ena !== chosen[0]!.ena + BigInt(chosen.length)) break
      chosen.push(each)
      room -= each.bytes.length
    }
    if (chosen.length > 0) out.push(0x9f, ...chosen.flatMap((each) => [...each.bytes]), 0xff)
    const response = new Uint8Array(RESPONSE_HEADER_BYTES + out.length)
    response[1] = request.requestId
    response.set(this.restartId, 2)
    new DataView(response.buffer).setBigUint64(18, chosen[0]?.ena ?? this.#next, true)
    response.set(out, RESPONSE_HEADER_BYTES)
    return response
  }

  #discard(upTo: bigint): void {
    this.#kept = this.#kept.filter((each) => each.ena > upTo)
    this.#size = this.#kept.reduce((sum, each) => sum + each.bytes.length, 0)
  }
}

export function encodeEreportRequest(request: EreportRequest): Uint8Array {
  const bytes = new Uint8Array(REQUEST_BYTES)
  bytes[1] = request.limit
  bytes[2] = request.requestId
  bytes.set(request.restartId, 3)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(19, request.firstEna, true)
  view.setBigUint64(27, request.committedEna, true)
  return bytes
}

export function decodeEreportRequest(bytes: Uint8Array): EreportRequest | undefined {
  if (bytes.length !== REQUEST_BYTES || bytes[0] !== 0) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return {
    limit: bytes[1]!,
    requestId: bytes[2]!,
    restartId: bytes.slice(3, 19),
    firstEna: view.getBigUint64(19, true),
    committedEna: view.getBigUint64(27, true),
  }
}

export function decodeEreportResponse(bytes: Uint8Array): EreportResponse | undefined {
  if (bytes.length <= RESPONSE_HEADER_BYTES || bytes[0] !== 0) return undefined
  const metadata = decodeCbor(bytes, RESPONSE_HEADER_BYTES)
  if (metadata === undefined || !isRecord(metadata.value)) return undefined
  const start = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(18, true)
  const head = { requestId: bytes[1]!, restartId: bytes.slice(2, 18), metadata: metadata.value }
  if (metadata.end === bytes.length) return { ...head, reports: [] }
  const list = decodeCbor(bytes, metadata.end)
  if (list === undefined || !Array.isArray(list.value)) return undefined
  const reports: Ereport[] = []
  // because isArray does not narrow readonly arrays
  for (const [index, each] of (list.value as readonly Cbor[]).entries()) {
    const report = reportOf(each, start + BigInt(index))
    if (report === undefined) return undefined
    reports.push(report)
  }
  return { ...head, reports }
}

function reportOf(value: Cbor, ena: bigint): Ereport | undefined {
  if (!Array.isArray(value)) return undefined
  // because isArray does not narrow readonly arrays
  const [task, generation, uptimeMs, packed] = value as readonly Cbor[]
  if (typeof task !== 'string' || typeof generation !== 'number' || typeof uptimeMs !== 'number') return undefined
  const body = packed instanceof Uint8Array ? decodeCbor(packed)?.value : undefined
  return body !== undefined && isRecord(body) ? { ena, task, generation, uptimeMs, body } : undefined
}

function isRecord(value: Cbor): value is { readonly [key: string]: Cbor } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
}
