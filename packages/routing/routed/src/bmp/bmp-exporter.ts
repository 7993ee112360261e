/** All monitoring stations: which are configured, and which sessions each has to be told of when it connects. */
import type { Speaker, SpeakerEvent } from '@lodestone/bgp'
import type { Network } from '@lodestone/host'
import { isEqual } from '../config-difference.ts'
import type { BmpStationConfig } from '../daemon-config.ts'
import type { Routed } from '../routed.ts'
import { BmpSession, type BmpStationStatus, type SessionUp } from './bmp-session.ts'

export class BmpExporter {
  readonly #routed: Routed
  readonly #network: Network
  readonly #stations = new Map<string, BmpSession>()
  readonly #sessions = new Map<string, SessionUp>()
  readonly #unobserve: () => void
  /** Who the stations were told that we are. */
  #speaker: Speaker | undefined

  constructor(routed: Routed, network: Network) {
    this.#routed = routed
    this.#network = network
    // Sessions are remembered also while there is no station: one that is configured later is told of them.
    this.#unobserve = routed.observeBgp({ event: (event) => this.#event(event) })
  }

  /** Makes the stations those configured; the connections of others are not touched. */
  set(configs: readonly BmpStationConfig[]): void {
    const { speaker } = this.#routed
    const isSameSpeaker = speaker === this.#speaker
    this.#speaker = speaker
    for (const [name, station] of this.#stations) {
      const wanted = configs.find((config) => config.name === name)
      if (wanted !== undefined && isSameSpeaker && isEqual(wanted, station.config)) continue
      station.close()
      this.#stations.delete(name)
    }
    for (const config of configs) {
      if (this.#stations.has(config.name)) continue
      this.#stations.set(config.name, new BmpSession(config, this.#routed, this.#network, this.#sessions))
    }
  }

  status(): readonly BmpStationStatus[] {
    return Array.from(this.#stations.values(), (station) => station.status())
  }

  close(): void {
    this.#unobserve()
    for (const station of this.#stations.values()) station.close()
    this.#stations.clear()
  }

  #event(event: SpeakerEvent): void {
    if (event.kind === 'session-up') {
      this.#sessions.set(event.identity.name, event)
      for (const station of this.#stations.values()) station.sessionUp(event)
    } else if (event.kind === 'session-down') {
      this.#sessions.delete(event.identity.name)
      for (const station of this.#stations.values()) station.sessionDown(event)
    }
  }
}
