/**
 * The operating system's sockets behind the `Network` interface. For streams an address that begins with `/` is the path of
 * a Unix socket, and the port is ignored.
 *
 * Plain sockets are Node's. What Node has no option for (MD5, least TTL, interfaces) is set through the C library, on Linux
 * only; elsewhere `features` says no and such options are refused.
 *
 * Streams send at once (TCP_NODELAY), as those of the netstack do: daemons write whole messages, and waiting for the acknowledgment of the
 * one before delays the next by 40 ms, or until the process has died.
 */
import dgram from 'node:dgram'
import { lookup } from 'node:dns'
import net, { type LookupFunction } from 'node:net'
import { Ip } from '@lodestone/net'
import type {
  BindOptions,
  ConnectOptions,
  Datagram,
  ListenOptions,
  ListenPeer,
  Network,
  NetworkFeatures,
  SenderHopLimit,
  TcpListener,
  TcpSocket,
  UdpSocket,
} from './network.ts'
import { socketError, unsupported } from './network.ts'
import { checked, type Libc, libc, requireLibc } from './os-libc.ts'
import { descriptorOf, ListenPeers } from './os-listen-peers.ts'
import {
  bindToInterface,
  droppedPackets,
  dropBelowHopLimit,
  dropBelowSenderLimits,
  openDatagram,
  openStream,
  setMd5,
  setMinTtl,
  setReuseAddress,
  setTtl,
} from './os-socket-options.ts'
import { socketAddressBytes } from './socket-address.ts'

export class OsNetwork implements Network {
  readonly name: string = 'os'

  get features(): NetworkFeatures {
    const hasLibc = libc() !== undefined
    return { md5: hasLibc, minTtl: hasLibc, interfaceScope: hasLibc }
  }

  listenTcp(options: ListenOptions, onConnection: (socket: TcpSocket) => void): Promise<TcpListener> {
    const refusal = this.#refusal(options)
    if (refusal !== undefined) return Promise.reject(refusal)
    return new Promise((resolve, reject) => {
      const { address, port, peers = [], interface: link } = options
      let protection: ListenPeers | undefined
      const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
        if (protection?.protect(socket) === false) return void socket.destroy()
        onConnection(socket as TcpSocket) // because a connected net.Socket has all four address fields set
      })
      server.once('error', reject)
      const onListening = (): void => {
        server.off('error', reject)
        const bound = server.address()
        const isIp = typeof bound === 'object' && bound !== null
        const setPeers = (list: readonly ListenPeer[]): void => {
          if (list.length === 0 && protection === undefined) return
          const c = requireLibc('a protected listener')
          protection ??= new ListenPeers(c, descriptorOf(server), isIp && bound.family === 'IPv6')
          protection.set(list)
        }
        resolve({ port: isIp ? bound.port : 0, close: () => server.close(), setPeers })
      }
      if (address?.startsWith('/') === true) server.listen({ path: address }, onListening)
      else if (peers.length === 0 && link === undefined) server.listen({ port, host: address }, onListening)
      else {
        const c = requireLibc('a protected listener')
        const fd = openBoundStream(c, options)
        try {
          protection = new ListenPeers(c, fd, address === undefined || address.includes(':'))
          protection.set(peers)
        } catch (error) {
          c.close(fd)
          throw error
        }
        server.listen({ fd }, onListening)
      }
    })
  }

  connectTcp(options: ConnectOptions): Promise<TcpSocket> {
    const refusal = this.#refusal(options)
    if (refusal !== undefined) return Promise.reject(refusal)
    return new Promise((resolve, reject) => {
      const socket = connect(options) // what it throws rejects
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
        socket.setNoDelay(true)
        resolve(socket as TcpSocket)
      })
    })
  }

  bindUdp(options: BindOptions, onDatagram: (datagram: Datagram) => void): Promise<UdpSocket> {
    const refusal = this.#refusal(options)
    if (refusal !== undefined) return Promise.reject(refusal)
    return new Promise((resolve, reject) => {
      const groups = options.groups ?? []
      const isV6 = options.address?.includes(':') === true || groups.some((group) => group.includes(':'))
      // Members of a group share its port; for others a port in use is an error.
      const type = isV6 ? 'udp6' : 'udp4'
      const ipv6Only = options.address === '::' // who wants IPv4 too binds 0.0.0.0 beside it
      const socket = dgram.createSocket({ type, ipv6Only, reuseAddr: groups.length > 0 })
      // What passed the filter has at least this, and more than 255 there is not.
      const hopLimit = options.minHopLimit === 255 ? { hopLimit: 255 } : {}
      socket.once('error', reject)
      socket.on('message', (payload, remote) => {
        const zone = remote.address.indexOf('%')
        const link = zone < 0 ? options.interface : remote.address.slice(zone + 1)
        onDatagram({
          payload: new Uint8Array(payload),
          remoteAddress: remote.address,
          remotePort: remote.port,
          ...hopLimit,
          ...(link === undefined ? {} : { interfaceName: link }),
        })
      })
      let fd: number | undefined
      const onBound = (): void => {
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
          close: () => {
            fd = undefined
            socket.close()
          },
          ...(options.minHopLimit === undefined
            ? {}
            : {
                setMinHopLimits: (limits: readonly SenderHopLimit[]) => {
                  if (fd !== undefined) dropBelowSenderLimits(requireLibc('a filter'), fd, isV6 ? 6 : 4, limits)
                },
              }),
          dropped: () => (fd === undefined ? 0 : droppedPackets(requireLibc('counting drops'), fd)),
        })
      }
      if (options.minHopLimit === undefined && options.interface === undefined) {
        socket.bind(options.port, boundAddress(options), onBound)
        return
      }
      try {
        fd = openBoundDatagram(requireLibc('a filtered socket'), options, isV6)
      } catch (error) {
        socket.close()
        return reject(error)
      }
      socket.bind({ fd }, onBound)
    })
  }

  #refusal(options: ConnectOptions | ListenOptions | BindOptions): Error | undefined {
    // Asking for the features loads the C library: only who wants something special waits for that.
    return unsupported(options) === undefined ? undefined : unsupported(options, this.features)
  }
}

/** Without protection Node connects by itself; with it the options have to be in force before the first segment leaves. */
/** Names are resolved once: what was looked at is what is connected to. */
function lookupAllowed(allows: (address: string) => boolean): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      const allowed = (addresses ?? []).filter(({ address }) => allows(address))
      const [first] = allowed
      if (error !== null) callback(error, '')
      else if (first === undefined) callback(notAllowed(hostname), '')
      else if (options.all === true) callback(null, allowed)
      else callback(null, first.address, first.family)
    })
  }
}

function notAllowed(what: string): Error {
  return socketError('EACCES', `${what} is not where connections may lead`)
}

function connect(options: ConnectOptions): net.Socket {
  const { address, port, localAddress, md5Password, ttl, minTtl, interface: link } = options
  const where = address.startsWith('/')
    ? { path: address }
    : { host: address, port, ...(localAddress === undefined ? {} : { localAddress }) }
  const isPlain = md5Password === undefined && ttl === undefined && minTtl === undefined && link === undefined
  const { allows } = options
  if (allows !== undefined && Ip.parse(address) !== undefined && !allows(address)) throw notAllowed(address)
  const how = allows === undefined ? {} : { lookup: lookupAllowed(allows) }
  if (isPlain) return net.connect({ ...where, ...how, allowHalfOpen: true })
  const [text = '', zone] = address.split('%')
  const remote = Ip.parse(text)
  if (remote === undefined) throw socketError('EINVAL', `${address} is not an IP address`)
  const c = requireLibc('a protected connection')
  const { family } = remote
  const fd = openStream(c, family)
  try {
    if (md5Password !== undefined) setMd5(c, fd, remote, md5Password, false)
    if (ttl !== undefined) setTtl(c, fd, family, ttl)
    if (minTtl !== undefined) setMinTtl(c, fd, family, minTtl)
    if (link !== undefined) bindToInterface(c, fd, link)
    if (localAddress !== undefined) {
      setReuseAddress(c, fd)
      bindTo(c, fd, localAddress, 0, zone)
    }
  } catch (error) {
    c.close(fd)
    throw error
  }
  // `manualStart`: it is not connected yet, and reading from it would fail
  const socket = new net.Socket({ fd, readable: true, writable: true, allowHalfOpen: true, ...{ manualStart: true } })
  socket.connect({ host: address, port, autoSelectFamily: false })
  return socket
}

/** A socket that is ready to listen and protected before anyone can connect. */
function openBoundStream(c: Libc, { address = '::', port, interface: link }: ListenOptions): number {
  const fd = openStream(c, address.includes(':') ? 6 : 4)
  try {
    setReuseAddress(c, fd)
    if (link !== undefined) bindToInterface(c, fd, link)
    bindTo(c, fd, address, port)
    return fd
  } catch (error) {
    c.close(fd)
    throw error
  }
}

/** A datagram socket whose filters are in force before it has a port: nothing gets past them. */
function openBoundDatagram(c: Libc, options: BindOptions, isV6: boolean): number {
  const family = isV6 ? 6 : 4
  const fd = openDatagram(c, family)
  try {
    if (options.minHopLimit !== undefined) dropBelowHopLimit(c, fd, family, options.minHopLimit)
    if (options.interface !== undefined) bindToInterface(c, fd, options.interface)
    if ((options.groups ?? []).length > 0) setReuseAddress(c, fd)
    bindTo(c, fd, boundAddress(options) ?? (isV6 ? '::' : '0.0.0.0'), options.port)
    return fd
  } catch (error) {
    c.close(fd)
    throw error
  }
}

function bindTo(c: Libc, fd: number, address: string, port: number, defaultZone?: string): void {
  const [text = '', zone = defaultZone] = address.split('%')
  const ip = Ip.parse(text)
  if (ip === undefined) throw socketError('EINVAL', `${address} is not an IP address`)
  const scope = zone === undefined || !(ip.isLinkLocal || ip.isMulticast) ? 0 : c.ifNameToIndex(zone)
  const bytes = socketAddressBytes(ip, port, scope)
  checked(c, c.bind(fd, bytes, bytes.length), `bind ${address}:${port}`)
}

/** The group itself where nothing but it is asked for on one link: `::` would take the port from sockets with addresses there. */
function boundAddress({ address, groups = [] }: BindOptions): string | undefined {
  return address?.startsWith('::%') === true && groups.length === 1 ? groups[0] : address
}

/** Node names the interface of an IPv6 group by its zone. */
function join(socket: dgram.Socket, group: string, isV6: boolean): void {
  const [address, zone] = group.split('%')
  if (zone === undefined) socket.addMembership(address!) // because split gives at least one part
  else socket.addMembership(address!, isV6 ? `::%${zone}` : zone)
}
