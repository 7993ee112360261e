export { type Clock, every, sleep, type Timer } from './clock.ts'
export { EventQueue } from './event-queue.ts'
export type { Files } from './files.ts'
export { Host, type HostOptions } from './host.ts'
export type { LogLevel, LogLine, LogSink } from './log.ts'
export { MemoryFiles } from './memory-files.ts'
export { MemoryFabric, MemoryNetwork } from './memory-network.ts'
export {
  decodeAnswer,
  type NetlinkAnswer,
  type NetlinkMessage,
  netlinkMessages,
  NetlinkFlag,
  NetlinkType,
  NetlinkWriter,
} from './netlink/netlink-message.ts'
export {
  decodeRoute,
  type KernelNextHop,
  type KernelRoute,
  RouteMessageType,
  type RouteOwner,
  RtGroup,
  writeDumpRoutes,
  writeRemoveRoute,
  writeSetRoute,
} from './netlink/route-message.ts'
export type { Icmp6Options, Icmp6Socket, NetlinkOptions, NetlinkSocket } from './netlink-socket.ts'
export {
  type BindOptions,
  type ConnectOptions,
  type Datagram,
  type DiscoveryNetwork,
  type InterfaceNetwork,
  type KernelNetwork,
  type ListenOptions,
  type ListenPeer,
  type Network,
  type NetworkFeatures,
  type NetworkInterface,
  type SenderHopLimit,
  socketError,
  type StreamProtection,
  type TcpListener,
  type TcpSocket,
  type UdpSocket,
  unsupported,
} from './network.ts'
export { http } from './node-http.ts'
export { OsFiles } from './os-files.ts'
export { OsKernelNetwork } from './os-kernel-network.ts'
export { OsNetwork } from './os-network.ts'
export { isProcessAlive } from './os-process.ts'
export { type FrameDevice, openTap, type TapOptions } from './os-tap.ts'
export { connectTls, type TlsClientOptions, type TlsIdentity, type TlsIdentityOf, TlsServer } from './os-tls.ts'
export { OsRandom } from './os-random.ts'
export { ProcessNetwork } from './process-network.ts'
export type { Random } from './random.ts'
export { RealClock } from './real-clock.ts'
export { SeededRandom, uuidFromBytes } from './seeded-random.ts'
export { SpareTime } from './spare-time.ts'
export { VirtualClock } from './virtual-clock.ts'
