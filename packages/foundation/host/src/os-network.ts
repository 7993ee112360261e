/**
 * The operating system's sockets behind the `Network` interface. For streams an address that begins with `/` is the path of
 * a Unix socket, and the port is ignored.
 */
import dgram from 'node:dgram'
import net from 'node:net'
import type {
  BindOptions,
  ConnectOptions,
  Datagram,
  ListenOptions,
  Network,
  TcpListener,
  TcpSocket,
  UdpSocket,
} from './network.ts'
import { socketError } from './network.ts'

export class OsNetwork implements Network {
  readonly name = 'os'

  listenTcp(options: ListenOptions, onConnection: (socket: TcpSocket) => void): Promise<TcpListener> {
    return new Promise((resolve, reject) => {
      // because a connected net.Socket has all four address fields set
      const server = net.createServer({ allowHalfOpen: true }, (socket) => onConnection(socket as TcpSocket))
      server.once('error', reject)
      const where =
        options.address?.startsWith('/') === true
          ? { path: options.address }
          : { port: options.port, host: options.address }
      server.listen(where, () => {
        server.off('error', reject)
        const bound = server.address()
        resolve({ port: typeof bound === 'object' && bound !== null ? bound.port : 0, close: () => server.close() })
      })
    })
  }

  connectTcp(options: ConnectOptions): Promise<TcpSocket> {
    return new Promise((resolve, reject) => {
      const socket = net.connect({
        ...(options.address.startsWith('/')
          ? { path: options.address }
          : { host: options.address, port: options.port }),
        allowHalfOpen: true,
        ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
      })
      const timeoutMs = options.timeoutMs ?? 30_000
      const timer = setTimeout(() => {
        socket.destroy()
        reject(socketError('ETIMEDOUT', `${options.address}:${options.port} did not answer in ${timeoutMs} ms`))
      }, timeoutMs)
      socket.once('error', (error) => {
        clearTimeout(timer)
        reject(error)
      })
      socket.once('connect', () => {
        clearTimeout(timer)
        socket.removeAllListeners('error')
        resolve(socket as TcpSocket)
      })
    })
  }

  bindUdp(options: BindOptions, onDatagram: (datagram: Datagram) => void): Promise<UdpSocket> {
    return new Promise((resolve, reject) => {
      const groups = options.groups ?? []
      const isV6 = options.address?.includes(':') === true || groups.some((group) => group.includes(':'))
      // Members of a group share its port; for others a port in use is an error.
      const socket = dgram.createSocket({ type: isV6 ? 'udp6' : 'udp4', reuseAddr: groups.length > 0 })
      socket.once('error', reject)
      socket.on('message', (payload, remote) =>
        onDatagram({ payload: new Uint8Array(payload), remoteAddress: remote.address, remotePort: remote.port }),
      )
      socket.bind(options.port, options.address, () => {
        socket.off('error', reject)
        socket.on('error', () => undefined) // datagrams may get lost, those that cannot be sent too
        try {
          for (const group of groups) join(socket, group, isV6)
          if (options.hopLimit !== undefined) {
            socket.setTTL(options.hopLimit)
            socket.setMulticastTTL(options.hopLimit)
          }
        } catch (error) {
          socket.close()
          return reject(error)
        }
        resolve({
          port: socket.address().port,
          send: (data, address, port) => socket.send(data, port, address),
          close: () => socket.close(),
        })
      })
    })
  }
}

/** Node names the interface of an IPv6 group by its zone. */
function join(socket: dgram.Socket, group: string, isV6: boolean): void {
  const [address, zone] = group.split('%')
  if (zone === undefined) socket.addMembership(address!) // because split gives at least one part
  else socket.addMembership(address!, isV6 ? `::%${zone}` : zone)
}
