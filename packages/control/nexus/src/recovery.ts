/** What a new store contains: the recovery silo and its users. On a store that has them, nothing is changed. */
import { hashPassword } from './auth/password.ts'
import type { FleetRole, SiloRole } from './auth/role.ts'
import { nowOf, type Service } from './service.ts'
import { UNLIMITED } from './store/migrations.ts'
import { FLEET_ID } from './store/fleet.ts'
import { insertGrants } from './store/role-grant.ts'
import { insertSilo, siloByRef } from './store/silo.ts'
import { insertUser } from './store/user.ts'

export interface RecoveryUser {
  readonly name: string
  readonly password: string
  readonly fleetRole?: FleetRole
  readonly siloRole?: SiloRole
}

export interface RecoverySilo {
  readonly name: string
  readonly users: readonly RecoveryUser[]
}

/** The fixture that acceptance tests of existing clients expect. */
export const DEFAULT_RECOVERY_SILO: RecoverySilo = {
  name: 'test-suite-silo',
  users: [
    { name: 'test-privileged', password: 'oxide', fleetRole: 'admin', siloRole: 'admin' },
    { name: 'test-unprivileged', password: 'oxide' },
  ],
}

export async function ensureRecoverySilo(
  service: Pick<Service, 'store' | 'clock' | 'random' | 'passwordCost'>,
  silo: RecoverySilo,
): Promise<void> {
  const { store, random } = service
  await store.transaction(async (tx) => {
    if ((await siloByRef(tx, silo.name)) !== undefined) return
    const now = nowOf(service)
    const times = { time_created: now, time_modified: now }
    const siloId = random.uuid()
    await insertSilo(tx, {
      id: siloId,
      name: silo.name,
      description: 'Recovery silo',
      identity_mode: 'local_only',
      discoverable: true,
      admin_group_name: null,
      mapped_fleet_roles: '{}',
      device_token_max_ttl_s: null,
      quota_cpus: UNLIMITED.cpus,
      quota_memory_bytes: UNLIMITED.memoryBytes,
      quota_storage_bytes: UNLIMITED.storageBytes,
      ...times,
    })
    for (const user of silo.users) {
      const id = random.uuid()
      await insertUser(tx, {
        id,
        silo_id: siloId,
        external_id: user.name,
        password_hash: hashPassword(user.password, random, service.passwordCost),
        ...times,
      })
      const identity = { identity_type: 'silo_user', identity_id: id } as const
      const { fleetRole, siloRole } = user
      if (fleetRole !== undefined) {
        await insertGrants(tx, [{ resource_type: 'fleet', resource_id: FLEET_ID, ...identity, role: fleetRole }])
      }
      if (siloRole !== undefined) {
        await insertGrants(tx, [{ resource_type: 'silo', resource_id: siloId, ...identity, role: siloRole }])
      }
    }
  })
}
