/**
 * What is done to a rack in a simulation, as data: faults, which each end by themselves, routes that come and go outside, and what users
 * ask of the API. Each event stands alone, so a timeline stays meaningful when some are left out.
 */
import type { LinkDirection } from '@lodestone/link'
import type { SpFault } from '@lodestone/sp'
import type { DiskFault } from '../simulated-database.ts'

export type Fault =
  | { readonly kind: 'loss'; readonly link: string; readonly direction?: LinkDirection; readonly ratio: number }
  /** Duplicates, jitter, and frames that overtake each other. */
  | { readonly kind: 'noise'; readonly link: string; readonly duplicate: number; readonly jitterMs: number }
  /** The cable is out, and both ends see it. */
  | { readonly kind: 'cut'; readonly link: string }
  /** The cable goes out and in, `times` over. */
  | { readonly kind: 'flap'; readonly link: string; readonly times: number }
  /** What these nodes send (`out`), or what is sent to them (`in`), or both, vanishes; their links stay up. */
  | { readonly kind: 'partition'; readonly nodes: readonly string[]; readonly direction: 'both' | 'in' | 'out' }
  /** Frames of one direction arrive very late. */
  | { readonly kind: 'clog'; readonly link: string; readonly direction: LinkDirection; readonly delayMs: number }
  /** Everything that a node receives and sends takes longer. */
  | { readonly kind: 'slow'; readonly node: string; readonly delayMs: number }
  | { readonly kind: 'power'; readonly node: string }
  /** A process is killed, and begins anew at the end. `routing`: BGP, DDM and BFD of a node. */
  | { readonly kind: 'crash'; readonly daemon: 'nexus' }
  | { readonly kind: 'crash'; readonly daemon: 'routing' | 'agent' | 'switchd'; readonly node: string }
  | { readonly kind: 'skew'; readonly node: string; readonly ppm: number }
  | { readonly kind: 'step'; readonly node: string; readonly ms: number }
  | { readonly kind: 'disk'; readonly fault: DiskFault; readonly delayMs: number }
  /** A service processor stops and begins anew, is slow, loses datagrams, or has a task that crashes again and again. */
  | { readonly kind: 'sp'; readonly node: string; readonly fault: SpTrouble }

export type SpTrouble = Extract<SpFault, { kind: 'unresponsive' | 'slow' | 'network' | 'task-crash' }>

/** A router outside announces a prefix, and withdraws it at the end. */
export interface Announcement {
  readonly kind: 'announce'
  readonly router: string
  readonly prefix: string
}

export type ApiOperation =
  | { readonly call: 'instance-create'; readonly project: string; readonly name: string; readonly floating?: string }
  | {
      readonly call: 'instance-start' | 'instance-stop' | 'instance-delete'
      readonly project: string
      readonly name: string
    }
  | {
      readonly call: 'floating-create' | 'floating-detach' | 'floating-delete'
      readonly project: string
      readonly name: string
    }
  | { readonly call: 'floating-attach'; readonly project: string; readonly name: string; readonly instance: string }
  /** All rules of the project's VPC: those of the beginning, and one that has `name` and lets TCP `port` in. */
  | { readonly call: 'firewall-set'; readonly project: string; readonly name: string; readonly port: number }

export interface ApiRequest {
  readonly kind: 'api'
  readonly operation: ApiOperation
}

/** What is sent meanwhile, which is neither wrong nor asked for. */
export type Traffic =
  /** An instance fetches as many bytes from the client outside, one a second: one connection through translation. */
  | { readonly kind: 'flow'; readonly project: string; readonly instance: string; readonly count: number }
  /** The client sends packets at an instance that end on their way: one a millisecond. */
  | { readonly kind: 'stray'; readonly ttl: number; readonly count: number }

export interface SimEvent {
  /** From the beginning of the first phase. */
  readonly atMs: number
  /** How long a fault or announcement lasts; 0 for what has no end. */
  readonly forMs: number
  readonly action: Fault | Announcement | ApiRequest | Traffic
}

export function describeEvent({ atMs, forMs, action }: SimEvent): string {
  const { kind, ...rest } = action
  const what = kind === 'api' ? Object.values(action.operation).join(' ') : Object.values(rest).map(text).join(' ')
  return `${(atMs / 1000).toFixed(3)} s${forMs > 0 ? ` for ${(forMs / 1000).toFixed(3)} s` : ''}: ${kind} ${what}`
}

function text(value: unknown): string {
  return typeof value === 'object' && value !== null ? Object.values(value).map(text).join(' ') : String(value)
}
