/** One frame of a capture, as what `lode explain` asks about: its innermost IP packet, out of its tunnel. */
import { Ip } from '@lodestone/net'
import {
  checkGeneve,
  geneveHeaderLength,
  IPV4_DST,
  IPV6_DST,
  IpProtocol,
  L3Kind,
  LinkType,
  parseFrame,
  readPcap,
  readPcapng,
  ROW_DST_PORT,
  ROW_END,
  ROW_L3,
  ROW_L3_KIND,
  ROW_L4,
  ROW_PROTOCOL,
  ROW_SIZE,
  ROW_SRC_PORT,
  UDP_MIN,
} from '@lodestone/packet'

const GENEVE_PORT = 6081

export interface CapturedQuestion {
  readonly to: string
  readonly protocol: 'tcp' | 'udp' | 'icmp'
  readonly port?: number
  readonly source_port?: number
  /** From the IP header on, as hexadecimal digits. */
  readonly packet: string
}

type Result =
  | { readonly ok: true; readonly question: CapturedQuestion }
  | { readonly ok: false; readonly message: string }

/**
 * @param file a capture, pcapng or pcap, of Ethernet frames.
 * @param number of the frame, counted from 1 as Wireshark does.
 */
export function capturedQuestion(file: Uint8Array, number: number): Result {
  const read = readFrames(file)
  if (!read.ok) return read
  const frame = read.frames[number - 1]
  if (frame === undefined) return { ok: false, message: `the capture has ${read.frames.length} frames` }
  if (frame.linkType !== LinkType.ethernet) return { ok: false, message: `frame ${number} is no Ethernet frame` }
  const packet = innermost(frame.bytes, 0)
  if (packet === undefined) return { ok: false, message: `frame ${number} holds no whole IPv4 or IPv6 packet` }
  const { row, start, bytes } = packet
  const isV4 = row[ROW_L3_KIND] === L3Kind.ipv4
  const protocol = PROTOCOLS.get(row[ROW_PROTOCOL]!)
  if (protocol === undefined) {
    return {
      ok: false,
      message: `frame ${number} is of IP protocol ${row[ROW_PROTOCOL]}: TCP, UDP and ICMP can be explained`,
    }
  }
  const to = isV4 ? Ip.fromBytes(bytes, start + IPV4_DST, 4) : Ip.fromBytes(bytes, start + IPV6_DST, 16)
  const ports = protocol === 'icmp' ? {} : { port: row[ROW_DST_PORT]!, source_port: row[ROW_SRC_PORT]! }
  const text = Buffer.from(bytes.subarray(start, row[ROW_END])).toString('hex')
  return { ok: true, question: { to: to.toString(), protocol, ...ports, packet: text } }
}

const PROTOCOLS: ReadonlyMap<number, CapturedQuestion['protocol']> = new Map([
  [IpProtocol.tcp, 'tcp'],
  [IpProtocol.udp, 'udp'],
  [IpProtocol.icmp, 'icmp'],
  [IpProtocol.icmpv6, 'icmp'],
])

type Frames =
  | { readonly ok: true; readonly frames: readonly { readonly bytes: Uint8Array; readonly linkType: number }[] }
  | { readonly ok: false; readonly message: string }

function readFrames(file: Uint8Array): Frames {
  const { packets, interfaces, error } = readPcapng(file)
  if (error?.kind !== 'not-a-capture') {
    const frames = packets.map(({ bytes, interfaceId }) => ({ bytes, linkType: interfaces[interfaceId]!.linkType }))
    return { ok: true, frames }
  }
  const classic = readPcap(file)
  if (classic.error?.kind === 'not-a-capture') return { ok: false, message: 'the file is neither pcapng nor pcap' }
  return { ok: true, frames: classic.packets.map(({ bytes }) => ({ bytes, linkType: classic.linkType })) }
}

interface Packet {
  readonly bytes: Uint8Array
  readonly row: Int32Array
  readonly start: number
}

/** @param at where an Ethernet frame begins. */
function innermost(bytes: Uint8Array, at: number): Packet | undefined {
  const row = new Int32Array(ROW_SIZE)
  if (parseFrame(bytes, at, bytes.length, row) < 0) return undefined
  if (row[ROW_L3_KIND] !== L3Kind.ipv4 && row[ROW_L3_KIND] !== L3Kind.ipv6) return undefined
  if (row[ROW_PROTOCOL] === IpProtocol.udp && row[ROW_DST_PORT] === GENEVE_PORT) {
    const geneve = row[ROW_L4]! + UDP_MIN
    if (checkGeneve(bytes, geneve, row[ROW_END]!) < 0) return undefined
    return innermost(bytes.subarray(0, row[ROW_END]), geneve + geneveHeaderLength(bytes, geneve))
  }
  return { bytes, row, start: row[ROW_L3]! }
}
