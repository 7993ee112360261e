/**
 * Sleds that are put into a running rack, or in another's place. A sled shows itself twice: its service processor at the management
 * gateway, and its prefix on a rear port of a switch, by DDM. When its agent and its service processor agree on who it is, it is taken
 * in, and what sleds are told reaches it like any other.
 */
import type { RoutedClient } from '@lodestone/contract-routed'
import { SLED_AGENT_PORT, type SledAgentClient } from '@lodestone/contract-sled-agent'
import type { SpClient, SpState } from '@lodestone/contract-sp'
import type { Clock, Random } from '@lodestone/host'
import { Prefix } from '@lodestone/net'
import { isAwaited } from '../rack-membership.ts'
import { takeInSled } from '../sled-register.ts'
import type { BoardId } from '../store/schema.ts'
import { type SledRow, sledsInService } from '../store/sled.ts'
import type { Snapshot } from '../store/snapshot.ts'
import type { Db, Store } from '../store/store.ts'
import type { ItemStatus, PassResult } from './loop.ts'

/** How soon a new sled is noticed. */
const LOOK_MS = 5_000
/** How soon to look again at one that is on its way. */
const SOON_MS = 500
const SLED_PREFIX_BITS = 64
const WAITS = 'waits to be added to the rack by an operator'

export interface SledFinderOptions {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly routeds: readonly RoutedClient[]
  readonly gateways: readonly SpClient[]
  /** Whether a board that is new waits until an operator has asked for it. */
  readonly areApproved: boolean
  /** Prefixes that sleds announce besides their own. */
  readonly otherPrefixes: readonly Prefix[]
  /** An agent at a base URL. */
  readonly agentAt: (url: string) => SledAgentClient
  /** A sled was taken in. */
  readonly onChange: () => void
}

export class SledFinder {
  readonly #options: SledFinderOptions
  /** The sled that answered in a place, which is there as long as its prefix is. */
  readonly #seen = new Map<number, string>()

  constructor(options: SledFinderOptions) {
    this.#options = options
  }

  async pass(snapshot: Snapshot, isFull: boolean): Promise<PassResult> {
    const present = await sledPrefixes(this.#options.routeds, this.#options.otherPrefixes)
    if (present === undefined) {
      return { items: [{ item: 'rack', state: 'failed', detail: 'no switch tells who its neighbours are' }] }
    }
    for (const slot of this.#seen.keys()) if (isFull || !present.has(slot)) this.#seen.delete(slot)
    const items: ItemStatus[] = []
    for (const [slot, address] of present) {
      const known = snapshot.sleds.find((sled) => sled.slot === slot)
      if (known !== undefined && this.#seen.get(slot) === known.id) continue
      const status = await this.#meet(slot, address, known)
      if (status !== undefined) items.push(status)
    }
    const isUnderWay = items.some(({ detail }) => detail?.endsWith(WAITS) !== true)
    return { items, againMs: isUnderWay ? SOON_MS : LOOK_MS }
  }

  /** @returns what there is to tell; undefined when there is nothing new. */
  async #meet(slot: number, address: string, known: SledRow | undefined): Promise<ItemStatus | undefined> {
    const { store, clock, random, gateways, agentAt, onChange, areApproved } = this.#options
    const item = `slot ${slot}`
    const answer = await agentAt(agentUrl(address)).inventory_view()
    // One that is known and silent is the concern of those who have something to tell it.
    if (!answer.ok) return known === undefined ? { item, state: 'failed', detail: answer.message } : undefined
    const { serial } = answer.value.baseboard
    if (serial !== known?.serial) {
      const state = await spState(gateways, slot)
      if (typeof state === 'string') return { item, state: 'failed', detail: state }
      if (state.serial_number !== serial) {
        const detail = `its agent says ${serial}, its service processor ${state.serial_number}`
        return { item, state: 'failed', detail }
      }
      if (areApproved && !(await isMember(store.db, answer.value.baseboard))) {
        return { item, state: 'applied', detail: `${serial} ${WAITS}` }
      }
    }
    const found = { slot, underlayAddress: address, inventory: answer.value }
    const now = new Date(clock.wallMs())
    const isNew = await store.transaction((tx) => takeInSled(tx, found, random, now))
    if (!isNew) {
      if (known !== undefined) this.#seen.set(slot, known.id)
      return undefined
    }
    onChange()
    return { item, state: 'applied', detail: `${serial} is taken in` }
  }
}

export function agentUrl(underlayAddress: string): string {
  return `http://[${underlayAddress}]:${SLED_AGENT_PORT}`
}

/** The boards of sleds that the gateway hears of, whether the rack has taken them in or not; undefined without a gateway that answers. */
export async function boardsInRack(
  gateways: readonly SpClient[],
): Promise<{ readonly slot: number; readonly state: SpState }[] | undefined> {
  for (const gateway of gateways) {
    const all = await gateway.local_all_sp_ids()
    if (!all.ok) continue
    const sleds = all.value.filter(({ type }) => type === 'sled')
    const states = await Promise.all(sleds.map(({ type, slot }) => gateway.sp_get({ params: { type, slot } })))
    return states.flatMap((state, at) => (state.ok ? [{ slot: sleds[at]!.slot, state: state.value }] : []))
  }
  return undefined
}

/** The underlay addresses of sleds by the rear port that their prefix comes in on; undefined when no switch answers. */
async function sledPrefixes(
  routeds: readonly RoutedClient[],
  others: readonly Prefix[],
): Promise<ReadonlyMap<number, string> | undefined> {
  const found = new Map<number, string>()
  let hasAnswer = false
  for (const routed of routeds) {
    const prefixes = await routed.ddm_prefixes()
    if (!prefixes.ok) continue
    hasAnswer = true
    for (const { interface: name, vectors } of prefixes.value) {
      const slot = /rear(\d+)$/.exec(name)?.[1]
      if (slot === undefined) continue
      // What comes over one hop is the neighbour's own.
      const own = vectors
        .filter(({ path }) => path.length === 1)
        .map(({ destination }) => Prefix.of(destination))
        .find((prefix) => prefix.length === SLED_PREFIX_BITS && !others.some((other) => other.equals(prefix)))
      if (own !== undefined) found.set(Number(slot), own.nth(1).toString())
    }
  }
  return hasAnswer ? found : undefined
}

/** Whether a board is the rack's, perhaps in another place than before, or is to be. */
async function isMember(db: Db, { part, serial }: BoardId): Promise<boolean> {
  const isKnown = (await sledsInService(db)).some((sled) => sled.serial === serial && sled.part === part)
  return isKnown || isAwaited(db, { part, serial })
}

async function spState(gateways: readonly SpClient[], slot: number): Promise<SpState | string> {
  let reason = 'no gateway is known'
  for (const gateway of gateways) {
    const state = await gateway.sp_get({ params: { type: 'sled', slot } })
    if (state.ok) return state.value
    reason = state.message
  }
  return `its service processor cannot be asked: ${reason}`
}
