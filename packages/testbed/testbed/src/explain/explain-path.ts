/**
 * Answers "what would happen to a packet from here to there?" for places that people name; and of its answer, under rules that are only
 * proposed, or with everything configured as it was at an earlier time.
 */
import { Ip } from '@lodestone/net'
import { summarize } from '@lodestone/packet'
import type { StoryEvent } from '@lodestone/probe'
import type { Emulation } from '../emulation.ts'
import { answerPacket } from './answer-packet.ts'
import { addressesOf } from './captured-packet.ts'
import { describedPacket, type ExplainedProtocol } from './described-packet.ts'
import { openPast } from './past-scene.ts'
import { type ExplainedPath, listensText, PathWalk, type WalkedPath, type WalkResult } from './path-walk.ts'
import { addressFor, type Place, placeOf, type PortsOf, sledNow, sourceOf, unknownPlace } from './place.ts'
import { LIVE_SCENE, type Proposal, type Scene, ShadowScene } from './scene.ts'

export interface PathQuestion {
  /** Name of an instance or node. */
  readonly from: string
  /** Address, or name of an instance or node. */
  readonly to: string
  readonly protocol: ExplainedProtocol
  readonly port?: number
  readonly sourcePort?: number
  /** Of names that have addresses of both families; 4 where there is one, if not given. */
  readonly family?: 4 | 6
  /** Length of the IP packet. */
  readonly bytes?: number
  /** From the IP header on: this packet, as it was captured, to its own destination, in place of one that is made. */
  readonly packet?: Uint8Array
  /** Explain the answer too: against the connection that the packet would have left. */
  readonly reply?: boolean
}

/** Under which circumstances. */
export interface ExplainOptions {
  /** With what is proposed in force. */
  readonly proposal?: Proposal
  /** As engines and switches were configured then; milliseconds of the clock. */
  readonly atMs?: number
}

export type PathVerdicts = 'delivered' | 'answered' | 'dropped' | 'unknown' | 'mixed'

export interface ExplainedReply {
  readonly verdict: PathVerdicts
  readonly summary: string
  readonly paths: readonly ExplainedPath[]
  /** Why there is none; then there are no paths. */
  readonly none?: string
}

export interface AnsweredPath extends ExplainedPath {
  readonly reply?: ExplainedReply
}

/** Version 1. */
export interface PathAnswer {
  readonly version: 1
  readonly question: PathQuestion
  readonly source: string
  readonly destination: string
  /** `delivered` when every path delivers, `dropped` when none does, `mixed` otherwise. */
  readonly verdict: PathVerdicts
  /** The same of all answers; absent where nobody asked for them. */
  readonly replyVerdict?: PathVerdicts
  readonly paths: readonly AnsweredPath[]
  /** What an answer from inside the rack cannot know. */
  readonly notChecked: readonly string[]
}

export type PathResult =
  | { readonly ok: true; readonly answer: PathAnswer }
  | { readonly ok: false; readonly message: string }

/** As a stack would choose one. */
const SOURCE_PORT = 49_152
const DEFAULT_BYTES = 60

export function explainPath(emulation: Emulation, question: PathQuestion, options: ExplainOptions = {}): PathResult {
  const open = sceneOpener(emulation, options)
  if (typeof open === 'string') return { ok: false, message: open }
  const isLive = options.proposal === undefined && options.atMs === undefined
  const scene = isLive ? undefined : open.scene()
  try {
    const packet = packetOf(emulation, question, open)
    if (!packet.ok) return packet
    const forward = walkFrom(new PathWalk(emulation, scene ?? LIVE_SCENE), packet.from, packet.bytes)
    return { ok: true, answer: answerOf(emulation, question, packet, forward, open.scene, open.notChecked) }
  } finally {
    scene?.close()
  }
}

interface Opener {
  readonly scene: () => ShadowScene
  /** Absent where ports are those of now. */
  readonly portsOf?: PortsOf
  readonly isPast: boolean
  /** Why nothing is known of a sled. */
  readonly gap?: (node: string) => string | undefined
  readonly notChecked: readonly string[]
}

function sceneOpener(emulation: Emulation, { proposal, atMs }: ExplainOptions): Opener | string {
  if (atMs !== undefined) {
    const past = openPast(emulation, atMs)
    return typeof past === 'string' ? past : { ...past, isPast: true }
  }
  if (proposal === undefined) return { scene: ShadowScene.opener(), isPast: false, notChecked: [] }
  const portsOf: PortsOf = ({ engine }) => engine.ports().map(({ id, config }) => proposal.configs.get(id) ?? config)
  return { scene: ShadowScene.opener(proposal), portsOf, isPast: false, notChecked: [] }
}

type Packet =
  | {
      readonly ok: true
      readonly from: Place
      readonly bytes: Uint8Array
      readonly source: Ip
      readonly destination: Ip
    }
  | { readonly ok: false; readonly message: string }

function packetOf(emulation: Emulation, question: PathQuestion, { portsOf, isPast, gap }: Opener): Packet {
  const refuse = (message: string): Packet => ({ ok: false, message })
  const from = placeOf(emulation, question.from, portsOf)
  const unknown = (name: string): Packet =>
    refuse(gap?.(sledNow(emulation, name) ?? '') ?? unknownPlace(emulation, name, isPast))
  if (from === undefined) return unknown(question.from)
  if (question.packet !== undefined) {
    const ends = addressesOf(question.packet)
    if (ends === undefined) return refuse('the captured packet is no whole IPv4 or IPv6 packet')
    return { ok: true, from, bytes: question.packet, ...ends }
  }
  const { protocol } = question
  if (protocol !== 'icmp' && question.port === undefined) return refuse(`${protocol} needs a port: ${protocol}/80`)
  const to = placeOf(emulation, question.to, portsOf)
  const destination = Ip.parse(question.to) ?? (to === undefined ? undefined : addressFor(from, to, question.family))
  if (destination === undefined) {
    if (to === undefined) return unknown(question.to)
    const kind = question.family === undefined ? 'address' : `IPv${question.family} address`
    return refuse(
      `${question.to} has no ${kind} for ${placeName(from)}${to.kind === 'node' || isInside(from, to) ? '' : ': attach a floating or ephemeral one'}`,
    )
  }
  const source = sourceOf(from, destination)
  if (question.family !== undefined && destination.family !== question.family) {
    return refuse(`${destination} is no IPv${question.family} address`)
  }
  if (source === undefined) return refuse(`${question.from} has no IPv${destination.family} address to send from`)
  const bytes = describedPacket({
    source,
    destination,
    protocol,
    sourcePort: question.sourcePort ?? SOURCE_PORT,
    destinationPort: question.port ?? 0,
    bytes: question.bytes ?? DEFAULT_BYTES,
  })
  return { ok: true, from, bytes, source, destination }
}

function placeName(place: Place): string {
  return place.kind === 'node' ? place.node.name : place.name
}

/** Whether two instances are of one VPC. */
function isInside(from: Place, to: Place): boolean {
  return from.kind === 'instance' && to.kind === 'instance' && from.port.config.vni === to.port.config.vni
}

function answerOf(
  emulation: Emulation,
  question: PathQuestion,
  { source, destination, from }: Extract<Packet, { ok: true }>,
  forward: WalkResult,
  open: () => ShadowScene,
  alsoNotChecked: readonly string[],
): PathAnswer {
  const notChecked = new Set([...alsoNotChecked, ...forward.notChecked])
  const replies = question.reply === true ? new Replies(emulation, from, open, notChecked) : undefined
  const paths = forward.paths.map((walked): AnsweredPath => {
    const reply = replies?.to(walked)
    return reply === undefined ? walked.path : { ...walked.path, reply }
  })
  const answered = paths.flatMap(({ reply }) => (reply === undefined || reply.none !== undefined ? [] : [reply]))
  return {
    version: 1,
    question,
    source: source.toString(),
    destination: destination.toString(),
    verdict: verdictOf(paths),
    ...(answered.length === 0 ? {} : { replyVerdict: verdictOf(answered) }),
    paths,
    notChecked: [...notChecked],
  }
}

function verdictOf(all: readonly { readonly verdict: PathVerdicts }[]): PathVerdicts {
  const [first] = all
  if (first === undefined) return 'unknown'
  return all.every(({ verdict }) => verdict === first.verdict) ? first.verdict : 'mixed'
}

function walkFrom(walk: PathWalk, from: Place, packet: Uint8Array): WalkResult {
  return from.kind === 'node'
    ? walk.fromNode(from.node, packet)
    : walk.fromInstance(from.sled, from.port, from.name, packet)
}

/**
 * The answers to packets that arrived. Each is walked in a shadow through which the packet has really passed, so engines know its connection.
 * Packets that arrive as the same bytes at the same place through the same engines are answered once.
 */
class Replies {
  readonly #emulation: Emulation
  readonly #asker: Place
  readonly #open: () => ShadowScene
  readonly #notChecked: Set<string>
  readonly #known = new Map<string, ExplainedReply>()

  constructor(emulation: Emulation, asker: Place, open: () => ShadowScene, notChecked: Set<string>) {
    this.#emulation = emulation
    this.#asker = asker
    this.#open = open
    this.#notChecked = notChecked
  }

  to(walked: WalkedPath): ExplainedReply | undefined {
    const { path, arrival, frame, passes } = walked
    if (path.verdict === 'answered') return this.#onTheWay(walked)
    if (path.verdict !== 'delivered' || arrival === undefined || frame === undefined) return undefined
    const made = answerPacket(frame.subarray(ETHERNET_BYTES))
    if ('none' in made) return { verdict: 'unknown', summary: '', paths: [], none: made.none }
    const hex = Buffer.from(made.packet).toString('hex')
    const key = `${path.at} ${passes.map(({ portId, direction }) => `${portId} ${direction}`).join()} ${hex}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const scene = this.#open()
    try {
      for (const pass of passes) scene.carry(pass)
      const reply = this.#walk(scene, arrival, made.packet)
      this.#known.set(key, reply)
      return reply
    } finally {
      scene.close()
    }
  }

  #walk(scene: Scene, from: Place, packet: Uint8Array): ExplainedReply {
    const { paths, notChecked } = walkFrom(new PathWalk(this.#emulation, scene), from, packet)
    const summary = paths[0]?.path.events[0]?.step
    const asker = placeName(this.#asker)
    // Whoever asked listens for the answer.
    const isKnown = (text: string): boolean => paths.some(({ frame }) => text === listensText(asker, frame))
    for (const each of notChecked) if (!isKnown(each)) this.#notChecked.add(each)
    return {
      verdict: verdictOf(paths.map(({ path }) => path)),
      summary: summary?.kind === 'sent' ? summary.summary : '',
      paths: paths.map(({ path }) => path),
    }
  }

  /** A gateway answers the guest that it is the gateway of, and nothing is in between. */
  #onTheWay({ frame, passes, path }: WalkedPath): ExplainedReply | undefined {
    const last = passes.at(-1)
    if (frame === undefined || last === undefined || this.#asker.kind === 'node') {
      return { verdict: 'unknown', summary: '', paths: [], none: `what ${path.at} answers is not followed` }
    }
    const summary = summarize(frame, 0, frame.length)
    const { name } = this.#asker
    const atMs = path.events.at(-1)?.atMs ?? 0
    const events: StoryEvent[] = [
      { packet: 0, atMs, node: last.sled.name, step: { kind: 'sent', interface: 'gateway', summary } },
      { packet: 0, atMs, node: name, step: { kind: 'delivered', to: name, summary } },
    ]
    return { verdict: 'delivered', summary, paths: [{ verdict: 'delivered', at: name, events, environment: [] }] }
  }
}

const ETHERNET_BYTES = 14
