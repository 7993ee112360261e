/** A switch as the rack sets it up, over the real program: one uplink, one sled, one instance with 1.2.3.4. */
import assert from 'node:assert/strict'
import { Ip, Prefix } from '@lodestone/net'
import { fixIpv4Checksum } from '@lodestone/packet'
import type { Program } from '@lodestone/p4'
import { realRig } from './compiled-switch.fixture.ts'
import { GUEST_MAC, GUEST_VNI, ROUTER_MAC, SLED_IP, SLED_MAC, TUNNEL_SOURCE } from './frames.fixture.ts'
import type { Rig } from './rig.fixture.ts'

export const QSFP0 = 33
export const REAR0 = 1
export const REAR1 = 2
export const ROUTER = Ip.of('192.0.2.1')
export const SLED_LINK = Ip.of('fe80::aa40:25ff:fe04:270')
export const GATEWAY = Ip.of('198.51.100.1')

/** Started and set up. */
export function rackOf(program: Program): Rig {
  const rig = realRig(program)
  const { switchd } = rig
  const outcomes = [
    switchd.start(),
    switchd.addAddress(Ip.of('192.0.2.2'), QSFP0),
    switchd.addAddress(TUNNEL_SOURCE),
    switchd.addAddress(GATEWAY),
    switchd.setTunnelSource(TUNNEL_SOURCE),
    switchd.setRoute(Prefix.of('0.0.0.0/0'), [{ port: QSFP0, nextHop: ROUTER }]),
    switchd.setRoute(Prefix.of('fd00:1122:3344:104::/64'), [{ port: REAR0, nextHop: SLED_LINK }]),
    switchd.setRoute(Prefix.of('fd00:1122:3344:101::/64'), [{ port: REAR1, nextHop: SLED_LINK }]),
    switchd.setNeighbor(QSFP0, ROUTER, ROUTER_MAC),
    switchd.setNeighbor(REAR0, SLED_LINK, SLED_MAC),
    switchd.setNeighbor(REAR1, SLED_LINK, SLED_MAC),
    switchd.nat.put(1, [
      {
        external: Ip.of('1.2.3.4'),
        firstPort: 0,
        lastPort: 65535,
        sled: SLED_IP,
        innerMac: GUEST_MAC,
        vni: GUEST_VNI,
      },
    ]),
  ]
  for (const outcome of outcomes) assert.ok(outcome.ok)
  return rig
}

/** The one frame of a list that must have exactly one. */
export function only(frames: readonly Uint8Array[]): Uint8Array {
  assert.equal(frames.length, 1)
  return frames[0]!
}

/** A copy of `frame` with bytes written at offsets, and its IPv4 header checksum made right again if there is one. */
export function edited(frame: Uint8Array, changes: Readonly<Record<number, number>>, fixAt?: number): Uint8Array {
  const copy = frame.slice()
  for (const [at, value] of Object.entries(changes)) copy[Number(at)] = value
  if (fixAt !== undefined) fixIpv4Checksum(copy, fixAt)
  return copy
}
