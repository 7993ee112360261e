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
  CLIENT_ADDRESS6,
  CLIENT_ASN,
  CLIENT_PREFIX,
  CLIENT_PREFIX6,
  clientLinkPrefix,
  clientLinkPrefix6,
  DEFAULT_POOL,
  DEFAULT_POOL6,
  RACK_ASN,
  sledAddress,
  sledNicMac,
  sledPrefix,
  switchPortMac,
  switchZoneAddress,
  tunnelEndpoint,
  UPSTREAM_ASN,
  uplinkPrefix,
  uplinkPrefix6,
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
  /** What the world outside speaks; default: IPv4 only. */
  readonly outside?: Outside
}

/** `dual-stack`: IPv6 as well, with addresses, BGP sessions and a prefix of the rack of its own. */
export type Outside = 'ipv4' | 'dual-stack'

const SWITCHES = [0, 1] as const
const ROUTERS = [0, 1] as const
/** The families of the outside, and what is different in each. */
type Family = 4 | 6
const IPV4_ONLY: readonly Family[] = [4]
const BOTH: readonly Family[] = [4, 6]
const UPLINK = { 4: uplinkPrefix, 6: uplinkPrefix6 } as const
const CLIENT_LINK = { 4: clientLinkPrefix, 6: clientLinkPrefix6 } as const
const POOL = { 4: DEFAULT_POOL.prefix, 6: DEFAULT_POOL6.prefix } as const
const CLIENT_AT = { 4: CLIENT_ADDRESS, 6: CLIENT_ADDRESS6 } as const
const CLIENT_NET = { 4: CLIENT_PREFIX, 6: CLIENT_PREFIX6 } as const
const EVERYTHING = { 4: Prefix.of('0.0.0.0/0'), 6: Prefix.of('::/0') } as const
const UNDERLAY_MTU = 9216
const EXTERNAL_MTU = 1500

export function rackTopology(options: RackOptions): Topology {
  const families = options.outside === 'dual-stack' ? BOTH : IPV4_ONLY
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
      ...SWITCHES.map((index) =>
        switchSpec(index, options.sleds, Math.max(options.sleds, options.places ?? 0), families),
      ),
      ...ROUTERS.map((router) => routerSpec(router, families)),
      clientSpec(families),
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

function switchSpec(index: number, sledCount: number, places: number, families: readonly Family[]): SwitchSpec {
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
    addresses: families.map((family) => hostIn(UPLINK[family](router, index), 2)),
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
      peers: families.flatMap((family) =>
        ROUTERS.map((router) => ({
          name: sessionName(`isp${router}`, family),
          address: UPLINK[family](router, index).nth(1),
          asn: UPSTREAM_ASN[router]!,
        })),
      ),
      originate: families.map((family) => POOL[family]),
    },
  }
}

function routerSpec(router: number, families: readonly Family[]): HostSpec {
  const toSwitches = SWITCHES.map((sw): InterfaceSpec => ({
    name: `switch${sw}`,
    mac: externalMac(router, sw),
    mtuBytes: EXTERNAL_MTU,
    addresses: families.map((family) => hostIn(UPLINK[family](router, sw), 1)),
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
        addresses: families.map((family) => hostIn(CLIENT_LINK[family](router), 1)),
      },
    ],
    loopbacks: [],
    forwarding: true,
    bgp: {
      asn: UPSTREAM_ASN[router]!,
      routerId: clientLinkPrefix(router).nth(1),
      peers: families.flatMap((family) => [
        ...SWITCHES.map((sw) => ({
          name: sessionName(`switch${sw}`, family),
          address: UPLINK[family](router, sw).nth(2),
          asn: RACK_ASN,
        })),
        { name: sessionName('client', family), address: CLIENT_LINK[family](router).nth(2), asn: CLIENT_ASN },
      ]),
      originate: families.map((family) => EVERYTHING[family]),
    },
  }
}

function clientSpec(families: readonly Family[]): HostSpec {
  return {
    kind: 'host',
    name: 'client',
    interfaces: ROUTERS.map((router) => ({
      name: `isp${router}`,
      mac: externalMac(2, router),
      mtuBytes: EXTERNAL_MTU,
      addresses: families.map((family) => hostIn(CLIENT_LINK[family](router), 2)),
    })),
    loopbacks: families.map((family) => CLIENT_AT[family]),
    forwarding: false,
    bgp: {
      asn: CLIENT_ASN,
      routerId: CLIENT_ADDRESS,
      peers: families.flatMap((family) =>
        ROUTERS.map((router) => ({
          name: sessionName(`isp${router}`, family),
          address: CLIENT_LINK[family](router).nth(1),
          asn: UPSTREAM_ASN[router]!,
        })),
      ),
      originate: families.map((family) => CLIENT_NET[family]),
    },
  }
}

/** Neighbours have a session for each family. */
function sessionName(neighbor: string, family: Family): string {
  return family === 4 ? neighbor : `${neighbor}-ipv6`
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
