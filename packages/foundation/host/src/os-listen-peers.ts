/**
 * The protected peers of one listening socket. The kernel keeps MD5 keys per peer on the listener itself; TTLs are per
 * socket, so each connection gets its own when it is accepted.
 *
 * The listener answers SYNs before anybody knows whose they are: if any peer wants a TTL, all answers have the greatest
 * one, since a peer that checks (RFC 5082) would drop the others.
 */
import type net from 'node:net'
import { Ip, Prefix } from '@lodestone/net'
import { type ListenPeer, socketError } from './network.ts'
import type { Libc } from './os-libc.ts'
import { setMd5, setMinTtl, setTtl } from './os-socket-options.ts'
import { unmappedAddress } from './socket-address.ts'

interface ProtectedPeer {
  readonly options: ListenPeer
  readonly remote: Prefix
  readonly zone: string | undefined
}

export class ListenPeers {
  readonly #libc: Libc
  readonly #fd: number
  readonly #isDualStack: boolean
  #peers: readonly ProtectedPeer[] = []

  /**
   * @param isDualStack whether the listener is an IPv6 socket, which has IPv4 peers as mapped addresses; one that is not
   * is an IPv4 socket, and IPv6 peers are no concern of it.
   */
  constructor(libc: Libc, fd: number, isDualStack: boolean) {
    this.#libc = libc
    this.#fd = fd
    this.#isDualStack = isDualStack
  }

  set(list: readonly ListenPeer[]): void {
    const peers = list.map(parse).filter(({ remote }) => this.#isDualStack || remote.family === 4)
    const before = this.#peers
    const wanted = new Map(peers.map((peer) => [`${peer.remote}`, peer]))
    try {
      for (const { remote, options } of before) {
        const isGone = wanted.get(`${remote}`)?.options.md5Password === undefined
        if (options.md5Password !== undefined && isGone) this.#setMd5(remote, undefined)
      }
      for (const { remote, options } of peers) {
        if (options.md5Password !== undefined) this.#setMd5(remote, options.md5Password)
      }
    } catch (error) {
      this.#restore(before, peers)
      throw error
    }
    this.#peers = peers
    const ttl = Math.max(0, ...peers.map(({ options }) => options.ttl ?? 0))
    if (ttl === 0) return
    setTtl(this.#libc, this.#fd, 4, ttl)
    if (this.#isDualStack) setTtl(this.#libc, this.#fd, 6, ttl)
  }

  /** Applies what is asked of the peer to its new connection. @returns false when that failed. */
  protect(socket: net.Socket): boolean {
    const peer = this.#find(socket.remoteAddress ?? '')
    const fd = descriptorOf(socket)
    if (peer === undefined || fd < 0) return peer === undefined
    const { ttl, minTtl } = peer.options
    try {
      if (ttl !== undefined) setTtl(this.#libc, fd, peer.remote.family, ttl)
      if (minTtl !== undefined) setMinTtl(this.#libc, fd, peer.remote.family, minTtl)
      return true
    } catch {
      return false // an unprotected connection would be worse than none
    }
  }

  #find(address: string): ProtectedPeer | undefined {
    const [text = '', zone] = address.split('%')
    const parsed = Ip.parse(text)
    if (parsed === undefined) return undefined
    const ip = unmappedAddress(parsed)
    let found: ProtectedPeer | undefined
    for (const peer of this.#peers) {
      const isZone = peer.zone === undefined || zone === undefined || peer.zone === zone
      if (isZone && peer.remote.contains(ip) && peer.remote.length >= (found?.remote.length ?? 0)) found = peer
    }
    return found
  }

  #setMd5(remote: Prefix, password: string | undefined): void {
    setMd5(this.#libc, this.#fd, remote, password, this.#isDualStack)
  }

  #restore(before: readonly ProtectedPeer[], failed: readonly ProtectedPeer[]): void {
    for (const [peers, isWanted] of [
      [failed, false],
      [before, true],
    ] as const) {
      for (const { remote, options } of peers) {
        if (options.md5Password === undefined) continue
        try {
          this.#setMd5(remote, isWanted ? options.md5Password : undefined)
        } catch {
          continue // what cannot be removed was never there
        }
      }
    }
  }
}

function parse(options: ListenPeer): ProtectedPeer {
  const [text = '', zone] = options.remote.split('%')
  const ip = Ip.parse(text)
  const remote = ip === undefined ? Prefix.parse(text) : Prefix.host(ip)
  if (remote === undefined) throw socketError('EINVAL', `${options.remote} is neither an address nor a prefix`)
  return { options, remote, zone }
}

/** -1 when there is none (any more). */
export function descriptorOf(handle: net.Server | net.Socket): number {
  // because Node has no public name for it
  return (handle as unknown as { readonly _handle?: { readonly fd: number } | null })._handle?.fd ?? -1
}
