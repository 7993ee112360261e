/**
 * One flow as a TCP connection of @lodestone/netstack's state machine: two control blocks and their timers, without a stack, bytes
 * or sockets around them. The connection is set up beforehand, as from a pool: its handshake takes no time and no packets, and it
 * starts with the initial window and a round trip measured on an empty network.
 */
import {
  acceptSyn,
  clearActions,
  DEFAULT_TCP_PARAMETERS,
  finish,
  nextSegment,
  onSegment,
  onTimer,
  open,
  OutSegment,
  read,
  type Tcb,
  TcpActions,
  type TcpParameters,
  written,
} from '@lodestone/netstack'
import { SEGMENT_BYTES } from './packet.ts'

/** What Linux in data centres is set to, rather than what the internet needs. */
export const TCP_PARAMETERS: TcpParameters = {
  ...DEFAULT_TCP_PARAMETERS,
  receiveBufferBytes: 128_000,
  minRtoMs: 10,
  delayedAckMs: 2,
  maxRetransmits: 1000,
}

export class Endpoint {
  readonly tcb: Tcb
  readonly connection: Connection
  readonly isSource: boolean
  /** When the timer in the event queue rings; Infinity when there is none. ms. */
  armedForMs = Infinity

  constructor(tcb: Tcb, connection: Connection, isSource: boolean) {
    this.tcb = tcb
    this.connection = connection
    this.isSource = isSource
  }
}

// Reused for every event of every connection.
const actions = new TcpActions()
const handshake = new OutSegment()

export class Connection {
  readonly flow: number
  readonly source: Endpoint
  readonly target: Endpoint
  /** The last byte is there. */
  isReceived = false
  /** And the sender knows. */
  isDone = false
  /** Highest stream position that has arrived. */
  highest = 0

  constructor(flow: number, bytes: number, nowMs: number, roundTripMs: number) {
    this.flow = flow
    const startMs = nowMs - roundTripMs
    const client = open(TCP_PARAMETERS, flow * 7919, SEGMENT_BYTES)
    nextSegment(client, startMs, handshake)
    const server = acceptSyn(TCP_PARAMETERS, handshake, flow * 104_729, SEGMENT_BYTES)
    nextSegment(server, startMs + roundTripMs / 2, handshake)
    clearActions(actions)
    onSegment(client, handshake, nowMs, actions)
    nextSegment(client, nowMs, handshake)
    onSegment(server, handshake, nowMs, actions)
    if (client.state !== 'ESTABLISHED' || server.state !== 'ESTABLISHED') throw new Error('no handshake')
    written(client, bytes)
    finish(client)
    this.source = new Endpoint(client, this, true)
    this.target = new Endpoint(server, this, false)
  }

  /** A segment for one of the ends. The caller sends what that end then has to send. */
  receive(end: Endpoint, segment: OutSegment, nowMs: number): void {
    clearActions(actions)
    const { tcb } = end
    onSegment(tcb, segment, nowMs, actions)
    if (end.isSource) {
      if (tcb.isFinQueued && tcb.sndUna > tcb.sendEnd) this.isDone = true
    } else {
      const arrived = tcb.finAt >= 0 && tcb.rcvNxt > tcb.finAt ? tcb.finAt : tcb.rcvNxt
      if (arrived > tcb.readTo) read(tcb, arrived - tcb.readTo)
      if (actions.isPeerFinished) this.isReceived = true
    }
  }

  ring(end: Endpoint, nowMs: number): void {
    clearActions(actions)
    onTimer(end.tcb, nowMs, actions)
  }
}
