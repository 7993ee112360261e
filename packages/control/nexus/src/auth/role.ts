/**
 * Roles and what they imply. Each kind is a line, a higher role includes the lower ones. A silo role counts on every
 * project of the silo: collaborators and admins of a silo are admins of its projects. Fleet roles do not reach into
 * silos; a silo may say that its roles bring fleet roles.
 */
import type { FleetRole, MappedFleetRoles, ProjectRole, SiloRole } from '@lodestone/contract-nexus'

export type { FleetRole, ProjectRole, SiloRole } from '@lodestone/contract-nexus'

const FLEET_RANK: Readonly<Record<FleetRole, number>> = { viewer: 1, collaborator: 2, admin: 3 }
const SILO_RANK: Readonly<Record<SiloRole, number>> = { viewer: 1, limited_collaborator: 2, collaborator: 3, admin: 4 }

/** 0 for no role at all. */
export function fleetRank(role: FleetRole | undefined): number {
  return role === undefined ? 0 : FLEET_RANK[role]
}

/** Silos and projects have the same four. 0 for no role at all. */
export function siloRank(role: SiloRole | ProjectRole | undefined): number {
  return role === undefined ? 0 : SILO_RANK[role]
}

export function higherFleetRole(a: FleetRole | undefined, b: FleetRole | undefined): FleetRole | undefined {
  return fleetRank(b) > fleetRank(a) ? b : a
}

export function higherSiloRole<Role extends SiloRole | ProjectRole>(
  a: Role | undefined,
  b: Role | undefined,
): Role | undefined {
  return siloRank(b) > siloRank(a) ? b : a
}

/** The role on every project of the silo that a silo role brings. */
export function projectRoleOf(silo: SiloRole | undefined): ProjectRole | undefined {
  return silo === 'collaborator' ? 'admin' : silo
}

/** The fleet role that a silo's role brings: of every role that it includes. */
export function mappedFleetRole(mapped: MappedFleetRoles, silo: SiloRole | undefined): FleetRole | undefined {
  let best: FleetRole | undefined
  for (const [role, fleetRoles] of Object.entries(mapped)) {
    // because the keys are checked when the silo is created
    if (siloRank(silo) < siloRank(role as SiloRole)) continue
    for (const fleetRole of fleetRoles) best = higherFleetRole(best, fleetRole)
  }
  return best
}
