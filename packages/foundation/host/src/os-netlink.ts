/** Netlink sockets of Linux through the C library. */
import { socketError } from './network.ts'
import type { NetlinkOptions, NetlinkSocket } from './netlink-socket.ts'
import { checked, type Libc, requireLibc, Sol } from './os-libc.ts'
import { Poller } from './os-poll.ts'
import { dropFromPort, setIntOption } from './os-socket-options.ts'

const AF_NETLINK = 16
const SOCK_RAW_CLOEXEC = 3 | 0x80000
const NETLINK_ROUTE = 0
const MSG_DONTWAIT = 0x40
const SO_RCVBUFFORCE = 33
const SO_SNDBUFFORCE = 32
const NETLINK_EXT_ACK = 11
const NETLINK_GET_STRICT_CHK = 12
const EINTR = 4
const EAGAIN = 11
const ENOBUFS = 105

/** A dump's datagrams have at most 32 KiB; an acknowledgement carries the request. */
const DATAGRAM_BYTES = 65_536
/** Notifications that may wait while we are busy: some ten thousand routes. */
const RECEIVE_BUFFER_BYTES = 8_388_608
const SEND_BUFFER_BYTES = 1_048_576

export class OsNetlinkSocket implements NetlinkSocket {
  readonly #libc: Libc
  readonly #buffer = new Uint8Array(DATAGRAM_BYTES)
  readonly #unwatch: () => void
  readonly port: number
  #fd: number

  /** Throws a Node-style error. */
  constructor({ groups = 0, ignoredPort, onReadable }: NetlinkOptions) {
    const c = requireLibc('netlink')
    this.#libc = c
    this.#fd = checked(c, c.socket(AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_ROUTE), 'netlink socket')
    try {
      this.#option(Sol.socket, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
      this.#option(Sol.socket, SO_SNDBUFFORCE, SEND_BUFFER_BYTES)
      this.#option(Sol.netlink, NETLINK_EXT_ACK, 1)
      this.#option(Sol.netlink, NETLINK_GET_STRICT_CHK, 1)
      const address = new Uint8Array(12)
      const view = new DataView(address.buffer)
      view.setUint16(0, AF_NETLINK, true)
      view.setUint32(8, groups, true)
      if (ignoredPort !== undefined) dropFromPort(c, this.#fd, ignoredPort)
      checked(c, c.bind(this.#fd, address, address.length), 'netlink bind')
      const length = new Uint8Array([address.length, 0, 0, 0])
      checked(c, c.getsockname(this.#fd, address, length), 'netlink name')
      this.port = view.getUint32(4, true)
    } catch (error) {
      c.close(this.#fd)
      throw error
    }
    this.#unwatch = onReadable === undefined ? () => undefined : Poller.shared(c).watch(this.#fd, onReadable)
  }

  send(requests: Uint8Array): void {
    const sent = this.#libc.send(this.#fd, requests, requests.length, 0)
    if (checked(this.#libc, sent, 'netlink send') < requests.length) throw socketError('EIO', 'netlink sent a part')
  }

  receive(): Uint8Array | 'overrun' | undefined {
    if (this.#fd < 0) return undefined
    const c = this.#libc
    const length = c.recv(this.#fd, this.#buffer, this.#buffer.length, MSG_DONTWAIT)
    if (length >= 0) return this.#buffer.subarray(0, length)
    const errno = c.errno()
    if (errno === ENOBUFS) return 'overrun'
    if (errno === EAGAIN || errno === EINTR) return undefined
    checked(c, length, 'netlink receive')
    return undefined
  }

  close(): void {
    if (this.#fd < 0) return
    this.#unwatch()
    this.#libc.close(this.#fd)
    this.#fd = -1
  }

  /** Older kernels and unprivileged users do without these. */
  #option(level: number, option: number, value: number): void {
    try {
      setIntOption(this.#libc, this.#fd, level, option, value, 'netlink option')
    } catch {
      return
    }
  }
}
