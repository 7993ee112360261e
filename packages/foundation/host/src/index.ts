export { type Clock, every, sleep, type Timer } from './clock.ts'
export { EventQueue } from './event-queue.ts'
export type { Files } from './files.ts'
export { Host, type HostOptions } from './host.ts'
export type { LogLevel, LogLine, LogSink } from './log.ts'
export { MemoryFiles } from './memory-files.ts'
export { MemoryFabric, MemoryNetwork } from './memory-network.ts'
export {
  type BindOptions,
  type ConnectOptions,
  type Datagram,
  type InterfaceNetwork,
  type ListenOptions,
  type Network,
  type NetworkInterface,
  socketError,
  type TcpListener,
  type TcpSocket,
  type UdpSocket,
} from './network.ts'
export { OsFiles } from './os-files.ts'
export { OsNetwork } from './os-network.ts'
export { OsRandom } from './os-random.ts'
export type { Random } from './random.ts'
export { RealClock } from './real-clock.ts'
export { SeededRandom, uuidFromBytes } from './seeded-random.ts'
export { VirtualClock } from './virtual-clock.ts'
