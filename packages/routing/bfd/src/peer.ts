/**
 * One peer of a speaker: its session, the socket it sends from, its clock timer, counters and history. Carries out what
 * the pure session asks for.
 */
import type { Clock, Datagram, Network, Random, Timer } from '@lodestone/host'
import { Counters } from '@lodestone/probe'
import { type ControlPacket, ECHO_PORT, MULTIHOP_PORT, SINGLE_HOP_PORT } from './control-packet.ts'
import { describeDiagnostic } from './diagnostic.ts'
import { isSameSecret } from './authentication-section.ts'
import { decodeEcho, type EchoPacket, encodeEcho, NONCE_BYTES } from './echo-packet.ts'
import { History, type HistoryEntry } from './history.ts'
import { DEFAULT_MIN_HOP_LIMIT, type PeerConfig, type PeerMode, sessionConfigOf } from './peer-config.ts'
import { PEER_COUNTERS, type PeerCounter, type PeerStatus } from './peer-status.ts'
import {
  type BfdAction,
  type BfdEvent,
  type BfdSession,
  createSession,
  detectionTimeUs,
  echoIntervalUs,
  sessionDeadlineMs,
  step,
  type Transition,
  transmitIntervalUs,
} from './session.ts'
import { SourceSocket } from './source-socket.ts'
import type { WakeUps } from './wake-ups.ts'

/** What a speaker gives its peers. */
export interface PeerSurroundings {
  readonly clock: Clock
  readonly random: Random
  readonly network: Network
  readonly wakeUps: WakeUps
  readonly alignmentMs: number
  readonly usedPorts: Set<number>
  readonly onTransition: (peer: Peer, transition: Transition) => void
}

export class Peer {
  readonly discriminator: number
  readonly mode: PeerMode
  readonly #surroundings: PeerSurroundings
  readonly #session: BfdSession
  readonly #source: SourceSocket
  readonly #destination: string
  readonly #nonce: Uint8Array
  readonly #counters = new Counters<PeerCounter>(PEER_COUNTERS)
  readonly #history = new History()
  #config: PeerConfig
  #timer: Timer | undefined
  #armedForMs = Infinity
  #roundTripMs: number | undefined
  #nextReflectionMs = -Infinity
  #isClosed = false

  constructor(config: PeerConfig, discriminator: number, surroundings: PeerSurroundings) {
    const { clock, random, network, usedPorts, alignmentMs } = surroundings
    this.#config = config
    this.#surroundings = surroundings
    this.discriminator = discriminator
    this.mode = config.mode ?? 'single-hop'
    this.#destination = zoned(config.remoteAddress, config.interface)
    this.#nonce = random.bytes(NONCE_BYTES)
    const sessionConfig = sessionConfigOf(config, this.#jitter, alignmentMs)
    this.#session = createSession(sessionConfig, discriminator, random.u32(), clock.nowMs())
    this.#source = new SourceSocket({
      clock,
      random,
      network,
      usedPorts,
      address: sourceAddress(config),
      onDatagram: (payload) => {
        const echo = decodeEcho(payload)
        if (echo?.discriminator === this.discriminator) this.echoReturned(echo)
      },
      onOpen: () => this.#run({ kind: 'tick' }),
      onFailure: () => {
        this.#counters.add('bind-failures')
        this.#run({ kind: 'tick' })
      },
    })
    if (config.isEnabled === false) step(this.#session, { kind: 'disable' }, clock.nowMs())
  }

  get config(): PeerConfig {
    return this.#config
  }

  get isUp(): boolean {
    return this.#session.state === 'Up'
  }

  history(): readonly HistoryEntry[] {
    return this.#history.list()
  }

  /** A packet that was demultiplexed to this peer. */
  receive(packet: ControlPacket, datagram: Datagram): void {
    const { hopLimit, interfaceName, payload } = datagram
    this.#counters.add('packets-received')
    const link = this.#config.interface
    if (link !== undefined && interfaceName !== undefined && link !== interfaceName) {
      return this.#counters.add('interface-mismatch')
    }
    if (this.mode === 'multihop' && hopLimit !== undefined && hopLimit < this.#minHopLimit) {
      return this.#counters.add('hop-limit-too-low')
    }
    this.#run({ kind: 'packet', packet, bytes: payload })
  }

  /** One of our echo packets came back. */
  echoReturned(echo: EchoPacket): void {
    if (!isSameSecret(echo.nonce, this.#nonce)) return this.#counters.add('echoes-refused')
    this.#counters.add('echoes-returned')
    this.#roundTripMs = Math.max(0, this.#surroundings.clock.nowMs() - echo.sentAtMs)
    this.#run({ kind: 'echo', sequence: echo.sequence })
  }

  /**
   * Whether an echo packet of this peer is to be returned now. Bounded by the interval that we announce, so that two
   * systems that return each other's packets cannot keep one going faster than that.
   */
  mayReflect(): boolean {
    const intervalMs = (this.#config.requiredMinEchoRxUs ?? 0) / 1000
    const nowMs = this.#surroundings.clock.nowMs()
    const isAllowed = intervalMs > 0 && this.isUp && nowMs >= this.#nextReflectionMs
    // Jitter lets a peer send every 75 % of the interval; two may arrive together.
    if (isAllowed) this.#nextReflectionMs = Math.max(this.#nextReflectionMs, nowMs - intervalMs) + 0.7 * intervalMs
    this.#counters.add(isAllowed ? 'echoes-reflected' : 'echoes-not-reflected')
    return isAllowed
  }

  /** Adopts what can change under a running session; the rest must be the same. */
  reconfigure(config: PeerConfig): void {
    this.#config = config
    this.#run({ kind: 'configure', config: sessionConfigOf(config, this.#jitter, this.#surroundings.alignmentMs) })
    this.#run({ kind: config.isEnabled === false ? 'disable' : 'enable' })
  }

  /** The session goes down, as when its link did. */
  fail(diagnostic: number): void {
    this.#run({ kind: 'fail', diagnostic })
  }

  status(): PeerStatus {
    const session = this.#session
    const { remote, echo } = session
    const nowMs = this.#surroundings.clock.nowMs()
    const { name, remoteAddress, localAddress, interface: link } = this.#config
    return {
      name,
      remoteAddress,
      localAddress,
      interface: link,
      mode: this.mode,
      state: session.state,
      inStateMs: nowMs - session.stateSinceMs,
      diagnostic: session.diagnostic,
      diagnosticText: describeDiagnostic(session.diagnostic),
      localDiscriminator: session.localDiscriminator,
      remote: { ...remote, diagnosticText: describeDiagnostic(remote.diagnostic) },
      timers: {
        desiredMinTxUs: session.desiredMinTxUs,
        requiredMinRxUs: session.requiredMinRxUs,
        detectMult: session.config.detectMult,
        transmitIntervalUs: transmitIntervalUs(session),
        detectionTimeUs: detectionTimeUs(session),
        detectionRemainingMs: session.detectAtMs === Infinity ? undefined : Math.max(0, session.detectAtMs - nowMs),
        isPolling: session.isPolling,
      },
      echo: {
        isActive: echo.isActive,
        intervalUs: echo.isActive ? echoIntervalUs(session) : undefined,
        roundTripMs: this.#roundTripMs,
      },
      sourcePort: this.#source.port,
      socketError: this.#source.error,
      counters: this.#counters.snapshot(),
    }
  }

  /** Says AdminDown once and ends. */
  close(): void {
    this.#run({ kind: 'disable' })
    this.#isClosed = true
    this.#timer?.cancel()
    this.#source.close()
  }

  get #minHopLimit(): number {
    return this.#config.minHopLimit ?? DEFAULT_MIN_HOP_LIMIT
  }

  readonly #jitter = (): number => this.#surroundings.random.float()

  #run(event: BfdEvent): void {
    if (this.#isClosed) return
    for (const action of step(this.#session, event, this.#surroundings.clock.nowMs())) this.#perform(action)
    if (!this.#isClosed) this.#arm()
  }

  #arm(): void {
    const deadlineMs = sessionDeadlineMs(this.#session)
    // A deadline that moved later is looked at again when the earlier one is due: packets re-arm nothing.
    if (deadlineMs >= this.#armedForMs) return
    this.#timer?.cancel()
    this.#armedForMs = deadlineMs
    this.#timer = this.#surroundings.wakeUps.at(deadlineMs, this.#onTimer)
  }

  readonly #onTimer = (): void => {
    this.#armedForMs = Infinity
    this.#run({ kind: 'tick' })
  }

  #perform(action: BfdAction): void {
    const { clock, onTransition } = this.#surroundings
    const when = { atMs: clock.nowMs(), wallMs: clock.wallMs() }
    switch (action.kind) {
      case 'send': {
        const port = this.mode === 'multihop' ? MULTIHOP_PORT : SINGLE_HOP_PORT
        const isSent = this.#source.send(action.bytes, this.#destination, port)
        return this.#counters.add(isSent ? 'packets-sent' : 'packets-not-sent')
      }
      case 'send-echo': {
        const echo = { discriminator: this.discriminator, sequence: action.sequence, nonce: this.#nonce }
        this.#source.send(encodeEcho({ ...echo, sentAtMs: clock.nowMs() }), this.#destination, ECHO_PORT)
        return this.#counters.add('echoes-sent')
      }
      case 'refused':
        return this.#counters.add(`refused-${action.reason}`)
      case 'transition':
        this.#history.add({ ...when, ...action })
        if (action.to === 'Up') this.#counters.add('sessions-up')
        if (action.isFailure) this.#counters.add('sessions-failed')
        return onTransition(this, action)
      case 'timers':
        return this.#history.add({ ...when, ...action })
      case 'poll':
        this.#counters.add(`polls-${action.phase}`)
        return this.#history.add({ ...when, ...action })
      case 'stalled':
        this.#counters.add('stalls')
        return this.#history.add({ ...when, ...action })
    }
  }
}

function zoned(address: { readonly isLinkLocal: boolean; readonly family: 4 | 6 }, link: string | undefined): string {
  return address.family === 6 && address.isLinkLocal && link !== undefined ? `${address}%${link}` : `${address}`
}

/** An IPv6 socket of the operating system has to be asked for as such. */
function sourceAddress({ localAddress, remoteAddress, interface: link }: PeerConfig): string | undefined {
  if (localAddress !== undefined) return zoned(localAddress, link)
  return remoteAddress.family === 6 ? '::' : undefined
}
