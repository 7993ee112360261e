// The packet engine's outbound fast path for TCP over IPv4 as a P4 program, to measure it beside the kernel that was taken instead
// (docs/decisions/0009). One exact entry per flow repeats what the layers decided; what changes per packet goes through the
// architecture's externs: counters of the entry, and registers for the last use and the versions that the flow depends on.
// Whatever is not plain goes to port 0: the slow path.
#include <core.p4>
#include <softnpu.p4>

const bit<16> SLOW = 0;
const bit<16> UNDERLAY = 1;

header ethernet_t {
    bit<48> dst;
    bit<48> src;
    bit<16> ether_type;
}

header ipv4_h {
    bit<8> version_ihl;
    bit<8> diffserv;
    bit<16> total_len;
    bit<16> identification;
    bit<16> fragment;
    bit<8> ttl;
    bit<8> protocol;
    bit<16> checksum;
    bit<32> src;
    bit<32> dst;
}

header tcp_h {
    bit<16> src_port;
    bit<16> dst_port;
    bit<64> numbers;
    bit<4> data_offset;
    bit<4> reserved;
    bit<8> flags;
    bit<16> window;
    bit<16> checksum;
    bit<16> urgent;
}

header ipv6_h {
    bit<32> version_class_label;
    bit<16> payload_len;
    bit<8> next_header;
    bit<8> hop_limit;
    bit<128> src;
    bit<128> dst;
}

header udp_t {
    bit<16> src_port;
    bit<16> dst_port;
    bit<16> length;
    bit<16> checksum;
}

header geneve_t {
    bit<32> version_protocol;
    bit<24> vni;
    bit<8> reserved;
}

struct headers_t {
    ethernet_t outer_ethernet;
    ipv6_h outer_ip;
    udp_t udp;
    geneve_t geneve;
    ethernet_t ethernet;
    ipv4_h ipv4;
    tcp_h tcp;
}

struct metadata_t {}

parser VportParser(
    packet_in packet,
    out headers_t hdr,
    inout metadata_t meta,
    inout softnpu_ingress_metadata_t ingress
) {
    state start {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.ether_type) {
            0x0800: parse_ipv4;
            default: accept;
        }
    }

    state parse_ipv4 {
        packet.extract(hdr.ipv4);
        transition select(hdr.ipv4.version_ihl, hdr.ipv4.protocol) {
            (0x45, 6): parse_tcp;
            default: accept;
        }
    }

    state parse_tcp {
        packet.extract(hdr.tcp);
        transition accept;
    }
}

control VportIngress(
    inout headers_t hdr,
    inout metadata_t meta,
    inout softnpu_ingress_metadata_t ingress,
    inout softnpu_egress_metadata_t egress
) {
    DirectCounter(CounterType_t.PACKETS_AND_BYTES) flow_counter;
    Register<bit<32>>(1048576) last_use;
    Register<bit<32>>(65536) versions;

    // One's complement: the sum of all changes is added at once (RFC 1624 equation 3).
    action repeat(
        bit<32> flow, bit<16> port_version, bit<16> dependency, bit<32> expected, bit<16> max_bytes,
        bit<32> src, bit<16> src_port, bit<16> ip_delta, bit<16> tcp_delta,
        bit<48> inner_dst, bit<128> outer_src, bit<128> outer_dst, bit<16> entropy, bit<24> vni
    ) {
        bit<32> now_expected = versions.read((bit<32>) port_version) + versions.read((bit<32>) dependency);
        if (now_expected == expected && hdr.ipv4.total_len <= max_bytes) {
            flow_counter.count();
            last_use.write(flow, (bit<32>) (ingress.timestamp / 1000));
            bit<32> sum = (bit<32>) (~hdr.ipv4.checksum) + (bit<32>) ip_delta;
            hdr.ipv4.checksum = ~(sum[15:0] + sum[31:16]);
            sum = (bit<32>) (~hdr.tcp.checksum) + (bit<32>) tcp_delta;
            hdr.tcp.checksum = ~(sum[15:0] + sum[31:16]);
            hdr.ipv4.src = src;
            hdr.tcp.src_port = src_port;
            hdr.ethernet.dst = inner_dst;
            hdr.outer_ethernet.setValid();
            hdr.outer_ethernet.dst = 0;
            hdr.outer_ethernet.src = 0;
            hdr.outer_ethernet.ether_type = 0x86dd;
            hdr.outer_ip.setValid();
            hdr.outer_ip.version_class_label = 0x60000000;
            // UDP, Geneve and the inner Ethernet header.
            hdr.outer_ip.payload_len = hdr.ipv4.total_len + 8 + 8 + 14;
            hdr.outer_ip.next_header = 17;
            hdr.outer_ip.hop_limit = 128;
            hdr.outer_ip.src = outer_src;
            hdr.outer_ip.dst = outer_dst;
            hdr.udp.setValid();
            hdr.udp.src_port = entropy;
            hdr.udp.dst_port = 6081;
            hdr.udp.length = hdr.outer_ip.payload_len;
            hdr.udp.checksum = 0;
            hdr.geneve.setValid();
            hdr.geneve.version_protocol = 0x00006558;
            hdr.geneve.vni = vni;
            hdr.geneve.reserved = 0;
            egress.port = UNDERLAY;
        }
    }

    table flows {
        key = {
            hdr.ethernet.src: exact;
            hdr.ipv4.src: exact;
            hdr.ipv4.dst: exact;
            hdr.tcp.src_port: exact;
            hdr.tcp.dst_port: exact;
            ingress.port: exact;
        }
        actions = { repeat; NoAction; }
        default_action = NoAction();
        counters = flow_counter;
        size = 1048576;
    }

    apply {
        egress.port = SLOW;
        // Only where nothing can change: no fragments, ACK without SYN, FIN and RST, lengths that fit.
        if (hdr.tcp.isValid() && (hdr.ipv4.fragment & 0x3fff) == 0 && (hdr.tcp.flags & 0x17) == 0x10
            && hdr.tcp.data_offset >= 5 && (bit<32>) hdr.ipv4.total_len + 14 <= ingress.packet_length) {
            flows.apply();
        }
    }
}

control VportEgress(
    inout headers_t hdr,
    inout metadata_t meta,
    inout softnpu_ingress_metadata_t ingress,
    inout softnpu_egress_metadata_t egress
) {
    apply {}
}

control VportDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr);
    }
}

SoftNPU(VportParser(), VportIngress(), VportEgress(), VportDeparser()) main;
