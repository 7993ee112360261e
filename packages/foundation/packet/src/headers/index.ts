/** Every header definition, in the order in which they are generated and exported. */
import type { HeaderDefinition } from './definition.ts'
import { ddm, ddmElement, icmp, icmpv6, ipv4, ipv6, ipv6Ext, ipv6Fragment } from './internet.def.ts'
import { ndpNeighborAdvert, ndpNeighborSolicit, ndpOption, ndpRouterAdvert, ndpRouterSolicit } from './internet.def.ts'
import { arp, ethernet, sidecar, vlan } from './link.def.ts'
import { dhcp, geneve, geneveOption, tcp, udp } from './transport.def.ts'

export const headerDefinitions: readonly HeaderDefinition[] = [
  ethernet,
  vlan,
  arp,
  sidecar,
  ipv4,
  ipv6,
  ipv6Ext,
  ipv6Fragment,
  ddm,
  ddmElement,
  icmp,
  icmpv6,
  ndpRouterSolicit,
  ndpRouterAdvert,
  ndpNeighborSolicit,
  ndpNeighborAdvert,
  ndpOption,
  udp,
  tcp,
  geneve,
  geneveOption,
  dhcp,
]
