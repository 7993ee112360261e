/**
 * A host's console on the gateway's WebSocket, attached again when the service processor, or the gateway's switch, was gone for
 * a while. What is typed meanwhile waits; what the host printed meanwhile is lost, as on a real line.
 */
import type { Channel } from '@lodestone/api'
import { sleep } from '@lodestone/host'
import type { LodeContext } from '../../context.ts'
import type { RackFlags } from '../../state-flag.ts'
import { type BoardId, type SpChannels, spChannels, valueOrReport } from './gateway-client.ts'

/** RFC 6455: the connection broke, and "try again later"; after these it is worth to attach again. */
const WORTH_A_TRY: readonly number[] = [1006, 1013]
/** Longer than a service processor takes to start, and than another gateway's attachment outlives it. */
const ATTACH_AGAIN_MS = 30_000
const RETRY_MS = 500
const QUIET_POLL_MS = 20

export class ConsoleLine {
  readonly #context: LodeContext
  readonly #flags: RackFlags
  readonly #board: BoardId
  readonly #print: (bytes: Uint8Array) => void
  #channels: SpChannels | undefined
  #channel: Channel | undefined
  #waiting: Uint8Array[] = []
  #printedMs = 0
  #isLeaving = false
  #end: string | undefined
  #finish: () => void = () => {}
  /** Resolves when the line has ended without `leave`. */
  readonly over: Promise<void>
  isOver = false

  constructor(context: LodeContext, flags: RackFlags, board: BoardId, print: (bytes: Uint8Array) => void) {
    this.#context = context
    this.#flags = flags
    this.#board = board
    this.#print = print
    this.over = new Promise((resolve) => {
      this.#finish = () => {
        this.isOver = true
        resolve()
      }
    })
  }

  /** @returns false after saying why not. */
  async attach(): Promise<boolean> {
    this.#channels = await spChannels(this.#context, this.#flags)
    const opened = await this.#open()
    if (!opened.ok) valueOrReport(this.#context, this.#flags, opened)
    return opened.ok
  }

  type(bytes: Uint8Array): void {
    if (this.#channel === undefined) this.#waiting.push(bytes)
    else this.#channel.send(bytes)
  }

  /** Until nothing was printed for this long. */
  async quiet(quietMs: number): Promise<void> {
    this.#printedMs = this.#context.clock.nowMs()
    while (!this.isOver && this.#context.clock.nowMs() - this.#printedMs < quietMs) {
      await sleep(this.#context.clock, Math.min(quietMs, QUIET_POLL_MS))
    }
  }

  /** Detaches. @returns why the line ended before; undefined when it did not. */
  async leave(): Promise<string | undefined> {
    this.#isLeaving = true
    if (!this.isOver) {
      this.#channel?.close()
      if (this.#channel !== undefined) await this.over
    }
    return this.#end
  }

  #open(): ReturnType<SpChannels['sp_component_serial_console_stream']> {
    // because attach() made it before anything else
    const channels = this.#channels!
    const params = { ...this.#board, component: 'sp3-host-cpu' }
    return channels.sp_component_serial_console_stream({ params }, (channel) => {
      this.#channel = channel
      channel.onMessage((bytes) => {
        this.#printedMs = this.#context.clock.nowMs()
        this.#print(bytes)
      })
      channel.onClose((code, reason) => {
        this.#channel = undefined
        if (this.#isLeaving) return this.#finish()
        if (WORTH_A_TRY.includes(code)) void this.#openAgain(reason)
        else this.#over(reason)
      })
      for (const bytes of this.#waiting.splice(0)) channel.send(bytes)
    })
  }

  async #openAgain(reason: string): Promise<void> {
    const { clock } = this.#context
    this.#context.note(`\r\n${reason === '' ? 'the connection broke' : reason}; attaching again\r`)
    const endMs = clock.nowMs() + ATTACH_AGAIN_MS
    let why = reason
    while (clock.nowMs() < endMs && !this.#isLeaving) {
      const opened = await this.#open()
      if (opened.ok) return this.#context.note('attached again\r')
      why = opened.message
      // No rack is there any more.
      if (opened.kind === 'unreachable') break
      await sleep(clock, RETRY_MS)
    }
    this.#over(why)
  }

  #over(reason: string): void {
    this.#end = reason === '' ? 'the connection broke' : reason
    this.#finish()
  }
}
