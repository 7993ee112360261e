/** A control plane that runs over a rack without packets, with a store of its own, and a client of its operator. */
import type { CallResult, FetchLike } from '@lodestone/api'
import type { NexusClient } from '@lodestone/contract-nexus'
import assert from 'node:assert/strict'
import { clientWith, type FakeRack, login, makeFakeRack, type NexusVariant } from './fake-rack.fixture.ts'
import type { Nexus } from './nexus.ts'
import type { Store } from './store/store.ts'
import { openTestStore } from './test-store.fixture.ts'

export interface RunningNexus {
  readonly rack: FakeRack
  readonly store: Store
  readonly nexus: Nexus
  readonly handler: FetchLike
  /** The session of the recovery silo's administrator. */
  readonly cookie: string
  /** A client with that session. */
  readonly api: NexusClient
  /** Reconcilers end in virtual time, so the clock goes on meanwhile. */
  readonly close: () => Promise<void>
}

interface Options extends NexusVariant {
  readonly sleds?: number
  /** What the clock says at first. */
  readonly startWallMs?: number
  /** Wraps the handler, to look at what goes through it. */
  readonly watch?: (handler: FetchLike) => FetchLike
}

export async function openNexus({ sleds = 1, startWallMs, watch, ...variant }: Options = {}): Promise<RunningNexus> {
  const rack = await makeFakeRack(sleds, startWallMs)
  const opened = await openTestStore(rack.clock)
  const nexus = rack.makeNexus({ store: opened.store, ...variant })
  await nexus.start()
  const handler = watch === undefined ? nexus.handler : watch(nexus.handler)
  const cookie = await login(handler)
  const close = async (): Promise<void> => {
    await rack.clock.run(nexus.close())
    await opened.close()
  }
  return { rack, store: opened.store, nexus, handler, cookie, api: clientWith(handler, { cookie }), close }
}

/** The answer of a call that must succeed. */
export function valueOf<T>(result: CallResult<T>): T {
  assert.ok(result.ok, result.ok ? '' : result.message)
  return result.value
}
