/** For tests: one end of a BGP session with no speaker behind it. It writes the bytes it is told to, and keeps what comes back. */
import type { TcpSocket } from '@lodestone/host'
import type { Ip } from '@lodestone/net'
import type { RackLab } from './rack-lab.fixture.ts'

export const MARKER = 'ff'.repeat(16)
export const KEEPALIVE = `${MARKER} 0013 04`

const HEADER_BYTES = 19

export interface WireMessage {
  readonly type: number
  /** Hex, without the header. */
  readonly body: string
}

export interface WireOptions {
  readonly lab: RackLab
  /** The host whose stack the connection is made from. */
  readonly host: string
  readonly localAddress: Ip
  readonly address: Ip
}

export class BgpWire {
  isEnded = false
  readonly #lab: RackLab
  readonly #socket: TcpSocket
  #received = Buffer.alloc(0)

  static async connect({ lab, host, localAddress, address }: WireOptions): Promise<BgpWire> {
    const { stack } = lab.emulation.hosts().find((node) => node.name === host)!
    const options = { address: address.toString(), port: 179, localAddress: localAddress.toString() }
    return new BgpWire(lab, await lab.run(stack.connectTcp(options), 5000))
  }

  private constructor(lab: RackLab, socket: TcpSocket) {
    this.#lab = lab
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk])
    })
    socket.on('close', () => {
      this.isEnded = true
    })
    socket.on('end', () => {
      this.isEnded = true
    })
    socket.on('error', () => {
      this.isEnded = true
    })
  }

  /** Writes hex as it is and waits long enough for an answer. */
  async send(text: string): Promise<void> {
    this.#socket.write(hex(text))
    await this.#lab.clock.advance(20)
  }

  /** Everything that came, in order. The far end's messages are well formed, so lengths are believed. */
  messages(): WireMessage[] {
    const out: WireMessage[] = []
    let at = 0
    while (at + HEADER_BYTES <= this.#received.length) {
      const length = this.#received.readUInt16BE(at + 16)
      const body = this.#received.subarray(at + HEADER_BYTES, at + length).toString('hex')
      out.push({ type: this.#received[at + 18]!, body })
      at += length
    }
    return out
  }

  close(): void {
    this.#socket.destroy()
  }
}

/** Version 4, no capability but the four-octet AS number. */
export function openMessage(fields: { readonly asn: number; readonly id: Ip; readonly holdS?: number }): string {
  const holdS = fields.holdS ?? 90
  return message(1, `04 ${u16(fields.asn)} ${u16(holdS)} ${text(fields.id)} 08 02 06 41 04 ${u32(fields.asn)}`)
}

export function updateMessage(attributes: string, nlri: string): string {
  return message(2, `0000 ${u16(hex(attributes).length)} ${attributes} ${nlri}`)
}

/** ORIGIN, AS_PATH and NEXT_HOP of a route that a neighbour began. */
export function attributes(fields: { readonly asn: number; readonly nextHop: Ip; readonly origin?: number }): string {
  const origin = (fields.origin ?? 0).toString(16).padStart(2, '0')
  return `40 01 01 ${origin}  40 02 06 02 01 ${u32(fields.asn)}  40 03 04 ${text(fields.nextHop)}`
}

export function message(type: number, body: string): string {
  return `${MARKER} ${u16(hex(body).length + HEADER_BYTES)} ${type.toString(16).padStart(2, '0')} ${body}`
}

function hex(digits: string): Buffer {
  return Buffer.from(digits.replace(/\s+/g, ''), 'hex')
}

function text(ip: Ip): string {
  return Buffer.from(ip.bytes).toString('hex')
}

function u16(value: number): string {
  return value.toString(16).padStart(4, '0')
}

function u32(value: number): string {
  return value.toString(16).padStart(8, '0')
}
