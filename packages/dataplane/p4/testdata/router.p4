/* A small IPv4 router: exact next-hop table behind an lpm route table. */
#include <core.p4>
#include <softnpu.p4>

const bit<16> ETHERTYPE_IPV4 = 0x0800;
const bit<16> ETHERTYPE_VLAN = 0x8100;
const bit<8> DROP_NO_ROUTE = 1;
const bit<8> DROP_TTL = 2;

typedef bit<48> mac_t;

header ethernet_t {
    mac_t dst;
    mac_t src;
    bit<16> ether_type;
}

header vlan_t {
    bit<3> pcp;
    bit<1> dei;
    bit<12> vid;
    bit<16> ether_type;
}

header ipv4_t {
    bit<4> version;
    bit<4> ihl;
    bit<8> diffserv;
    bit<16> total_len;
    bit<16> identification;
    bit<3> flags;
    bit<13> frag_offset;
    bit<8> ttl;
    bit<8> protocol;
    bit<16> hdr_checksum;
    bit<32> src;
    bit<32> dst;
}

struct headers_t {
    ethernet_t ethernet;
    vlan_t vlan;
    ipv4_t ipv4;
}

struct metadata_t {
    bit<32> next_hop;
}

parser RouterParser(packet_in pkt, out headers_t hdr, inout metadata_t meta, inout softnpu_ingress_metadata_t ig) {
    state start {
        pkt.extract(hdr.ethernet);
        transition select(hdr.ethernet.ether_type) {
            ETHERTYPE_IPV4: ipv4;
            ETHERTYPE_VLAN: vlan;
            default: accept;
        }
    }
    state vlan {
        pkt.extract(hdr.vlan);
        transition select(hdr.vlan.ether_type) {
            ETHERTYPE_IPV4: ipv4;
            default: accept;
        }
    }
    state ipv4 {
        pkt.extract(hdr.ipv4);
        transition accept;
    }
}

control RouterIngress(
    inout headers_t hdr,
    inout metadata_t meta,
    inout softnpu_ingress_metadata_t ig,
    inout softnpu_egress_metadata_t eg)
{
    DirectCounter(CounterType_t.PACKETS_AND_BYTES) route_counter;
    Checksum() csum;

    action drop(bit<8> reason) {
        eg.drop = true;
        eg.drop_reason = reason;
    }
    action forward(bit<16> port, bit<32> next_hop) {
        route_counter.count();
        eg.port = port;
        meta.next_hop = next_hop;
        hdr.ipv4.ttl = hdr.ipv4.ttl - 1;
    }
    table routes {
        key = { hdr.ipv4.dst: lpm; }
        actions = { forward; drop; }
        default_action = drop(DROP_NO_ROUTE);
        size = 1024;
        counters = route_counter;
    }
    action rewrite(mac_t dst, mac_t src) {
        hdr.ethernet.dst = dst;
        hdr.ethernet.src = src;
    }
    table neighbours {
        key = { meta.next_hop: exact; }
        actions = { rewrite; drop; NoAction; }
        default_action = NoAction();
        size = 256;
    }
    apply {
        if (!hdr.ipv4.isValid()) {
            eg.broadcast = true;
            return;
        }
        if (hdr.ipv4.ttl <= 1) {
            eg.drop = true;
            eg.drop_reason = DROP_TTL;
            exit;
        }
        if (routes.apply().hit) {
            neighbours.apply();
        }
        hdr.ipv4.hdr_checksum = 0;
        hdr.ipv4.hdr_checksum = csum.run(hdr.ipv4);
    }
}

control RouterEgress(
    inout headers_t hdr,
    inout metadata_t meta,
    inout softnpu_ingress_metadata_t ig,
    inout softnpu_egress_metadata_t eg)
{
    apply { }
}

control RouterDeparser(packet_out pkt, in headers_t hdr) {
    apply {
        pkt.emit(hdr);
    }
}

SoftNPU(RouterParser(), RouterIngress(), RouterEgress(), RouterDeparser()) main;
