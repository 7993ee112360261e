/**
 * An established session: UPDATEs go into the adj-RIB-in, what the group has to say goes to the socket; refreshes, markers and limits
 * in between (RFC 4271 §9, RFC 2918, RFC 7313, RFC 4724 §4, RFC 7606).
 */
import type { Clock, Timer } from '@lodestone/host'
import type { Ip } from '@lodestone/net'
import type { Counters } from '@lodestone/probe'
import type { Adjacency, Rib } from '@lodestone/rib'
import type { Family } from './address-family.ts'
import type { AttributeBook } from './attribute-book.ts'
import { type BgpError, CeaseReason, ErrorCode, sessionReset } from './bgp-error.ts'
import type { Connection } from './connection.ts'
import { type Message, MessageType, type RouteRefreshMessage } from './message.ts'
import type { NegotiatedSession } from './negotiation.ts'
import type { MaxPrefixes, PeerConfig } from './peer-config.ts'
import type { PeerCounter } from './peer-status.ts'
import { type ImportCounts, Importer } from './route-import.ts'
import type { ImportContext } from './route-judgement.ts'
import type { GroupMember } from './update-group.ts'
import type { UpdateChunk } from './update-builder.ts'
import { decodeUpdate, endOfRib, endOfRibFamily, type ReceivedUpdate } from './update-message.ts'

/** ROUTE-REFRESH subtypes (RFC 7313 §3.2). */
export const Refresh = { request: 0, begin: 1, end: 2 } as const
/** A peer that began to answer a refresh has this long to end it (RFC 7313 §4). */
const REFRESH_LIMIT_MS = 360_000
const HEADER_BYTES = 19

export interface SessionOptions {
  readonly clock: Clock
  readonly rib: Rib
  readonly connection: Connection
  readonly negotiated: NegotiatedSession
  readonly adjacency: Adjacency
  readonly importContext: ImportContext
  readonly attributes: AttributeBook
  readonly counters: Counters<PeerCounter>
  readonly config: () => PeerConfig
  readonly send: (message: Message) => void
  readonly write: (chunk: UpdateChunk) => void
  /** Removes stale paths of a family, in slices. */
  readonly sweepStale: (family: Family) => void
  readonly onEndOfRib: (family: Family) => void
  readonly onLimit: (family: Family, count: number, limit: number) => void
}

export class Session implements GroupMember {
  readonly connection: Connection
  readonly negotiated: NegotiatedSession
  readonly adjacency: Adjacency
  readonly importer: Importer
  readonly localAddress: Ip | undefined
  readonly endOfRib = new Set<Family>()
  readonly #options: SessionOptions
  readonly #counts: ImportCounts = { announced: 0, withdrawn: 0, overLimit: 0 }
  readonly #disabled = new Set<Family>()
  #endOfRibDue: readonly Family[]
  /** Families whose second telling the peer asked for and of which the end is to be told (RFC 7313). */
  readonly #refreshEnds = new Set<Family>()
  readonly #refreshTimers = new Map<Family, Timer>()
  readonly #warned = new Set<Family>()

  constructor(options: SessionOptions) {
    this.#options = options
    this.connection = options.connection
    this.negotiated = options.negotiated
    this.adjacency = options.adjacency
    this.localAddress = options.connection.localAddress
    this.#endOfRibDue = options.negotiated.families
    this.importer = new Importer({
      rib: options.rib,
      adjacency: options.adjacency,
      context: options.importContext,
      counts: this.#counts,
      attributes: options.attributes,
      addPath: options.negotiated.addPathReceive,
      ceiling: (family) => {
        const limit = limitOf(options.config(), family)
        return limit?.action === 'ignore' ? limit.limit : Infinity
      },
    })
  }

  // --- from the peer ----------------------------------------------------------------------------------------------

  /** An UPDATE, [start, end) with its header. @returns the error that ends the session. */
  update(bytes: Uint8Array, start: number, end: number): BgpError | undefined {
    if (this.#disabled.size > 0 || !this.importer.take(bytes, start, end)) {
      const decoded = decodeUpdate(bytes.subarray(start + HEADER_BYTES, end), {
        isFourOctetAs: this.negotiated.isFourOctetAs,
        isExternal: this.negotiated.isExternal,
        addPath: this.negotiated.addPathReceive,
      })
      if (!decoded.ok) return decoded.error
      this.#apply(decoded.value)
    }
    return this.#overLimit()
  }

  /** After a chunk: what was counted prefix by prefix goes to the counters. */
  settleCounts(): void {
    const { counters } = this.#options
    const counts = this.#counts
    counters.add('prefixes-announced-received', counts.announced)
    counters.add('prefixes-withdrawn-received', counts.withdrawn)
    counters.add('prefixes-over-limit', counts.overLimit)
    counts.announced = counts.withdrawn = counts.overLimit = 0
  }

  #apply({ update, errors, disabledFamilies }: ReceivedUpdate): void {
    const { counters, sweepStale, onEndOfRib } = this.#options
    for (const { treatment } of errors) if (treatment === 'attribute-discard') counters.add('attributes-discarded')
    if (errors.some(({ treatment }) => treatment === 'treat-as-withdraw')) counters.add('updates-treated-as-withdraw')
    for (const family of disabledFamilies) {
      // RFC 4760 §7: the family's routes go, and what still comes for it is ignored.
      counters.add('families-disabled')
      this.#disabled.add(family)
      this.adjacency.clear((path) => path.prefix.family === family)
    }
    const ended = errors.length === 0 ? endOfRibFamily(update) : undefined
    if (ended !== undefined) {
      this.endOfRib.add(ended)
      sweepStale(ended)
      onEndOfRib(ended)
    }
    update.withdrawnIpv4.forEach((prefix, i) => this.importer.withdraw(prefix, update.withdrawnPathIds?.[i] ?? 0))
    const { mpUnreach, attributes } = update
    mpUnreach?.prefixes.forEach((prefix, i) => this.importer.withdraw(prefix, mpUnreach.pathIds?.[i] ?? 0))
    if (attributes === undefined) return
    for (const reach of [update.ipv4, update.mpReach]) {
      if (reach === undefined || this.#disabled.has(reach.family)) continue
      if (!this.negotiated.families.includes(reach.family)) continue
      const nextHop = this.importer.chooseNextHop(reach.nextHop, reach.linkLocalNextHop)
      reach.prefixes.forEach((prefix, i) =>
        this.importer.announce(prefix, reach.pathIds?.[i] ?? 0, attributes, nextHop),
      )
    }
  }

  #overLimit(): BgpError | undefined {
    const { config, counters, onLimit } = this.#options
    const { maxPaths, maxPrefixes } = config()
    if (maxPaths !== undefined && this.adjacency.pathCount > maxPaths) {
      return tooMany(`the peer sent more than ${maxPaths} paths`)
    }
    if (maxPrefixes === undefined) return undefined
    for (const family of this.negotiated.families) {
      const limit = limitOf(config(), family)
      if (limit === undefined) continue
      const count = this.adjacency.pathCountOf(family)
      const warnAt = (limit.limit * (limit.warnPercent ?? 75)) / 100
      if (count <= warnAt) this.#warned.delete(family)
      else if (!this.#warned.has(family)) {
        this.#warned.add(family)
        counters.add('prefix-limit-warnings')
        onLimit(family, count, limit.limit)
      }
      if (count > limit.limit && limit.action !== 'ignore') {
        return tooMany(`the peer sent more than ${limit.limit} IPv${family} prefixes`, familyData(family, limit.limit))
      }
    }
    return undefined
  }

  /** A ROUTE-REFRESH. @returns families that the group has to send again. */
  refresh({ family, subtype }: RouteRefreshMessage): readonly Family[] {
    if (family === undefined || !this.negotiated.families.includes(family)) return []
    if (subtype === Refresh.request) {
      if (this.negotiated.hasEnhancedRefresh) {
        this.#options.send({ kind: 'route-refresh', family, subtype: Refresh.begin })
        this.#refreshEnds.add(family)
      }
      return [family]
    }
    if (!this.negotiated.hasEnhancedRefresh) return []
    const timer = this.#refreshTimers.get(family)
    if (subtype === Refresh.begin) {
      // RFC 7313 §4.1: what does not come again until the end is gone.
      this.adjacency.markStale(family)
      timer?.cancel()
      this.#refreshTimers.set(
        family,
        this.#options.clock.after(REFRESH_LIMIT_MS, () => this.#options.sweepStale(family)),
      )
    } else if (subtype === Refresh.end && timer !== undefined) {
      timer.cancel()
      this.#refreshTimers.delete(family)
      this.#options.sweepStale(family)
    }
    return []
  }

  close(): void {
    for (const timer of this.#refreshTimers.values()) timer.cancel()
    this.#refreshTimers.clear()
    this.importer.close()
  }

  // --- to the peer ------------------------------------------------------------------------------------------------

  get adjacencyId(): number {
    return this.adjacency.id
  }

  get queuedBytes(): number {
    return this.connection.queuedBytes
  }

  write(chunk: UpdateChunk): void {
    this.#options.write(chunk)
  }

  caughtUp(): void {
    const { send } = this.#options
    for (const family of this.#endOfRibDue) send(endOfRib(family))
    this.#endOfRibDue = []
    for (const family of this.#refreshEnds) send({ kind: 'route-refresh', family, subtype: Refresh.end })
    this.#refreshEnds.clear()
  }
}

/** Type byte of a message at `start`. */
export function isUpdate(bytes: Uint8Array, start: number): boolean {
  return bytes[start + HEADER_BYTES - 1] === MessageType.update
}

export function limitOf(config: PeerConfig, family: Family): MaxPrefixes | undefined {
  return family === 4 ? config.maxPrefixes?.ipv4 : config.maxPrefixes?.ipv6
}

function tooMany(sentence: string, data?: Uint8Array): BgpError {
  return sessionReset(ErrorCode.cease, CeaseReason.maximumPrefixes, sentence, data)
}

/** RFC 4486 §4: AFI, SAFI and the limit. */
function familyData(family: Family, limit: number): Uint8Array {
  return new Uint8Array([0, family === 4 ? 1 : 2, 1, limit >>> 24, limit >>> 16, limit >>> 8, limit])
}
