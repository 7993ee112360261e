/**
 * What one port says by LLDP and has heard (IEEE 802.1AB-2016 §9.2): pure, `(event, now) → actions`. A change of what is said,
 * and a new neighbour, are followed by a few quick repetitions; otherwise it is repeated every 30 s, and forgotten by others
 * after four times that. What neighbours say is forgotten when their time to live is over.
 */
import type { LldpMessage } from './lldp-frame.ts'

export interface LldpSettings {
  readonly isEnabled: boolean
  readonly chassisId: string
  readonly portId: string
  readonly portDescription?: string | undefined
  readonly systemName?: string | undefined
  readonly systemDescription?: string | undefined
  readonly managementAddresses: LldpMessage['managementAddresses']
}

export interface LldpNeighbor {
  readonly message: LldpMessage
  readonly firstSeenMs: number
  readonly lastSeenMs: number
}

export type LldpAction = { readonly kind: 'send'; readonly message: LldpMessage }

const INTERVAL_MS = 30_000
const HOLD_MULTIPLIER = 4
const FAST_INTERVAL_MS = 1_000
const FAST_COUNT = 4
/** Beyond this the oldest makes room: whoever sends under ever new names fills no memory. */
export const MAX_NEIGHBORS = 16

export class LldpAgent {
  #settings: LldpSettings
  #isUp = false
  #fastLeft = 0
  #nextSendMs = Infinity
  readonly #neighbors = new Map<string, LldpNeighbor>()

  constructor(settings: LldpSettings) {
    this.#settings = settings
  }

  get settings(): LldpSettings {
    return this.#settings
  }

  /** When `tick` has something to do next; Infinity: never. */
  get wakeMs(): number {
    let wake = this.#nextSendMs
    for (const neighbor of this.#neighbors.values()) wake = Math.min(wake, expiryMs(neighbor))
    return wake
  }

  /** By chassis and port. */
  neighbors(nowMs: number): readonly LldpNeighbor[] {
    return [...this.#neighbors.values()].filter((neighbor) => expiryMs(neighbor) > nowMs)
  }

  setUp(isUp: boolean, nowMs: number): LldpAction[] {
    if (isUp === this.#isUp) return []
    this.#isUp = isUp
    // Nobody is there on a link that is down.
    if (!isUp) this.#neighbors.clear()
    return this.#begin(nowMs)
  }

  configure(settings: LldpSettings, nowMs: number): LldpAction[] {
    const before = this.#settings
    this.#settings = settings
    if (JSON.stringify(before) === JSON.stringify(settings)) return []
    if (!settings.isEnabled) this.#neighbors.clear()
    const goodbye: LldpAction[] =
      before.isEnabled && this.#isUp && (!settings.isEnabled || isOther(before, settings))
        ? [{ kind: 'send', message: messageOf(before, 0) }]
        : []
    return [...goodbye, ...this.#begin(nowMs)]
  }

  receive(message: LldpMessage, nowMs: number): void {
    if (!this.#settings.isEnabled || !this.#isUp) return
    const key = `${message.chassisId}\0${message.portId}`
    const known = this.#neighbors.get(key)
    if (message.timeToLiveS === 0) return void this.#neighbors.delete(key)
    this.#neighbors.delete(key) // so that the map is in the order of the last hearing
    if (this.#neighbors.size >= MAX_NEIGHBORS) this.#neighbors.delete(this.#neighbors.keys().next().value!)
    this.#neighbors.set(key, { message, firstSeenMs: known?.firstSeenMs ?? nowMs, lastSeenMs: nowMs })
    if (known !== undefined || this.#fastLeft > 0) return
    // IEEE 802.1AB §9.2.5.6: a new neighbour soon hears of us.
    this.#fastLeft = FAST_COUNT
    this.#nextSendMs = Math.min(this.#nextSendMs, nowMs + FAST_INTERVAL_MS)
  }

  tick(nowMs: number): LldpAction[] {
    for (const [key, neighbor] of this.#neighbors) if (expiryMs(neighbor) <= nowMs) this.#neighbors.delete(key)
    if (nowMs < this.#nextSendMs) return []
    if (this.#fastLeft > 0) this.#fastLeft--
    this.#nextSendMs = nowMs + (this.#fastLeft > 0 ? FAST_INTERVAL_MS : INTERVAL_MS)
    return [{ kind: 'send', message: messageOf(this.#settings, (INTERVAL_MS * HOLD_MULTIPLIER) / 1000) }]
  }

  #begin(nowMs: number): LldpAction[] {
    const isActive = this.#isUp && this.#settings.isEnabled
    this.#fastLeft = isActive ? FAST_COUNT : 0
    this.#nextSendMs = isActive ? nowMs : Infinity
    return isActive ? this.tick(nowMs) : []
  }
}

function expiryMs({ lastSeenMs, message }: LldpNeighbor): number {
  return lastSeenMs + message.timeToLiveS * 1000
}

/** Whether neighbours take the two for different systems or ports. */
function isOther(a: LldpSettings, b: LldpSettings): boolean {
  return a.chassisId !== b.chassisId || a.portId !== b.portId
}

function messageOf(settings: LldpSettings, timeToLiveS: number): LldpMessage {
  const { isEnabled: _, ...said } = settings
  return { ...said, timeToLiveS }
}
