/**
 * What the routing daemons of the switches say. A switch that does not answer is left out, so that the other can be seen; when
 * none answers, the operation is unavailable.
 */
import { ApiFailure, type CallResult } from '@lodestone/api'
import type { BfdStatus, BgpImported, BgpPeerState, BgpPeerStatus, SwitchSlot } from '@lodestone/contract-nexus'
import type { BgpNeighbor, RoutedClient } from '@lodestone/contract-routed'
import type { HandlersOf, Service } from '../service.ts'
import { listBfdSessions } from '../store/bgp.ts'

type Ids =
  | 'networking_bgp_status'
  | 'networking_bgp_exported'
  | 'networking_bgp_imported'
  | 'networking_bgp_message_history'
  | 'networking_bfd_status'

const PAGE = 10_000

export function routingStatusHandlers(service: Service): HandlersOf<Ids> {
  const ask = <T>(question: (routed: RoutedClient, slot: SwitchSlot) => Promise<T[]>): Promise<T[]> =>
    askAll(service, question)
  const peersOf = async (routed: RoutedClient): Promise<readonly BgpNeighbor[]> => answer(await routed.bgp_neighbors())
  /** None when the switch speaks for another AS. */
  const peersOfAs = async (routed: RoutedClient, asn: number): Promise<readonly BgpNeighbor[]> =>
    (await localAsn(routed)) === asn ? peersOf(routed) : []
  return {
    networking_bgp_status: () =>
      ask(async (routed, slot) => {
        const asn = (await localAsn(routed)) ?? 0
        return (await peersOf(routed)).map((peer): BgpPeerStatus => ({
          addr: peer.remote_address,
          peer_id: peer.name,
          local_asn: asn,
          remote_asn: peer.remote_asn,
          state: STATES[peer.state],
          state_duration_millis: Math.max(0, Math.round(peer.in_state_ms)),
          switch: slot,
        }))
      }),
    networking_bgp_exported: () =>
      ask(async (routed, slot) => {
        const lists = (await peersOf(routed)).map(async ({ name }) => {
          const routes = answer(await routed.bgp_exported({ params: { peer: name } }))
          return routes.map(({ prefix }) => ({ peer_id: name, switch: slot, prefix }))
        })
        return (await Promise.all(lists)).flat()
      }),
    networking_bgp_imported: ({ query }) =>
      ask(async (routed, slot) => {
        const lists = (await peersOfAs(routed, query.asn)).map(({ name }) => imported(routed, slot, name))
        return (await Promise.all(lists)).flat()
      }),
    async networking_bgp_message_history({ query }) {
      const switch_histories = await ask(async (routed, slot) => {
        const peers = await peersOfAs(routed, query.asn)
        const lists = peers.map(async ({ name }): Promise<[string, unknown]> => [
          name,
          answer(await routed.bgp_message_history({ params: { peer: name } })),
        ])
        return peers.length === 0 ? [] : [{ switch: slot, history: Object.fromEntries(await Promise.all(lists)) }]
      })
      return { switch_histories }
    },
    networking_bfd_status: () =>
      ask(async (routed, slot) => {
        const { sessions } = answer(await routed.bfd_status())
        const rows = await listBfdSessions(service.store.db)
        const wanted = new Map(rows.filter((row) => row.switch_slot === slot).map((row) => [row.remote, row]))
        return sessions.map((session): BfdStatus => ({
          peer: session.remote_address,
          state: BFD_STATES[session.state],
          switch_slot: slot,
          local: session.local_address ?? null,
          detection_threshold: session.multiplier,
          // Of a session that nobody enabled here, the interval in use.
          required_rx: Number(
            wanted.get(session.remote_address)?.required_rx_us ?? Math.round(session.transmit_interval_ms * 1000),
          ),
          mode: session.mode === 'multihop' ? 'multi_hop' : 'single_hop',
        }))
      }),
  }
}

const STATES: Readonly<Record<BgpNeighbor['state'], BgpPeerState>> = {
  Idle: 'idle',
  Connect: 'connect',
  Active: 'active',
  OpenSent: 'open_sent',
  OpenConfirm: 'open_confirm',
  Established: 'established',
}

const BFD_STATES = { AdminDown: 'admin_down', Down: 'down', Init: 'init', Up: 'up' } as const

async function localAsn(routed: RoutedClient): Promise<number | undefined> {
  return answer(await routed.config_view()).bgp?.asn
}

async function imported(routed: RoutedClient, slot: SwitchSlot, peer: string): Promise<BgpImported[]> {
  const out: BgpImported[] = []
  let token: string | undefined
  do {
    const query = { limit: PAGE, ...(token === undefined ? {} : { page_token: token }) }
    const page = answer(await routed.bgp_received({ params: { peer }, query }))
    for (const { prefix, next_hop, path_id, used } of page.items) {
      if (used) out.push({ prefix, nexthop: next_hop, id: path_id, switch: slot })
    }
    token = page.next_page ?? undefined
  } while (token !== undefined)
  return out
}

/** The switch does not answer: not an error of the caller. */
class SwitchSilent extends Error {}

function answer<T>(result: CallResult<T>): T {
  if (result.ok) return result.value
  throw new SwitchSilent(result.message)
}

async function askAll<T>(
  { inventory, routed }: Pick<Service, 'inventory' | 'routed'>,
  question: (routed: RoutedClient, slot: SwitchSlot) => Promise<T[]>,
): Promise<T[]> {
  const answers = await Promise.all(
    inventory.switches.map(async ({ slot }) => {
      try {
        return await question(routed(slot), slot)
      } catch (error) {
        if (error instanceof SwitchSilent) return error
        throw error
      }
    }),
  )
  const silent = answers.filter((each) => each instanceof SwitchSilent)
  if (silent.length === answers.length && silent.length > 0) {
    throw new ApiFailure({
      kind: 'unavailable',
      message: 'no switch can be asked at the moment',
      internal: silent.map((each) => each.message).join('; '),
    })
  }
  return answers.flatMap((each) => (each instanceof SwitchSilent ? [] : each))
}
