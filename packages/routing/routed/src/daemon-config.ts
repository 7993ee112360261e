/** Everything that the daemon runs: the router, and what is around it. */
import type { Ip } from '@lodestone/net'
import type { RoutedConfig } from './config.ts'
import type { SocketAddress } from './file/text-value.ts'

/** The lower half of the kernel. */
export interface KernelConfig {
  /** Number of the kernel's routing table; 254 is main. */
  readonly table: number
  /** The number by which our routes are known in the kernel. */
  readonly protocol: number
  readonly metric: number
  /** Leave the routes there at the end. */
  readonly isKept: boolean
}

export interface MrtConfig {
  readonly directory: string
  /** Undefined: the table is never written. */
  readonly ribIntervalS: number | undefined
  readonly hasUpdates: boolean
  readonly rotateS: number
}

export type BmpRoutes = 'pre-policy' | 'post-policy' | 'loc-rib'

export interface BmpStationConfig {
  readonly name: string
  readonly address: SocketAddress
  readonly localAddress: Ip | undefined
  readonly routes: readonly BmpRoutes[]
  /** Undefined: no statistics. */
  readonly statsIntervalS: number | undefined
  readonly retryS: number
}

export interface DaemonConfig {
  readonly router: RoutedConfig
  readonly kernel: KernelConfig | undefined
  readonly mrt: MrtConfig | undefined
  readonly bmp: readonly BmpStationConfig[]
  /** `ADDRESS:PORT` or paths of Unix sockets; undefined: where the daemon was told at its start. */
  readonly admin: readonly string[] | undefined
  readonly metrics: readonly string[]
}
