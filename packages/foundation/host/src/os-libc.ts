/**
 * The few functions of the C library that Node has no door to, called through koffi. Loaded at the first use and only on
 * Linux: elsewhere, and in a bundle without koffi, there is no `libc()` and what needs it refuses.
 *
 * Invariant: nobody but the `os-…` files of this package calls it.
 */
import { createRequire } from 'node:module'
import type * as Koffi from 'koffi'
import { getSystemErrorName } from 'node:util'
import { socketError } from './network.ts'

/** All numbers as in C; buffers are read or written in place. Results below zero are failures, named by `errno`. */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number
  bind(fd: number, address: Uint8Array, bytes: number): number
  close(fd: number): number
  open(path: string, flags: number): number
  /** For requests whose argument is a structure. */
  ioctl(fd: number, request: number, argument: Uint8Array): number
  send(fd: number, bytes: Uint8Array, length: number, flags: number): number
  sendto(fd: number, bytes: Uint8Array, length: number, flags: number, address: Uint8Array, bytesOf: number): number
  recv(fd: number, into: Uint8Array, length: number, flags: number): number
  recvfrom(fd: number, into: Uint8Array, length: number, flags: number, from: Uint8Array, bytesOf: Uint8Array): number
  setsockopt(fd: number, level: number, option: number, value: Uint8Array, bytes: number): number
  getsockopt(fd: number, level: number, option: number, value: Uint8Array, bytesOf: Uint8Array): number
  /** Classic BPF: `length` instructions of 8 bytes. */
  attachFilter(fd: number, instructions: Uint8Array, length: number): number
  getsockname(fd: number, address: Uint8Array, bytesOf: Uint8Array): number
  ifNameToIndex(name: string): number
  eventfd(initial: number, flags: number): number
  write(fd: number, bytes: Uint8Array, length: number): number
  read(fd: number, into: Uint8Array, length: number): number
  /** Waits in a thread of the pool. `fds` are struct pollfd of 8 bytes. */
  poll(fds: Uint8Array, count: number, timeoutMs: number): Promise<number>
  errno(): number
}

/** The same numbers on every architecture that Node supports on Linux, mips and sparc excepted. */
export const Sol = { ip: 0, socket: 1, tcp: 6, udp: 17, ipv6: 41, icmpv6: 58, netlink: 270 } as const

let loaded: Libc | undefined
let isTried = false

/** @returns undefined where there is none. */
export function libc(): Libc | undefined {
  if (isTried) return loaded
  isTried = true
  if (process.platform === 'linux') loaded = load()
  return loaded
}

/** For callers that offer nothing without it. Throws `ENOTSUP`. */
export function requireLibc(what: string): Libc {
  const found = libc()
  if (found === undefined) throw socketError('ENOTSUP', `${what} needs Linux and the package koffi`)
  return found
}

/** @returns `result`; throws a Node-style error that names the call when it is below zero. */
export function checked(c: Libc, result: number, call: string): number {
  if (result >= 0) return result
  const code = getSystemErrorName(-c.errno())
  throw socketError(code, call)
}

function load(): Libc | undefined {
  let koffi: typeof Koffi
  try {
    koffi = createRequire(import.meta.url)('koffi') // not `import`: a bundle and other systems do without it
  } catch {
    return undefined
  }
  const lib = koffi.load('libc.so.6')
  koffi.struct('lode_sock_fprog', { length: 'uint16_t', filter: 'const uint8_t *' })
  const attach = lib.func('int setsockopt(int, int, int, const lode_sock_fprog *, uint)')
  const poll = lib.func('int poll(_Inout_ uint8_t *, ulong, int)')
  const FILTER_OPTION = 26
  const FPROG_BYTES = 16
  return {
    socket: lib.func('int socket(int, int, int)'),
    bind: lib.func('int bind(int, const uint8_t *, uint)'),
    close: lib.func('int close(int)'),
    open: lib.func('int open(const char *, int)'),
    ioctl: lib.func('int ioctl(int, ulong, _Inout_ uint8_t *)'),
    send: lib.func('long send(int, const uint8_t *, ulong, int)'),
    sendto: lib.func('long sendto(int, const uint8_t *, ulong, int, const uint8_t *, uint)'),
    recv: lib.func('long recv(int, _Out_ uint8_t *, ulong, int)'),
    recvfrom: lib.func('long recvfrom(int, _Out_ uint8_t *, ulong, int, _Out_ uint8_t *, _Inout_ uint8_t *)'),
    setsockopt: lib.func('int setsockopt(int, int, int, const uint8_t *, uint)'),
    getsockopt: lib.func('int getsockopt(int, int, int, _Out_ uint8_t *, _Inout_ uint8_t *)'),
    attachFilter: (fd, instructions, length) =>
      attach(fd, Sol.socket, FILTER_OPTION, { length, filter: instructions }, FPROG_BYTES),
    getsockname: lib.func('int getsockname(int, _Out_ uint8_t *, _Inout_ uint8_t *)'),
    ifNameToIndex: lib.func('uint if_nametoindex(const char *)'),
    eventfd: lib.func('int eventfd(uint, int)'),
    write: lib.func('long write(int, const uint8_t *, ulong)'),
    read: lib.func('long read(int, _Out_ uint8_t *, ulong)'),
    poll: (fds, count, timeoutMs) =>
      new Promise((resolve, reject) => {
        poll.async(fds, count, timeoutMs, (error: Error | null, result: number) =>
          error === null ? resolve(result) : reject(error),
        )
      }),
    errno: () => koffi.errno(),
  }
}
