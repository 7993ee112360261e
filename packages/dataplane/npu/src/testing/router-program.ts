/**
 * An IPv4 router in IR: longest-prefix route → next hop, exact next hop → MAC addresses and port, TTL decrement, header
 * checksum. Broadcast of frames to ff:ff:ff:ff:ff:ff; drop reason 1 for no route, 2 for an expired TTL.
 */
import type { Expression, Program } from '@lodestone/p4'
import { constant, exact, ProgramBuilder, state } from './program-builder.ts'

export const ROUTER_DROP = { noRoute: 1, expired: 2, notIp: 3 } as const

export function routerProgram(): Program {
  const b = new ProgramBuilder('router')
  b.intrinsic('ingress.port', 16)
  const port = b.intrinsic('egress.port', 16)
  const drop = b.intrinsic('egress.drop', 1)
  const broadcast = b.intrinsic('egress.broadcast', 1)
  const reason = b.intrinsic('egress.dropReason', 8)
  b.intrinsic('egress.multicastGroup', 16)
  b.intrinsic('packet.length', 32)
  b.intrinsic('parser.error', 16)
  const ethernet = b.header('hdr.ethernet', { dst: [48, 'mac'], src: [48, 'mac'], type: [16, 'hex'] })
  const ip = b.header('hdr.ipv4', {
    version: 4,
    ihl: 4,
    diffserv: 8,
    totalLength: 16,
    identification: 16,
    flags: 3,
    fragmentOffset: 13,
    ttl: 8,
    protocol: 8,
    checksum: 16,
    src: [32, 'ipv4'],
    dst: [32, 'ipv4'],
  })
  const nextHop = b.slot('meta.nextHop', 16)
  b.parser('parser', [
    state(
      'start',
      [{ kind: 'extract', header: ethernet.id }],
      [b.load(ethernet.slots.type)],
      [[[exact(0x0800n)], 1]],
      'accept',
    ),
    state('ipv4', [
      { kind: 'extract', header: ip.id },
      {
        kind: 'verify',
        condition: { op: 'eq', width: 1, left: b.load(ip.slots.version), right: constant(4, 4n) },
        error: constant(16, 2n),
      },
    ]),
  ])
  const discard = b.action('ingress.discard', { reason: 8 }, ([why]) => [
    b.assign(drop, 1n),
    b.assign(reason, b.load(why!)),
  ])
  const route = b.action('ingress.route', { next_hop: 16 }, ([hop]) => [b.assign(nextHop, b.load(hop!))])
  const forward = b.action('ingress.forward', { src: 48, dst: 48, port: 16 }, ([src, dst, out]) => [
    b.assign(ethernet.slots.src, b.load(src!)),
    b.assign(ethernet.slots.dst, b.load(dst!)),
    b.assign(port, b.load(out!)),
  ])
  const routes = b.table(
    'ingress.routes',
    [{ name: 'dst', match: 'lpm', expression: b.load(ip.slots.dst) }],
    [route, discard],
    { defaultAction: { action: 1, parameters: [BigInt(ROUTER_DROP.noRoute)] } },
  )
  const hops = b.table(
    'ingress.nextHops',
    [{ name: 'next_hop', match: 'exact', expression: b.load(nextHop) }],
    [forward, discard],
    { size: 1024, defaultAction: { action: 1, parameters: [BigInt(ROUTER_DROP.noRoute)] } },
  )
  const ttlExpired: Expression = {
    op: 'le',
    width: 1,
    signed: false,
    left: b.load(ip.slots.ttl),
    right: constant(8, 1n),
  }
  const isBroadcast: Expression = {
    op: 'eq',
    width: 1,
    left: b.load(ethernet.slots.dst),
    right: constant(48, 0xffffffffffffn),
  }
  const checksummed = Object.entries(ip.slots)
    .filter(([name]) => name !== 'checksum')
    .map(([, slot]) => b.load(slot))
  b.control('ingress', [
    {
      kind: 'if',
      condition: isBroadcast,
      then: [b.assign(broadcast, 1n), { kind: 'return' }],
      else: [],
    },
    {
      kind: 'if',
      condition: b.load(ip.valid),
      then: [
        {
          kind: 'if',
          condition: ttlExpired,
          then: [b.assign(drop, 1n), b.assign(reason, BigInt(ROUTER_DROP.expired))],
          else: [
            { kind: 'apply', table: routes },
            {
              kind: 'if',
              condition: b.load(b.tables[routes]!.hitSlot),
              then: [
                b.assign(ip.slots.ttl, { op: 'sub', width: 8, left: b.load(ip.slots.ttl), right: constant(8, 1n) }),
                { kind: 'apply', table: hops },
                {
                  kind: 'hash',
                  algorithm: 'csum16',
                  inputs: checksummed,
                  payload: false,
                  slot: ip.slots.checksum,
                },
              ],
              else: [],
            },
          ],
        },
      ],
      else: [b.assign(drop, 1n), b.assign(reason, BigInt(ROUTER_DROP.notIp))],
    },
  ])
  b.control('deparser', [
    { kind: 'emit', header: ethernet.id },
    { kind: 'emit', header: ip.id },
  ])
  return b.build()
}
