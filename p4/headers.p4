// Headers of the rack switch, in the order the deparser emits them.
// Wire formats: IEEE 802.3, 802.1Q, RFC 826, RFC 791, RFC 8200, RFC 792, RFC 4443, RFC 768, RFC 8926 (Geneve).

typedef bit<48> mac_t;
typedef bit<32> ipv4_t;
typedef bit<128> ipv6_t;
typedef bit<16> port_t;
typedef bit<24> vni_t;

const bit<16> ETHERTYPE_IPV4 = 0x0800;
const bit<16> ETHERTYPE_ARP = 0x0806;
const bit<16> ETHERTYPE_VLAN = 0x8100;
const bit<16> ETHERTYPE_IPV6 = 0x86dd;
const bit<16> ETHERTYPE_LLDP = 0x88cc;
const bit<16> ETHERTYPE_SIDECAR = 0x0901;
const bit<16> ETHERTYPE_BRIDGING = 0x6558;

const bit<8> PROTOCOL_ICMP = 1;
const bit<8> PROTOCOL_TCP = 6;
const bit<8> PROTOCOL_UDP = 17;
const bit<8> PROTOCOL_ICMPV6 = 58;
const bit<8> PROTOCOL_SCTP = 132;
const bit<8> PROTOCOL_DDM = 0xdd;

const bit<16> GENEVE_PORT = 6081;
const bit<16> GENEVE_OPTION_CLASS = 0x0129;

header ethernet_t {
    mac_t dst;
    mac_t src;
    bit<16> ether_type;
}

// Between the switch and its CPU port: who punted this, why, and where it should go.
header sidecar_t {
    bit<8> code;
    bit<8> pad;
    port_t ingress;
    port_t egress;
    bit<16> ether_type;
    bit<128> payload;
}

header vlan_t {
    bit<3> pcp;
    bit<1> dei;
    bit<12> vid;
    bit<16> ether_type;
}

header arp_t {
    bit<16> hardware_type;
    bit<16> protocol_type;
    bit<8> hardware_length;
    bit<8> protocol_length;
    bit<16> opcode;
    mac_t sender_mac;
    ipv4_t sender_ip;
    mac_t target_mac;
    ipv4_t target_ip;
}

header ipv4_h {
    bit<4> version;
    bit<4> ihl;
    bit<8> diffserv;
    bit<16> total_len;
    bit<16> identification;
    bit<3> flags;
    bit<13> frag_offset;
    bit<8> ttl;
    bit<8> protocol;
    bit<16> checksum;
    ipv4_t src;
    ipv4_t dst;
}

// One 32-bit word of IPv4 options: a stack of ten covers the largest header (RFC 791 §3.1).
header ipv4_option_word_t {
    bit<32> word;
}

header ipv6_h {
    bit<4> version;
    bit<8> traffic_class;
    bit<20> flow_label;
    bit<16> payload_len;
    bit<8> next_header;
    bit<8> hop_limit;
    ipv6_t src;
    ipv6_t dst;
}

// Delay-driven multipath telemetry: an IPv6 extension header whose length counts the bytes after its first one.
header ddm_t {
    bit<8> next_header;
    bit<8> header_length;
    bit<8> version;
    bit<1> ack;
    bit<7> reserved;
}

header ddm_element_t {
    bit<8> id;
    bit<24> timestamp;
}

header icmp_t {
    bit<8> type;
    bit<8> code;
    bit<16> checksum;
    bit<32> rest;
}

header udp_t {
    bit<16> src_port;
    bit<16> dst_port;
    bit<16> length;
    bit<16> checksum;
}

header geneve_t {
    bit<2> version;
    bit<6> opt_len;
    bit<1> oam;
    bit<1> critical;
    bit<6> reserved;
    bit<16> protocol;
    vni_t vni;
    bit<8> reserved2;
}

header geneve_options_t {
    varbit<2016> data;
}

// The option the switch itself writes: "this came from outside the VPC". No body.
header geneve_external_t {
    bit<16> class;
    bit<1> critical;
    bit<7> type;
    bit<3> reserved;
    bit<5> length;
}

struct headers_t {
    ethernet_t ethernet;
    sidecar_t sidecar;
    vlan_t vlan;
    arp_t arp;
    ipv4_h ipv4;
    ipv4_option_word_t[10] ipv4_options;
    ipv6_h ipv6;
    ddm_t ddm;
    ddm_element_t[16] ddm_elements;
    icmp_t icmp;
    udp_t udp;
    geneve_t geneve;
    geneve_external_t geneve_external;
    geneve_options_t geneve_options;
    ethernet_t inner_ethernet;
    ipv4_h inner_ipv4;
    ipv4_option_word_t[10] inner_ipv4_options;
    ipv6_h inner_ipv6;
    icmp_t inner_icmp;
    udp_t inner_udp;
}
