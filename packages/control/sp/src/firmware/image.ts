/**
 * Firmware images, and the caboose: what an image says about itself (RFD-style tags of four letters).
 *
 *   magic 'LSPI' | u32 total length | u32 caboose length | caboose: (tag[4], u32 length, bytes)* | payload | SHA-256 of all before
 */
import { createHash } from 'node:crypto'

const MAGIC = 0x4950534c
const HEADER_BYTES = 12
const DIGEST_BYTES = 32
export const MAX_IMAGE_BYTES = 1 << 20

/** Commit, board, name, version, key that signed; and, of a host's boot flash, the SHA-256 of the phase 2 image that it starts. */
export type CabooseTag = 'GITC' | 'BORD' | 'NAME' | 'VERS' | 'SIGN' | 'PH2H'
export type Caboose = ReadonlyMap<string, string>

export type ImageProblem = 'erased' | 'partial' | 'bad-magic' | 'bad-length' | 'bad-caboose' | 'bad-digest'

export type ReadImage =
  | { readonly ok: true; readonly caboose: Caboose; readonly payload: Uint8Array }
  | { readonly ok: false; readonly problem: ImageProblem }

export interface ImageSpec {
  readonly board: string
  readonly name: string
  readonly version: string
  readonly commit?: string
  readonly signer?: string
  readonly payload?: Uint8Array
  /** Of the host's phase 2 image, in hexadecimal. */
  readonly phase2Hash?: string
}

export function buildImage(spec: ImageSpec): Uint8Array {
  const tags: readonly (readonly [CabooseTag, string])[] = [
    ['GITC', spec.commit ?? '0000000000000000000000000000000000000000'],
    ['BORD', spec.board],
    ['NAME', spec.name],
    ['VERS', spec.version],
    ['SIGN', spec.signer ?? 'development'],
    ...(spec.phase2Hash === undefined ? [] : [['PH2H', spec.phase2Hash] as const]),
  ]
  const caboose = tags.flatMap(([tag, text]) => {
    const value = new TextEncoder().encode(text)
    return [...new TextEncoder().encode(tag), ...u32Bytes(value.length), ...value]
  })
  const payload = spec.payload ?? new Uint8Array(256)
  const total = HEADER_BYTES + caboose.length + payload.length + DIGEST_BYTES
  const image = new Uint8Array(total)
  image.set([...u32Bytes(MAGIC), ...u32Bytes(total), ...u32Bytes(caboose.length), ...caboose])
  image.set(payload, HEADER_BYTES + caboose.length)
  image.set(sha256(image.subarray(0, total - DIGEST_BYTES)), total - DIGEST_BYTES)
  return image
}

/** Never throws, whatever the bytes are. */
export function readImage(bytes: Uint8Array | undefined): ReadImage {
  if (bytes === undefined || bytes.length === 0) return { ok: false, problem: 'erased' }
  if (bytes.length < HEADER_BYTES + DIGEST_BYTES) return { ok: false, problem: 'partial' }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.getUint32(0, true) !== MAGIC) return { ok: false, problem: 'bad-magic' }
  const total = view.getUint32(4, true)
  if (total > bytes.length) return { ok: false, problem: 'partial' }
  const cabooseLength = view.getUint32(8, true)
  if (total !== bytes.length || HEADER_BYTES + cabooseLength + DIGEST_BYTES > total) {
    return { ok: false, problem: 'bad-length' }
  }
  const digest = sha256(bytes.subarray(0, total - DIGEST_BYTES))
  if (digest.some((byte, index) => byte !== bytes[total - DIGEST_BYTES + index])) {
    return { ok: false, problem: 'bad-digest' }
  }
  const caboose = readCaboose(bytes, view, cabooseLength)
  if (caboose === undefined) return { ok: false, problem: 'bad-caboose' }
  return { ok: true, caboose, payload: bytes.slice(HEADER_BYTES + cabooseLength, total - DIGEST_BYTES) }
}

export function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(bytes).digest())
}

function readCaboose(bytes: Uint8Array, view: DataView, length: number): Caboose | undefined {
  const utf8 = new TextDecoder()
  const caboose = new Map<string, string>()
  const end = HEADER_BYTES + length
  let at = HEADER_BYTES
  while (at < end) {
    if (at + 8 > end) return undefined
    const size = view.getUint32(at + 4, true)
    if (at + 8 + size > end) return undefined
    caboose.set(utf8.decode(bytes.subarray(at, at + 4)), utf8.decode(bytes.subarray(at + 8, at + 8 + size)))
    at += 8 + size
  }
  return caboose
}

function u32Bytes(value: number): readonly number[] {
  return [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24]
}
