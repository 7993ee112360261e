/**
 * Translation between the guest's private address and its external ones. Outbound only for routes to an internet
 * gateway: a floating address before the ephemeral one before a port of the shared one. Inbound: whatever is for a
 * floating or ephemeral address, and answers to ports of the shared one. A connection keeps the address it began with
 * while that is still attached.
 */
import type { Ip } from '@lodestone/net'
import { Icmpv6Type, IcmpType, IpProtocol } from '@lodestone/packet'
import { type AddressWords, isAddress, wordsOf } from '../address-words.ts'
import { Drop } from '../drop-reasons.ts'
import { hasPorts, portsAt } from '../flow-key.ts'
import { quotedAddressIs } from '../icmp-quote.ts'
import { type FlowDecision, type Layer, layerOf } from '../layer.ts'
import type { NatMapping } from '../nat-mapping.ts'
import type { ExternalIp, ExternalIps, IpConfig, PortConfig } from '../port-config.ts'
import { type LayerRule, RuleTable } from '../rule-table.ts'
import type { SnatPool } from '../snat-pool.ts'
import type { SnatPools } from '../snat-pools.ts'
import { mix } from '../tunnel-endpoints.ts'
import { Verdict, type Walk } from '../walk.ts'

/** Keeps the choice among floating addresses independent of other choices made from the same hash. */
const FLOATING_SALT = 0x3c6ef372

interface Candidate {
  readonly kind: 'floating' | 'ephemeral'
  readonly words: AddressWords
  readonly text: string
  readonly label: string
  readonly hash: number
  readonly mapping: NatMapping
}

/** A shared address: its pools and the translation that each of them means. */
interface Shared {
  readonly words: AddressWords
  readonly text: string
  readonly pools: SnatPools
  readonly mappings: ReadonlyMap<SnatPool, NatMapping>
}

interface Family {
  readonly family: 4 | 6
  readonly privateWords: AddressWords
  readonly floating: readonly Candidate[]
  readonly ephemeral: Candidate | undefined
  readonly snat: Shared | undefined
}

export function natLayer(
  config: PortConfig,
  pools: { readonly v4: SnatPools | undefined; readonly v6: SnatPools | undefined },
): Layer {
  const families: Family[] = []
  if (config.ip4 !== undefined) families.push(familyOf(4, config.ip4, config.externalIps4, pools.v4))
  if (config.ip6 !== undefined) families.push(familyOf(6, config.ip6, config.externalIps6, pools.v6))
  const gateways = config.internetGateways
  const rulesOut: LayerRule[] = []
  const rulesIn: LayerRule[] = []
  for (const family of families) addRules(family, gateways, rulesOut, rulesIn)
  rulesOut.push({
    id: 'no-external-ip',
    name: 'no-external-ip',
    priority: 255,
    isDenial: true,
    predicates: [{ kind: 'to-internet' }],
    act: (walk) => walk.deny(Drop.noExternalIp, `no external address for ${walk.srcText} through ${gatewayText(walk)}`),
    hits: 0,
  })
  const tableOut = RuleTable.of(rulesOut, staysInside)
  const tableIn = RuleTable.of(rulesIn, notExternal)
  return layerOf('nat', tableIn, tableOut, { recall: (walk) => recall(walk, families, gateways) })
}

function addRules(
  family: Family,
  gateways: PortConfig['internetGateways'],
  rulesOut: LayerRule[],
  rulesIn: LayerRule[],
): void {
  const suffix = family.family === 4 ? '4' : '6'
  const isOurs = (walk: Walk): boolean => walk.family === family.family
  const out = (name: string, priority: number, act: (walk: Walk) => Verdict | undefined): void => {
    const guarded = (walk: Walk): Verdict | undefined => (isOurs(walk) ? act(walk) : undefined)
    const predicates = [{ kind: 'to-internet' }] as const
    rulesOut.push({ id: name + suffix, name, priority, isDenial: false, predicates, act: guarded, hits: 0 })
  }
  const into = (candidate: Candidate, priority: number): void => {
    const addresses = [{ family: family.family, words: candidate.words, text: candidate.text }]
    rulesIn.push({
      id: `${candidate.kind} ${candidate.text}`,
      name: candidate.label,
      priority,
      isDenial: false,
      predicates: [{ kind: 'dst', addresses }],
      act: (walk) => applyInbound(walk, candidate.mapping, -1),
      hits: 0,
    })
  }
  if (family.floating.length > 0) {
    out('floating', 5, (walk) => useFirstOf(walk, family, chooseFloating(walk, family.floating, gateways)))
    for (const candidate of family.floating) into(candidate, 5)
  }
  if (family.ephemeral !== undefined) {
    const ephemeral = family.ephemeral
    out('ephemeral', 10, (walk) =>
      useFirstOf(walk, family, mayUse(walk, ephemeral.text, gateways) ? ephemeral : undefined),
    )
    into(ephemeral, 10)
  }
  const snat = family.snat
  if (snat !== undefined) {
    out('snat', 100, (walk) => (mayUse(walk, snat.text, gateways) ? leaseOutbound(walk, family) : undefined))
    const addresses = [{ family: family.family, words: snat.words, text: snat.text }]
    rulesIn.push({
      id: `snat${suffix}`,
      name: 'snat',
      priority: 100,
      isDenial: true,
      predicates: [{ kind: 'dst', addresses }],
      act: (walk) =>
        walk.deny(Drop.noMapping, `port ${walk.isIcmp ? walk.srcPort : walk.dstPort} of ${snat.text} is not in use`),
      hits: 0,
    })
  }
}

/** A connection's packets keep their translation; one whose address is gone is not continued. */
function recall(
  walk: Walk,
  families: readonly Family[],
  gateways: PortConfig['internetGateways'],
): FlowDecision | undefined {
  const connection = walk.connection ?? walk.related
  if (connection === undefined) return undefined
  const mapping = connection.nat
  const family = families.find((candidate) => candidate.family === connection.family)
  const isToInternet = walk.route?.target.kind === 'internet-gateway'
  const isUsable =
    mapping === undefined
      ? !(walk.isOut && isToInternet)
      : family !== undefined &&
        isAttached(mapping, family) &&
        (!walk.isOut || (isToInternet && mayUse(walk, mapping.externalText, gateways)))
  if (isUsable) {
    if (mapping === undefined) return undefined
    const verdict = walk.isOut
      ? applyOutbound(walk, mapping, connection.natPort)
      : applyInbound(walk, mapping, connection.natPort)
    return { verdict, rule: mapping.rule, detail: walk.detail }
  }
  if (walk.isOut && connection.initiator === 'in') {
    const was = mapping === undefined ? 'the private address' : mapping.externalText
    return {
      verdict: walk.deny(Drop.noExternalIp, `the connection came in for ${was}, which no longer leads out`),
      rule: mapping?.rule ?? 'floating',
      detail: walk.detail,
    }
  }
  // What the guest began may start over from another address; what others began is judged as new.
  walk.connection = undefined
  walk.related = undefined
  return undefined
}

function isAttached(mapping: NatMapping, family: Family): boolean {
  if (!isAddress(mapping.private, 0, family.family, family.privateWords)) return false
  if (mapping.kind === 'snat') {
    return (
      family.snat !== undefined &&
      mapping.pool !== undefined &&
      family.snat.pools.includes(mapping.pool) &&
      family.snat.text === mapping.externalText
    )
  }
  const has = (candidate: Candidate | undefined): boolean => candidate?.text === mapping.externalText
  return family.floating.some(has) || has(family.ephemeral)
}

function useFirstOf(walk: Walk, family: Family, candidate: Candidate | undefined): Verdict | undefined {
  return candidate === undefined ? undefined : applyOutbound(walk, candidate.mapping, -1)
}

function chooseFloating(
  walk: Walk,
  floating: readonly Candidate[],
  gateways: PortConfig['internetGateways'],
): Candidate | undefined {
  let chosen: Candidate | undefined
  let highest = -1
  for (const candidate of floating) {
    if (!mayUse(walk, candidate.text, gateways)) continue
    const score = mix(walk.flowHash ^ FLOATING_SALT, candidate.hash)
    if (score > highest) {
      highest = score
      chosen = candidate
    }
  }
  return chosen
}

function leaseOutbound(walk: Walk, family: Family): Verdict {
  const snat = family.snat!
  const isEcho =
    walk.protocol === IpProtocol.icmp
      ? walk.icmpType === IcmpType.echoRequest
      : walk.protocol === IpProtocol.icmpv6 && walk.icmpType === Icmpv6Type.echoRequest
  if (walk.isIcmp && !isEcho) {
    return walk.deny(Drop.icmpUnsupported, `ICMP type ${walk.icmpType} cannot share ${snat.text}`)
  }
  if (!hasPorts(walk.protocol)) {
    return walk.deny(Drop.protocolUnsupported, `IP protocol ${walk.protocol} cannot share ${snat.text}`)
  }
  const pool = snat.pools.of(walk.protocol)
  // Only looked at here: the port is taken when the packet has passed all layers.
  const port = pool.peek(walk.nowMs, walk.srcPort)
  if (port < 0) {
    if (!walk.isDryRun) pool.refused++
    return walk.deny(
      Drop.poolEmpty,
      `${pool.leased} of ${pool.size} ports of ${snat.text} are in use, the rest just released`,
    )
  }
  return applyOutbound(walk, snat.mappings.get(pool)!, port)
}

/** @param port leased with the mapping, or -1. */
function applyOutbound(walk: Walk, mapping: NatMapping, port: number): Verdict {
  if (walk.isHeard) walk.detail = `source ${walk.srcText} → ${mapping.externalText}`
  setAddress(walk, 0, mapping)
  if (port >= 0 && !walk.isIcmpError) {
    if (walk.isHeard) walk.detail += ` port ${port}`
    setUpperHalf(walk, port)
  }
  if (walk.isIcmpError && quotedAddressIs(walk, 'dst', mapping.private)) {
    walk.quote = { side: 'dst', address: mapping.external, port }
  }
  walk.nat = mapping
  walk.natPort = port
  return Verdict.modify
}

function applyInbound(walk: Walk, mapping: NatMapping, port: number): Verdict {
  const before = walk.isHeard ? walk.dstText : ''
  const words = walk.current
  const at = walk.dstAt
  for (let i = 0; i < (mapping.family === 4 ? 1 : 4); i++) words[at + i] = mapping.private[i]!
  if (walk.isHeard) walk.detail = `destination ${before} → ${walk.dstText}`
  const connection = walk.connection ?? walk.related
  const guestPort = port < 0 || connection === undefined ? -1 : connection.guestPort
  if (guestPort >= 0 && !walk.isIcmpError) {
    if (walk.isHeard) walk.detail += ` port ${guestPort}`
    if (walk.isIcmp) setUpperHalf(walk, guestPort)
    else words[portsAt(mapping.family)] = (walk.ports & 0xffff0000) | guestPort
  }
  if (walk.isIcmpError && quotedAddressIs(walk, 'src', mapping.external)) {
    walk.quote = { side: 'src', address: mapping.private, port: guestPort }
  }
  walk.nat = mapping
  walk.natPort = port
  return Verdict.modify
}

function setAddress(walk: Walk, at: number, mapping: NatMapping): void {
  for (let i = 0; i < (mapping.family === 4 ? 1 : 4); i++) walk.current[at + i] = mapping.external[i]!
}

function setUpperHalf(walk: Walk, value: number): void {
  walk.current[portsAt(walk.family)] = (value << 16) | (walk.ports & 0xffff)
}

/** A route that names a gateway may only use the addresses listed for it; one that names none may use all. */
function mayUse(walk: Walk, address: string, gateways: PortConfig['internetGateways']): boolean {
  const target = walk.route?.target
  if (target?.kind !== 'internet-gateway' || target.id === undefined || gateways === undefined) return true
  return gateways[address]?.includes(target.id) ?? false
}

function familyOf(
  family: 4 | 6,
  ip: IpConfig,
  external: ExternalIps | undefined,
  pools: SnatPools | undefined,
): Family {
  const privateWords = wordsOf(ip.address)
  const candidate = (kind: Candidate['kind'], from: ExternalIp): Candidate => {
    const words = wordsOf(from.ip)
    const text = from.ip.toString()
    const label = from.name === undefined ? `${kind} ${text}` : `${kind} ${from.name}`
    const names = { external: words, externalText: text, private: privateWords, rule: label }
    return { kind, words, text, label, hash: hashOf(from.ip), mapping: { kind, family, ...names, pool: undefined } }
  }
  return {
    family,
    privateWords,
    floating: (external?.floating ?? []).map((from) => candidate('floating', from)),
    ephemeral: external?.ephemeral === undefined ? undefined : candidate('ephemeral', external.ephemeral),
    snat:
      external?.snat === undefined || pools === undefined
        ? undefined
        : sharedOf(family, privateWords, external.snat.ip, pools),
  }
}

function sharedOf(family: 4 | 6, privateWords: AddressWords, ip: Ip, pools: SnatPools): Shared {
  const words = wordsOf(ip)
  const text = ip.toString()
  const names = { external: words, externalText: text, private: privateWords, rule: 'snat' }
  const mappings = pools.all().map((pool): [SnatPool, NatMapping] => [pool, { kind: 'snat', family, ...names, pool }])
  return { words, text, pools, mappings: new Map(mappings) }
}

/** The translation of a connection that was saved elsewhere, where the configuration still has it. */
export function mappingOf(
  config: PortConfig,
  pools: SnatPools | undefined,
  wanted: {
    readonly family: 4 | 6
    readonly protocol: number
    readonly kind: NatMapping['kind']
    readonly external: string
  },
): NatMapping | undefined {
  const ip = wanted.family === 4 ? config.ip4 : config.ip6
  if (ip === undefined) return undefined
  const family = familyOf(wanted.family, ip, wanted.family === 4 ? config.externalIps4 : config.externalIps6, pools)
  if (wanted.kind === 'snat') {
    const { snat } = family
    return snat?.text === wanted.external ? snat.mappings.get(snat.pools.of(wanted.protocol)) : undefined
  }
  const candidates = wanted.kind === 'floating' ? family.floating : [family.ephemeral]
  const found = candidates.find((candidate) => candidate?.text === wanted.external)
  return found === undefined ? undefined : found.mapping
}

function hashOf(ip: Ip): number {
  return wordsOf(ip).reduce((hash, word) => mix(hash, word), 0)
}

function gatewayText(walk: Walk): string {
  const target = walk.route?.target
  if (target?.kind !== 'internet-gateway') return 'the internet gateway'
  return `internet gateway ${target.name ?? target.id ?? 'of the VPC'}`
}

function staysInside(walk: Walk): Verdict {
  walk.detail = 'stays in the VPC: no translation'
  return Verdict.allow
}

function notExternal(walk: Walk): Verdict {
  walk.detail = 'not for an external address: no translation'
  return Verdict.allow
}
