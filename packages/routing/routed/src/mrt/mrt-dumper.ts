/**
 * Writes MRT files as the configuration wants them: the whole table from time to time, and the messages of all sessions. A disk
 * that is slow loses messages, which are counted; it never holds up a session.
 */
import type { PeerIdentity, SpeakerEvent } from '@lodestone/bgp'
import { every, type Timer } from '@lodestone/host'
import { ByteSink } from '../byte-sink.ts'
import { isEqual } from '../config-difference.ts'
import type { MrtConfig } from '../daemon-config.ts'
import type { Routed } from '../routed.ts'
import { writeMessage, writeStateChange } from './mrt-record.ts'
import { tableDump } from './table-dump.ts'
import { PathIdFamilies } from './path-id-families.ts'

/** Where MRT files go. */
export interface MrtStore {
  /** Begins a file. It has its name only once it is closed. Rejects with a message for the log. */
  create(directory: string, name: string): Promise<MrtFile>
}

export interface MrtFile {
  write(bytes: Uint8Array): Promise<void>
  close(): Promise<void>
}

export interface MrtCounters {
  readonly tables: number
  readonly messages: number
  /** Because the disk was too slow, or failed. */
  readonly messagesLost: number
  readonly failures: number
}

/** Messages wait in memory up to this; what comes then is lost. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024
/** Messages are written together after this long. */
const WRITE_DELAY_MS = 200

export class MrtDumper {
  readonly #routed: Routed
  readonly #store: MrtStore
  readonly #counters = { tables: 0, messages: 0, messagesLost: 0, failures: 0 }
  #config: MrtConfig | undefined
  #tableTimer: Timer | undefined
  #isDumping = false
  #updates: UpdateFile | undefined

  constructor(routed: Routed, store: MrtStore) {
    this.#routed = routed
    this.#store = store
  }

  set(config: MrtConfig | undefined): void {
    if (isEqual(config, this.#config)) return
    this.#stop()
    this.#config = config
    if (config === undefined) return
    const { clock } = this.#routed.host
    if (config.ribIntervalS !== undefined) {
      this.#tableTimer = every(clock, config.ribIntervalS * 1000, () => void this.dumpTable())
    }
    if (config.hasUpdates) this.#updates = new UpdateFile(this.#routed, this.#store, config, this.#counters)
  }

  /** Writes the table now. Resolves when it is written; a table that is being written is not begun again. */
  async dumpTable(): Promise<void> {
    const config = this.#config
    if (config === undefined || this.#isDumping) return
    this.#isDumping = true
    const { host } = this.#routed
    const name = `rib.${fileTime(host.clock.wallMs())}.mrt`
    try {
      const file = await this.#store.create(config.directory, name)
      // Each write lets others have their turn.
      for (const piece of tableDump(this.#routed)) await file.write(piece)
      await file.close()
      this.#counters.tables++
    } catch (error) {
      if (!(error instanceof Error)) throw error
      this.#counters.failures++
      host.log('warn', 'routed.mrt-failed', { name, reason: error.message })
    } finally {
      this.#isDumping = false
    }
  }

  counters(): MrtCounters {
    return { ...this.#counters }
  }

  /** What waits is still written. */
  close(): void {
    this.#stop()
  }

  #stop(): void {
    this.#tableTimer?.cancel()
    this.#tableTimer = undefined
    this.#updates?.close()
    this.#updates = undefined
  }
}

interface MessageCounters {
  messages: number
  messagesLost: number
  failures: number
}

/** The messages of all sessions, in files of `rotateS`. */
class UpdateFile {
  readonly #routed: Routed
  readonly #store: MrtStore
  readonly #config: MrtConfig
  readonly #counters: MessageCounters
  readonly #waiting = new ByteSink(1 << 16)
  /** By peer, for its changes of state: only established sessions say who they are. */
  readonly #identities = new Map<string, PeerIdentity>()
  readonly #pathIds: PathIdFamilies
  readonly #unobserve: () => void
  readonly #rotation: Timer
  #timer: Timer | undefined
  #file: Promise<MrtFile> | undefined
  #writing: Promise<void> = Promise.resolve()
  #inFlightBytes = 0

  constructor(routed: Routed, store: MrtStore, config: MrtConfig, counters: MessageCounters) {
    this.#routed = routed
    this.#store = store
    this.#config = config
    this.#counters = counters
    this.#pathIds = new PathIdFamilies(routed)
    this.#unobserve = routed.observeBgp({
      event: (event) => this.#event(event),
      message: (identity, direction, bytes) => this.#message(identity, direction, bytes),
    })
    this.#rotation = every(routed.host.clock, config.rotateS * 1000, () => this.#rotate())
  }

  close(): void {
    this.#unobserve()
    this.#rotation.cancel()
    this.#rotate()
  }

  #event(event: SpeakerEvent): void {
    if (event.kind === 'session-up') {
      this.#identities.set(event.identity.name, event.identity)
      this.#pathIds.learn(event.identity.name)
    }
    if (event.kind === 'peer-removed') this.#identities.delete(event.peer)
    if (event.kind !== 'transition') return
    const identity = this.#identities.get(event.peer)
    if (identity === undefined || !this.#hasRoom()) return
    const { from, to } = event.transition
    writeStateChange(this.#waiting, this.#routed.host.clock.wallMs(), identity, from, to)
    this.#schedule()
  }

  #message(identity: PeerIdentity, direction: 'received' | 'sent', bytes: Uint8Array): void {
    if (!this.#hasRoom()) return
    const hasPathIds = this.#pathIds.has(identity.name, direction, bytes)
    writeMessage(this.#waiting, this.#routed.host.clock.wallMs(), identity, direction, bytes, hasPathIds)
    this.#counters.messages++
    this.#schedule()
  }

  #hasRoom(): boolean {
    if (this.#waiting.length + this.#inFlightBytes < MAX_WAITING_BYTES) return true
    this.#counters.messagesLost++
    return false
  }

  #schedule(): void {
    this.#timer ??= this.#routed.host.clock.after(WRITE_DELAY_MS, () => this.#flush())
  }

  #flush(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#waiting.length === 0) return
    const bytes = this.#waiting.take()
    this.#inFlightBytes += bytes.length
    const { clock } = this.#routed.host
    this.#file ??= this.#store.create(this.#config.directory, `updates.${fileTime(clock.wallMs())}.mrt`)
    const file = this.#file
    this.#then(async () => {
      try {
        await (await file).write(bytes)
      } finally {
        this.#inFlightBytes -= bytes.length
      }
    })
  }

  #rotate(): void {
    this.#flush()
    const file = this.#file
    this.#file = undefined
    if (file !== undefined) this.#then(async () => (await file).close())
  }

  /** One write after the other. What fails is counted and said once; the next file may work. */
  #then(write: () => Promise<void>): void {
    this.#writing = this.#writing.then(write).catch((error: Error) => {
      this.#counters.failures++
      this.#file = undefined
      this.#routed.host.log('warn', 'routed.mrt-failed', { reason: error.message })
    })
  }
}

/** `20260131.235959`, UTC. */
function fileTime(wallMs: number): string {
  return new Date(wallMs).toISOString().replace(/[-:]/g, '').replace('T', '.').slice(0, 15)
}
