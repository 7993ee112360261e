/**
 * The DHCPv4 client (RFC 2131 §4.4, figure 5) as a pure state machine: (lease state, event, time) → actions.
 *
 *     init ──▶ selecting ──offer──▶ requesting ──ack──▶ bound ──T1──▶ renewing ──T2──▶ rebinding ──end──▶ init
 *                                       └──nak──▶ init     ▲──────────── ack ──────────────┘   any nak ──▶ init
 *
 * NOT IMPLEMENTED: INIT-REBOOT, DECLINE after an address conflict, INFORM.
 */
import type { Ip } from '@lodestone/net'
import { type DhcpReply, isInfinite } from './message.ts'

export type DhcpState = 'init' | 'selecting' | 'requesting' | 'bound' | 'renewing' | 'rebinding'

export interface DhcpMachine {
  readonly state: DhcpState
  readonly xid: number
  readonly startedMs: number
  /** Messages sent in this state. */
  readonly attempts: number
  /** When `timer` is due; Infinity when never. */
  readonly dueMs: number
  /** The offer taken up, then the lease. */
  readonly reply: DhcpReply | undefined
  readonly renewAtMs: number
  readonly rebindAtMs: number
  readonly expiresAtMs: number
}

export type DhcpEvent =
  | { readonly kind: 'start'; readonly xid: number }
  | { readonly kind: 'reply'; readonly reply: DhcpReply; readonly xid: number }
  /** `xid` starts the next exchange when this one has run out. */
  | { readonly kind: 'timer'; readonly xid: number }
  /** The address is no longer wanted. */
  | { readonly kind: 'release'; readonly xid: number }

export type DhcpAction =
  | { readonly kind: 'discover' }
  /** After an offer: broadcast, naming server and address. */
  | { readonly kind: 'request'; readonly server: Ip | undefined; readonly address: Ip }
  | { readonly kind: 'renew'; readonly server: Ip | undefined; readonly address: Ip }
  | { readonly kind: 'rebind'; readonly address: Ip }
  | { readonly kind: 'release'; readonly server: Ip | undefined; readonly address: Ip }
  /** Set up the interface. */
  | { readonly kind: 'configure'; readonly lease: DhcpReply }
  /** Take the lease away. */
  | { readonly kind: 'deconfigure'; readonly lease: DhcpReply }

export interface DhcpStep {
  readonly next: DhcpMachine
  readonly actions: readonly DhcpAction[]
}

/** RFC 2131 §4.1 begins with 4 s; an emulated link answers at once or not at all. */
const FIRST_RETRY_MS = 1000
const LONGEST_RETRY_MS = 64_000
const REQUEST_ATTEMPTS = 4
const SHORTEST_RENEW_RETRY_MS = 60_000

export const INITIAL: DhcpMachine = {
  state: 'init',
  xid: 0,
  startedMs: 0,
  attempts: 0,
  dueMs: Infinity,
  reply: undefined,
  renewAtMs: Infinity,
  rebindAtMs: Infinity,
  expiresAtMs: Infinity,
}

export function step(machine: DhcpMachine, event: DhcpEvent, nowMs: number): DhcpStep {
  switch (event.kind) {
    case 'start':
      return discover(machine, event.xid, nowMs)
    case 'reply':
      return onReply(machine, event.reply, event.xid, nowMs)
    case 'timer':
      return machine.dueMs <= nowMs ? onTimer(machine, event.xid, nowMs) : { next: machine, actions: [] }
    case 'release':
      return release(machine, event.xid)
  }
}

function discover(machine: DhcpMachine, xid: number, nowMs: number): DhcpStep {
  const next: DhcpMachine = {
    ...INITIAL,
    state: 'selecting',
    xid,
    startedMs: nowMs,
    attempts: 1,
    dueMs: nowMs + FIRST_RETRY_MS,
  }
  const lease = leaseOf(machine)
  const gone: DhcpAction[] = lease === undefined ? [] : [{ kind: 'deconfigure', lease }]
  return { next, actions: [...gone, { kind: 'discover' }] }
}

/** RFC 2131 §4.4.6: nobody answers this; until the next `start` nothing is asked for. */
function release(machine: DhcpMachine, xid: number): DhcpStep {
  const lease = leaseOf(machine)
  const next: DhcpMachine = { ...INITIAL, xid }
  if (lease === undefined) return { next, actions: [] }
  return {
    next,
    actions: [
      { kind: 'release', server: lease.server, address: lease.address! }, // because a lease has one
      { kind: 'deconfigure', lease },
    ],
  }
}

function leaseOf(machine: DhcpMachine): DhcpReply | undefined {
  const hasLease = machine.state === 'bound' || machine.state === 'renewing' || machine.state === 'rebinding'
  return hasLease ? machine.reply : undefined
}

function onReply(machine: DhcpMachine, reply: DhcpReply, xid: number, nowMs: number): DhcpStep {
  if (reply.xid !== machine.xid) return { next: machine, actions: [] }
  if (machine.state === 'selecting' && reply.type === 'offer') {
    const next: DhcpMachine = { ...machine, state: 'requesting', attempts: 1, dueMs: nowMs + FIRST_RETRY_MS, reply }
    return { next, actions: [{ kind: 'request', server: reply.server, address: reply.address! }] } // because offers have one
  }
  const isAsking = machine.state === 'requesting' || machine.state === 'renewing' || machine.state === 'rebinding'
  if (isAsking && reply.type === 'nak') return discover(machine, xid, nowMs)
  if (isAsking && reply.type === 'ack') return bind(machine, reply, nowMs)
  return { next: machine, actions: [] }
}

/** RFC 2131 §4.4.5: T1 is half the lease, T2 seven eighths, where the server does not say. */
function bind(machine: DhcpMachine, reply: DhcpReply, nowMs: number): DhcpStep {
  const leaseMs = isInfinite(reply.leaseS) ? Infinity : reply.leaseS * 1000
  const renewAtMs = nowMs + (reply.renewS === undefined ? leaseMs / 2 : reply.renewS * 1000)
  const rebindAtMs = nowMs + (reply.rebindS === undefined ? (leaseMs * 7) / 8 : reply.rebindS * 1000)
  const next: DhcpMachine = {
    ...machine,
    state: 'bound',
    attempts: 0,
    reply,
    dueMs: renewAtMs,
    renewAtMs,
    rebindAtMs,
    expiresAtMs: nowMs + leaseMs,
  }
  const before = machine.state === 'requesting' ? undefined : machine.reply
  const gone: DhcpAction[] =
    before === undefined || before.address!.equals(reply.address!) ? [] : [{ kind: 'deconfigure', lease: before }]
  return { next, actions: [...gone, { kind: 'configure', lease: reply }] }
}

function onTimer(machine: DhcpMachine, xid: number, nowMs: number): DhcpStep {
  const { reply } = machine
  switch (machine.state) {
    case 'init':
      return discover(machine, xid, nowMs)
    case 'selecting':
      return { next: again(machine, nowMs), actions: [{ kind: 'discover' }] }
    case 'requesting':
      if (machine.attempts >= REQUEST_ATTEMPTS) return discover(machine, xid, nowMs)
      return {
        next: again(machine, nowMs),
        actions: [{ kind: 'request', server: reply!.server, address: reply!.address! }],
      }
    case 'bound':
    case 'renewing':
    case 'rebinding': {
      const lease = reply! // because these states have one
      if (nowMs >= machine.expiresAtMs) return discover(machine, xid, nowMs)
      const isRebinding = nowMs >= machine.rebindAtMs
      const untilMs = isRebinding ? machine.expiresAtMs : machine.rebindAtMs
      // RFC 2131 §4.4.5: half of what is left, at least a minute.
      const waitMs = Math.min(untilMs - nowMs, Math.max(SHORTEST_RENEW_RETRY_MS, (untilMs - nowMs) / 2))
      const next: DhcpMachine = {
        ...machine,
        state: isRebinding ? 'rebinding' : 'renewing',
        xid: machine.state === 'bound' ? xid : machine.xid,
        startedMs: machine.state === 'bound' ? nowMs : machine.startedMs,
        attempts: machine.attempts + 1,
        dueMs: nowMs + waitMs,
      }
      const action: DhcpAction = isRebinding
        ? { kind: 'rebind', address: lease.address! }
        : { kind: 'renew', server: lease.server, address: lease.address! }
      return { next, actions: [action] }
    }
  }
}

function again(machine: DhcpMachine, nowMs: number): DhcpMachine {
  const waitMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** machine.attempts)
  return { ...machine, attempts: machine.attempts + 1, dueMs: nowMs + waitMs }
}
