/**
 * What a rule asks of a packet. Values in one predicate are alternatives; the predicates of a rule must all hold. The
 * same `holds` decides about packets and, without stopping at the first failure, finds the near misses of a denial.
 */
import { Mac } from '@lodestone/net'
import { EtherType, ethernetDstNumber, ethernetSrcNumber, IpProtocol, nameOf, ROW_ETHER_TYPE } from '@lodestone/packet'
import { type AddressWords, isAddress, isInPrefix, type PrefixWords } from './address-words.ts'
import { hasPorts as isUsual } from './flow-key.ts'
import type { NumberRange } from './port-config.ts'
import type { Walk } from './walk.ts'

export interface AddressMatch {
  readonly family: 4 | 6
  readonly words: AddressWords
  readonly text: string
}

export interface ProtocolMatch {
  readonly protocol: number
  /** -1: any type. */
  readonly icmpType: number
  readonly icmpCodes: NumberRange | undefined
  readonly text: string
}

export type Predicate =
  | { readonly kind: 'ether-type'; readonly value: number }
  | { readonly kind: 'ether-src'; readonly macs: readonly number[] }
  | { readonly kind: 'ether-dst'; readonly macs: readonly number[] }
  | { readonly kind: 'src' | 'dst'; readonly addresses: readonly AddressMatch[] }
  | { readonly kind: 'src-prefix'; readonly prefixes: readonly PrefixWords[] }
  | { readonly kind: 'dst-prefix'; readonly prefixes: readonly PrefixWords[] }
  /** The remote side: in one of the prefixes, or of one of the VPCs. */
  | { readonly kind: 'hosts'; readonly prefixes: readonly PrefixWords[]; readonly vnis: readonly number[] }
  | { readonly kind: 'protocol'; readonly protocols: readonly ProtocolMatch[] }
  /** One that needs no rule of its own: TCP, UDP, ICMP, ICMPv6. */
  | { readonly kind: 'usual-protocol' }
  | { readonly kind: 'src-port'; readonly ranges: readonly NumberRange[] }
  /** `passesIcmp`: the ports were meant for TCP and UDP beside an ICMP alternative. */
  | { readonly kind: 'dst-port'; readonly ranges: readonly NumberRange[]; readonly passesIcmp: boolean }
  /** Whether the route is one to an internet gateway. */
  | { readonly kind: 'to-internet' }

const NONE: readonly never[] = []

/**
 * The same predicate with the fields of all kinds, so that objects of all kinds have one shape: `holds` is asked about every rule
 * that may match a packet, and reading from a dozen shapes costs more than the comparison.
 */
export function uniform(predicate: Predicate): Predicate {
  const all = {
    kind: predicate.kind,
    value: 0,
    macs: NONE,
    addresses: NONE,
    prefixes: NONE,
    vnis: NONE,
    protocols: NONE,
    ranges: NONE,
    passesIcmp: false,
  }
  return Object.assign(all, predicate) as Predicate // because the fields of its kind are its own
}

export function holds(predicate: Predicate, walk: Walk): boolean {
  switch (predicate.kind) {
    case 'ether-type':
      return walk.row[ROW_ETHER_TYPE] === predicate.value
    case 'ether-src':
      return predicate.macs.includes(ethernetSrcNumber(walk.bytes, walk.start))
    case 'ether-dst':
      return predicate.macs.includes(ethernetDstNumber(walk.bytes, walk.start))
    case 'src':
      return isOneOf(predicate.addresses, walk, 0)
    case 'dst':
      return isOneOf(predicate.addresses, walk, walk.dstAt)
    case 'src-prefix':
      return isInOneOf(predicate.prefixes, walk, 0)
    case 'dst-prefix':
      return isInOneOf(predicate.prefixes, walk, walk.dstAt)
    case 'hosts':
      return (
        (walk.remoteVni !== 0 && predicate.vnis.includes(walk.remoteVni)) ||
        isInOneOf(predicate.prefixes, walk, walk.isOut ? walk.dstAt : 0)
      )
    case 'protocol':
      return isProtocol(predicate.protocols, walk)
    case 'usual-protocol':
      return walk.family !== 0 && isUsual(walk.protocol)
    case 'src-port':
      return hasPorts(walk) && isInRange(predicate.ranges, walk.srcPort)
    case 'dst-port':
      return hasPorts(walk) ? isInRange(predicate.ranges, walk.dstPort) : predicate.passesIcmp && walk.isIcmp
    case 'to-internet':
      return walk.route?.target.kind === 'internet-gateway'
    default: {
      const never: never = predicate
      return never
    }
  }
}

function isOneOf(addresses: readonly AddressMatch[], walk: Walk, at: number): boolean {
  for (let i = 0; i < addresses.length; i++) {
    const address = addresses[i]!
    if (address.family === walk.family && isAddress(walk.current, at, address.family, address.words)) return true
  }
  return false
}

function isInOneOf(prefixes: readonly PrefixWords[], walk: Walk, at: number): boolean {
  if (walk.family === 0) return false
  for (let i = 0; i < prefixes.length; i++) if (isInPrefix(walk.current, at, walk.family, prefixes[i]!)) return true
  return false
}

function isProtocol(protocols: readonly ProtocolMatch[], walk: Walk): boolean {
  const protocol = walk.protocol
  for (let i = 0; i < protocols.length; i++) {
    const wanted = protocols[i]!
    if (wanted.protocol !== protocol) continue
    if (wanted.icmpType < 0) return true
    if (wanted.icmpType !== walk.icmpType) continue
    const codes = wanted.icmpCodes
    if (codes === undefined || (walk.icmpCode >= codes.first && walk.icmpCode <= codes.last)) return true
  }
  return false
}

function hasPorts(walk: Walk): boolean {
  const protocol = walk.protocol
  return protocol === IpProtocol.tcp || protocol === IpProtocol.udp
}

function isInRange(ranges: readonly NumberRange[], value: number): boolean {
  for (let i = 0; i < ranges.length; i++) if (value >= ranges[i]!.first && value <= ranges[i]!.last) return true
  return false
}

/** What a predicate asks for, for people. */
export function wantedText(predicate: Predicate): string {
  switch (predicate.kind) {
    case 'ether-type':
      return nameOf(EtherType, predicate.value)
    case 'ether-src':
    case 'ether-dst':
      return predicate.macs.map(macText).join(', ')
    case 'src':
    case 'dst':
      return predicate.addresses.map((address) => address.text).join(', ')
    case 'src-prefix':
    case 'dst-prefix':
      return predicate.prefixes.map((prefix) => prefix.text).join(', ')
    case 'hosts':
      return [
        ...predicate.vnis.map((vni) => `any instance of the VPC (VNI ${vni})`),
        ...predicate.prefixes.map((prefix) => prefix.text),
      ].join(', ')
    case 'protocol':
      return predicate.protocols.map((protocol) => protocol.text).join(', ')
    case 'usual-protocol':
      return 'tcp, udp, icmp, icmpv6; others need a rule that names them'
    case 'src-port':
    case 'dst-port':
      return predicate.ranges.map(rangeText).join(', ')
    case 'to-internet':
      return 'a route to an internet gateway'
    default: {
      const never: never = predicate
      return never
    }
  }
}

/** What the packet has where the predicate looks. */
export function actualText(predicate: Predicate, walk: Walk): string {
  switch (predicate.kind) {
    case 'ether-type':
      return nameOf(EtherType, walk.row[ROW_ETHER_TYPE]!)
    case 'ether-src':
      return macText(ethernetSrcNumber(walk.bytes, walk.start))
    case 'ether-dst':
      return macText(ethernetDstNumber(walk.bytes, walk.start))
    case 'src':
    case 'src-prefix':
      return walk.srcText
    case 'dst':
    case 'dst-prefix':
      return walk.dstText
    case 'hosts': {
      const host = walk.isOut ? walk.dstText : walk.srcText
      return walk.remoteVni === 0 ? `${host}, from outside of the VPC` : `${host} (VNI ${walk.remoteVni})`
    }
    case 'protocol':
    case 'usual-protocol':
      return protocolText(walk)
    case 'src-port':
      return hasPorts(walk) ? String(walk.srcPort) : 'no port'
    case 'dst-port':
      return hasPorts(walk) ? String(walk.dstPort) : 'no port'
    case 'to-internet':
      return walk.route === undefined ? 'no route' : walk.route.target.kind
    default: {
      const never: never = predicate
      return never
    }
  }
}

/** `tcp`, `icmp type 3 code 4`. */
export function protocolText(walk: Walk): string {
  if (walk.family === 0) return nameOf(EtherType, walk.row[ROW_ETHER_TYPE]!)
  const name = nameOf(IpProtocol, walk.protocol)
  return walk.isIcmp ? `${name} type ${walk.icmpType} code ${walk.icmpCode}` : name
}

export function rangeText(range: NumberRange): string {
  return range.first === range.last ? String(range.first) : `${range.first}-${range.last}`
}

function macText(value: number): string {
  return Mac.fromNumber(value).toString()
}
