// A small gateway: IPv4 routing with TTL and checksum, a filter with priorities and ranges, replication by group with
// a source address per egress port, port counters, and a register that remembers the last source.
#include <core.p4>
#include <softnpu.p4>

header ethernet_h {
    bit<48> dst;
    bit<48> src;
    bit<16> type;
}

header vlan_h {
    bit<3> pcp;
    bit<1> dei;
    bit<12> id;
    bit<16> type;
}

header ipv4_h {
    bit<4> version;
    bit<4> ihl;
    bit<8> diffserv;
    bit<16> total_length;
    bit<16> identification;
    bit<3> flags;
    bit<13> fragment_offset;
    bit<8> ttl;
    bit<8> protocol;
    bit<16> checksum;
    bit<32> src;
    bit<32> dst;
}

header udp_h {
    bit<16> src_port;
    bit<16> dst_port;
    bit<16> length;
    bit<16> checksum;
}

struct headers_t {
    ethernet_h ethernet;
    vlan_h vlan;
    ipv4_h ipv4;
    udp_h udp;
}

struct metadata_t {
    bit<16> dst_port;
}

parser GatewayParser(
    packet_in packet,
    out headers_t hdr,
    inout metadata_t meta,
    inout softnpu_ingress_metadata_t ingress
) {
    state start {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.type) {
            0x8100: vlan;
            0x0800: ipv4;
            default: accept;
        }
    }
    state vlan {
        packet.extract(hdr.vlan);
        transition select(hdr.vlan.type) {
            0x0800: ipv4;
            default: accept;
        }
    }
    state ipv4 {
        packet.extract(hdr.ipv4);
        verify(hdr.ipv4.version == 4, error.ParserInvalidArgument);
        transition select(hdr.ipv4.protocol, hdr.ipv4.fragment_offset) {
            (17, 0): udp;
            default: accept;
        }
    }
    state udp {
        packet.extract(hdr.udp);
        meta.dst_port = hdr.udp.dst_port;
        transition accept;
    }
}

control GatewayIngress(
    inout headers_t hdr,
    inout metadata_t meta,
    inout softnpu_ingress_metadata_t ingress,
    inout softnpu_egress_metadata_t egress
) {
    Counter(16, CounterType_t.PACKETS_AND_BYTES) ports;
    Register<bit<32>>(4) last_source;
    Checksum() sum;

    action drop(bit<8> reason) {
        egress.drop = true;
        egress.drop_reason = reason;
    }
    action allow() {}
    action forward(bit<16> port, bit<48> dst) {
        egress.port = port;
        hdr.ethernet.dst = dst;
        hdr.ipv4.ttl = hdr.ipv4.ttl - 1;
    }
    action replicate(bit<16> group) {
        egress.multicast_group = group;
    }

    table acl {
        key = {
            hdr.ipv4.src: ternary;
            hdr.ipv4.protocol: optional;
            meta.dst_port: range;
        }
        actions = { allow; drop; }
        default_action = allow();
    }
    table routes {
        key = { hdr.ipv4.dst: lpm; }
        actions = { forward; replicate; drop; }
        default_action = drop(1);
        size = 1024;
    }

    apply {
        ports.count((bit<32>) ingress.port);
        if (!hdr.ipv4.isValid()) {
            drop(2);
            return;
        }
        last_source.write(0, hdr.ipv4.src);
        if (acl.apply().hit && egress.drop) {
            return;
        }
        if (hdr.ipv4.ttl <= 1) {
            drop(3);
            exit;
        }
        switch (routes.apply().action_run) {
            forward: {
                hdr.ipv4.checksum = sum.run({
                    hdr.ipv4.version, hdr.ipv4.ihl, hdr.ipv4.diffserv, hdr.ipv4.total_length,
                    hdr.ipv4.identification, hdr.ipv4.flags, hdr.ipv4.fragment_offset,
                    hdr.ipv4.ttl, hdr.ipv4.protocol, hdr.ipv4.src, hdr.ipv4.dst
                });
            }
        }
    }
}

control GatewayEgress(
    inout headers_t hdr,
    inout metadata_t meta,
    inout softnpu_ingress_metadata_t ingress,
    inout softnpu_egress_metadata_t egress
) {
    action source(bit<48> address) {
        hdr.ethernet.src = address;
    }
    action tag(bit<12> id) {
        hdr.vlan.setValid();
        hdr.vlan.pcp = 0;
        hdr.vlan.dei = 0;
        hdr.vlan.id = id;
        hdr.vlan.type = hdr.ethernet.type;
        hdr.ethernet.type = 0x8100;
    }
    action block() {
        egress.drop = true;
        egress.drop_reason = 4;
    }
    table ports {
        key = { egress.port: exact; }
        actions = { source; tag; block; }
        default_action = block();
    }
    apply {
        ports.apply();
    }
}

control GatewayDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr);
    }
}

SoftNPU(GatewayParser(), GatewayIngress(), GatewayEgress(), GatewayDeparser()) main;
