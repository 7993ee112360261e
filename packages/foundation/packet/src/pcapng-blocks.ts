/**
 * Cuts a stream of pcapng bytes after blocks. What comes over a connection is cut anywhere, and programs that read captures refuse one
 * whose last block is not whole.
 */
import { concat } from './pcap.ts'

const HEADER_BYTES = 8
/** The shortest block has a type and its length twice. */
const SHORTEST_BYTES = 12

export class PcapngBlocks {
  /** The beginning of a block; its length is known once there are as many bytes as its header has. */
  #begun = new Uint8Array(0)
  #isForeign = false

  /** @returns all bytes up to the end of the last block that is whole, as far as they were not returned before. */
  push(bytes: Uint8Array): Uint8Array {
    if (this.#isForeign) return bytes
    const all = this.#begun.length === 0 ? bytes : concat([this.#begun, bytes])
    const view = new DataView(all.buffer, all.byteOffset, all.byteLength)
    let end = 0
    while (end + HEADER_BYTES <= all.length) {
      const length = view.getUint32(end + 4, true)
      if (length < SHORTEST_BYTES) {
        // No block of ours, which are little-endian: it goes through as it is, and whoever reads it says what is wrong.
        this.#isForeign = true
        return all
      }
      if (end + length > all.length) break
      end += length
    }
    this.#begun = all.slice(end)
    return all.subarray(0, end)
  }
}
