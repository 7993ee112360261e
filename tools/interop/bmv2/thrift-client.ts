/**
 * As much of Apache Thrift's binary protocol as BMv2's control plane needs: strict headers, buffered transport, several
 * services on one connection ("service:method"). One call at a time.
 */
import { createConnection, type Socket } from 'node:net'

const VERSION_1 = 0x8001_0000
const CALL = 1
const EXCEPTION = 3
const TYPE = {
  stop: 0,
  bool: 2,
  byte: 3,
  double: 4,
  i16: 6,
  i32: 8,
  i64: 10,
  string: 11,
  struct: 12,
  map: 13,
  list: 15,
}

/** A value and its type on the wire. */
export interface Encoded {
  readonly type: number
  readonly bytes: Buffer
}

const sized = (type: number, length: number, write: (buffer: Buffer) => void): Encoded => {
  const bytes = Buffer.alloc(length)
  write(bytes)
  return { type, bytes }
}
export const i32 = (value: number): Encoded => sized(TYPE.i32, 4, (b) => b.writeInt32BE(value | 0))
export const i64 = (value: bigint): Encoded => sized(TYPE.i64, 8, (b) => b.writeBigInt64BE(BigInt.asIntN(64, value)))
export const double = (value: number): Encoded => sized(TYPE.double, 8, (b) => b.writeDoubleBE(value))
export const bool = (value: boolean): Encoded => ({ type: TYPE.bool, bytes: Buffer.of(value ? 1 : 0) })
export function string(value: string | Uint8Array): Encoded {
  const text = Buffer.from(value as Uint8Array)
  return { type: TYPE.string, bytes: Buffer.concat([i32(text.length).bytes, text]) }
}
export function list(elementType: Encoded['type'], elements: readonly Encoded[]): Encoded {
  const head = Buffer.concat([Buffer.of(elementType), i32(elements.length).bytes])
  return { type: TYPE.list, bytes: Buffer.concat([head, ...elements.map(({ bytes }) => bytes)]) }
}
/** Fields by their numbers; those undefined are left out. */
export function struct(fields: Readonly<Record<number, Encoded | undefined>>): Encoded {
  const parts: Buffer[] = []
  for (const [id, field] of Object.entries(fields)) {
    if (field === undefined) continue
    const head = Buffer.alloc(3)
    head[0] = field.type
    head.writeInt16BE(Number(id), 1)
    parts.push(head, field.bytes)
  }
  return { type: TYPE.struct, bytes: Buffer.concat([...parts, Buffer.of(TYPE.stop)]) }
}
export const STRING = TYPE.string
export const STRUCT = TYPE.struct

/** What came back: structs are maps by field number. */
export type Decoded = bigint | number | boolean | Buffer | readonly Decoded[] | ReadonlyMap<number, Decoded>

/** The switch said no; `code` is what its exception holds. */
export class ThriftRefusal extends Error {
  readonly code: number

  constructor(method: string, code: number, message = `code ${code}`) {
    super(`${method}: ${message}`)
    this.code = code
  }
}

interface Pending {
  readonly method: string
  readonly resolve: (value: Decoded | undefined) => void
  readonly reject: (error: Error) => void
}

export class ThriftClient {
  readonly #socket: Socket
  #received: Buffer = Buffer.alloc(0)
  #pending: Pending | undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (bytes) => this.#read(bytes))
    const fail = (): void =>
      this.#pending?.reject(new Error(`${this.#pending.method}: the switch closed the connection`))
    socket.on('error', fail)
    socket.on('close', fail)
  }

  static connect(port: number): Promise<ThriftClient> {
    return new Promise((resolve, reject) => {
      const socket = createConnection({ port, host: '127.0.0.1' })
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        socket.setNoDelay(true)
        resolve(new ThriftClient(socket))
      })
    })
  }

  /** @param parameters in their declared order. Rejects with a `ThriftRefusal` when the switch refuses. */
  call(service: string, method: string, parameters: readonly Encoded[]): Promise<Decoded | undefined> {
    if (this.#pending !== undefined) throw new Error(`${method} while ${this.#pending.method} is under way`)
    const head = Buffer.alloc(4)
    head.writeUInt32BE((VERSION_1 | CALL) >>> 0)
    const body = struct(Object.fromEntries(parameters.map((parameter, k) => [k + 1, parameter])))
    return new Promise((resolve, reject) => {
      this.#pending = { method, resolve, reject }
      this.#socket.write(Buffer.concat([head, string(`${service}:${method}`).bytes, i32(0).bytes, body.bytes]))
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #read(bytes: Buffer): void {
    this.#received = Buffer.concat([this.#received, bytes])
    const pending = this.#pending
    if (pending === undefined) return
    const cursor = new Cursor(this.#received)
    let kind: number
    let reply: ReadonlyMap<number, Decoded>
    try {
      kind = cursor.i32() & 0xff
      cursor.bytes(cursor.i32())
      cursor.i32()
      reply = cursor.struct()
    } catch (error) {
      // More of it is to come.
      if (error instanceof RangeError) return
      throw error
    }
    this.#received = this.#received.subarray(cursor.at)
    this.#pending = undefined
    const refusal = reply.get(1)
    if (kind === EXCEPTION) pending.reject(new ThriftRefusal(pending.method, -1, String(refusal ?? 'no reason given')))
    else if (refusal instanceof Map) pending.reject(new ThriftRefusal(pending.method, Number(refusal.get(1) ?? -1)))
    else pending.resolve(reply.get(0))
  }
}

class Cursor {
  readonly #buffer: Buffer
  at = 0

  constructor(buffer: Buffer) {
    this.#buffer = buffer
  }

  i32(): number {
    this.at += 4
    return this.#buffer.readInt32BE(this.at - 4)
  }

  bytes(length: number): Buffer {
    if (this.at + length > this.#buffer.length) throw new RangeError('beyond what was received')
    this.at += length
    return this.#buffer.subarray(this.at - length, this.at)
  }

  struct(): ReadonlyMap<number, Decoded> {
    const fields = new Map<number, Decoded>()
    for (;;) {
      const type = this.bytes(1)[0]!
      if (type === TYPE.stop) return fields
      const id = this.bytes(2).readInt16BE()
      fields.set(id, this.#value(type))
    }
  }

  #value(type: number): Decoded {
    switch (type) {
      case TYPE.bool:
        return this.bytes(1)[0] === 1
      case TYPE.byte:
        return this.bytes(1).readInt8()
      case TYPE.i16:
        return this.bytes(2).readInt16BE()
      case TYPE.i32:
        return this.i32()
      case TYPE.i64:
        return this.bytes(8).readBigInt64BE()
      case TYPE.double:
        return this.bytes(8).readDoubleBE()
      case TYPE.string:
        return this.bytes(this.i32())
      case TYPE.struct:
        return this.struct()
      case TYPE.list: {
        const element = this.bytes(1)[0]!
        return Array.from({ length: this.i32() }, () => this.#value(element))
      }
      default:
        throw new Error(`thrift type ${type} is not read here`)
    }
  }
}
