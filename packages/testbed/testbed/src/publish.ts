/** A port of this machine that leads to an external address of the rack: bytes go in and out through the emulated client. */
import type { Network, TcpListener } from '@lodestone/host'
import type { Ip } from '@lodestone/net'
import type { HostNode } from './host-node.ts'

export interface PublishSpec {
  /** 0 picks a free one. */
  readonly hostPort: number
  readonly address: Ip
  readonly port: number
}

/** Rejects as `listenTcp` does. */
export function publish(os: Network, client: () => HostNode, spec: PublishSpec): Promise<TcpListener> {
  return publishFrom(os, spec, () => {
    const { stack, spec: host } = client()
    const source = host.loopbacks.find((ip) => ip.family === spec.address.family)
    return { network: stack, ...(source === undefined ? {} : { localAddress: source.toString() }) }
  })
}

/** The same from any network. @param from is asked at each connection. */
export function publishFrom(
  os: Network,
  spec: PublishSpec,
  from: () => { readonly network: Pick<Network, 'connectTcp'>; readonly localAddress?: string },
): Promise<TcpListener> {
  return os.listenTcp({ address: '127.0.0.1', port: spec.hostPort }, (outside) => {
    outside.on('error', () => outside.destroy()) // the program on this machine went away
    const { network, localAddress } = from()
    network
      .connectTcp({
        address: spec.address.toString(),
        port: spec.port,
        ...(localAddress === undefined ? {} : { localAddress }),
      })
      .then((inside) => {
        inside.on('error', () => outside.destroy())
        inside.on('close', () => outside.destroy())
        outside.on('close', () => inside.destroy())
        inside.pipe(outside)
        outside.pipe(inside)
      })
      .catch(() => outside.destroy()) // no such instance, or its firewall: the caller sees a reset
  })
}
