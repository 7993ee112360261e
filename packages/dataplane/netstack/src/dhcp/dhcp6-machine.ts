/**
 * The DHCPv6 client for one address (RFC 8415 §18.2) as a pure state machine: (lease state, event, time) → actions.
 *
 *     init ─▶ soliciting ──advertise──▶ requesting ──reply──▶ bound ──T1──▶ renewing ──T2──▶ rebinding ──end──▶ init
 *                 └──reply with rapid commit───────────────────▲  ▲───────────── reply ──────────┘
 *
 * NOT IMPLEMENTED: waiting for a better server than the first that offers an address, Confirm, Reconfigure, delegation.
 */
import type { Dhcp6Reply, Dhcp6RequestType } from './dhcp6-message.ts'

export type Dhcp6State = 'init' | 'soliciting' | 'requesting' | 'bound' | 'renewing' | 'rebinding'

export interface Dhcp6Machine {
  readonly state: Dhcp6State
  readonly transaction: number
  readonly startedMs: number
  /** Messages sent in this exchange, and the wait after the last one. */
  readonly attempts: number
  readonly waitMs: number
  /** When `timer` is due; Infinity when never. */
  readonly dueMs: number
  /** The offer taken up, then the lease. */
  readonly reply: Dhcp6Reply | undefined
  readonly renewAtMs: number
  readonly rebindAtMs: number
  readonly expiresAtMs: number
}

/** What an exchange that begins with this event needs: a transaction of 24 bits, and -0.1 … 0.1 for its waits (§15). */
interface Chance {
  readonly transaction: number
  readonly jitter: number
}

export type Dhcp6Event = Chance &
  (
    | { readonly kind: 'start' }
    | { readonly kind: 'reply'; readonly reply: Dhcp6Reply }
    | { readonly kind: 'timer' }
    /** Somebody else has the address of the lease. */
    | { readonly kind: 'conflict' }
  )

export type Dhcp6Action =
  | { readonly kind: 'send'; readonly type: Dhcp6RequestType; readonly to: Dhcp6Reply | undefined }
  | { readonly kind: 'configure'; readonly lease: Dhcp6Reply }
  | { readonly kind: 'deconfigure'; readonly lease: Dhcp6Reply }

export interface Dhcp6Step {
  readonly next: Dhcp6Machine
  readonly actions: readonly Dhcp6Action[]
}

/** RFC 8415 §7.6: first wait, longest wait, and how many messages at most. */
const EXCHANGES = {
  solicit: { firstMs: 1000, mostMs: 3_600_000, attempts: Infinity },
  request: { firstMs: 1000, mostMs: 30_000, attempts: 10 },
  renew: { firstMs: 10_000, mostMs: 600_000, attempts: Infinity },
  rebind: { firstMs: 10_000, mostMs: 600_000, attempts: Infinity },
} as const
type Exchange = keyof typeof EXCHANGES

export const INITIAL6: Dhcp6Machine = {
  state: 'init',
  transaction: 0,
  startedMs: 0,
  attempts: 0,
  waitMs: 0,
  dueMs: Infinity,
  reply: undefined,
  renewAtMs: Infinity,
  rebindAtMs: Infinity,
  expiresAtMs: Infinity,
}

export function step6(machine: Dhcp6Machine, event: Dhcp6Event, nowMs: number): Dhcp6Step {
  switch (event.kind) {
    case 'start':
      return solicit(machine, event, nowMs)
    case 'reply':
      return onReply(machine, event.reply, event, nowMs)
    case 'timer':
      return machine.dueMs <= nowMs ? onTimer(machine, event, nowMs) : { next: machine, actions: [] }
    case 'conflict':
      return onConflict(machine, event, nowMs)
  }
}

function solicit(machine: Dhcp6Machine, chance: Chance, nowMs: number): Dhcp6Step {
  const next = begin({ ...INITIAL6, state: 'soliciting' }, 'solicit', chance, nowMs)
  return { next, actions: [...lost(machine), { kind: 'send', type: 'solicit', to: undefined }] }
}

function lost(machine: Dhcp6Machine): Dhcp6Action[] {
  const isBound = machine.state === 'bound' || machine.state === 'renewing' || machine.state === 'rebinding'
  return isBound ? [{ kind: 'deconfigure', lease: machine.reply! }] : [] // because a lease is a reply
}

/** §18.2.8: the server is told, and asked for another address when the first wait is over. */
function onConflict(machine: Dhcp6Machine, chance: Chance, nowMs: number): Dhcp6Step {
  if (machine.state !== 'bound' && machine.state !== 'renewing' && machine.state !== 'rebinding') {
    return { next: machine, actions: [] }
  }
  const next = { ...INITIAL6, transaction: chance.transaction, startedMs: nowMs, dueMs: nowMs + 1000 }
  return { next, actions: [...lost(machine), { kind: 'send', type: 'decline', to: machine.reply }] }
}

function onReply(machine: Dhcp6Machine, reply: Dhcp6Reply, chance: Chance, nowMs: number): Dhcp6Step {
  const none: Dhcp6Step = { next: machine, actions: [] }
  if (reply.transaction !== machine.transaction) return none
  const isGranted = reply.status === 0 && reply.address !== undefined && reply.validS > 0
  switch (machine.state) {
    case 'soliciting': {
      if (!isGranted) return none
      if (reply.type === 'reply') return reply.isRapid ? bind(machine, reply, nowMs) : none
      const next = begin({ ...machine, state: 'requesting', reply }, 'request', chance, nowMs)
      return { next, actions: [{ kind: 'send', type: 'request', to: reply }] }
    }
    case 'requesting':
    case 'renewing':
    case 'rebinding':
      if (reply.type !== 'reply') return none
      // §18.2.10.1: no binding, not on this link, no address left: from the beginning.
      return isGranted ? bind(machine, reply, nowMs) : solicit(machine, chance, nowMs)
    default:
      return none
  }
}

/** §21.4: T1 and T2 are half and four fifths of the preferred lifetime where the server does not say. */
function bind(machine: Dhcp6Machine, reply: Dhcp6Reply, nowMs: number): Dhcp6Step {
  const before = lost(machine)
  const isSame = machine.reply?.address?.equals(reply.address!) === true // because it was granted
  const renewS = reply.renewS ?? reply.preferredS * 0.5
  const rebindS = reply.rebindS ?? reply.preferredS * 0.8
  const renewAtMs = nowMs + renewS * 1000
  const next: Dhcp6Machine = {
    ...machine,
    state: 'bound',
    attempts: 0,
    reply,
    dueMs: renewAtMs,
    renewAtMs,
    rebindAtMs: nowMs + Math.max(renewS, rebindS) * 1000,
    expiresAtMs: nowMs + reply.validS * 1000,
  }
  return { next, actions: [...(isSame ? [] : before), { kind: 'configure', lease: reply }] }
}

function onTimer(machine: Dhcp6Machine, chance: Chance, nowMs: number): Dhcp6Step {
  switch (machine.state) {
    case 'init':
      return solicit(machine, chance, nowMs)
    case 'soliciting':
      return again(machine, 'solicit', chance, nowMs)
    case 'requesting':
      if (machine.attempts >= EXCHANGES.request.attempts) return solicit(machine, chance, nowMs)
      return again(machine, 'request', chance, nowMs)
    case 'bound':
    case 'renewing':
    case 'rebinding': {
      if (nowMs >= machine.expiresAtMs) return solicit(machine, chance, nowMs)
      const state = nowMs >= machine.rebindAtMs ? 'rebinding' : 'renewing'
      const exchange = state === 'rebinding' ? 'rebind' : 'renew'
      if (machine.state === state) return again(machine, exchange, chance, nowMs)
      const next = begin({ ...machine, state }, exchange, chance, nowMs)
      return { next, actions: [{ kind: 'send', type: exchange, to: exchange === 'renew' ? machine.reply : undefined }] }
    }
  }
}

/** The first message of an exchange (§15); not later than what the lease asks for next. */
function begin(
  machine: Dhcp6Machine,
  exchange: Exchange,
  { transaction, jitter }: Chance,
  nowMs: number,
): Dhcp6Machine {
  const waitMs = EXCHANGES[exchange].firstMs * (1 + (exchange === 'solicit' ? Math.abs(jitter) : jitter))
  const dueMs = Math.min(nowMs + waitMs, leaseEventMs(machine, nowMs))
  return { ...machine, transaction, startedMs: nowMs, attempts: 1, waitMs, dueMs }
}

function again(machine: Dhcp6Machine, exchange: Exchange, { jitter }: Chance, nowMs: number): Dhcp6Step {
  const { mostMs } = EXCHANGES[exchange]
  const doubled = machine.waitMs * (2 + jitter)
  const waitMs = doubled > mostMs ? mostMs * (1 + jitter) : doubled
  const dueMs = Math.min(nowMs + waitMs, leaseEventMs(machine, nowMs))
  const next = { ...machine, attempts: machine.attempts + 1, waitMs, dueMs }
  const to = exchange === 'request' || exchange === 'renew' ? machine.reply : undefined
  return { next, actions: [{ kind: 'send', type: exchange, to }] }
}

function leaseEventMs(machine: Dhcp6Machine, nowMs: number): number {
  if (machine.state !== 'renewing' && machine.state !== 'rebinding') return Infinity
  return machine.rebindAtMs > nowMs ? machine.rebindAtMs : machine.expiresAtMs
}
