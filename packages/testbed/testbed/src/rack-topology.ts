/**
 * The rack as a topology program: sleds wired to two switches, each switch wired to two upstream routers, and a client on the
 * internet behind both routers.
 *
 *               client
 *              /      \
 *           isp0      isp1          upstream routers, eBGP
 *             | \    / |
 *             |  \  /  |            qsfp0, qsfp1
 *           switch0  switch1
 *             |  \  /  |            rear0 … rearN
 *           sled0 … sledN           nic0 to switch0, nic1 to switch1
 */
import { Mac, Prefix } from '@lodestone/net'
import {
  CLIENT_ADDRESS,
  CLIENT_ASN,
  CLIENT_PREFIX,
  clientLinkPrefix,
  DEFAULT_POOL,
  RACK_ASN,
  sledAddress,
  sledNicMac,
  sledPrefix,
  switchPortMac,
  switchZoneAddress,
  tunnelEndpoint,
  UPSTREAM_ASN,
  uplinkPrefix,
} from './rack-plan.ts'
import type {
  HostSpec,
  InterfaceSpec,
  LinkSpec,
  MultipathMode,
  SledSpec,
  SwitchPortSpec,
  SwitchSpec,
  Topology,
} from './topology.ts'

export interface RackOptions {
  /** 1 … 32. */
  readonly sleds: number
  /** Places for sleds, of which the first are taken; default: as many as there are sleds. */
  readonly places?: number
  /** How sleds choose between the switches; default: by a hash of the flow. */
  readonly multipath?: MultipathMode
}

const SWITCHES = [0, 1] as const
const ROUTERS = [0, 1] as const
const UNDERLAY_MTU = 9216
const EXTERNAL_MTU = 1500

export function rackTopology(options: RackOptions): Topology {
  const sleds = Array.from({ length: options.sleds }, (_, index) => index)
  const links: LinkSpec[] = []
  for (const sw of SWITCHES) {
    for (const sled of sleds) links.push(sledLink(sled, sw))
    for (const router of ROUTERS) {
      links.push({
        name: `switch${sw}-isp${router}`,
        a: { node: `switch${sw}`, port: `qsfp${router}` },
        b: { node: `isp${router}`, port: `switch${sw}` },
        delayMs: 0.2,
        rateBps: 100e9,
        lossRatio: 0,
        mtuBytes: EXTERNAL_MTU,
      })
    }
  }
  for (const router of ROUTERS) {
    links.push({
      name: `isp${router}-client`,
      a: { node: `isp${router}`, port: 'client' },
      b: { node: 'client', port: `isp${router}` },
      delayMs: 1,
      rateBps: 10e9,
      lossRatio: 0,
      mtuBytes: EXTERNAL_MTU,
    })
  }
  return {
    name: 'rack',
    nodes: [
      ...sleds.map((index) => sledSpec(index, options.multipath ?? 'hash')),
      ...SWITCHES.map((index) => switchSpec(index, options.sleds, Math.max(options.sleds, options.places ?? 0))),
      ...ROUTERS.map(routerSpec),
      clientSpec(),
    ],
    links,
  }
}

function sledLink(sled: number, sw: number): LinkSpec {
  return {
    name: `sled${sled}-switch${sw}`,
    a: { node: `sled${sled}`, port: `nic${sw}` },
    b: { node: `switch${sw}`, port: `rear${sled}` },
    delayMs: 0.02,
    rateBps: 100e9,
    lossRatio: 0,
    mtuBytes: UNDERLAY_MTU,
  }
}

/**
 * The same rack with another board in a place: a new sled where there was none, or one instead of the one that was there.
 * @param place one that the switches have a port for.
 */
export function withSled(
  topology: Topology,
  place: number,
  sled: { serial: string; multipath: MultipathMode },
): Topology {
  const spec: SledSpec = { ...sledSpec(place, sled.multipath), serial: sled.serial }
  const before = topology.nodes.find((node) => node.name === spec.name)
  if (before !== undefined) {
    const { services, internalDns } = before as SledSpec // because its name is a sled's
    const whole = {
      ...spec,
      ...(services === undefined ? {} : { services }),
      ...(internalDns === undefined ? {} : { internalDns }),
    }
    return { ...topology, nodes: topology.nodes.map((node) => (node === before ? whole : node)) }
  }
  const sleds = topology.nodes.filter(({ kind }) => kind === 'sled')
  const rest = topology.nodes.filter(({ kind }) => kind !== 'sled')
  return {
    ...topology,
    nodes: [...sleds, spec, ...rest],
    links: [...topology.links, ...SWITCHES.map((sw) => sledLink(place, sw))],
  }
}

function sledSpec(index: number, multipath: MultipathMode): SledSpec {
  return {
    kind: 'sled',
    name: `sled${index}`,
    nics: SWITCHES.map((nic) => ({
      name: `nic${nic}`,
      mac: sledNicMac(index, nic),
      mtuBytes: UNDERLAY_MTU,
      addresses: [],
    })),
    prefix: sledPrefix(index),
    address: sledAddress(index),
    multipath,
  }
}

function switchSpec(index: number, sledCount: number, places: number): SwitchSpec {
  const rear = Array.from({ length: places }, (_, sled): SwitchPortSpec => ({
    name: `rear${sled}`,
    mac: switchPortMac(index, `rear${sled}`),
    mtuBytes: UNDERLAY_MTU,
    isUplink: false,
    addresses: [],
  }))
  const front = ROUTERS.map((router): SwitchPortSpec => ({
    name: `qsfp${router}`,
    mac: switchPortMac(index, `qsfp${router}`),
    mtuBytes: EXTERNAL_MTU,
    isUplink: true,
    addresses: [hostIn(uplinkPrefix(router, index), 2)],
  }))
  return {
    kind: 'switch',
    name: `switch${index}`,
    ports: [...rear, ...front],
    zoneAddress: switchZoneAddress(index, sledCount),
    tunnelEndpoint: tunnelEndpoint(index),
    bgp: {
      asn: RACK_ASN,
      routerId: uplinkPrefix(0, index).nth(2),
      peers: ROUTERS.map((router) => ({
        name: `isp${router}`,
        address: uplinkPrefix(router, index).nth(1),
        asn: UPSTREAM_ASN[router]!,
      })),
      originate: [DEFAULT_POOL.prefix],
    },
  }
}

function routerSpec(router: number): HostSpec {
  const toSwitches = SWITCHES.map((sw): InterfaceSpec => ({
    name: `switch${sw}`,
    mac: externalMac(router, sw),
    mtuBytes: EXTERNAL_MTU,
    addresses: [hostIn(uplinkPrefix(router, sw), 1)],
  }))
  return {
    kind: 'host',
    name: `isp${router}`,
    interfaces: [
      ...toSwitches,
      {
        name: 'client',
        mac: externalMac(router, 2),
        mtuBytes: EXTERNAL_MTU,
        addresses: [hostIn(clientLinkPrefix(router), 1)],
      },
    ],
    loopbacks: [],
    forwarding: true,
    bgp: {
      asn: UPSTREAM_ASN[router]!,
      routerId: clientLinkPrefix(router).nth(1),
      peers: [
        ...SWITCHES.map((sw) => ({
          name: `switch${sw}`,
          address: uplinkPrefix(router, sw).nth(2),
          asn: RACK_ASN,
        })),
        { name: 'client', address: clientLinkPrefix(router).nth(2), asn: CLIENT_ASN },
      ],
      originate: [Prefix.of('0.0.0.0/0')],
    },
  }
}

function clientSpec(): HostSpec {
  return {
    kind: 'host',
    name: 'client',
    interfaces: ROUTERS.map((router) => ({
      name: `isp${router}`,
      mac: externalMac(2, router),
      mtuBytes: EXTERNAL_MTU,
      addresses: [hostIn(clientLinkPrefix(router), 2)],
    })),
    loopbacks: [CLIENT_ADDRESS],
    forwarding: false,
    bgp: {
      asn: CLIENT_ASN,
      routerId: CLIENT_ADDRESS,
      peers: ROUTERS.map((router) => ({
        name: `isp${router}`,
        address: clientLinkPrefix(router).nth(1),
        asn: UPSTREAM_ASN[router]!,
      })),
      originate: [CLIENT_PREFIX],
    },
  }
}

/** MACs outside the rack, in the locally administered range. */
function externalMac(node: number, port: number): Mac {
  return Mac.fromNumber(0x02005e_000000 + (node + 1) * 0x100 + port + 1)
}

function hostIn(prefix: Prefix, index: number): Prefix {
  return new Prefix(prefix.nth(index), prefix.length)
}

/** For messages: what the client is called. */
export const CLIENT_NAME = 'client'
