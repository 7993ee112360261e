/**
 * Policies as they are written: a list of statements, asked in order. A statement that matches changes the route (`set`) and,
 * with a verdict, decides; without one the next statement goes on. What no statement decided is rejected.
 */
import { z } from 'zod'
import { AddressText, Asn, NameText, PrefixText } from './text-value.ts'

export const PrefixPattern = z
  .union(
    [
      PrefixText,
      z.strictObject({
        prefix: PrefixText,
        ge: z.int().min(0).max(128).optional().describe('Also more specific ones, of at least this length'),
        le: z.int().min(0).max(128).optional().describe('Also more specific ones, of at most this length'),
      }),
    ],
    { error: 'expected a prefix, or { prefix: …, ge: …, le: … }' },
  )
  .meta({ id: 'PrefixPattern' })
export type PrefixPattern = z.output<typeof PrefixPattern>

export const PrefixList = z.array(PrefixPattern).meta({ id: 'PrefixList' })

const CommunityText = z.string({ error: 'expected a community such as 65001:100, 65001:* or no-export' }).min(1)
const Communities = z
  .strictObject({
    any: z.array(CommunityText).min(1).optional().describe('At least one of these'),
    all: z.array(CommunityText).min(1).optional().describe('Every one of these'),
  })
  .meta({
    id: 'Communities',
    description: 'Standard 65001:100, large 65001:1:2, extended rt:65001:100; any part may be *',
  })
const U32 = z.int().min(0).max(0xffff_ffff)
const Range = z
  .strictObject({ min: U32.optional(), max: U32.optional() })
  .meta({ id: 'Range', description: 'From min to max, both included' })
const OriginName = z.enum(['igp', 'egp', 'incomplete'])
const Asns = z.array(Asn).min(1)

const matchOptions = {
  prefix: PrefixList.min(1).optional(),
  prefix_list: NameText.optional().describe('One of prefix_lists'),
  family: z.enum(['ipv4', 'ipv6']).optional(),
  community: Communities.optional(),
  extended_community: Communities.optional(),
  large_community: Communities.optional(),
  as_path: z
    .string()
    .min(1)
    .optional()
    .describe('Regular expression over the AS_PATH as text; _ stands for a boundary between numbers'),
  as_any: Asns.optional().describe('One of these is in the AS_PATH'),
  as_neighbour: Asns.optional().describe('The first of the AS_PATH is one of these'),
  as_origin: Asns.optional().describe('The last of the AS_PATH is one of these'),
  as_path_length: Range.optional(),
  med: Range.optional(),
  local_pref: Range.optional(),
  origin: OriginName.optional(),
  next_hop: PrefixList.min(1).optional(),
  learned_from: z
    .array(z.string())
    .min(1)
    .optional()
    .describe('Export: names of peers, or originated for our own routes'),
} as const

/** All that is said must hold. */
export interface PolicyMatch {
  readonly prefix?: readonly PrefixPattern[] | undefined
  readonly prefix_list?: string | undefined
  readonly family?: 'ipv4' | 'ipv6' | undefined
  readonly community?: z.output<typeof Communities> | undefined
  readonly extended_community?: z.output<typeof Communities> | undefined
  readonly large_community?: z.output<typeof Communities> | undefined
  readonly as_path?: string | undefined
  readonly as_any?: readonly number[] | undefined
  readonly as_neighbour?: readonly number[] | undefined
  readonly as_origin?: readonly number[] | undefined
  readonly as_path_length?: z.output<typeof Range> | undefined
  readonly med?: z.output<typeof Range> | undefined
  readonly local_pref?: z.output<typeof Range> | undefined
  readonly origin?: z.output<typeof OriginName> | undefined
  readonly next_hop?: readonly PrefixPattern[] | undefined
  readonly learned_from?: readonly string[] | undefined
  readonly not?: PolicyMatch | undefined
  readonly any_of?: readonly PolicyMatch[] | undefined
}

export const PolicyMatch: z.ZodType<PolicyMatch> = z
  .strictObject({
    ...matchOptions,
    get not() {
      return PolicyMatch.optional().describe('This must not hold')
    },
    get any_of() {
      return z.array(PolicyMatch).min(1).optional().describe('One of these must hold')
    },
  })
  .meta({ id: 'PolicyMatch' })

const CommunityChange = z
  .strictObject({
    set: z.array(CommunityText).optional().describe('Instead of what is there'),
    delete: z.array(CommunityText).min(1).optional().describe('Patterns'),
    add: z.array(CommunityText).min(1).optional(),
  })
  .meta({ id: 'CommunityChange', description: 'In the order set, delete, add' })

export const PolicySet = z
  .strictObject({
    local_pref: U32.optional(),
    med: z.union([U32, z.literal('none')], { error: 'expected a number, or none' }).optional(),
    preference: z.int().min(0).max(255).optional().describe('Import only: lower wins, against other protocols too'),
    origin: OriginName.optional(),
    prepend: z
      .union([z.int().min(1).max(25), z.strictObject({ asn: Asn, count: z.int().min(1).max(25) })], {
        error: 'expected how often, 1 to 25, or { asn: …, count: … }',
      })
      .optional()
      .describe('Our AS, or on import the neighbour’s, in front of the AS_PATH'),
    community: CommunityChange.optional(),
    extended_community: CommunityChange.optional(),
    large_community: CommunityChange.optional(),
    next_hop: z
      .union([AddressText, z.enum(['self', 'unchanged'])], { error: 'expected an address, self or unchanged' })
      .optional(),
  })
  .meta({ id: 'PolicySet' })
export type PolicySet = z.output<typeof PolicySet>

export const PolicyStatement = z
  .strictObject({
    name: z.string().min(1).max(63).optional().describe('For explanations'),
    match: PolicyMatch.optional().describe('Default: every route'),
    set: PolicySet.optional(),
    verdict: z.enum(['accept', 'reject']).optional().describe('Default: the next statement goes on'),
  })
  .meta({ id: 'PolicyStatement' })
export type PolicyStatement = z.output<typeof PolicyStatement>

export const Policy = z.array(PolicyStatement).min(1).meta({ id: 'Policy' })
export type Policy = z.output<typeof Policy>
