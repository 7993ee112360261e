// What the controls tell each other about a packet, and the numbers they share with the CPU port.

const port_t CPU_PORT = 0;

// Sidecar header codes.
const bit<8> SIDECAR_FORWARD_FROM_USER = 0x00;
const bit<8> SIDECAR_FORWARD_TO_USER = 0x01;
const bit<8> SIDECAR_ICMP_NEEDED = 0x02;
const bit<8> SIDECAR_ARP_NEEDED = 0x03;
const bit<8> SIDECAR_NEIGHBOR_NEEDED = 0x04;
// From the CPU port: forget that it came from there and route it like any other packet.
const bit<8> SIDECAR_ROUTE_FROM_USER = 0x05;

struct metadata_t {
    // Bytes from the L3 header to the end of the frame.
    bit<32> l3_length;
    bit<16> l4_src_port;
    // For ICMP echo the identifier; for an ICMP error the source port of the packet it quotes.
    bit<16> l4_dst_port;
    bit<16> inner_l4_src_port;
    bit<16> inner_l4_dst_port;
    bool dropped;
    // Where it goes is settled: no routing.
    bool done;
    bool from_cpu;
    bool is_uplink;
    bool is_switch_address;
    bool decapsulated;
    bool encapsulated;
    bool next_hop_is_v6;
    ipv4_t next_hop_v4;
    ipv6_t next_hop_v6;
    bit<12> vlan_id;
}
