/**
 * Packet sockets of Linux with rings in shared memory (packet(7), TPACKET_V2): frames are read and written where the kernel has
 * them, and one system call sends all that were written. Called through koffi; needs CAP_NET_RAW.
 *
 *     ring: [RX frame 0 … n-1][TX frame 0 … n-1], each FRAME_BYTES long
 *     frame: status u32 | length u32 | captured u32 | mac u16 | net u16 | seconds u32 | nanoseconds u32 | vlan u16 | tpid u16 | …
 *
 * Invariant: a frame belongs to the kernel or to us, and its status word says to whom.
 */
import { createRequire } from 'node:module'
import { getSystemErrorName } from 'node:util'
import { socketError } from '@lodestone/host'
import type * as Koffi from 'koffi'

const AF_PACKET = 17
const SOCK_RAW_CLOEXEC = 3 | 0x80000
const ETH_P_ALL_NETWORK_ORDER = 0x0300
const SOL_PACKET = 263
const PACKET_ADD_MEMBERSHIP = 1
const PACKET_RX_RING = 5
const PACKET_VERSION = 10
const PACKET_TX_RING = 13
const PACKET_LOSS = 14
const PACKET_QDISC_BYPASS = 20
const PACKET_IGNORE_OUTGOING = 23
const TPACKET_V2 = 1
const PACKET_MR_PROMISC = 1
const PROT_READ_WRITE = 3
const MAP_SHARED_POPULATE = 0x8001
const MSG_DONTWAIT = 0x40
const POLLIN = 1
const ENOBUFS = 105
const EAGAIN = 11

export const FRAME_BYTES = 2048
/** A frame of the transmit ring: its bytes begin behind the header. */
export const TX_DATA = 32
const BLOCK_BYTES = 1 << 16

export interface PacketRing {
  /** The whole ring. */
  readonly bytes: Uint8Array
  readonly words: Int32Array
  readonly frames: number
  /** Offset of the transmit ring. */
  readonly txOffset: number
  /** Hands what was written to the kernel. @returns false when it took nothing. */
  flush(): boolean
  /** Resolves when a frame waits, or after `timeoutMs`. Waits in a thread of the pool. */
  readable(timeoutMs: number): Promise<void>
  close(): void
}

interface PacketLibc {
  readonly koffi: typeof Koffi
  readonly socket: (domain: number, type: number, protocol: number) => number
  readonly bind: (fd: number, address: Uint8Array, bytes: number) => number
  readonly setsockopt: (fd: number, level: number, option: number, value: Uint8Array, bytes: number) => number
  readonly mmap: (at: null, bytes: number, protection: number, flags: number, fd: number, offset: number) => unknown
  readonly munmap: (at: unknown, bytes: number) => number
  readonly sendto: (fd: number, bytes: null, length: number, flags: number, to: null, toBytes: number) => number
  readonly poll: { async(fds: Uint8Array, count: number, timeoutMs: number, done: (error: Error | null) => void): void }
  readonly close: (fd: number) => number
  readonly ifNameToIndex: (name: string) => number
}

let loaded: PacketLibc | undefined

/** Throws a Node-style error: `ENODEV`, `EPERM`, `ENOTSUP`. */
export function openPacketRing(device: string, frames: number): PacketRing {
  const c = (loaded ??= load())
  const index = c.ifNameToIndex(device)
  if (index === 0) throw socketError('ENODEV', `there is no interface ${device}`)
  const check = (result: number, what: string): number => {
    if (result >= 0) return result
    throw socketError(getSystemErrorName(-c.koffi.errno()), `${what} of ${device}`)
  }
  const fd = check(c.socket(AF_PACKET, SOCK_RAW_CLOEXEC, ETH_P_ALL_NETWORK_ORDER), 'packet socket')
  try {
    const set = (option: number, ...words: readonly number[]): void => {
      const value = new Uint8Array(Uint32Array.from(words).buffer)
      check(c.setsockopt(fd, SOL_PACKET, option, value, value.length), `option ${option}`)
    }
    const ringBytes = frames * FRAME_BYTES
    const ring = [BLOCK_BYTES, ringBytes / BLOCK_BYTES, FRAME_BYTES, frames]
    set(PACKET_VERSION, TPACKET_V2)
    set(PACKET_LOSS, 1)
    set(PACKET_QDISC_BYPASS, 1)
    set(PACKET_IGNORE_OUTGOING, 1)
    set(PACKET_RX_RING, ...ring)
    set(PACKET_TX_RING, ...ring)
    set(PACKET_ADD_MEMBERSHIP, index, PACKET_MR_PROMISC, 0, 0)
    const address = new Uint8Array(20)
    const view = new DataView(address.buffer)
    view.setUint16(0, AF_PACKET, true)
    view.setUint16(2, ETH_P_ALL_NETWORK_ORDER, true)
    view.setInt32(4, index, true)
    check(c.bind(fd, address, address.length), 'bind')
    const memory = c.mmap(null, 2 * ringBytes, PROT_READ_WRITE, MAP_SHARED_POPULATE, fd, 0)
    const buffer = c.koffi.view(memory, 2 * ringBytes)
    return {
      bytes: new Uint8Array(buffer),
      words: new Int32Array(buffer),
      frames,
      txOffset: ringBytes,
      flush() {
        if (c.sendto(fd, null, 0, MSG_DONTWAIT, null, 0) >= 0) return true
        const errno = c.koffi.errno()
        return errno !== EAGAIN && errno !== ENOBUFS
      },
      readable: (timeoutMs) =>
        new Promise((resolve) => {
          const fds = new Uint8Array(8)
          const pollfd = new DataView(fds.buffer)
          pollfd.setInt32(0, fd, true)
          pollfd.setInt16(4, POLLIN, true)
          c.poll.async(fds, 1, timeoutMs, () => resolve())
        }),
      close() {
        c.munmap(memory, 2 * ringBytes)
        c.close(fd)
      },
    }
  } catch (error) {
    c.close(fd)
    throw error
  }
}

function load(): PacketLibc {
  let koffi: typeof Koffi
  try {
    koffi = createRequire(import.meta.url)('koffi') // not `import`: a bundle and other systems do without it
  } catch {
    throw socketError('ENOTSUP', 'packet sockets need the package koffi')
  }
  let lib: Koffi.LibraryHandle
  try {
    lib = koffi.load('libc.so.6')
  } catch {
    throw socketError('ENOTSUP', 'packet sockets are Linux')
  }
  return {
    koffi,
    socket: lib.func('int socket(int, int, int)'),
    bind: lib.func('int bind(int, const uint8_t *, uint)'),
    setsockopt: lib.func('int setsockopt(int, int, int, const uint8_t *, uint)'),
    mmap: lib.func('void *mmap(void *, size_t, int, int, int, int64_t)'),
    munmap: lib.func('int munmap(void *, size_t)'),
    sendto: lib.func('long sendto(int, void *, size_t, int, void *, uint)'),
    // because koffi gives every function an `async` form
    poll: lib.func('int poll(_Inout_ uint8_t *, ulong, int)') as PacketLibc['poll'],
    close: lib.func('int close(int)'),
    ifNameToIndex: lib.func('uint if_nametoindex(const char *)'),
  }
}
