/**
 * Why a switch dropped a frame, in words. Numbers below 0x100 are the pipeline program's (`p4/drop-reasons.p4`) and the
 * engine's; from 0x100 on they are the switch node's and the CPU port's. Append-only, never renumbered: people quote them.
 */
import type { DropReason } from '@lodestone/probe'

/** Drops that happen outside of the pipeline: at the ports, and on the CPU's side of its port. */
export const NODE_DROP = {
  // The hardware's numbers, for packets that the pipeline handed to the CPU and that end there.
  arpMiss: 0x06,
  ndpMiss: 0x08,
  ipv4TtlExceeded: 0x0c,
  ipv6HopLimitExceeded: 0x0e,
  ipv4Unroutable: 0x0f,
  ipv6Unroutable: 0x10,
  portUnknown: 0x100,
  portDown: 0x101,
  portDisabled: 0x102,
  cpuQueueFull: 0x103,
  cpuRunt: 0x104,
  cpuCode: 0x105,
  cpuNoHeadroom: 0x106,
  cpuNoReceiver: 0x107,
  neighborQueueFull: 0x108,
} as const

/** Above every number of `NODE_DROP`. */
export const NODE_DROP_LIMIT = 0x110

const reason = (code: string, sentence: string, hint?: string): DropReason => ({
  code: `SW_${code}`,
  sentence,
  ...(hint === undefined ? {} : { hint }),
})

/** Every reason by its number. */
export const dropReasons: ReadonlyMap<number, DropReason> = new Map<number, DropReason>([
  [0x00, reason('UNSPECIFIED', 'The pipeline dropped the packet and gave no reason.')],
  [
    0x01,
    reason(
      'IPV4_NOT_OURS',
      'The packet is for an IPv4 address that the switch has on another port, or an ARP request for an address that it does not have.',
      'Send it to the port that has the address, or add the address to this port.',
    ),
  ],
  [
    0x02,
    reason(
      'IPV6_NOT_OURS',
      'The packet is for an IPv6 address that the switch has on another port.',
      'Send it to the port that has the address, or add the address to this port.',
    ),
  ],
  [0x03, reason('BAD_PING', 'An echo request to the switch has a code other than 0.')],
  [
    0x04,
    reason(
      'BAD_TUNNEL_PAYLOAD',
      'The switch can neither open this tunnel packet, as it carries neither IPv4 nor IPv6, nor put it into another tunnel.',
      'Look at what the sender encapsulated.',
    ),
  ],
  [
    NODE_DROP.arpMiss,
    reason(
      'ARP_MISS',
      'The next hop did not tell its MAC address in time.',
      'Check that the next hop is up, on that link, and configured with the address that the route names.',
    ),
  ],
  [
    NODE_DROP.ndpMiss,
    reason(
      'NDP_MISS',
      'The IPv6 next hop did not tell its MAC address in time.',
      'Check that the next hop is up, on that link, and configured with the address that the route names.',
    ),
  ],
  [0x09, reason('MULTICAST_INTERFACE_LOCAL', 'Multicast of interface-local scope does not belong on a wire.')],
  [0x0a, reason('IPV4_CHECKSUM', 'The IPv4 header checksum is wrong.', 'The frame was damaged, or badly made.')],
  [0x0b, reason('IPV4_TTL_ZERO', 'The packet arrived with a time to live of 0.')],
  [NODE_DROP.ipv4TtlExceeded, reason('IPV4_TTL_EXCEEDED', 'The time to live of the packet ran out at this switch.')],
  [0x0d, reason('IPV6_HOP_LIMIT_ZERO', 'The packet arrived with a hop limit of 0.')],
  [
    NODE_DROP.ipv6HopLimitExceeded,
    reason('IPV6_HOP_LIMIT_EXCEEDED', 'The hop limit of the packet ran out at this switch.'),
  ],
  [
    NODE_DROP.ipv4Unroutable,
    reason(
      'IPV4_UNROUTABLE',
      'The switch has no route for the destination.',
      'Check what BGP and the static routes give.',
    ),
  ],
  [
    NODE_DROP.ipv6Unroutable,
    reason(
      'IPV6_UNROUTABLE',
      'The switch has no IPv6 route for the destination.',
      'Check what DDM, BGP and the static routes give.',
    ),
  ],
  [
    0x11,
    reason(
      'NAT_MISS',
      'The packet came in by an uplink, and no instance has its destination address and port.',
      'Attach a floating or ephemeral address to an instance, and check that its NAT entry reached this switch.',
    ),
  ],
  [
    0x12,
    reason(
      'EGRESS_BLOCKED',
      "A guest's packet for the outside was routed to a port that is not an uplink.",
      'Check the route of its destination: guests may leave by uplinks only.',
    ),
  ],
  [0x13, reason('NO_MULTICAST_GROUP', 'The switch forwards no multicast, and this group is not its own.')],
  [0x14, reason('BAD_MULTICAST_MAC', "The destination MAC address is not that of the packet's multicast group.")],
  [0x1a, reason('TUNNEL_OPTION', 'A Geneve option is marked critical, and the switch does not know it.')],
  [0x1b, reason('SCTP', 'The switch forwards no SCTP.', 'Use TCP or UDP.')],
  [0x40, reason('IPV4_HEADER', 'The IPv4 header contradicts itself or the length of the frame.')],
  [0x41, reason('IPV6_HEADER', 'The IPv6 header contradicts itself or the length of the frame.')],
  [0x42, reason('ETHER_TYPE', 'The switch handles IPv4, IPv6, ARP and LLDP, and this frame is none of them.')],
  [0x43, reason('SIDECAR_FROM_FRONT', 'A frame with the header of the CPU port came in by another port.')],
  [0x44, reason('CPU_WITHOUT_SIDECAR', 'A frame from the CPU lacks the header that says where it should go.')],
  [0x45, reason('LINK_LOCAL_FORWARD', 'Packets for link-local addresses are not forwarded.')],
  [0x46, reason('BROADCAST', 'The switch forwards no broadcast.')],
  [
    0x47,
    reason(
      'NO_MAC',
      'The port that the packet would leave by has no MAC address.',
      'Give the port a link: apply port settings to it.',
    ),
  ],
  [
    0x48,
    reason(
      'CONGESTED',
      'The underlay met congestion, and the packet’s sender does not understand marks of it (RFC 6040).',
      'Look for the congested link; use ECN.',
    ),
  ],
  [
    0xf0,
    reason('PARSER_REJECT', 'The frame ends before what its own headers promise.', 'The frame was cut, or badly made.'),
  ],
  [0xf1, reason('NO_HEAD_ROOM', 'There is no room in front of the frame for the headers that the switch adds.')],
  [0xf2, reason('NO_SUCH_PORT', 'The pipeline chose a port that this switch does not have.', 'Check the route.')],
  [0xf3, reason('EMPTY_GROUP', 'The multicast group has no other port.')],
  [0xf4, reason('NO_FRAME', 'No memory was left for a copy of the packet.')],
  [NODE_DROP.portUnknown, reason('PORT_UNKNOWN', 'The packet would leave by a port that this switch does not have.')],
  [NODE_DROP.portDown, reason('PORT_DOWN', 'The port that the packet would leave by has no carrier.')],
  [
    NODE_DROP.portDisabled,
    reason('PORT_DISABLED', 'The port has no link, or its link is disabled.', 'Enable the link.'),
  ],
  [NODE_DROP.cpuQueueFull, reason('CPU_QUEUE_FULL', 'Too many frames wait to enter the pipeline.')],
  [NODE_DROP.cpuRunt, reason('CPU_RUNT', 'A frame on the CPU port is too short for its headers.')],
  [NODE_DROP.cpuCode, reason('CPU_CODE', 'The CPU does not know what the pipeline wants with this packet.')],
  [NODE_DROP.cpuNoHeadroom, reason('CPU_NO_HEADROOM', 'There is no room for the CPU header in front of the frame.')],
  [
    NODE_DROP.neighborQueueFull,
    reason('NEIGHBOR_QUEUE_FULL', 'Too many packets already wait for the MAC address of this next hop.'),
  ],
  [
    NODE_DROP.cpuNoReceiver,
    reason('CPU_NO_RECEIVER', 'The packet is for the switch itself, and no stack listens on that port.'),
  ],
])

/** The reason of a number; one that is not in the table is described by the number alone. */
export function dropReason(number: number): DropReason {
  return (
    dropReasons.get(number) ?? {
      code: `SW_REASON_0X${number.toString(16).toUpperCase().padStart(2, '0')}`,
      sentence: `The switch dropped the packet for reason 0x${number.toString(16).padStart(2, '0')}.`,
    }
  )
}
