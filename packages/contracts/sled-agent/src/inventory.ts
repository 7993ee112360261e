/** What the sled is, and what the control plane has made of it. */
import { endpoint } from '@lodestone/api'
import { z } from 'zod'
import { Generation } from './address.ts'

export const SledDisk = z
  .object({
    form_factor: z.enum(['u2', 'm2']),
    slot: z.int().min(0),
    vendor: z.string(),
    model: z.string(),
    serial: z.string(),
  })
  .meta({ id: 'SledDisk' })
export type SledDisk = z.output<typeof SledDisk>

export const SledHardware = z
  .object({
    /** As the service processor tells the host. */
    baseboard: z.object({ serial: z.string(), part: z.string(), revision: z.int() }),
    hardware_threads: z.int(),
    physical_ram_bytes: z.int(),
    disks: z.array(SledDisk),
  })
  .meta({ id: 'SledHardware' })
export type SledHardware = z.output<typeof SledHardware>

export const SledRole = z
  .object({
    generation: Generation,
    /** Of the board that is meant: another one may have its place, and its address, by now. */
    serial: z.string(),
    sled_id: z.uuid(),
    rack_id: z.uuid(),
  })
  .meta({
    id: 'SledRole',
    description: 'Which sled of which rack this one is, since the control plane has taken it in.',
  })
export type SledRole = z.output<typeof SledRole>

export const SledInventory = SledHardware.extend({
  /** Null until it has been told. */
  role: SledRole.nullable(),
}).meta({ id: 'SledInventory' })
export type SledInventory = z.output<typeof SledInventory>

const tags = ['sled']

export const inventoryEndpoints = [
  endpoint({
    operationId: 'inventory_view',
    method: 'GET',
    path: '/inventory',
    tags,
    summary: 'What this sled is',
    response: { status: 200, schema: SledInventory },
  }),
  endpoint({
    operationId: 'role_set',
    method: 'PUT',
    path: '/role',
    tags,
    summary: 'Take the sled into a rack, until its agent restarts. Another board than the one that is meant refuses',
    body: SledRole,
    response: { status: 200, schema: z.object({ generation: Generation }) },
  }),
] as const
