export { NS_DROP_REASONS } from './drop.ts'
export type { Interface, InterfaceCounters } from './interface.ts'
export type { NeighborEntry } from './neighbor-cache.ts'
export type { NeighborState } from './neighbor.ts'
export { type InterfaceOptions, Netstack } from './netstack.ts'
export type { PingOptions, PingResult } from './ping.ts'
export type { NextHop, RouteEntry } from './route-table.ts'
export { DEFAULT_REASSEMBLY_LIMITS, type ReassemblyLimits } from './reassembly.ts'
export type { StackOptions as NetstackOptions } from './stack.ts'
export type { TcpStream } from './tcp/stream.ts'
export {
  clearActions,
  type CongestionControl,
  DEFAULT_TCP_PARAMETERS,
  type EcnUse,
  Tcb,
  TcpActions,
  type TcpParameters,
} from './tcp/tcb.ts'
// The TCP machine by itself, for hosts that are not a stack (experiments with thousands of connections).
export { acceptSyn, onSegment } from './tcp/input.ts'
export { finish, nextDeadlineMs, onTimer, open, read, written } from './tcp/machine.ts'
export { nextSegment } from './tcp/output.ts'
export { InSegment, OutSegment } from './tcp/segment.ts'
export type { ConnectionEntry } from './tcp/tcp.ts'
export type { TcpConnectionName, TcpEvent, TcpObserver } from './tcp/tcp-event.ts'
export type { FrameHandler } from './udp.ts'
export { DhcpClient, type DhcpClientOptions } from './dhcp/dhcp-client.ts'
export type { DhcpState } from './dhcp/machine.ts'
export { Dhcp6Client, type Dhcp6ClientOptions } from './dhcp/dhcp6-client.ts'
export type { Dhcp6State } from './dhcp/dhcp6-machine.ts'
export type { Dhcp6Reply } from './dhcp/dhcp6-message.ts'
export type { DhcpReply, DhcpRoute } from './dhcp/message.ts'
export { type RouterAdvert, RouterDiscovery, type RouterDiscoveryOptions } from './router-discovery.ts'
export { Guest, type GuestNic, type GuestOptions, type GuestProgramOptions } from './guest/guest.ts'
export { type GuestConsole, Shell, type ShellOptions } from './guest/shell.ts'
export { WebServer, type WebServerOptions } from './guest/web-server.ts'
export { shellCommand, type ShellCommandOptions, type ShellResult } from './guest/shell-command.ts'
