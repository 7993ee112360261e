/** What a new store contains: the recovery silo and its users. On a store that has them, nothing is changed. */
import { hashPassword } from './auth/password.ts'
import type { FleetRole, SiloRole } from './auth/authenticate.ts'
import { nowOf, type Service } from './service.ts'
import { insertRole, insertSilo, insertUser, siloByRef } from './store/silo.ts'

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
    await insertSilo(tx, { id: siloId, name: silo.name, description: 'Recovery silo', ...times })
    for (const user of silo.users) {
      const id = random.uuid()
      await insertUser(tx, {
        id,
        silo_id: siloId,
        external_id: user.name,
        password_hash: hashPassword(user.password, random, service.passwordCost),
        ...times,
      })
      if (user.fleetRole !== undefined) await insertRole(tx, { user_id: id, scope: 'fleet', role: user.fleetRole })
      if (user.siloRole !== undefined) await insertRole(tx, { user_id: id, scope: 'silo', role: user.siloRole })
    }
  })
}
