/** What most resources of the public API have in common: names, ids, times, and how one is referred to. */
import { pageFields } from '@lodestone/api'
import { z } from 'zod'

export const Uuid = z.guid()

export const Name = z
  .string()
  .max(63)
  .regex(
    /^(?![0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$)[a-z]([a-zA-Z0-9-]*[a-zA-Z0-9])?$/,
    'names begin with a lower case letter, contain letters, digits and "-", and are no UUID',
  )
  .meta({ id: 'Name' })

/** A UUID, or a name within the parent that another parameter names. */
export const NameOrId = z
  .union([Uuid, Name], { error: 'expected a UUID or a name that begins with a lower case letter' })
  .meta({ id: 'NameOrId' })

export const Time = z.iso.datetime()
export const IpAddr = z.union([z.ipv4(), z.ipv6()], { error: 'expected an IP address' })
export const IpNet = z.union([z.cidrv4(), z.cidrv6()], { error: 'expected an IP prefix, as in 10.0.0.0/8' })
export const IpVersion = z.enum(['v4', 'v6']).meta({ id: 'IpVersion' })
export const MacAddr = z.string().meta({ id: 'MacAddr' })
/** Bytes. JSON integers stay exact up to 2^53. */
export const ByteCount = z.int().min(0)

export const identity = {
  id: Uuid,
  name: Name,
  description: z.string(),
  time_created: Time,
  time_modified: Time,
} as const
export const identityCreate = { name: Name, description: z.string() } as const
export const identityUpdate = { name: Name.nullish(), description: z.string().nullish() } as const

export const NameOrIdSortMode = z
  .enum(['name_ascending', 'name_descending', 'id_ascending'])
  .meta({ id: 'NameOrIdSortMode' })
export const IdSortMode = z.enum(['id_ascending']).meta({ id: 'IdSortMode' })

/** Query of a list sorted by name or id. */
export const listByNameOrId = { ...pageFields, sort_by: NameOrIdSortMode.optional() } as const
export const listById = { ...pageFields, sort_by: IdSortMode.optional() } as const

export const inProject = z.object({ project: NameOrId })
export const maybeInProject = z.object({ project: NameOrId.optional() })
export const inVpc = z.object({ project: NameOrId.optional(), vpc: NameOrId })
export const maybeInVpc = z.object({ project: NameOrId.optional(), vpc: NameOrId.optional() })
