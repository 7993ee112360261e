/**
 * Ports and routing of one switch. Both passes read what is in force and write only what differs, so a switch that came back
 * with empty tables gets everything, and a running one is not disturbed.
 */
import { isDeepStrictEqual } from 'node:util'
import type { CallResult } from '@lodestone/api'
import type { SwitchSlot } from '@lodestone/contract-nexus'
import type { RoutedClient, RoutedConfig } from '@lodestone/contract-routed'
import type { LldpSettings, PortSettings, SwitchdClient } from '@lodestone/contract-switchd'
import { Ip } from '@lodestone/net'
import { rangeContains } from '../address-plan.ts'
import type { Snapshot } from '../store/snapshot.ts'
import { contentText } from './causes.ts'
import { type DesiredPort, desiredLoopbacks, desiredPorts, desiredRouting } from './desired-switch.ts'
import type { ItemStatus, PassResult } from './loop.ts'

type SwitchPass = (snapshot: Snapshot, isFull: boolean) => Promise<PassResult>

/** How soon to look again for a switch that has no translations yet. */
const NAT_POLL_MS = 250

export function portPass(slot: SwitchSlot, switchd: SwitchdClient): SwitchPass {
  /** What was applied or found in force, as long as nothing says otherwise. */
  let applied = ''
  return async (snapshot, isFull) => {
    const ports = desiredPorts(snapshot, slot)
    const loopbacks = desiredLoopbacks(snapshot, slot)
    const key = contentText([ports, loopbacks])
    if (!isFull && key === applied) return { items: ports.map(({ name }) => ({ item: name, state: 'applied' })) }
    applied = ''
    const items: ItemStatus[] = []
    for (const port of ports) items.push(await ensurePort(switchd, port))
    items.push(...(await ensureLoopbacks(switchd, loopbacks, (ip) => isInLot(snapshot, ip))))
    if (items.every((item) => item.state === 'applied')) applied = key
    return { items }
  }
}

async function ensurePort(switchd: SwitchdClient, { name, settings, lldp }: DesiredPort): Promise<ItemStatus> {
  const params = { port_id: name }
  const present = await switchd.port_settings_view({ params })
  if (!present.ok) return failed(name, present)
  if (!isSameSettings(present.value, settings)) {
    const done =
      Object.keys(settings.links).length === 0
        ? await switchd.port_settings_clear({ params })
        : await switchd.port_settings_apply({ params, body: settings })
    if (!done.ok) return failed(name, done)
  }
  const said = await switchd.lldp_settings_view({ params })
  // A switch without LLDP on this port says so; only who wants it has to know.
  if (!said.ok) return lldp.enabled ? failed(`${name} LLDP`, said) : { item: name, state: 'applied' }
  if (!isSameLldp(said.value, lldp)) {
    const done = await switchd.lldp_settings_set({ params, body: lldp })
    if (!done.ok) return failed(`${name} LLDP`, done)
  }
  return { item: name, state: 'applied' }
}

function isSameSettings(a: PortSettings, b: PortSettings): boolean {
  const sorted = ({ links }: PortSettings): unknown =>
    Object.entries(links).map(([id, link]) => [
      id,
      { ...link, addrs: link.addrs.toSorted(), subnets: (link.subnets ?? []).toSorted() },
    ])
  return isDeepStrictEqual(sorted(a), sorted(b))
}

/** What is left out stands for the switch's own values, which it tells. */
function isSameLldp(present: LldpSettings, wanted: LldpSettings): boolean {
  if (!present.enabled && !wanted.enabled) return true
  return (Object.keys(wanted) as (keyof LldpSettings)[]).every((key) => present[key] === wanted[key])
}

/** Adds what is missing and takes away what is not wanted; the switch has addresses of its own, too, which are in no lot. */
async function ensureLoopbacks(
  switchd: SwitchdClient,
  wanted: readonly string[],
  isOurs: (ip: Ip) => boolean,
): Promise<ItemStatus[]> {
  const v4 = await switchd.loopback_ipv4_list()
  if (!v4.ok) return [failed('loopback addresses', v4)]
  const v6 = await switchd.loopback_ipv6_list()
  if (!v6.ok) return [failed('loopback addresses', v6)]
  const present = new Set([...v4.value, ...v6.value])
  const items: ItemStatus[] = []
  for (const address of wanted) {
    const params = { address }
    const isV4 = Ip.of(address).family === 4
    if (!present.has(address)) {
      const done = isV4 ? await switchd.loopback_ipv4_add({ params }) : await switchd.loopback_ipv6_add({ params })
      items.push(done.ok ? { item: address, state: 'applied' } : failed(address, done))
    } else items.push({ item: address, state: 'applied' })
  }
  for (const address of present) {
    if (wanted.includes(address) || !isOurs(Ip.of(address))) continue
    const params = { address }
    const isV4 = Ip.of(address).family === 4
    const done = isV4 ? await switchd.loopback_ipv4_delete({ params }) : await switchd.loopback_ipv6_delete({ params })
    if (!done.ok) items.push(failed(address, done))
  }
  return items
}

function isInLot({ lotBlocks }: Snapshot, ip: Ip): boolean {
  return lotBlocks.some(({ first, last }) => rangeContains({ first: Ip.of(first), last: Ip.of(last) }, ip))
}

export function routingPass(slot: SwitchSlot, routed: RoutedClient, switchd: SwitchdClient): SwitchPass {
  let applied = ''
  return async (snapshot, isFull) => {
    const desired = desiredRouting(snapshot, slot, (port) => `tfport${port}`)
    const key = JSON.stringify(desired)
    if (!isFull && key === applied) return { items: [{ item: 'configuration', state: 'applied' }] }
    applied = ''
    const { config, bgpFanOut, problems } = desired
    const items: ItemStatus[] = problems.map((detail) => ({ item: 'configuration', state: 'failed', detail }))
    const present = await routed.config_view()
    if (!present.ok) return { items: [...items, failed('configuration', present)] }
    // A switch is announced as the way to external addresses only when it knows where they are.
    const nat = await switchd.nat_status()
    if (!nat.ok) return { items: [...items, failed('translations', nat)] }
    const hasNat = nat.value.desired_generation > 0
    const { bgp } = config
    const announced = bgp === undefined || hasNat ? bgp : { ...bgp, originate4: [], originate6: [] }
    const { bgp: _, ...own } = present.value
    const body: RoutedConfig = {
      ...own,
      ...config,
      ...(announced === undefined ? {} : { bgp: announced }),
      fan_out: { ...own.fan_out, bgp: bgpFanOut },
    }
    if (!isDeepStrictEqual(body, present.value)) {
      const done = await routed.config_apply({ body })
      if (!done.ok) return { items: [...items, failed('configuration', done)] }
    }
    const waits = !hasNat && (bgp?.originate4?.length ?? 0) + (bgp?.originate6?.length ?? 0) > 0
    if (!waits && problems.length === 0) applied = key
    items.push({
      item: 'configuration',
      state: 'applied',
      ...(waits ? { detail: 'announces nothing before it has its translations' } : {}),
    })
    return { items, ...(waits ? { againMs: NAT_POLL_MS } : {}) }
  }
}

function failed(item: string, result: Extract<CallResult<unknown>, { ok: false }>): ItemStatus {
  return { item, state: 'failed', detail: result.message }
}
