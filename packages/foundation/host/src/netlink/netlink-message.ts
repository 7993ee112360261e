/**
 * Framing of netlink (RFC 3549 §2.2): messages of `length u32, type u16, flags u16, sequence u32, port u32`, attributes of
 * `length u16, type u16`, both padded to 4 bytes, numbers in host order (little-endian on every system we run on).
 *
 * Invariant: reading never leaves the bytes given, whatever they hold; a length that cannot be ends the walk.
 */
export const NETLINK_HEADER_BYTES = 16
const ATTRIBUTE_HEADER_BYTES = 4

export const NetlinkType = { error: 2, done: 3 } as const
export const NetlinkFlag = {
  request: 0x1,
  multi: 0x2,
  ack: 0x4,
  root: 0x100,
  replace: 0x100,
  dump: 0x300,
  excl: 0x200,
  create: 0x400,
} as const

/** An attribute's type without the flag for nested ones. */
const TYPE_MASK = 0x3fff

/** Writes requests one after the other into one buffer that grows. */
export class NetlinkWriter {
  #bytes: Uint8Array
  #view: DataView
  #length = 0
  #message = 0
  #count = 0

  constructor(capacity = 4096) {
    this.#bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.#bytes.buffer)
  }

  /** Messages since `reset`. */
  get count(): number {
    return this.#count
  }

  /** Valid until the next write. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  reset(): void {
    this.#length = 0
    this.#count = 0
  }

  /** Begins a message; `end` completes it. */
  begin(type: number, flags: number, sequence: number): void {
    this.#room(NETLINK_HEADER_BYTES)
    this.#message = this.#length
    this.#count++
    const view = this.#view
    view.setUint16(this.#length + 4, type, true)
    view.setUint16(this.#length + 6, flags, true)
    view.setUint32(this.#length + 8, sequence, true)
    view.setUint32(this.#length + 12, 0, true)
    this.#length += NETLINK_HEADER_BYTES
  }

  end(): void {
    this.#view.setUint32(this.#message, this.#length - this.#message, true)
  }

  /** Adds flags to the message begun last. */
  addFlags(flags: number): void {
    this.#view.setUint16(this.#message + 6, this.#view.getUint16(this.#message + 6, true) | flags, true)
  }

  u8(value: number): void {
    this.#room(1)
    this.#bytes[this.#length++] = value
  }

  u16(value: number): void {
    this.#room(2)
    this.#view.setUint16(this.#length, value, true)
    this.#length += 2
  }

  u32(value: number): void {
    this.#room(4)
    this.#view.setUint32(this.#length, value, true)
    this.#length += 4
  }

  raw(source: Uint8Array): void {
    this.#room(source.length)
    const bytes = this.#bytes
    for (let i = 0; i < source.length; i++) bytes[this.#length + i] = source[i]!
    this.#length += source.length
  }

  attributeU32(type: number, value: number): void {
    this.u16(ATTRIBUTE_HEADER_BYTES + 4)
    this.u16(type)
    this.u32(value)
  }

  attribute(type: number, value: Uint8Array): void {
    this.u16(ATTRIBUTE_HEADER_BYTES + value.length)
    this.u16(type)
    this.raw(value)
    this.#pad()
  }

  /** @returns what `endAttribute` or `endNextHop` wants. */
  beginAttribute(type: number): number {
    const start = this.#length
    this.u16(0)
    this.u16(type)
    return start
  }

  /** Completes an attribute or a next hop: both have their length in the first two bytes. */
  endLength(start: number): void {
    this.#view.setUint16(start, this.#length - start, true)
    this.#pad()
  }

  get length(): number {
    return this.#length
  }

  #pad(): void {
    while ((this.#length & 3) !== 0) this.u8(0)
  }

  #room(count: number): void {
    if (this.#length + count <= this.#bytes.length) return
    const bigger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count))
    bigger.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = bigger
    this.#view = new DataView(bigger.buffer)
  }
}

export interface NetlinkMessage {
  readonly type: number
  readonly flags: number
  readonly sequence: number
  /** Without the header. */
  readonly payload: Uint8Array
}

/** The messages of one datagram. */
export function* netlinkMessages(datagram: Uint8Array): IterableIterator<NetlinkMessage> {
  const view = viewOf(datagram)
  let at = 0
  while (at + NETLINK_HEADER_BYTES <= datagram.length) {
    const length = view.getUint32(at, true)
    if (length < NETLINK_HEADER_BYTES || at + length > datagram.length) return
    yield {
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      payload: datagram.subarray(at + NETLINK_HEADER_BYTES, at + length),
    }
    at += (length + 3) & ~3
  }
}

/** Calls `fn` for each attribute from `offset` on. */
export function eachAttribute(bytes: Uint8Array, offset: number, fn: (type: number, value: Uint8Array) => void): void {
  const view = viewOf(bytes)
  let at = offset
  while (at + ATTRIBUTE_HEADER_BYTES <= bytes.length) {
    const length = view.getUint16(at, true)
    if (length < ATTRIBUTE_HEADER_BYTES || at + length > bytes.length) return
    fn(view.getUint16(at + 2, true) & TYPE_MASK, bytes.subarray(at + ATTRIBUTE_HEADER_BYTES, at + length))
    at += (length + 3) & ~3
  }
}

export interface NetlinkAnswer {
  readonly sequence: number
  /** 0: done as asked; otherwise the number of the error, positive. */
  readonly errno: number
  /** What the kernel says about it, where it says something. */
  readonly text: string | undefined
}

/** Of a message of type `error`, which also carries acknowledgements; `undefined` when it is cut short. */
export function decodeAnswer(message: NetlinkMessage): NetlinkAnswer | undefined {
  const { payload } = message
  if (payload.length < 4) return undefined
  const view = viewOf(payload)
  const errno = -view.getInt32(0, true)
  let text: string | undefined
  const CAPPED = 0x100
  const HAS_ATTRIBUTES = 0x200
  if ((message.flags & HAS_ATTRIBUTES) !== 0 && payload.length >= 4 + NETLINK_HEADER_BYTES) {
    const echoed = (message.flags & CAPPED) !== 0 || errno === 0 ? NETLINK_HEADER_BYTES : view.getUint32(4, true)
    eachAttribute(payload, 4 + ((echoed + 3) & ~3), (type, value) => {
      if (type === 1) text = textOf(value)
    })
  }
  return { sequence: message.sequence, errno, text }
}

/** Zero-terminated UTF-8. */
export function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0)
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end))
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
