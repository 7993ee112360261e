/** What can be said of a BGP peer, a group of peers, a range of dynamic neighbours. */
import { z } from 'zod'
import {
  AddressText,
  Asn,
  BfdUse,
  InterfaceText,
  Ipv4Text,
  Ipv6Text,
  NameText,
  PolicyUse,
  PrefixText,
  SecretText,
} from './text-value.ts'

const Family = z.enum(['ipv4', 'ipv6'])
const FamilyList = z.array(Family)

const MaxPrefixes = z
  .strictObject({
    limit: z.int().min(1),
    warn_percent: z
      .int()
      .min(1)
      .max(100)
      .optional()
      .describe('Percent of the limit that an event tells of; default 75'),
    action: z.enum(['stop', 'ignore']).optional().describe('End the session, or take no more; default stop'),
    restart_after_s: z
      .int()
      .min(1)
      .optional()
      .describe('When a stopped session is tried again; default: as after any failure'),
  })
  .meta({ id: 'MaxPrefixes' })

const GracefulRestart = z
  .strictObject({
    restart_time_s: z.int().min(0).max(4095).optional().describe('How long the peer shall wait for us; default 120'),
    stale_paths_s: z
      .int()
      .min(1)
      .max(86_400)
      .optional()
      .describe("How long a peer's old routes are kept once it is back; default 360"),
    forwarding_preserved: z.boolean().optional().describe('Default true'),
    helper_only: z.boolean().optional().describe("Keep the peer's routes, promise nothing about ours; default false"),
  })
  .meta({ id: 'GracefulRestart' })

const AddPath = z
  .strictObject({
    receive: FamilyList.optional(),
    send: FamilyList.optional(),
    max_paths: z.int().min(1).max(255).optional().describe('Paths sent for each prefix, best first; default: all'),
  })
  .meta({ id: 'AddPath' })

const peerOptions = {
  description: z.string().max(255).optional(),
  asn: z
    .union([Asn, z.enum(['external', 'internal'])], {
      error: 'expected an AS number, 1 to 4294967295, or external or internal',
    })
    .optional()
    .describe("The peer's AS; external: any but ours"),
  local_address: AddressText.optional().describe('Our end of the session; default: what the route to the peer says'),
  port: z.int().min(1).max(65_535).optional().describe('Where the peer listens; default 179'),
  passive: z.boolean().optional().describe('Wait for the peer to connect; default false'),
  families: FamilyList.min(1).optional().describe('Default: both'),
  hold_time_s: z
    .int()
    .min(0)
    .max(65_535)
    .refine((value) => value === 0 || value >= 3, { error: 'must be 0 or at least 3 (RFC 4271)' })
    .optional()
    .describe('Default 90; 0: never'),
  keepalive_s: z.int().min(1).max(21_845).optional().describe('Default: a third of the negotiated hold time'),
  connect_retry_s: z.number().min(0.1).max(3600).optional().describe('Default 5'),
  idle_hold_s: z
    .number()
    .min(0.1)
    .max(3600)
    .optional()
    .describe('Pause after a failure, doubled while they go on; default 1'),
  advertisement_interval_s: z
    .number()
    .min(0)
    .max(600)
    .optional()
    .describe('Least time between two batches of updates; default 0'),
  md5: SecretText.optional().describe('Key of the TCP MD5 signatures (RFC 2385)'),
  ttl: z
    .int()
    .min(1)
    .max(255)
    .optional()
    .describe('TTL or hop limit of what is sent; default: the system’s, 255 with gtsm'),
  gtsm: z
    .union([z.boolean(), z.int().min(1).max(254)], { error: 'expected true, false, or how many hops away the peer is' })
    .optional()
    .describe('Drop what comes from farther away than this many hops (RFC 5082); true: one'),
  next_hop_ipv4: Ipv4Text.optional().describe('Next hop told to the peer; default: our end of the session'),
  next_hop_ipv6: Ipv6Text.optional().describe('Next hop told to the peer; default: our end of the session'),
  next_hop_self: z.boolean().optional().describe('Also towards internal peers; default false'),
  next_hop_unchanged: z
    .boolean()
    .optional()
    .describe('Leave the next hop alone towards this external peer; default false'),
  ipv4_over_ipv6: z
    .boolean()
    .optional()
    .describe('IPv4 routes with IPv6 next hops (RFC 8950); default: for peers without an address'),
  enforce_first_as: z.boolean().optional().describe('Default true'),
  allow_own_as: z.int().min(0).max(10).optional().describe('How often our AS may be in a received path; default 0'),
  local_pref: z.int().min(0).max(0xffff_ffff).optional().describe('Of routes of this external peer; default 100'),
  preference: z.int().min(0).max(255).optional().describe('Lower wins, against other protocols too; default 20'),
  max_prefix: z
    .union(
      [
        z.int().min(1),
        z.strictObject({
          ipv4: z.union([z.int().min(1), MaxPrefixes]).optional(),
          ipv6: z.union([z.int().min(1), MaxPrefixes]).optional(),
        }),
      ],
      { error: 'expected a number for both families together, or { ipv4: …, ipv6: … }' },
    )
    .optional()
    .describe('The session ends when the peer sends more; default: no limit'),
  graceful_restart: z
    .union([z.boolean(), GracefulRestart], { error: 'expected true, false, or its timers' })
    .optional()
    .describe('RFC 4724; default false'),
  add_path: AddPath.optional().describe('RFC 7911; default: neither way'),
  role: z
    .enum(['provider', 'customer', 'peer', 'route-server', 'route-server-client'])
    .optional()
    .describe('What we are to the peer (RFC 9234)'),
  role_strict: z.boolean().optional().describe('Refuse a peer that does not say its role; default false'),
  route_reflector_client: z.boolean().optional().describe('RFC 4456; default false'),
  graceful_shutdown: z
    .boolean()
    .optional()
    .describe('Tell the peer to move its traffic away (RFC 8326); default false'),
  honour_graceful_shutdown: z.boolean().optional().describe('Default true'),
  history_bytes: z.int().min(0).max(16_777_216).optional().describe('Messages kept for the history; default 32768'),
  bfd: BfdUse.optional(),
  import: PolicyUse.optional(),
  export: PolicyUse.optional(),
} as const

export const PeerGroup = z.strictObject(peerOptions).meta({ id: 'PeerGroup' })
export type PeerGroup = z.output<typeof PeerGroup>

const group = NameText.optional().describe('Takes what is not said here from this group')

export const Peer = z
  .strictObject({
    name: NameText.optional().describe('Default: the address, or the interface'),
    address: AddressText.optional().describe(
      'Without it the peer is who advertises itself as a router on the interface (unnumbered)',
    ),
    interface: InterfaceText.optional().describe('The link to the peer'),
    group,
    ...peerOptions,
  })
  .meta({ id: 'Peer' })
export type Peer = z.output<typeof Peer>

/** Peers that are accepted without being named one by one. */
export const DynamicPeers = z
  .strictObject({
    name: NameText.describe('Prefix of the names that they get'),
    range: PrefixText,
    limit: z.int().min(1).max(10_000).optional().describe('At most so many at once; default 100'),
    group,
    ...peerOptions,
  })
  .meta({ id: 'DynamicPeers' })
export type DynamicPeers = z.output<typeof DynamicPeers>
