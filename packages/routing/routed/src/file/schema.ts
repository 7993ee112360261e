/**
 * The configuration file as a schema: what may be written where. Defaults are named in the descriptions and applied in
 * `config-from-file.ts`. Keys that are not here are errors: a mistyped key would otherwise be a setting that never works.
 */
import { z } from 'zod'
import { DynamicPeers, Peer, PeerGroup } from './peer-schema.ts'
import { Policy, PrefixList } from './policy-schema.ts'
import {
  AddressText,
  AdminPlaceText,
  Asn,
  BfdUse,
  InterfaceText,
  Ipv4Text,
  NameText,
  PrefixText,
  SecretText,
  SocketAddressText,
} from './text-value.ts'

export const Router = z
  .strictObject({
    asn: Asn,
    id: Ipv4Text.refine((text) => text !== '0.0.0.0', { error: '0.0.0.0 is no BGP identifier' }).describe(
      'BGP identifier',
    ),
    listen: z
      .array(SocketAddressText)
      .optional()
      .describe('Where BGP listens; default: nowhere, sessions are only opened'),
    originate: z.array(PrefixText).optional().describe('Prefixes announced as our own'),
    multipath: z.int().min(1).max(255).optional().describe('How many equal BGP paths are used at once; default 1'),
    cluster_id: Ipv4Text.optional().describe('As a route reflector (RFC 4456); default: id'),
    restarting: z
      .boolean()
      .optional()
      .describe('Say at the start that we restart and that forwarding went on (RFC 4724); default false'),
    selection_deferral_s: z
      .int()
      .min(1)
      .max(3600)
      .optional()
      .describe('How long a restarting router waits for its peers'),
    resolve_next_hops: z
      .boolean()
      .optional()
      .describe(
        'Reach next hops that are on no link by other routes, and use none that nothing reaches; default: where kernel is set',
      ),
    decision: z
      .strictObject({
        always_compare_med: z.boolean().optional().describe('Also between neighbours of different ASes; default false'),
        prefer_oldest: z
          .boolean()
          .optional()
          .describe('Among otherwise equal external paths (RFC 5004); default false'),
        multipath_same_as_path: z
          .boolean()
          .optional()
          .describe('Use paths together only if their AS_PATHs are the same, not just as long; default false'),
      })
      .optional(),
  })
  .meta({ id: 'Router' })

export const StaticRoute = z
  .strictObject({
    prefix: PrefixText,
    next_hop: AddressText.describe('May be IPv6 for an IPv4 prefix'),
    interface: InterfaceText.optional().describe('Needed with a link-local next hop'),
    priority: z
      .int()
      .min(0)
      .max(255)
      .optional()
      .describe('Lower wins, against other protocols too (BGP 20); default 1'),
    bfd: BfdUse.optional().describe('Use the route only while the next hop answers'),
  })
  .meta({ id: 'StaticRoute' })
export type StaticRoute = z.output<typeof StaticRoute>

const Ms = z.number().min(1).max(60_000)

export const BfdProfile = z
  .strictObject({
    min_tx_ms: Ms.optional().describe('How often we want to send; default 300'),
    min_rx_ms: Ms.optional().describe('How often we can stand to receive; default 300'),
    multiplier: z.int().min(1).max(255).optional().describe('How many of our packets the peer may miss; default 3'),
    passive: z.boolean().optional().describe('Wait for the peer to begin; default false'),
    multihop: z.boolean().optional().describe('RFC 5883; default false'),
    min_ttl: z.int().min(1).max(255).optional().describe('Least TTL of what arrives, with multihop; default 254'),
    echo_ms: Ms.optional().describe('Send echo packets this often; default: none'),
    echo_receive_ms: Ms.optional().describe('Return the peer’s echo packets, this often at most; default: not'),
    auth: z
      .strictObject({
        type: z.enum(['keyed-sha1', 'meticulous-keyed-sha1', 'simple-password']),
        key_id: z.int().min(0).max(255),
        key: SecretText,
      })
      .optional(),
  })
  .meta({ id: 'BfdProfile' })
export type BfdProfile = z.output<typeof BfdProfile>

export const Kernel = z
  .strictObject({
    table: z
      .union([z.int().min(1).max(0xffff_ffff), z.literal('main')], { error: 'expected the number of a table, or main' })
      .optional()
      .describe('Routing table of the kernel; default main'),
    protocol: z
      .int()
      .min(5)
      .max(255)
      .optional()
      .describe('By this number our routes are known in the kernel; default 177'),
    metric: z.int().min(0).max(0xffff_ffff).optional().describe('Of the routes in the kernel; default 20'),
    keep: z
      .boolean()
      .optional()
      .describe('Leave our routes in the kernel when the daemon ends; default false, true with restarting'),
    import: z
      .literal('none')
      .optional()
      .describe('Routes of the kernel are not taken over; there is no other choice yet'),
  })
  .meta({ id: 'Kernel' })
export type Kernel = z.output<typeof Kernel>

export const Ddm = z
  .strictObject({
    hostname: NameText.describe('How the other routers know this one'),
    role: z.enum(['server', 'transit']).describe('A server tells its own prefixes only, a transit router all it knows'),
    interfaces: z.array(InterfaceText).min(1).describe('Where neighbours are looked for'),
    originate: z.array(PrefixText).optional().describe('IPv6 prefixes announced as our own'),
    tunnels: z
      .array(
        z.strictObject({
          overlay_prefix: PrefixText.describe('Of either family'),
          boundary_address: AddressText.describe('IPv6 address that packets for it are tunnelled to'),
          vni: z.int().min(0).max(0xff_ffff),
          metric: z
            .union([z.int().min(0), z.string().regex(/^\d{1,20}$/, { error: 'expected a number of up to 64 bits' })])
            .optional()
            .describe('64 bits, as a text where a number is not exact; 0 stands back for others; default 0'),
        }),
      )
      .optional()
      .describe('Tunnel endpoints announced as our own'),
    tunnel_endpoint: AddressText.optional().describe(
      'IPv6 address that packets to what BGP and static routes reach are tunnelled to; default: they are not announced',
    ),
  })
  .meta({ id: 'Ddm' })
export type Ddm = z.output<typeof Ddm>

export const Mrt = z
  .strictObject({
    directory: z.string().min(1).describe('Relative to the configuration'),
    rib_interval_s: z
      .int()
      .min(1)
      .max(604_800)
      .optional()
      .describe('Write the whole table this often (TABLE_DUMP_V2); default: never'),
    updates: z.boolean().optional().describe('Write the messages of all sessions (BGP4MP); default false'),
    rotate_s: z
      .int()
      .min(1)
      .max(86_400)
      .optional()
      .describe('Begin a new file of messages after this long; default 900'),
  })
  .meta({ id: 'Mrt' })
export type Mrt = z.output<typeof Mrt>

export const BmpStation = z
  .strictObject({
    name: NameText.optional().describe('Default: the address'),
    address: SocketAddressText,
    local_address: AddressText.optional(),
    routes: z
      .array(z.enum(['pre-policy', 'post-policy', 'loc-rib']))
      .min(1)
      .optional()
      .describe('Default: pre-policy'),
    stats_interval_s: z.int().min(1).max(86_400).optional().describe('Default: no statistics'),
    retry_s: z
      .number()
      .min(0.1)
      .max(3600)
      .optional()
      .describe('Pause before connecting again; default 10, growing to 300'),
  })
  .meta({ id: 'BmpStation' })
export type BmpStation = z.output<typeof BmpStation>

export const RoutedFile = z
  .strictObject({
    router: Router,
    prefix_lists: z.record(NameText, PrefixList).optional(),
    policies: z.record(NameText, Policy).optional(),
    groups: z.record(NameText, PeerGroup).optional().describe('Options that several peers share'),
    peers: z.array(Peer).optional(),
    dynamic: z.array(DynamicPeers).optional().describe('Ranges of peers that are accepted without being named'),
    static: z.array(StaticRoute).optional(),
    bfd: z
      .strictObject({
        profiles: z.record(NameText, BfdProfile).optional(),
      })
      .optional(),
    ddm: Ddm.optional().describe('Delay-driven multipath among the routers of a rack; default: not'),
    kernel: Kernel.optional().describe('Program the routes into the kernel; default: not'),
    mrt: Mrt.optional(),
    bmp: z.array(BmpStation).optional(),
    admin: z
      .strictObject({
        listen: z
          .array(AdminPlaceText)
          .describe('Where the admin interface is served. It asks nobody who he is: who reaches it may do everything'),
      })
      .optional(),
    metrics: z
      .strictObject({
        listen: z.array(AdminPlaceText).describe('Where /metrics is served, beside the admin interface'),
      })
      .optional(),
  })
  .meta({ id: 'RoutedFile', title: 'Configuration of lode routed' })
export type RoutedFile = z.output<typeof RoutedFile>
