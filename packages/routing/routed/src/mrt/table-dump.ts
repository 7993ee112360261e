/**
 * The routes that the peers sent, as a TABLE_DUMP_V2 (RFC 6396 §4.3), in slices: a full table is written over many turns, so that
 * sessions go on meanwhile. It is no snapshot of one instant: each prefix is as it was when its turn came.
 */
import { AttributeSet, encodeAttributes } from '@lodestone/bgp'
import { Ip } from '@lodestone/net'
import type { Path } from '@lodestone/rib'
import { routeIterator } from '../api/route-pages.ts'
import { ByteSink } from '../byte-sink.ts'
import type { Routed } from '../routed.ts'
import { type TableEntry, type TablePeer, writePeerIndexTable, writeRibEntries } from './mrt-record.ts'

/** Slots looked at for one slice. */
const SLICE = 2000
const NO_ADDRESS = Ip.v4(0)
/** Type and flags of a shortened MP_REACH_NLRI: optional, length in one octet. */
const MP_REACH = [0x80, 14] as const

/** @yields pieces of one file, none of them empty. */
export function* tableDump(routed: Routed): Generator<Uint8Array> {
  const { rib, host, speaker } = routed
  const { clock } = host
  const out = new ByteSink(1 << 16)
  const peers = peersOf(routed)
  const indexOf = new Map(peers.map(({ name }, i) => [name, i]))
  const startMs = clock.wallMs()
  const view = `routed ${speaker?.routerId ?? NO_ADDRESS}`
  writePeerIndexTable(
    out,
    startMs,
    speaker?.routerId.word(0) ?? 0,
    view,
    peers.map(({ peer }) => peer),
  )
  yield out.take()
  const encoder = new AttributeEncoder()
  const routes = routeIterator(rib)
  const bootMs = clock.wallMs() - clock.nowMs()
  let sequence = 0
  for (let slot = 0; ;) {
    const end = slot + SLICE
    while (slot < end) {
      const found = routes.next(slot, end - slot)
      if (found === undefined) {
        if (out.length > 0) yield out.take()
        return
      }
      slot = found.slot
      if (found.route === undefined) break
      const { prefix, paths } = found.route
      const entries = paths.flatMap((path): readonly TableEntry[] => {
        const peerIndex = indexOf.get(path.source.peer)
        const attributes = path.received ?? path.attributes
        if (path.source.protocol !== 'bgp' || peerIndex === undefined) return []
        if (!(attributes instanceof AttributeSet)) return []
        const originatedS = Math.floor((bootMs + path.receivedAtMs) / 1000)
        return [{ peerIndex, originatedS, pathId: path.pathId, attributes: encoder.encode(attributes, path) }]
      })
      if (entries.length > 0) writeRibEntries(out, startMs, sequence++, prefix, entries)
    }
    if (out.length > 0) yield out.take()
  }
}

function peersOf({ speaker }: Routed): readonly { readonly name: string; readonly peer: TablePeer }[] {
  return Array.from(speaker?.peers() ?? [], (each) => {
    const { name, peerId, remoteAddress, remoteAsn } = each.status()
    return { name, peer: { id: peerId ?? 0, address: remoteAddress, asn: remoteAsn } }
  }).slice(0, 0xffff)
}

/** Many prefixes share one set and next hop: the last encoding is kept. */
class AttributeEncoder {
  #set: AttributeSet | undefined
  #nextHop: Ip | undefined
  #bytes: Uint8Array = new Uint8Array(0)

  encode(set: AttributeSet, { nextHop }: Path): Uint8Array {
    if (set === this.#set && this.#nextHop?.equals(nextHop) === true) return this.#bytes
    this.#set = set
    this.#nextHop = nextHop
    if (nextHop.family === 4) {
      this.#bytes = encodeAttributes(set, nextHop, { isFourOctetAs: true })
      return this.#bytes
    }
    // RFC 6396 §4.3.4: of MP_REACH_NLRI only the length of the next hop and the next hop.
    const others = encodeAttributes(set, undefined, { isFourOctetAs: true })
    const address = nextHop.bytes
    this.#bytes = new Uint8Array([...MP_REACH, 1 + address.length, address.length, ...address, ...others])
    return this.#bytes
  }
}
