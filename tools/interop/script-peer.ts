/**
 * A BGP speaker of the least possible kind (RFC 4271), run as a process: connects, says what its argument tells it to announce,
 * and keeps the session alive. It gives routers several paths to one prefix.
 *
 * Argument: JSON of `ScriptPeer`.
 */
import net from 'node:net'

export interface ScriptPeer {
  readonly connect: string
  readonly localAddress: string
  readonly asn: number
  readonly routerId: string
  readonly routes: ReadonlyArray<{
    readonly prefix: string
    readonly asPath: readonly number[]
    readonly nextHop: string
  }>
}

const OPEN = 1
const UPDATE = 2
const KEEPALIVE = 4
const HEADER_BYTES = 19
const RETRY_MS = 500
const KEEPALIVE_MS = 3000
const HOLD_S = 30

if (process.argv[2] !== undefined) run(JSON.parse(process.argv[2]) as ScriptPeer)

function run(peer: ScriptPeer): void {
  const socket = net.connect({ host: peer.connect, port: 179, localAddress: peer.localAddress })
  let waiting: Buffer = Buffer.alloc(0)
  const timer = setInterval(() => socket.write(message(KEEPALIVE, [])), KEEPALIVE_MS)
  socket.on('connect', () => socket.write(open(peer)))
  socket.on('data', (chunk: Buffer) => {
    waiting = Buffer.concat([waiting, chunk])
    while (waiting.length >= HEADER_BYTES && waiting.length >= waiting.readUInt16BE(16)) {
      const type = waiting[18]
      waiting = waiting.subarray(waiting.readUInt16BE(16))
      if (type === OPEN) socket.write(Buffer.concat([message(KEEPALIVE, []), ...peer.routes.map(update)]))
    }
  })
  socket.on('error', () => undefined)
  socket.on('close', () => {
    clearInterval(timer)
    setTimeout(() => run(peer), RETRY_MS)
  })
}

function open({ asn, routerId }: ScriptPeer): Buffer {
  const capabilities = [1, 4, 0, 1, 0, 1, 65, 4, ...u32(asn)]
  const ids = routerId.split('.').map(Number)
  return message(OPEN, [
    4,
    ...u16(asn),
    ...u16(HOLD_S),
    ...ids,
    capabilities.length + 2,
    2,
    capabilities.length,
    ...capabilities,
  ])
}

function update({ prefix, asPath, nextHop }: ScriptPeer['routes'][number]): Buffer {
  const [address = '', length = ''] = prefix.split('/')
  const path = [2, asPath.length, ...asPath.flatMap(u32)]
  const attributes = [0x40, 1, 1, 0, 0x40, 2, path.length, ...path, 0x40, 3, 4, ...nextHop.split('.').map(Number)]
  const bytes = Math.ceil(Number(length) / 8)
  const nlri = [Number(length), ...address.split('.').map(Number).slice(0, bytes)]
  return message(UPDATE, [0, 0, ...u16(attributes.length), ...attributes, ...nlri])
}

function message(type: number, body: readonly number[]): Buffer {
  return Buffer.from([...new Array<number>(16).fill(0xff), ...u16(HEADER_BYTES + body.length), type, ...body])
}

function u16(value: number): number[] {
  return [(value >>> 8) & 0xff, value & 0xff]
}

function u32(value: number): number[] {
  return [...u16(value >>> 16), ...u16(value)]
}
