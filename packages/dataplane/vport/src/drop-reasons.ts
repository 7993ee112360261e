/**
 * Why the engine drops a packet. The number of a reason is its index here: append only, never renumber, because
 * counters, captures and saved stories refer to it.
 */
import type { DropReason } from '@lodestone/probe'

function reason(code: string, sentence: string, hint?: string): DropReason {
  return hint === undefined ? { code, sentence } : { code, sentence, hint }
}

/** Index = number. Number 0 is never used for a drop. */
export const DROP_REASONS: readonly DropReason[] = [
  reason('NONE', 'The packet was not dropped.'),
  reason('PARSE_TRUNCATED', 'The frame ends inside a header or before a length it announces.'),
  reason('PARSE_BAD_VERSION', 'The IP or Geneve version field does not fit.'),
  reason('PARSE_BAD_IHL', 'The IPv4 header length is below 20 bytes or beyond the packet.'),
  reason('PARSE_BAD_LEN', 'A length field contradicts the header it belongs to.'),
  reason('PARSE_BAD_DATA_OFFSET', 'The TCP data offset is below 5 words.'),
  reason(
    'PARSE_FRAGMENT',
    'Fragments for the gateway itself are not put together.',
    'Send the gateway packets that fit the interface’s MTU.',
  ),
  reason('PARSE_UNWANTED_PROTO', 'The packet has no transport protocol, or the ICMP of the other family.'),
  reason('PARSE_BAD_TUNNEL_OPT', 'A Geneve option is malformed, or critical and unknown.'),
  reason('NOT_OURS_OUTER', 'The encapsulated packet is for another underlay address, or is not Geneve.'),
  reason(
    'NOT_OURS_VNI',
    'No port of this sled has the packet’s VNI and MAC address.',
    'A sender has an outdated virtual-to-physical mapping, or the instance has moved.',
  ),
  reason(
    'UL_UNKNOWN_SOURCE',
    'The encapsulated packet comes from an underlay address that is no sled and no switch.',
    'Check the underlay for a foreign sender, and the list of peers for a missing one.',
  ),
  reason(
    'UL_FORGED_EXTERNAL',
    'A switch sent a packet without the mark for traffic from outside: it would count as the VPC’s own.',
    'A switch that claims to be a sled is broken or hostile.',
  ),
  reason(
    'GW_SPOOF_IP',
    'The guest sent from an IP address that is not its own.',
    'Add the prefix to the interface’s transit IPs if the guest forwards for others.',
  ),
  reason('GW_SPOOF_MAC', 'The guest sent from a MAC address that is not its own.'),
  reason(
    'GW_ARP_OTHER',
    'ARP is answered for the gateway only; all other traffic goes through the gateway anyway.',
    'Use the /32 address and the routes from DHCP.',
  ),
  reason('GW_NDP_OTHER', 'Neighbour discovery other than asking for the gateway does not leave the guest.'),
  reason('GW_DHCP_BAD', 'The DHCP message is malformed or not one that a client sends here.'),
  reason('GW_NOT_FOR_PORT', 'After translation the packet is not for the guest’s address.'),
  reason('GW_NOT_IP', 'The frame is neither ARP nor IP of a family that the port has.'),
  reason('FW_DENY_RULE', 'A firewall rule denies it.', 'Change or disable the rule that is named.'),
  reason(
    'FW_DEFAULT_DENY',
    'No firewall rule allows it, and inbound traffic is denied by default.',
    'Add a firewall rule that allows this protocol, port and source.',
  ),
  reason('RT_NO_ROUTE', 'No route of the VPC covers the destination.', 'Add a route for it to the subnet’s router.'),
  reason('RT_DROP_ROUTE', 'The route for the destination says drop.'),
  reason(
    'NAT_NO_EIP',
    'The packet is for the internet and the instance has no external address that this gateway may use.',
    'Attach an ephemeral or floating IP, or attach its pool to the internet gateway.',
  ),
  reason(
    'NAT_POOL_EMPTY',
    'All source ports of the shared address are in use or were released too recently.',
    'Attach a floating or ephemeral IP of its own, or wait.',
  ),
  reason('NAT_ICMP_UNSUPPORTED', 'Behind a shared address only ICMP echo can be translated.'),
  reason(
    'NAT_NO_MAPPING',
    'It came for the shared address, and no connection of the guest owns that port.',
    'Connections to a shared address start inside; attach a floating IP to be reachable.',
  ),
  reason(
    'OV_NO_V2P',
    'The sled does not know where the destination address of the VPC lives.',
    'No such instance is running, or the mapping has not arrived yet.',
  ),
  reason(
    'OV_NO_V2B',
    'No boundary route covers the destination.',
    'Check that the switches announce tunnel endpoints.',
  ),
  reason('OV_NO_TEP', 'The boundary route has no tunnel endpoint left.', 'Both switches are unreachable from here.'),
  reason('OV_EIP_ON_INTERNAL', 'The packet stays in the VPC and yet was given an external address.'),
  reason('OV_MCAST_TCP', 'TCP cannot be sent to a multicast group.'),
  reason('OV_MCAST_UNSUPPORTED', 'Broadcast and groups of link-local scope do not leave the guest.'),
  reason('TCP_UNEXPECTED', 'The TCP segment opens no connection and belongs to none.'),
  reason('TCP_TABLE_FULL', 'The table of TCP connections is full and nothing in it may be evicted.'),
  reason('FLOW_TABLE_FULL', 'The table of flows is full and nothing in it may be evicted.'),
  reason(
    'MTU_EXCEEDED',
    'The packet is larger than the path carries.',
    'The sender was told the size by ICMP where it could be; do not filter it.',
  ),
  reason('NO_BUFFER', 'No frame buffer was free.'),
  reason('PORT_STATE', 'The port has been removed or no guest is attached.'),
  reason('PARSE_BAD_EXTENSION', 'The IPv6 extension headers are out of order or too many.'),
  reason(
    'FRAG_NO_FIRST',
    'No first fragment of this datagram has passed in time, so nothing says which flow the fragment belongs to.',
    'The first one was refused, lost, or is too far behind; lower the sender’s MTU or let path MTU discovery work.',
  ),
  reason('FRAG_OVERLAP', 'The fragment covers what another one has covered, or goes beyond the last one.'),
  reason('FRAG_TINY', 'The first fragment does not hold the whole transport header.'),
  reason('FRAG_TOO_MANY', 'The datagram has more fragments than are kept track of.', 'Send larger fragments.'),
  reason(
    'FW_PROTO_NEEDS_RULE',
    'TCP, UDP, ICMP and ICMPv6 may leave by default; another IP protocol needs a firewall rule that names it.',
    'Add firewall rules that name the protocol, in both directions.',
  ),
  reason(
    'OV_MCAST_NO_MEMBER',
    'No instance of the VPC has subscribed to the group.',
    'Subscribe an interface to the group.',
  ),
  reason('NOT_OURS_GROUP', 'No other port of this sled has subscribed to the group.'),
  reason(
    'GW_MCAST_SOURCE',
    'The guest’s subscription does not admit this source.',
    'Change the sources of the subscription.',
  ),
  reason(
    'QOS_RATE_OUT',
    'The guest sends more than its interface may.',
    'Send less, or raise the limit of the interface.',
  ),
  reason(
    'QOS_RATE_IN',
    'The guest is sent more than its interface may receive.',
    'Ask for less, or raise the limit of the interface.',
  ),
  reason(
    'NAT_PROTO_UNSUPPORTED',
    'A protocol without ports cannot share an address.',
    'Attach a floating or ephemeral IP of its own.',
  ),
  reason(
    'OV_CONGESTED',
    'The underlay met congestion, and the packet’s sender does not understand marks of it (RFC 6040).',
    'Look for the congested link; use ECN.',
  ),
  reason(
    'FRAG_WAIT_FULL',
    'More fragments wait for the first ones of their datagrams than are kept.',
    'Lower the sender’s MTU or let path MTU discovery work.',
  ),
  reason('GW_GROUP_BAD', 'The message about multicast groups is malformed or not one that a listener sends.'),
  reason(
    'GW_GROUP_REFUSED',
    'The guest wants a multicast group that its interface may not join, or more of them than it may have.',
    'Permit the group on the interface, or leave others first.',
  ),
]

const numbers = new Map(DROP_REASONS.map((entry, number) => [entry.code, number]))

function numberOf(code: string): number {
  const number = numbers.get(code)
  if (number === undefined) throw new Error(`no drop reason ${code}`)
  return number
}

/** Numbers by a short name, for the code that drops. */
export const Drop = {
  none: 0,
  truncated: numberOf('PARSE_TRUNCATED'),
  badVersion: numberOf('PARSE_BAD_VERSION'),
  badIhl: numberOf('PARSE_BAD_IHL'),
  badLength: numberOf('PARSE_BAD_LEN'),
  badDataOffset: numberOf('PARSE_BAD_DATA_OFFSET'),
  fragment: numberOf('PARSE_FRAGMENT'),
  unwantedProtocol: numberOf('PARSE_UNWANTED_PROTO'),
  badTunnelOption: numberOf('PARSE_BAD_TUNNEL_OPT'),
  notOursOuter: numberOf('NOT_OURS_OUTER'),
  notOursVni: numberOf('NOT_OURS_VNI'),
  unknownSource: numberOf('UL_UNKNOWN_SOURCE'),
  forgedExternal: numberOf('UL_FORGED_EXTERNAL'),
  spoofIp: numberOf('GW_SPOOF_IP'),
  spoofMac: numberOf('GW_SPOOF_MAC'),
  arpOther: numberOf('GW_ARP_OTHER'),
  ndpOther: numberOf('GW_NDP_OTHER'),
  dhcpBad: numberOf('GW_DHCP_BAD'),
  notForPort: numberOf('GW_NOT_FOR_PORT'),
  notIp: numberOf('GW_NOT_IP'),
  denyRule: numberOf('FW_DENY_RULE'),
  defaultDeny: numberOf('FW_DEFAULT_DENY'),
  noRoute: numberOf('RT_NO_ROUTE'),
  dropRoute: numberOf('RT_DROP_ROUTE'),
  noExternalIp: numberOf('NAT_NO_EIP'),
  poolEmpty: numberOf('NAT_POOL_EMPTY'),
  icmpUnsupported: numberOf('NAT_ICMP_UNSUPPORTED'),
  noMapping: numberOf('NAT_NO_MAPPING'),
  noV2p: numberOf('OV_NO_V2P'),
  noV2b: numberOf('OV_NO_V2B'),
  noTunnelEndpoint: numberOf('OV_NO_TEP'),
  externalOnInternal: numberOf('OV_EIP_ON_INTERNAL'),
  multicastTcp: numberOf('OV_MCAST_TCP'),
  multicast: numberOf('OV_MCAST_UNSUPPORTED'),
  tcpUnexpected: numberOf('TCP_UNEXPECTED'),
  tcpTableFull: numberOf('TCP_TABLE_FULL'),
  flowTableFull: numberOf('FLOW_TABLE_FULL'),
  mtuExceeded: numberOf('MTU_EXCEEDED'),
  noBuffer: numberOf('NO_BUFFER'),
  portState: numberOf('PORT_STATE'),
  badExtension: numberOf('PARSE_BAD_EXTENSION'),
  fragmentOrphan: numberOf('FRAG_NO_FIRST'),
  fragmentOverlap: numberOf('FRAG_OVERLAP'),
  fragmentTiny: numberOf('FRAG_TINY'),
  fragmentTooMany: numberOf('FRAG_TOO_MANY'),
  protocolNeedsRule: numberOf('FW_PROTO_NEEDS_RULE'),
  noMember: numberOf('OV_MCAST_NO_MEMBER'),
  notOursGroup: numberOf('NOT_OURS_GROUP'),
  multicastSource: numberOf('GW_MCAST_SOURCE'),
  rateOut: numberOf('QOS_RATE_OUT'),
  rateIn: numberOf('QOS_RATE_IN'),
  protocolUnsupported: numberOf('NAT_PROTO_UNSUPPORTED'),
  congestionUnheard: numberOf('OV_CONGESTED'),
  fragmentWaitFull: numberOf('FRAG_WAIT_FULL'),
  groupBad: numberOf('GW_GROUP_BAD'),
  groupRefused: numberOf('GW_GROUP_REFUSED'),
} as const

export function dropReason(number: number): DropReason {
  return DROP_REASONS[number] ?? DROP_REASONS[0]!
}
