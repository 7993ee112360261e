/**
 * TAP devices of Linux: an Ethernet interface of the kernel whose other end is a file descriptor. One read or write is
 * one frame. Needs CAP_NET_ADMIN and `/dev/net/tun`; the device goes when it is closed.
 */
import { socketError } from './network.ts'
import { checked, requireLibc } from './os-libc.ts'
import { Poller } from './os-poll.ts'

/** What moves Ethernet frames in and out of the kernel, one at a time. */
export interface FrameDevice {
  /** As the kernel calls it. */
  readonly name: string
  /** Reads the next frame into the beginning of `into`. @returns its length, or 0 when none waits. */
  read(into: Uint8Array): number
  /** @returns false when the kernel does not take the frame: its queue is full, or the interface is down. */
  write(frame: Uint8Array): boolean
  close(): void
}

export interface TapOptions {
  /** At most 15 bytes; `%d` in it is replaced by the first free number. */
  readonly name: string
  /** Called as long as frames wait. */
  readonly onReadable: () => void
}

const O_RDWR_NONBLOCK_CLOEXEC = 0x2 | 0x800 | 0x80000
const TUNSETIFF = 0x400454ca
const IFF_TAP = 0x0002
const IFF_NO_PI = 0x1000
const IFNAMSIZ = 16
const IFREQ_BYTES = 40

/** Throws a Node-style error, `EPERM` for one. */
export function openTap({ name, onReadable }: TapOptions): FrameDevice {
  const c = requireLibc('a TAP device')
  const request = new Uint8Array(IFREQ_BYTES)
  const encoded = new TextEncoder().encode(name)
  if (encoded.length === 0 || encoded.length >= IFNAMSIZ) {
    throw socketError('EINVAL', `an interface name has 1 to ${IFNAMSIZ - 1} bytes, ${JSON.stringify(name)} does not`)
  }
  request.set(encoded)
  new DataView(request.buffer).setUint16(IFNAMSIZ, IFF_TAP | IFF_NO_PI, true)
  let fd = checked(c, c.open('/dev/net/tun', O_RDWR_NONBLOCK_CLOEXEC), '/dev/net/tun')
  try {
    checked(c, c.ioctl(fd, TUNSETIFF, request), `TAP device ${name}`)
  } catch (error) {
    c.close(fd)
    throw error
  }
  const unwatch = Poller.shared(c).watch(fd, onReadable)
  return {
    name: new TextDecoder().decode(request.subarray(0, request.indexOf(0))),
    read: (into) => (fd < 0 ? 0 : Math.max(0, c.read(fd, into, into.length))),
    write: (frame) => fd >= 0 && c.write(fd, frame, frame.length) === frame.length,
    close() {
      if (fd < 0) return
      unwatch()
      c.close(fd)
      fd = -1
    },
  }
}
