/** `tcp/80`, `udp/53`, `icmp`. */
export interface PacketKind {
  readonly protocol: 'tcp' | 'udp' | 'icmp'
  readonly port?: number
}

/** Throws with what would be right, as parsers of the command line do. */
export function parsePacketKind(text: string): PacketKind {
  if (text === 'icmp') return { protocol: 'icmp' }
  const found = /^(tcp|udp)\/(\d{1,5})$/.exec(text)
  const port = Number(found?.[2])
  if (found === null || port > 65_535) throw new Error(`${JSON.stringify(text)} is not tcp/PORT, udp/PORT or icmp`)
  return { protocol: found[1] === 'tcp' ? 'tcp' : 'udp', port }
}
