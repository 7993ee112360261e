/**
 * A rack of a laboratory in parts: its sleds, its two switches and the cables between them, as the testbed's topology has them.
 * The plan of addresses is the rack's (`rackPlan`), moved on by the rack's number so that several fit one network.
 */
import { type LinkSpec, rackPlan, type SledSpec, type SwitchPortSpec, type SwitchSpec } from '@lodestone/testbed'
import { Ip, Prefix } from '@lodestone/net'
import type { NodeOf } from '../document/document.ts'

const SWITCHES = [0, 1] as const
const UNDERLAY_MTU = 9216
const EXTERNAL_MTU = 1500
/** Sleds of one rack in the numbering of MAC addresses. */
const SLEDS_PER_RACK = 32

export interface RackParts {
  readonly nodes: readonly (SledSpec | SwitchSpec)[]
  readonly links: readonly LinkSpec[]
}

/** @param frontPorts as `SWITCH:PORT`. */
export function rackParts(name: string, rack: NodeOf<'rack'>, frontPorts: readonly string[]): RackParts {
  const sleds = Array.from({ length: rack.sleds }, (_, index) => index)
  return {
    nodes: [
      ...sleds.map((index) => sledSpec(name, rack, index)),
      ...SWITCHES.map((index) => switchSpec(name, rack, index, frontPorts)),
    ],
    links: SWITCHES.flatMap((sw) =>
      sleds.map((sled) => ({
        name: `${name}-sled${sled}-switch${sw}`,
        a: { node: `${name}-sled${sled}`, port: `nic${sw}` },
        b: { node: `${name}-switch${sw}`, port: `rear${sled}` },
        delayMs: 0.02,
        rateBps: 100e9,
        lossRatio: 0,
        mtuBytes: UNDERLAY_MTU,
      })),
    ),
  }
}

/** The underlay /64 of a sled: of the rack's own /56. */
export function sledPrefix(rack: number, index: number): Prefix {
  const prefix = rackPlan.sledPrefix(index)
  const bytes = prefix.address.bytes.slice()
  bytes[6] = bytes[6]! + rack
  return new Prefix(Ip.fromBytes(bytes, 0, 16), 64)
}

/** Announced to the world unless the document says otherwise: the default pool, and benchmark ranges (RFC 2544) for further racks. */
export function poolOf(rack: NodeOf<'rack'>): Prefix {
  if (rack.pool !== undefined) return Prefix.of(rack.pool)
  return rack.number === 0 ? rackPlan.DEFAULT_POOL.prefix : Prefix.of(`198.18.${rack.number}.0/24`)
}

function sledSpec(name: string, rack: NodeOf<'rack'>, index: number): SledSpec {
  const prefix = sledPrefix(rack.number, index)
  return {
    kind: 'sled',
    name: `${name}-sled${index}`,
    nics: SWITCHES.map((nic) => ({
      name: `nic${nic}`,
      mac: rackPlan.sledNicMac(rack.number * SLEDS_PER_RACK + index, nic),
      mtuBytes: UNDERLAY_MTU,
      addresses: [],
    })),
    prefix,
    address: prefix.nth(1),
  }
}

function switchSpec(name: string, rack: NodeOf<'rack'>, index: number, frontPorts: readonly string[]): SwitchSpec {
  const number = rack.number * 2 + index
  const rear = Array.from({ length: rack.sleds }, (_, sled): SwitchPortSpec => ({
    name: `rear${sled}`,
    mac: rackPlan.switchPortMac(number, `rear${sled}`),
    mtuBytes: UNDERLAY_MTU,
    isUplink: false,
    addresses: [],
  }))
  const uplinks = rack.uplinks.filter((each) => each.switch === index)
  const front = frontPorts
    .filter((each) => each.startsWith(`${index}:`))
    .map((each) => Number(each.slice(2)))
    .toSorted((a, b) => a - b)
    .map((port): SwitchPortSpec => {
      const uplink = uplinks.find((each) => each.port === port)
      const isInside = uplink?.ddm === true
      return {
        name: `qsfp${port}`,
        mac: rackPlan.switchPortMac(number, `qsfp${port}`),
        mtuBytes: isInside ? UNDERLAY_MTU : EXTERNAL_MTU,
        isUplink: !isInside,
        addresses: uplink?.address === undefined ? [] : [Prefix.of(uplink.address)],
      }
    })
  return {
    kind: 'switch',
    name: `${name}-switch${index}`,
    ports: [...rear, ...front],
    zoneAddress: index < rack.sleds ? sledPrefix(rack.number, index).nth(2) : sledPrefix(rack.number, 0).nth(2 + index),
    tunnelEndpoint: rackPlan.tunnelEndpoint(number),
    bgp: {
      asn: rack.asn ?? rackPlan.RACK_ASN + rack.number,
      routerId: Ip.of(`172.31.${rack.number}.${index + 1}`),
      peers: uplinks.flatMap(({ port, peer }) =>
        peer === undefined ? [] : [{ name: `qsfp${port}`, address: Ip.of(peer.address), asn: peer.asn }],
      ),
      originate: [poolOf(rack)],
    },
  }
}
