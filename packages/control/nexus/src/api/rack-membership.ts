/** Which boards are the rack's: what operators see of it, and how they add some. */
import { ApiFailure, invalidRequest } from '@lodestone/api'
import type { BaseboardId, RackMembershipStatus } from '@lodestone/contract-nexus'
import { beginMembership, without } from '../rack-membership.ts'
import { type HandlersOf, nowOf, type Service } from '../service.ts'
import { membership, type RackMembershipRow, updateMembership } from '../store/rack-membership.ts'
import type { BoardId } from '../store/schema.ts'
import { sledsInService } from '../store/sled.ts'
import { notFound } from './selector.ts'

type Ids = 'rack_membership_status' | 'rack_membership_add_sleds' | 'rack_membership_abort'

export function rackMembershipHandlers(service: Service): HandlersOf<Ids> {
  const { store, inventory } = service
  const checkRack = (id: string): void => {
    if (id !== inventory.rackId) throw notFound('rack', id)
  }
  return {
    async rack_membership_status({ params, query }) {
      checkRack(params.rack_id)
      const row = await membership(store.db, query.version)
      if (row === undefined) throw notFound('rack-membership', String(query.version))
      return membershipFromRow(row, inventory.rackId, await sledsInService(store.db))
    },
    async rack_membership_add_sleds({ params, body }) {
      checkRack(params.rack_id)
      const wanted = body.sled_ids.map((id): BoardId => ({ part: id.part_number, serial: id.serial_number }))
      const present = await service.boards()
      if (present === undefined) throw new ApiFailure({ kind: 'unavailable', message: 'no management gateway answers' })
      const boards = present.map(({ state }): BoardId => ({ part: state.model, serial: state.serial_number }))
      const status = await store.transaction(async (tx) => {
        const sleds = await sledsInService(tx)
        for (const board of wanted) {
          const name = `${board.part} ${board.serial}`
          if (without([board], sleds).length === 0) throw invalidRequest(`sled_ids: ${name} is a member already`)
          if (without([board], boards).length > 0)
            throw invalidRequest(`sled_ids: there is no board ${name} in the rack`)
        }
        if ((await membership(tx))?.state === 'in_progress') {
          throw invalidRequest('the membership of the rack is being changed; wait until that is done, or abort it')
        }
        await beginMembership(tx, wanted, nowOf(service))
        return membershipFromRow((await membership(tx))!, inventory.rackId, sleds) // because it was just made
      })
      service.activate()
      return status
    },
    rack_membership_abort: ({ params }) =>
      store.transaction(async (tx) => {
        checkRack(params.rack_id)
        const last = await membership(tx)
        if (last?.state !== 'in_progress') throw invalidRequest('the membership of the rack is not being changed')
        const row = await updateMembership(tx, Number(last.version), { state: 'aborted', time_aborted: nowOf(service) })
        return membershipFromRow(row, inventory.rackId, await sledsInService(tx))
      }),
  }
}

function membershipFromRow(row: RackMembershipRow, rack_id: string, sleds: readonly BoardId[]): RackMembershipStatus {
  const idOf = ({ part, serial }: BoardId): BaseboardId => ({ part_number: part, serial_number: serial })
  const isOpen = row.state === 'in_progress'
  return {
    rack_id,
    version: Number(row.version),
    state: row.state,
    members: row.members.map(idOf),
    unacknowledged_members: isOpen ? without(row.added, sleds).map(idOf) : [],
    time_created: row.time_created.toISOString(),
    time_committed: row.time_committed?.toISOString() ?? null,
    time_aborted: row.time_aborted?.toISOString() ?? null,
  }
}
