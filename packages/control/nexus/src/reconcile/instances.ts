/**
 * Instances to sleds. For each sled: what should be there is ensured and told to run or stop, what should not is
 * removed, and what the sled reports is written back, unless the user has changed their mind meanwhile.
 */
import type { CallResult } from '@lodestone/api'
import type { SledAgentClient, SledInstance } from '@lodestone/contract-sled-agent'
import type { Clock } from '@lodestone/host'
import type { Stamped } from '../store/changed-by.ts'
import { type InstanceRow, observeInstance } from '../store/instance.ts'
import type { RunState } from '../store/schema.ts'
import type { Snapshot } from '../store/snapshot.ts'
import type { Store } from '../store/store.ts'
import { desiredInstance } from './desired.ts'
import type { ItemStatus, PassResult } from './loop.ts'
import { DeclaredPush } from './push.ts'

/** How soon to look again while an instance is between two states. */
const TRANSITION_POLL_MS = 100

export interface InstanceEvents {
  /** Something was written that other reconcilers look at. */
  readonly onChange: () => void
  /** The sled was sent rules, routes and addresses that may be older than what their own reconcilers sent. */
  readonly onEnsured: () => void
}

type Observation = Parameters<typeof observeInstance>[2]

export class InstanceReconciler {
  readonly #store: Store
  readonly #clock: Clock
  readonly #sledId: string
  readonly #agent: SledAgentClient
  readonly #dnsServers: readonly string[]
  readonly #events: InstanceEvents
  readonly #push: DeclaredPush
  /** Whether the agent answered when it was last asked. */
  isAnswering = true

  constructor(
    store: Store,
    clock: Clock,
    sledId: string,
    agent: SledAgentClient,
    dnsServers: readonly string[],
    events: InstanceEvents,
  ) {
    this.#store = store
    this.#clock = clock
    this.#sledId = sledId
    this.#agent = agent
    this.#dnsServers = dnsServers
    this.#events = events
    this.#push = new DeclaredPush(store, clock, 'instance')
  }

  async pass(snapshot: Snapshot, isFull: boolean): Promise<PassResult> {
    const list = await this.#agent.instance_list()
    this.isAnswering = list.ok
    if (!list.ok) return { items: [{ item: 'sled', state: 'failed', detail: list.message }] }
    const actual = new Map(list.value.map((instance) => [instance.id, instance]))
    const items: ItemStatus[] = []
    let isUnderWay = false
    for (const row of snapshot.instances) {
      if (row.sled_id !== this.#sledId) continue
      const present = actual.get(row.id)
      actual.delete(row.id)
      const outcome =
        row.desired_state === 'running'
          ? await this.#keepRunning(snapshot, isFull, row, present)
          : await this.#stop(row, present)
      items.push(outcome.status)
      isUnderWay ||= outcome.isUnderWay
    }
    for (const extra of actual.keys()) {
      const gone = await this.#agent.instance_delete({ params: { instance_id: extra } })
      if (!gone.ok) items.push({ item: extra, state: 'failed', detail: gone.message })
    }
    return { items, ...(isUnderWay ? { againMs: TRANSITION_POLL_MS } : {}) }
  }

  async #keepRunning(
    snapshot: Snapshot,
    isFull: boolean,
    found: Stamped<InstanceRow>,
    present: SledInstance | undefined,
  ): Promise<{ status: ItemStatus; isUnderWay: boolean }> {
    let row = found
    if (present === undefined && row.run_state === 'running') {
      // Written down before it is made anew: what is there and stopped at the next look would be taken for shut down by its guest.
      await this.#observe(row, { run_state: 'starting' })
      row = { ...row, run_state: 'starting' }
    }
    const body = desiredInstance(snapshot, row, this.#dnsServers)
    // The parts that have operations and reconcilers of their own do not count as a change of the instance.
    const { external_ips: _e, firewall_rules: _f, routes: _r, ...own } = body
    const generation = await this.#push.generation(row.id, own, snapshot, isFull)
    const params = { instance_id: row.id }
    let now: SledInstance
    if (present === undefined || present.generation < generation) {
      const ensured = await this.#agent.instance_ensure({ params, body: { generation, ...body } })
      if (!ensured.ok) return failed(row, generation, ensured)
      now = ensured.value
      this.#events.onEnsured()
    } else now = present
    if (row.reboot_requested) return this.#reboot(row, generation)
    if (now.state === 'failed') return this.#giveUp(row, generation, now.reason ?? 'the sled reports a failure')
    if (present?.state === 'stopped' && row.run_state === 'running') {
      // It ran and the guest has shut itself down: that is its owner's doing and not undone.
      await this.#observe(row, { desired_state: 'stopped', run_state: 'stopping' })
      return { status: { item: row.name, state: 'applied', generation }, isUnderWay: true }
    }
    if (now.state === 'stopped' || now.state === 'creating') {
      const told = await this.#agent.instance_state_set({ params, body: { state: 'running' } })
      if (!told.ok) return failed(row, generation, told)
      now = told.value
    }
    const runState: RunState =
      now.state === 'running' ? 'running' : row.run_state === 'rebooting' ? 'rebooting' : 'starting'
    if (runState !== row.run_state) await this.#observe(row, { run_state: runState, reason: null })
    return { status: { item: row.name, state: 'applied', generation }, isUnderWay: runState !== 'running' }
  }

  async #reboot(row: Stamped<InstanceRow>, generation: number): Promise<{ status: ItemStatus; isUnderWay: boolean }> {
    const told = await this.#agent.instance_state_set({
      params: { instance_id: row.id },
      body: { state: 'rebooted' },
    })
    if (!told.ok) return failed(row, generation, told)
    await this.#observe(row, { reboot_requested: false })
    return { status: { item: row.name, state: 'applied', generation }, isUnderWay: true }
  }

  async #giveUp(
    row: Stamped<InstanceRow>,
    generation: number,
    reason: string,
  ): Promise<{ status: ItemStatus; isUnderWay: boolean }> {
    // The sled's remains go with the next pass, because the row is no longer placed there.
    await this.#observe(row, { desired_state: 'stopped', run_state: 'failed', reason, sled_id: null })
    return { status: { item: row.name, state: 'applied', generation, detail: reason }, isUnderWay: true }
  }

  async #stop(
    row: Stamped<InstanceRow>,
    present: SledInstance | undefined,
  ): Promise<{ status: ItemStatus; isUnderWay: boolean }> {
    const params = { instance_id: row.id }
    let state = present?.state
    if (state !== undefined && state !== 'stopped' && state !== 'failed' && state !== 'stopping') {
      const told = await this.#agent.instance_state_set({ params, body: { state: 'stopped' } })
      if (!told.ok) return failed(row, undefined, told)
      state = told.value.state
    }
    if (state === 'stopping') return { status: { item: row.name, state: 'applied' }, isUnderWay: true }
    if (state !== undefined) {
      const gone = await this.#agent.instance_delete({ params })
      if (!gone.ok) return failed(row, undefined, gone)
    }
    await this.#observe(row, { run_state: 'stopped', sled_id: null })
    return { status: { item: row.name, state: 'applied' }, isUnderWay: false }
  }

  async #observe(row: Stamped<InstanceRow>, change: Observation): Promise<void> {
    const now = new Date(this.#clock.wallMs())
    await observeInstance(this.#store.db, row, { ...change, time_run_state_updated: now })
    // What is seen to have happened is still the doing of who asked for it.
    this.#store.changeLog.note(row.changed_by ?? undefined)
    this.#events.onChange()
  }
}

function failed(
  row: Stamped<InstanceRow>,
  generation: number | undefined,
  result: Extract<CallResult<unknown>, { ok: false }>,
): { status: ItemStatus; isUnderWay: boolean } {
  const status: ItemStatus = {
    item: row.name,
    state: 'failed',
    ...(generation === undefined ? {} : { generation }),
    detail: result.message,
  }
  return { status, isUnderWay: false }
}
