/**
 * A netlink socket of the kernel's routing family (`rtnetlink(7)`) as a capability. Only transport: what the bytes mean is in
 * `netlink/`.
 */
export interface NetlinkSocket {
  /** What the kernel calls this socket; notifications of what it asked for carry it. */
  readonly port: number
  /**
   * One datagram of requests. The kernel has acted on it when this returns; answers wait to be received.
   * Throws a Node-style error.
   */
  send(requests: Uint8Array): void
  /**
   * The next datagram that waits, valid until the next call. `overrun`: the kernel had to drop some, and who follows changes has to
   * look at everything again. `undefined`: nothing waits.
   */
  receive(): Uint8Array | 'overrun' | undefined
  close(): void
}

export interface NetlinkOptions {
  /** Multicast groups (`RtGroup`) whose notifications are wanted. */
  readonly groups?: number
  /** Notifications of what the socket with this port did are not wanted. */
  readonly ignoredPort?: number
  /** Called when something waits to be received, and again while it does; without it the caller looks by itself. */
  readonly onReadable?: () => void
}

/** ICMPv6 messages of one link, hop limit 255 in both directions (RFC 4861): what neighbour discovery needs. */
export interface Icmp6Socket {
  /** From the ICMPv6 type on; the checksum is filled in by the network. Best effort. */
  send(message: Uint8Array, destination: string): void
  close(): void
}

export interface Icmp6Options {
  readonly interface: string
  /** The ICMPv6 types wanted. */
  readonly types: readonly number[]
}
