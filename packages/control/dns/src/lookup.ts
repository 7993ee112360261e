/**
 * One question to one name server, over UDP and, when the answer was cut short, over TCP. Not a resolver: it follows nothing and keeps
 * nothing. For tools, tests and checks that a server answers.
 */
import { type Answer, type DecodedPacket, decode, encode, type RecordType } from 'dns-packet'
import { type Clock, type Network, type Random, socketError } from '@lodestone/host'
import { MAX_UDP_BYTES } from './message.ts'

export interface LookupOptions {
  readonly network: Network
  readonly clock: Clock
  readonly random: Random
  readonly server: string
  /** Default 53. */
  readonly port?: number
  readonly name: string
  readonly type: RecordType
  /** Default: UDP first, TCP when truncated. */
  readonly transport?: 'udp' | 'tcp'
  /** What EDNS0 announces; 0 does not speak it. Default 1232. */
  readonly udpBytes?: number
  readonly timeoutMs?: number
}

export interface LookupResult {
  /** `NOERROR`, `NXDOMAIN`, `REFUSED`, … */
  readonly rcode: string
  readonly isAuthoritative: boolean
  readonly isTruncated: boolean
  readonly transport: 'udp' | 'tcp'
  readonly answers: readonly Answer[]
  readonly authorities: readonly Answer[]
  readonly additionals: readonly Answer[]
}

/** Rejects with a Node-style error: `ETIMEDOUT` when nothing comes, or what the connection failed with. */
export async function lookup(options: LookupOptions): Promise<LookupResult> {
  const id = options.random.u32() & 0xffff
  const query = queryOf(options, id)
  if (options.transport !== 'tcp') {
    const answer = await overUdp(options, query, id)
    if (!answer.flag_tc || options.transport === 'udp') return resultOf(answer, 'udp')
  }
  return resultOf(await overTcp(options, query, id), 'tcp')
}

function queryOf({ name, type, udpBytes }: LookupOptions, id: number): Buffer {
  const size = udpBytes ?? MAX_UDP_BYTES
  return encode({
    type: 'query',
    id,
    questions: [{ name, type, class: 'IN' }],
    additionals:
      size === 0
        ? []
        : [
            {
              type: 'OPT',
              name: '.',
              udpPayloadSize: size,
              extendedRcode: 0,
              ednsVersion: 0,
              flags: 0,
              flag_do: false,
              options: [],
            },
          ],
  })
}

async function overUdp(options: LookupOptions, query: Buffer, id: number): Promise<DecodedPacket> {
  const answered = Promise.withResolvers<DecodedPacket>()
  const bind = options.server.includes(':') ? { address: '::', port: 0 } : { port: 0 }
  const socket = await options.network.bindUdp(bind, ({ payload, remoteAddress }) => {
    const packet = remoteAddress === options.server ? answerTo(id, payload) : undefined
    if (packet !== undefined) answered.resolve(packet)
  })
  const timer = options.clock.after(options.timeoutMs ?? 5000, () => answered.reject(silence(options)))
  try {
    socket.send(query, options.server, options.port ?? 53)
    return await answered.promise
  } finally {
    timer.cancel()
    socket.close()
  }
}

async function overTcp(options: LookupOptions, query: Buffer, id: number): Promise<DecodedPacket> {
  const timeoutMs = options.timeoutMs ?? 5000
  const address = { address: options.server, port: options.port ?? 53 }
  const socket = await options.network.connectTcp({ ...address, timeoutMs })
  const answered = Promise.withResolvers<DecodedPacket>()
  const timer = options.clock.after(timeoutMs, () => answered.reject(silence(options)))
  let pending: Buffer = Buffer.alloc(0)
  socket.on('data', (bytes: Buffer) => {
    pending = Buffer.concat([pending, bytes])
    if (pending.length < 2 || pending.length < 2 + pending.readUInt16BE(0)) return
    const packet = answerTo(id, pending.subarray(2, 2 + pending.readUInt16BE(0)))
    if (packet === undefined) answered.reject(socketError('EBADMSG', `${options.server} sent what is no answer`))
    else answered.resolve(packet)
  })
  socket.on('error', (error) => answered.reject(error))
  socket.on('close', () => answered.reject(socketError('ECONNRESET', `${options.server} closed the connection`)))
  try {
    const length = Buffer.alloc(2)
    length.writeUInt16BE(query.length)
    socket.write(Buffer.concat([length, query]))
    return await answered.promise
  } finally {
    timer.cancel()
    socket.destroy()
  }
}

/** Undefined: not the answer to this question. */
function answerTo(id: number, payload: Uint8Array): DecodedPacket | undefined {
  try {
    const packet = decode(Buffer.from(payload))
    return packet.type === 'response' && packet.id === id ? packet : undefined
  } catch {
    return undefined // not DNS, and so not the answer that is waited for
  }
}

function resultOf(packet: DecodedPacket & { readonly rcode?: string }, transport: 'udp' | 'tcp'): LookupResult {
  return {
    // because dns-packet gives it, and its types do not say so
    rcode: packet.rcode ?? 'NOERROR',
    isAuthoritative: packet.flag_aa,
    isTruncated: packet.flag_tc,
    transport,
    answers: packet.answers ?? [],
    authorities: packet.authorities ?? [],
    additionals: (packet.additionals ?? []).filter((record) => record.type !== 'OPT'),
  }
}

function silence({ server, name }: LookupOptions): Error {
  return socketError('ETIMEDOUT', `${server} does not say what ${name} is`)
}
