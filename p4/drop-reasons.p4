// Why the switch dropped a packet. Numbers are append-only; switchd gives each its sentence and hint.
// The low numbers follow the hardware switch's own list, so that people who know that one feel at home.

const bit<8> DROP_IPV4_NOT_OURS = 0x01;
const bit<8> DROP_IPV6_NOT_OURS = 0x02;
const bit<8> DROP_BAD_PING = 0x03;
const bit<8> DROP_BAD_TUNNEL_PAYLOAD = 0x04;
const bit<8> DROP_MULTICAST_INTERFACE_LOCAL = 0x09;
const bit<8> DROP_IPV4_CHECKSUM = 0x0a;
const bit<8> DROP_IPV4_TTL_ZERO = 0x0b;
const bit<8> DROP_IPV6_HOP_LIMIT_ZERO = 0x0d;
const bit<8> DROP_NAT_MISS = 0x11;
const bit<8> DROP_EGRESS_BLOCKED = 0x12;
const bit<8> DROP_NO_MULTICAST_GROUP = 0x13;
const bit<8> DROP_BAD_MULTICAST_MAC = 0x14;
const bit<8> DROP_TUNNEL_OPTION = 0x1a;
const bit<8> DROP_SCTP = 0x1b;
// Not in the hardware's list.
const bit<8> DROP_IPV4_HEADER = 0x40;
const bit<8> DROP_IPV6_HEADER = 0x41;
const bit<8> DROP_ETHER_TYPE = 0x42;
const bit<8> DROP_SIDECAR_FROM_FRONT = 0x43;
const bit<8> DROP_CPU_WITHOUT_SIDECAR = 0x44;
const bit<8> DROP_LINK_LOCAL_FORWARD = 0x45;
const bit<8> DROP_BROADCAST = 0x46;
const bit<8> DROP_NO_MAC = 0x47;
const bit<8> DROP_CONGESTED = 0x48;
