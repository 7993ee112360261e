/**
 * The management gateway beside one switch: a socket on the management network, a connection to every service processor that
 * it is wired to, and what takes more than one request: lists in pages, updates, consoles, dumps.
 */
import type { Clock, Datagram, Host, UdpSocket } from '@lodestone/host'
import { Counters } from '@lodestone/probe'
import {
  decodeEreportResponse,
  encodeEreportRequest,
  type EreportRequest,
  type EreportResponse,
} from '../firmware/ereport-log.ts'
import { lzssExpand } from '../firmware/lzss.ts'
import { idText } from '../firmware/update-machine.ts'
import { EREPORT_MGS_PORT, EREPORT_SP_PORT, MGS_GROUP, MGS_PORT, SP_PORT } from '../protocol/message.ts'
import { decodeTlvs, joined, type Tlv } from '../protocol/tlv.ts'
import type { MgsRequest } from '../protocol/request.ts'
import { sha256 } from '../firmware/image.ts'
import { ConsoleSession } from './console-session.ts'
import { Phase2Images, type Phase2Progress } from './phase2-images.ts'
import { failureText, type RetryConfig, SpConnection, type SpFailure } from './sp-connection.ts'

export interface SpId {
  readonly type: 'sled' | 'switch' | 'power'
  readonly slot: number
}

export interface ReachableSp {
  readonly id: SpId
  /** Of its port towards this gateway's switch. */
  readonly address: string
  /** The ignition port that its board is wired to. */
  readonly ignitionPort: number
}

export interface GatewayOptions {
  readonly host: Host
  /** Name of the host's network. */
  readonly network: string
  /** The gateway's own address. */
  readonly address: string
  /** The switch beside it: its service processor has the ignition controller. */
  readonly switchSlot: number
  readonly sps: readonly ReachableSp[]
  readonly retry?: RetryConfig
  /** Images for recovery, when several gateways hold the same. */
  readonly phase2?: Phase2Images
}

export type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: SpFailure }

/** Of one update, beside what the service processor itself says. */
interface RunningUpdate {
  readonly id: string
  readonly component: string
  failure: string | undefined
  isDone: boolean
}

/** Data of one chunk: what is left of a datagram behind the longest message that carries data. */
const CHUNK_BYTES = 900
const PREPARE_POLL_MS = 50
const MAX_PAGES = 64
const EREPORT_TIMEOUT_MS = 1000
const EREPORT_ATTEMPTS = 3

const COUNTERS = ['datagrams', 'strangers', 'malformed-ereports'] as const

export class Gateway {
  readonly options: GatewayOptions
  readonly counters = new Counters(COUNTERS)
  readonly #clock: Clock
  readonly #connections = new Map<string, SpConnection>()
  readonly #consoles = new Map<string, ConsoleSession>()
  readonly #updates = new Map<string, RunningUpdate>()
  readonly #ereportWaits = new Map<string, (response: EreportResponse) => void>()
  readonly #phase2: Phase2Images
  #sps: readonly ReachableSp[] = []
  #socket: UdpSocket | undefined
  #ereportSocket: UdpSocket | undefined
  #messageId = 0
  #ereportRequestId = 0

  constructor(options: GatewayOptions) {
    this.options = options
    this.#clock = options.host.clock
    this.#phase2 = options.phase2 ?? new Phase2Images()
    this.setSps(options.sps)
  }

  /** Whom it can reach. */
  get sps(): readonly ReachableSp[] {
    return this.#sps
  }

  /** A board was put in or taken out. What goes on with the others is not disturbed. */
  setSps(sps: readonly ReachableSp[]): void {
    this.#sps = sps
    for (const [address, connection] of this.#connections) {
      if (sps.some((sp) => sp.address === address)) continue
      connection.close()
      this.#connections.delete(address)
    }
    for (const sp of sps) if (!this.#connections.has(sp.address)) this.#connect(sp)
  }

  #connect(sp: ReachableSp): void {
    const { retry } = this.options
    const connection = new SpConnection({
      clock: this.#clock,
      send: (bytes) => this.#socket?.send(bytes, sp.address, SP_PORT),
      nextId: () => (this.#messageId = (this.#messageId + 1) >>> 0),
      ...(retry === undefined ? {} : { retry }),
    })
    connection.onPhase2 = (hash, offset) =>
      this.#phase2.answer(sp.address, hash, offset, CHUNK_BYTES, this.#clock.nowMs())
    this.#connections.set(sp.address, connection)
  }

  async start(): Promise<void> {
    const { host, network, address } = this.options
    const where = host.network(network)
    this.#socket = await where.bindUdp({ address, port: MGS_PORT, groups: [MGS_GROUP] }, (datagram) => {
      this.counters.add('datagrams')
      const connection = this.#connections.get(datagram.remoteAddress)
      if (connection === undefined) this.counters.add('strangers')
      else connection.receive(datagram.payload)
    })
    this.#ereportSocket = await where.bindUdp({ address, port: EREPORT_MGS_PORT }, (datagram) =>
      this.#ereport(datagram),
    )
  }

  close(): void {
    for (const connection of this.#connections.values()) connection.close()
    for (const session of this.#consoles.values()) session.close('lost')
    this.#consoles.clear()
    this.#socket?.close()
    this.#ereportSocket?.close()
    this.#socket = undefined
    this.#ereportSocket = undefined
  }

  find(id: SpId): ReachableSp | undefined {
    return this.#sps.find((sp) => sp.id.type === id.type && sp.id.slot === id.slot)
  }

  connection(sp: ReachableSp): SpConnection {
    // because there is a connection for every one of them
    return this.#connections.get(sp.address)!
  }

  /** The service processor of the switch beside this gateway. */
  get ignition(): ReachableSp | undefined {
    return this.find({ type: 'switch', slot: this.options.switchSlot })
  }

  /** A list that comes in pages of tagged items. */
  async list(
    sp: ReachableSp,
    request: (offset: number) => MgsRequest,
    kind: 'Inventory' | 'ComponentDetails' | 'BulkIgnitionState' | 'BulkIgnitionLinkEvents',
  ): Promise<Outcome<readonly Tlv[]>> {
    const items: Tlv[] = []
    for (let page = 0; page < MAX_PAGES; page++) {
      const result = await this.connection(sp).ask(request(items.length), [kind])
      if (!result.ok) return result
      const tlvs = decodeTlvs(result.data)
      if (tlvs === undefined || result.response.offset !== items.length) {
        return { ok: false, failure: { kind: 'unexpected', got: `a ${kind} page that cannot be read` } }
      }
      items.push(...tlvs)
      if (items.length >= result.response.total || tlvs.length === 0) break
    }
    return { ok: true, value: items }
  }

  /** Prepares an update; goes on with the chunks by itself. @returns once it is accepted. */
  async beginUpdate(
    sp: ReachableSp,
    update: { readonly component: string; readonly id: Uint8Array; readonly slot: number; readonly image: Uint8Array },
  ): Promise<Outcome<null>> {
    const { component, id, slot, image } = update
    const request: MgsRequest =
      component === 'sp'
        ? {
            kind: 'SpUpdatePrepare',
            id,
            auxFlashSize: 0,
            auxFlashCheck: new Uint8Array(32),
            spImageSize: image.length,
          }
        : { kind: 'ComponentUpdatePrepare', component, id, slot, totalSize: image.length }
    const prepared = await this.connection(sp).ask(request, ['SpUpdatePrepareAck', 'ComponentUpdatePrepareAck'])
    if (!prepared.ok) return prepared
    const running: RunningUpdate = { id: idText(id), component, failure: undefined, isDone: false }
    this.#updates.set(updateKey(sp, component), running)
    void this.#stream(sp, update, running)
    return { ok: true, value: null }
  }

  /** Why the gateway gave an update up, when it did. */
  updateFailure(sp: ReachableSp, component: string): { readonly id: string; readonly message: string } | undefined {
    const running = this.#updates.get(updateKey(sp, component))
    return running?.failure === undefined ? undefined : { id: running.id, message: running.failure }
  }

  /** Resets a service processor. With a new image under a watchdog that is taken back once it answers. */
  async resetSp(sp: ReachableSp, watchdogMs: number | undefined, confirms: boolean): Promise<Outcome<null>> {
    const connection = this.connection(sp)
    const prepared = await connection.ask({ kind: 'ResetComponentPrepare', component: 'sp' }, [
      'ResetComponentPrepareAck',
    ])
    if (!prepared.ok) return prepared
    const trigger: MgsRequest =
      watchdogMs === undefined
        ? { kind: 'ResetComponentTrigger', component: 'sp' }
        : { kind: 'ResetComponentTriggerWithWatchdog', component: 'sp', timeMs: watchdogMs }
    const done = await connection.ask(trigger, ['ResetComponentTriggerAck'])
    if (!done.ok) return done
    if (watchdogMs === undefined || !confirms) return { ok: true, value: null }
    const confirmed = await connection.ask({ kind: 'DisableComponentWatchdog', component: 'sp' }, [
      'DisableComponentWatchdogAck',
    ])
    return confirmed.ok ? { ok: true, value: null } : confirmed
  }

  async readDump(
    sp: ReachableSp,
    index: number,
  ): Promise<Outcome<{ readonly task: number; readonly timeMs: number; readonly memory: Uint8Array }>> {
    const connection = this.connection(sp)
    const key = this.options.host.random.bytes(16)
    const started = await connection.ask({ kind: 'Dump', request: { kind: 'TaskDumpReadStart', index, key } }, ['Dump'])
    if (!started.ok) return started
    const head = started.response.response
    if (head.kind !== 'TaskDumpReadStarted') return { ok: false, failure: { kind: 'unexpected', got: head.kind } }
    const parts: Uint8Array[] = []
    for (let sequence = 0; sequence < 4096; sequence++) {
      const next = await connection.ask({ kind: 'Dump', request: { kind: 'TaskDumpReadContinue', sequence, key } }, [
        'Dump',
      ])
      if (!next.ok) return next
      const { response } = next.response
      if (response.kind !== 'TaskDumpRead') return { ok: false, failure: { kind: 'unexpected', got: response.kind } }
      if (response.segment === undefined) break
      parts.push(lzssExpand(next.data, response.segment.uncompressedLength))
    }
    return { ok: true, value: { task: head.task, timeMs: Number(head.timeMs), memory: joined(...parts) } }
  }

  /** Holds a phase 2 image for whichever host asks for it. @returns its SHA-256 in hexadecimal. */
  holdPhase2(image: Uint8Array): string {
    const hash = Buffer.from(sha256(image)).toString('hex')
    this.#phase2.add(hash, image)
    return hash
  }

  /** How far a host has come with its phase 2 image; undefined when it never asked for one. */
  phase2Progress(sp: ReachableSp): (Phase2Progress & { readonly ageMs: number }) | undefined {
    const progress = this.#phase2.progress(sp.address)
    return progress === undefined ? undefined : { ...progress, ageMs: this.#clock.nowMs() - progress.atMs }
  }

  forgetPhase2Progress(sp: ReachableSp): void {
    this.#phase2.forgetProgress(sp.address)
  }

  /** The console of a host, attached anew. */
  async attachConsole(sp: ReachableSp, component: string): Promise<Outcome<ConsoleSession>> {
    const connection = this.connection(sp)
    const attached = await connection.ask({ kind: 'SerialConsoleAttach', component }, ['SerialConsoleAttachAck'])
    if (!attached.ok) return attached
    this.#consoles.get(sp.address)?.close('taken')
    const session = new ConsoleSession(this.#clock, connection)
    this.#consoles.set(sp.address, session)
    return { ok: true, value: session }
  }

  console(sp: ReachableSp): ConsoleSession | undefined {
    return this.#consoles.get(sp.address)
  }

  async detachConsole(sp: ReachableSp): Promise<Outcome<null>> {
    this.#consoles.get(sp.address)?.close('detached')
    this.#consoles.delete(sp.address)
    const result = await this.connection(sp).ask({ kind: 'SerialConsoleDetach' }, ['SerialConsoleDetachAck'])
    return result.ok ? { ok: true, value: null } : result
  }

  async ereports(sp: ReachableSp, request: Omit<EreportRequest, 'requestId'>): Promise<Outcome<EreportResponse>> {
    const requestId = (this.#ereportRequestId = (this.#ereportRequestId + 1) & 0xff)
    const bytes = encodeEreportRequest({ ...request, requestId })
    const key = `${sp.address} ${requestId}`
    return new Promise((resolve) => {
      let attempts = 0
      const finish = (outcome: Outcome<EreportResponse>): void => {
        timer?.cancel()
        this.#ereportWaits.delete(key)
        resolve(outcome)
      }
      let timer: ReturnType<Clock['after']> | undefined
      const attempt = (): void => {
        if (attempts === EREPORT_ATTEMPTS) return finish({ ok: false, failure: { kind: 'exhausted', attempts } })
        attempts += 1
        timer = this.#clock.after(EREPORT_TIMEOUT_MS, attempt)
        this.#ereportSocket?.send(bytes, sp.address, EREPORT_SP_PORT)
      }
      this.#ereportWaits.set(key, (value) => finish({ ok: true, value }))
      attempt()
    })
  }

  #ereport({ payload, remoteAddress }: Datagram): void {
    const response = decodeEreportResponse(payload)
    if (response === undefined) return this.counters.add('malformed-ereports')
    this.#ereportWaits.get(`${remoteAddress} ${response.requestId}`)?.(response)
  }

  async #stream(
    sp: ReachableSp,
    update: { readonly component: string; readonly id: Uint8Array; readonly image: Uint8Array },
    running: RunningUpdate,
  ): Promise<void> {
    const { component, id, image } = update
    const connection = this.connection(sp)
    for (;;) {
      const status = await connection.ask({ kind: 'UpdateStatus', component }, ['UpdateStatus'])
      if (!status.ok) return this.#endUpdate(running, failureText(status.failure))
      const { kind } = status.response.status
      if (kind === 'InProgress') break
      if (kind !== 'Preparing') return this.#endUpdate(running, `the update is ${kind} while it was to be prepared`)
      await new Promise<void>((resolve) => this.#clock.after(PREPARE_POLL_MS, resolve))
    }
    for (let offset = 0; offset < image.length; offset += CHUNK_BYTES) {
      const data = image.subarray(offset, offset + CHUNK_BYTES)
      const taken = await connection.ask({ kind: 'UpdateChunk', component, id, offset }, ['UpdateChunkAck'], data)
      if (!taken.ok) return this.#endUpdate(running, failureText(taken.failure))
    }
    this.#endUpdate(running, undefined)
  }

  #endUpdate(running: RunningUpdate, failure: string | undefined): void {
    running.isDone = true
    running.failure = failure
  }
}

function updateKey(sp: ReachableSp, component: string): string {
  return `${sp.address} ${component}`
}
