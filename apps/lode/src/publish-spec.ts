/** `--publish HOSTPORT=EXTERNAL_IP:PORT`, with an IPv6 address in brackets; port 0 of this machine picks a free one. */
import { Ip } from '@lodestone/net'

export interface PublishSpec {
  readonly hostPort: number
  readonly address: Ip
  readonly port: number
}

/** Throws with what is wrong and how it is written. */
export function parsePublish(text: string): PublishSpec {
  const match = /^(\d{1,5})=(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text)
  const address = match === null ? undefined : Ip.parse(match[2] ?? match[3]!)
  const hostPort = Number(match?.[1])
  const port = Number(match?.[4])
  if (address === undefined || !(hostPort < 65536) || !(port > 0 && port < 65536)) {
    throw new Error(`--publish is written HOSTPORT=EXTERNAL_IP:PORT, as in 8080=198.51.100.10:80; got ${text}`)
  }
  return { hostPort, address, port }
}
