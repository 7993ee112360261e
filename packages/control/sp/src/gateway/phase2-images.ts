/**
 * Phase 2 images of hosts that a gateway holds for recovery: whoever asks for one by its SHA-256 gets it part by part. It also
 * knows how far each service processor has come, which is all that anybody can see of a host that starts this way.
 */
import type { Phase2Answer } from './sp-connection.ts'

/** The newest images are kept; a recovery needs one. */
const MAX_IMAGES = 2

export interface Phase2Progress {
  readonly hash: string
  /** The end of the last part that was asked for. */
  readonly offset: number
  readonly totalSize: number
  readonly atMs: number
}

export class Phase2Images {
  readonly #images = new Map<string, Uint8Array>()
  readonly #progress = new Map<string, Phase2Progress>()

  /** @param hash its SHA-256 in hexadecimal. */
  add(hash: string, image: Uint8Array): void {
    this.#images.delete(hash)
    this.#images.set(hash, image)
    for (const oldest of this.#images.keys()) {
      if (this.#images.size <= MAX_IMAGES) break
      this.#images.delete(oldest)
    }
  }

  /** @param from who asks. @param room bytes that one answer carries. */
  answer(from: string, hash: Uint8Array, offset: bigint, room: number, nowMs: number): Phase2Answer {
    const name = Buffer.from(hash).toString('hex')
    const image = this.#images.get(name)
    if (image === undefined) return { message: { kind: 'Error', error: { kind: 'HostPhase2Unavailable', hash } } }
    if (offset >= BigInt(image.length)) {
      return { message: { kind: 'Error', error: { kind: 'HostPhase2ImageBadOffset', hash, offset } } }
    }
    const at = Number(offset)
    const data = image.subarray(at, at + room)
    this.#progress.set(from, { hash: name, offset: at + data.length, totalSize: image.length, atMs: nowMs })
    return { message: { kind: 'HostPhase2Data', hash, offset }, data }
  }

  progress(from: string): Phase2Progress | undefined {
    return this.#progress.get(from)
  }

  forgetProgress(from: string): void {
    this.#progress.delete(from)
  }
}
