// The rack switch: filters for its own addresses, NAT ingress with Geneve encapsulation, decapsulation, IPv4 and IPv6
// routing with multipath slots, neighbour resolution, and a CPU port. It does the job of a data-centre ASIC's program
// for this rack; every drop has a number.
//
// Order of the ingress control: CPU port, sanity, filter, decapsulation, NAT ingress, services, routing, egress filter and
// tag, resolution, MAC rewrite. What waits on the CPU for its next hop has passed the filter and has its tag. Decapsulation comes before NAT ingress, so a guest that sends to a floating address of this
// rack is turned round here instead of at the upstream router.

#include <core.p4>
#include <softnpu.p4>
#include "headers.p4"
#include "drop-reasons.p4"

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

#include "parser.p4"

// Marks the packet dropped; the reason is counted where the ingress control ends.
#define DROP(reason) { meta.dropped = true; egress.drop = true; egress.drop_reason = (reason); }

// Hands the packet to the CPU port under a sidecar header.
control Punt(
    inout headers_t hdr,
    inout metadata_t meta,
    inout softnpu_ingress_metadata_t ingress,
    inout softnpu_egress_metadata_t egress,
    in bit<8> code,
    in bit<128> payload
) {
    apply {
        hdr.sidecar.setValid();
        hdr.sidecar.code = code;
        hdr.sidecar.pad = 0;
        hdr.sidecar.ingress = ingress.port;
        hdr.sidecar.egress = egress.port;
        hdr.sidecar.ether_type = hdr.ethernet.ether_type;
        hdr.sidecar.payload = payload;
        hdr.ethernet.ether_type = ETHERTYPE_SIDECAR;
        egress.port = CPU_PORT;
        meta.done = true;
    }
}

// Which destinations are the switch's own, and which kinds of packet never get further.
control Filter(
    inout headers_t hdr,
    inout metadata_t meta,
    inout softnpu_ingress_metadata_t ingress,
    inout softnpu_egress_metadata_t egress
) {
    DirectCounter(CounterType_t.PACKETS_AND_BYTES) switch_ipv4_addr_counter;
    DirectCounter(CounterType_t.PACKETS_AND_BYTES) switch_ipv6_addr_counter;
    ipv4_t ipv4_destination = 0;

    action claim() {
        meta.is_switch_address = true;
    }
    action drop_ipv4() {
        DROP(DROP_IPV4_NOT_OURS)
    }
    action drop_ipv6() {
        DROP(DROP_IPV6_NOT_OURS)
    }
    action uplink_port() {
        meta.is_uplink = true;
    }

    table uplink_ports {
        key = { ingress.port: exact; }
        actions = { uplink_port; NoAction; }
        default_action = NoAction();
        size = 256;
    }

    // An address of a port is claimed there and dropped on the others; a loopback is claimed everywhere.
    table switch_ipv4_addr {
        key = {
            ipv4_destination: exact @name("dst");
            ingress.port: ternary;
        }
        actions = { claim; drop_ipv4; NoAction; }
        default_action = NoAction();
        counters = switch_ipv4_addr_counter;
        size = 512;
    }

    table switch_ipv6_addr {
        key = {
            hdr.ipv6.dst: exact;
            ingress.port: ternary;
        }
        actions = { claim; drop_ipv6; NoAction; }
        default_action = NoAction();
        counters = switch_ipv6_addr_counter;
        size = 512;
    }

    apply {
        uplink_ports.apply();
        if (hdr.arp.isValid()) {
            ipv4_destination = hdr.arp.target_ip;
            switch_ipv4_addr.apply();
            if (!meta.is_switch_address && !meta.dropped) {
                DROP(DROP_IPV4_NOT_OURS)
            }
        } else if (hdr.ipv4.isValid()) {
            if (hdr.ipv4.dst[31:28] == 0xe) {
                if (hdr.ethernet.dst[47:24] != 0x01005e || hdr.ethernet.dst[22:0] != hdr.ipv4.dst[22:0]) {
                    DROP(DROP_BAD_MULTICAST_MAC)
                } else {
                    DROP(DROP_NO_MULTICAST_GROUP)
                }
            } else if (hdr.ipv4.dst == 0xffffffff) {
                DROP(DROP_BROADCAST)
            } else {
                ipv4_destination = hdr.ipv4.dst;
                switch_ipv4_addr.apply();
            }
        } else if (hdr.ipv6.isValid()) {
            if (hdr.ipv6.dst[127:120] == 0xff) {
                if (hdr.ethernet.dst[47:32] != 0x3333 || hdr.ethernet.dst[31:0] != hdr.ipv6.dst[31:0]) {
                    DROP(DROP_BAD_MULTICAST_MAC)
                } else if (hdr.ipv6.dst[119:112] == 0x01) {
                    DROP(DROP_MULTICAST_INTERFACE_LOCAL)
                } else if (hdr.ipv6.dst[119:112] == 0x02) {
                    meta.is_switch_address = true;
                } else {
                    DROP(DROP_NO_MULTICAST_GROUP)
                }
            } else {
                switch_ipv6_addr.apply();
                // RFC 4291 section 2.5.6: neither as a destination nor as a source.
                if (!meta.is_switch_address && !meta.dropped
                    && (hdr.ipv6.dst[127:118] == 0x3fa || hdr.ipv6.src[127:118] == 0x3fa)) {
                    DROP(DROP_LINK_LOCAL_FORWARD)
                }
            }
        }
    }
}

// Packets from outside to an external address of an instance: into a tunnel to its sled.
control NatIngress(
    inout headers_t hdr,
    inout metadata_t meta,
    inout softnpu_ingress_metadata_t ingress,
    inout softnpu_egress_metadata_t egress
) {
    DirectCounter(CounterType_t.PACKETS_AND_BYTES) ingress_ipv4_counter;
    DirectCounter(CounterType_t.PACKETS_AND_BYTES) ingress_ipv6_counter;
    ipv6_t target = 0;
    ipv6_t source = 0;
    mac_t inner_mac = 0;
    vni_t vni = 0;
    bit<16> inner_length = 0;

    action forward_to_sled(ipv6_t sled, mac_t mac, vni_t network) {
        meta.encapsulated = true;
        target = sled;
        inner_mac = mac;
        vni = network;
    }

    table ingress_ipv4 {
        key = {
            hdr.ipv4.dst: exact;
            meta.l4_dst_port: range;
        }
        actions = { forward_to_sled; NoAction; }
        default_action = NoAction();
        counters = ingress_ipv4_counter;
        size = 16384;
    }

    table ingress_ipv6 {
        key = {
            hdr.ipv6.dst: exact;
            meta.l4_dst_port: range;
        }
        actions = { forward_to_sled; NoAction; }
        default_action = NoAction();
        counters = ingress_ipv6_counter;
        size = 16384;
    }

    // The source of the tunnel packets that this switch makes: its own tunnel endpoint.
    action set_tunnel_source(ipv6_t address) {
        source = address;
    }
    table tunnel_source {
        actions = { set_tunnel_source; }
        default_action = set_tunnel_source(0);
    }

    apply {
        if (hdr.ipv4.isValid()) {
            ingress_ipv4.apply();
        } else if (hdr.ipv6.isValid()) {
            ingress_ipv6.apply();
        }
        if (!meta.encapsulated) {
            if (meta.is_uplink) {
                DROP(DROP_NAT_MISS)
            }
            return;
        }

        // Their places in the packet are needed for the tunnel's own headers.
        if (hdr.geneve.isValid() || hdr.ddm.isValid()) {
            DROP(DROP_BAD_TUNNEL_PAYLOAD)
            return;
        }

        tunnel_source.apply();
        hdr.inner_ethernet.setValid();
        // The inner Ethernet header names the instance and, as its source, nobody.
        hdr.inner_ethernet.dst = inner_mac;
        hdr.inner_ethernet.src = 0;
        if (hdr.ipv4.isValid()) {
            hdr.inner_ethernet.ether_type = ETHERTYPE_IPV4;
            inner_length = hdr.ipv4.total_len;
            hdr.inner_ipv4 = hdr.ipv4;
            hdr.ipv4.setInvalid();
            if (hdr.inner_ipv4.ihl != 5) {
                hdr.inner_ipv4_options = hdr.ipv4_options;
                hdr.ipv4_options.pop_front(10);
            }
        } else {
            hdr.inner_ethernet.ether_type = ETHERTYPE_IPV6;
            inner_length = hdr.ipv6.payload_len + 40;
            hdr.inner_ipv6 = hdr.ipv6;
        }
        if (hdr.icmp.isValid()) {
            hdr.inner_icmp = hdr.icmp;
            hdr.icmp.setInvalid();
        }
        if (hdr.udp.isValid()) {
            hdr.inner_udp = hdr.udp;
        }

        hdr.geneve_external.setValid();
        hdr.geneve_external.class = GENEVE_OPTION_CLASS;
        hdr.geneve_external.critical = 0;
        hdr.geneve_external.type = 0;
        hdr.geneve_external.reserved = 0;
        hdr.geneve_external.length = 0;
        hdr.geneve.setValid();
        hdr.geneve.version = 0;
        hdr.geneve.opt_len = 1;
        hdr.geneve.oam = 0;
        hdr.geneve.critical = 0;
        hdr.geneve.reserved = 0;
        hdr.geneve.protocol = ETHERTYPE_BRIDGING;
        hdr.geneve.vni = vni;
        hdr.geneve.reserved2 = 0;
        hdr.udp.setValid();
        hdr.udp.src_port = GENEVE_PORT;
        hdr.udp.dst_port = GENEVE_PORT;
        // Inner Ethernet, UDP, Geneve and its one option.
        hdr.udp.length = inner_length + 14 + 8 + 8 + 4;
        // RFC 6935 section 5 allows zero for a tunnel; the inner packet keeps its own.
        hdr.udp.checksum = 0;
        hdr.ipv6.setValid();
        hdr.ipv6.version = 6;
        hdr.ipv6.traffic_class = 0;
        hdr.ipv6.flow_label = 0;
        hdr.ipv6.payload_len = hdr.udp.length;
        hdr.ipv6.next_header = PROTOCOL_UDP;
        hdr.ipv6.hop_limit = 255;
        hdr.ipv6.src = source;
        hdr.ipv6.dst = target;
        hdr.vlan.setInvalid();
        hdr.ethernet.ether_type = ETHERTYPE_IPV6;
    }
}

// Packets from a sled for the outside: out of the tunnel that ends at this switch.
control NatEgress(inout headers_t hdr, inout metadata_t meta, inout softnpu_egress_metadata_t egress) {
    apply {
        if (hdr.geneve.critical == 1) {
            // RFC 8926 section 3.4: an option marked critical that is not understood.
            DROP(DROP_TUNNEL_OPTION)
            return;
        }
        // IPv6, UDP, Geneve, its options and the inner Ethernet header.
        meta.l3_length = meta.l3_length - (40 + 8 + 8 + 14) - ((bit<32>) hdr.geneve.opt_len << 2);
        if (hdr.ddm.isValid()) {
            meta.l3_length = meta.l3_length - 1 - (bit<32>) hdr.ddm.header_length;
            hdr.ddm.setInvalid();
            hdr.ddm_elements.pop_front(16);
        }
        if (hdr.inner_ipv4.isValid()) {
            hdr.ipv4 = hdr.inner_ipv4;
            hdr.inner_ipv4.setInvalid();
            hdr.ipv4_options = hdr.inner_ipv4_options;
            hdr.inner_ipv4_options.pop_front(10);
            hdr.ipv6.setInvalid();
            hdr.ethernet.ether_type = ETHERTYPE_IPV4;
            if (hdr.ipv4.dst[31:28] == 0xe) {
                DROP(DROP_NO_MULTICAST_GROUP)
                return;
            } else if (hdr.ipv4.dst == 0xffffffff) {
                DROP(DROP_BROADCAST)
                return;
            }
        } else if (hdr.inner_ipv6.isValid()) {
            hdr.ipv6 = hdr.inner_ipv6;
            hdr.inner_ipv6.setInvalid();
            hdr.ethernet.ether_type = ETHERTYPE_IPV6;
            if (hdr.ipv6.dst[127:120] == 0xff) {
                DROP(DROP_NO_MULTICAST_GROUP)
                return;
            } else if (hdr.ipv6.dst[127:118] == 0x3fa || hdr.ipv6.src[127:118] == 0x3fa) {
                DROP(DROP_LINK_LOCAL_FORWARD)
                return;
            }
        } else {
            DROP(DROP_BAD_TUNNEL_PAYLOAD)
            return;
        }
        hdr.vlan.setInvalid();
        hdr.udp.setInvalid();
        hdr.geneve.setInvalid();
        hdr.geneve_options.setInvalid();
        hdr.inner_ethernet.setInvalid();
        meta.decapsulated = true;
        meta.is_switch_address = false;
        meta.l4_src_port = meta.inner_l4_src_port;
        meta.l4_dst_port = meta.inner_l4_dst_port;
    }
}

// What the switch does for its own addresses: pings are answered here, the rest belongs to the CPU.
control Services(
    inout headers_t hdr,
    inout metadata_t meta,
    inout softnpu_ingress_metadata_t ingress,
    inout softnpu_egress_metadata_t egress
) {
    Punt() punt;
    bit<32> sum = 0;

    apply {
        bool ping4 = hdr.ipv4.isValid() && hdr.icmp.isValid() && hdr.icmp.type == 8;
        bool ping6 = hdr.ipv6.isValid() && hdr.icmp.isValid() && hdr.icmp.type == 128
            && hdr.ipv6.dst[127:120] != 0xff;
        if (!ping4 && !ping6) {
            punt.apply(hdr, meta, ingress, egress, SIDECAR_FORWARD_TO_USER, 0);
            return;
        }
        if (hdr.icmp.code != 0) {
            DROP(DROP_BAD_PING)
            return;
        }
        mac_t mac = hdr.ethernet.dst;
        hdr.ethernet.dst = hdr.ethernet.src;
        hdr.ethernet.src = mac;
        egress.port = ingress.port;
        meta.done = true;
        // Only the type changes: RFC 1624 equation 3 with m = request and m' = reply. Swapped addresses sum the same.
        if (ping4) {
            ipv4_t address = hdr.ipv4.dst;
            hdr.ipv4.dst = hdr.ipv4.src;
            hdr.ipv4.src = address;
            // The time to live is set anew: RFC 1624 again, on the word that holds it.
            sum = (bit<32>) (~hdr.ipv4.checksum) + (bit<32>) (~(hdr.ipv4.ttl ++ hdr.ipv4.protocol))
                + (bit<32>) (8w255 ++ hdr.ipv4.protocol);
            sum = (bit<32>) sum[15:0] + (bit<32>) sum[31:16];
            sum = (bit<32>) sum[15:0] + (bit<32>) sum[31:16];
            hdr.ipv4.checksum = ~sum[15:0];
            hdr.ipv4.ttl = 255;
            hdr.icmp.type = 0;
            sum = (bit<32>) (~hdr.icmp.checksum) + 0xf7ff;
        } else {
            ipv6_t address = hdr.ipv6.dst;
            hdr.ipv6.dst = hdr.ipv6.src;
            hdr.ipv6.src = address;
            hdr.ipv6.hop_limit = 255;
            hdr.icmp.type = 129;
            sum = (bit<32>) (~hdr.icmp.checksum) + 0x0100;
        }
        sum = (bit<32>) sum[15:0] + (bit<32>) sum[31:16];
        sum = (bit<32>) sum[15:0] + (bit<32>) sum[31:16];
        hdr.icmp.checksum = ~sum[15:0];
    }
}

// Longest prefix to a span of paths, one of which the flow's hash picks; then the neighbour's MAC address.
control Router(
    inout headers_t hdr,
    inout metadata_t meta,
    inout softnpu_ingress_metadata_t ingress,
    inout softnpu_egress_metadata_t egress
) {
    DirectCounter(CounterType_t.PACKETS_AND_BYTES) lookup_v4_counter;
    DirectCounter(CounterType_t.PACKETS_AND_BYTES) lookup_v6_counter;
    Hash<bit<32>>(HashAlgorithm_t.CRC32) path_hash;
    Punt() punt;
    bool routed = false;
    bit<16> span = 0;
    bit<16> slots = 1;
    bit<16> path = 0;
    bit<32> sum = 0;

    action unreachable() {}
    action index(bit<16> first_path, bit<16> path_count) {
        routed = true;
        span = first_path;
        slots = path_count;
    }
    action no_path() {
        routed = false;
    }
    action forward(port_t port, ipv4_t next_hop) {
        egress.port = port;
        meta.next_hop_v4 = next_hop;
    }
    action forward_v6(port_t port, ipv6_t next_hop) {
        egress.port = port;
        meta.next_hop_is_v6 = true;
        meta.next_hop_v6 = next_hop;
    }
    action forward_vlan(port_t port, ipv4_t next_hop, bit<12> vlan_id) {
        egress.port = port;
        meta.next_hop_v4 = next_hop;
        meta.vlan_id = vlan_id;
    }
    action forward_vlan_v6(port_t port, ipv6_t next_hop, bit<12> vlan_id) {
        egress.port = port;
        meta.next_hop_is_v6 = true;
        meta.next_hop_v6 = next_hop;
        meta.vlan_id = vlan_id;
    }

    table lookup_v4 {
        key = { hdr.ipv4.dst: lpm; }
        actions = { index; unreachable; }
        default_action = unreachable();
        counters = lookup_v4_counter;
        size = 8192;
    }
    table route_v4 {
        key = { path: exact; }
        actions = { forward; forward_v6; forward_vlan; forward_vlan_v6; no_path; }
        default_action = no_path();
        size = 8192;
    }
    table lookup_v6 {
        key = { hdr.ipv6.dst: lpm; }
        actions = { index; unreachable; }
        default_action = unreachable();
        counters = lookup_v6_counter;
        size = 8192;
    }
    table route_v6 {
        key = { path: exact; }
        actions = { forward_v6; forward_vlan_v6; no_path; }
        default_action = no_path();
        size = 8192;
    }

    apply {
        if (hdr.ipv4.isValid()) {
            lookup_v4.apply();
            if (routed) {
                bit<32> hash = path_hash.get(
                    { hdr.ipv4.src, hdr.ipv4.dst, hdr.ipv4.protocol, meta.l4_src_port, meta.l4_dst_port });
                path = span + (bit<16>) (hash % (bit<32>) slots);
                route_v4.apply();
            }
            if (!routed) {
                // Destination unreachable, network (RFC 792).
                punt.apply(hdr, meta, ingress, egress, SIDECAR_ICMP_NEEDED, 0x0300);
            } else if (hdr.ipv4.ttl == 1) {
                punt.apply(hdr, meta, ingress, egress, SIDECAR_ICMP_NEEDED, 0x0b00);
            } else {
                hdr.ipv4.ttl = hdr.ipv4.ttl - 1;
                // RFC 1624 equation 3: the word that holds the TTL falls by 0x0100.
                sum = (bit<32>) (~hdr.ipv4.checksum) + 0xfeff;
                sum = (bit<32>) sum[15:0] + (bit<32>) sum[31:16];
                hdr.ipv4.checksum = ~sum[15:0];
            }
        } else if (hdr.ipv6.isValid()) {
            lookup_v6.apply();
            if (routed) {
                bit<32> hash = path_hash.get(
                    { hdr.ipv6.src, hdr.ipv6.dst, hdr.ipv6.next_header, meta.l4_src_port, meta.l4_dst_port });
                path = span + (bit<16>) (hash % (bit<32>) slots);
                route_v6.apply();
            }
            if (!routed) {
                // Destination unreachable, no route (RFC 4443).
                punt.apply(hdr, meta, ingress, egress, SIDECAR_ICMP_NEEDED, 0x0100);
            } else if (hdr.ipv6.hop_limit == 1) {
                punt.apply(hdr, meta, ingress, egress, SIDECAR_ICMP_NEEDED, 0x0300);
            } else {
                hdr.ipv6.hop_limit = hdr.ipv6.hop_limit - 1;
            }
        } else {
            DROP(DROP_ETHER_TYPE)
        }
    }
}

// The next hop's MAC address, or a request to the CPU to find it.
control Resolver(
    inout headers_t hdr,
    inout metadata_t meta,
    inout softnpu_ingress_metadata_t ingress,
    inout softnpu_egress_metadata_t egress
) {
    Punt() punt;
    bool needed = false;

    action rewrite(mac_t mac) {
        hdr.ethernet.dst = mac;
    }
    action request() {
        needed = true;
    }

    table arp {
        key = {
            egress.port: exact;
            meta.next_hop_v4: exact;
        }
        actions = { rewrite; request; }
        default_action = request();
        size = 512;
    }
    // The same link-local address may stand on several ports, so the port is part of the key.
    table ndp {
        key = {
            egress.port: exact;
            meta.next_hop_v6: exact;
        }
        actions = { rewrite; request; }
        default_action = request();
        size = 512;
    }

    apply {
        if (meta.next_hop_is_v6 || hdr.ipv6.isValid()) {
            // An unspecified next hop means that the destination is on the link.
            if (meta.next_hop_v6 == 0) {
                meta.next_hop_v6 = hdr.ipv6.dst;
            }
            ndp.apply();
            if (needed) {
                punt.apply(hdr, meta, ingress, egress, SIDECAR_NEIGHBOR_NEEDED, meta.next_hop_v6);
            }
        } else {
            if (meta.next_hop_v4 == 0) {
                meta.next_hop_v4 = hdr.ipv4.dst;
            }
            arp.apply();
            if (needed) {
                punt.apply(hdr, meta, ingress, egress, SIDECAR_ARP_NEEDED, (bit<128>) meta.next_hop_v4);
            }
        }
    }
}

// What may leave by a front or rear port, and with which tag.
control PortEgress(inout headers_t hdr, inout metadata_t meta, inout softnpu_egress_metadata_t egress) {
    bool allowed = false;

    action guest_traffic_allowed() {
        allowed = true;
    }

    // Guests' packets for the outside may leave by uplinks only.
    table egress_filter {
        key = { egress.port: exact; }
        actions = { guest_traffic_allowed; NoAction; }
        default_action = NoAction();
        size = 256;
    }

    apply {
        if (meta.decapsulated && !meta.encapsulated) {
            egress_filter.apply();
            if (!allowed) {
                DROP(DROP_EGRESS_BLOCKED)
                return;
            }
        }
        // A tag belongs to the link that it came by.
        if (hdr.vlan.isValid()) {
            hdr.ethernet.ether_type = hdr.vlan.ether_type;
            hdr.vlan.setInvalid();
        }
        if (meta.vlan_id != 0) {
            hdr.vlan.setValid();
            hdr.vlan.pcp = 0;
            hdr.vlan.dei = 0;
            hdr.vlan.vid = meta.vlan_id;
            hdr.vlan.ether_type = hdr.ethernet.ether_type;
            hdr.ethernet.ether_type = ETHERTYPE_VLAN;
        }
    }
}

control MacRewrite(inout headers_t hdr, inout metadata_t meta, inout softnpu_egress_metadata_t egress) {
    action rewrite(mac_t mac) {
        hdr.ethernet.src = mac;
    }
    action no_mac() {
        DROP(DROP_NO_MAC)
    }

    table mac_rewrite {
        key = { egress.port: exact; }
        actions = { rewrite; no_mac; }
        default_action = no_mac();
        size = 256;
    }

    apply {
        mac_rewrite.apply();
    }
}

// Lengths and versions that no table should have to see (RFC 1812 section 5.2.2, RFC 8200 section 3).
control Sanity(inout headers_t hdr, inout metadata_t meta, inout softnpu_egress_metadata_t egress) {
    Checksum() header_checksum;
    bit<16> sum = 0;

    apply {
        if (hdr.ipv4.isValid()) {
            if (hdr.ipv4.version != 4 || hdr.ipv4.ihl < 5
                || (bit<32>) hdr.ipv4.total_len > meta.l3_length
                || hdr.ipv4.total_len < (bit<16>) hdr.ipv4.ihl << 2) {
                DROP(DROP_IPV4_HEADER)
                return;
            }
            if (hdr.ipv4.ihl == 5) {
                sum = header_checksum.run(hdr.ipv4);
            } else {
                // Words beyond the header's own options were never extracted and are zero.
                sum = header_checksum.run({
                    hdr.ipv4,
                    hdr.ipv4_options[0].word, hdr.ipv4_options[1].word, hdr.ipv4_options[2].word,
                    hdr.ipv4_options[3].word, hdr.ipv4_options[4].word, hdr.ipv4_options[5].word,
                    hdr.ipv4_options[6].word, hdr.ipv4_options[7].word, hdr.ipv4_options[8].word,
                    hdr.ipv4_options[9].word
                });
            }
            if (sum != 0) {
                DROP(DROP_IPV4_CHECKSUM)
            } else if (hdr.ipv4.ttl == 0) {
                DROP(DROP_IPV4_TTL_ZERO)
            } else if (hdr.ipv4.protocol == PROTOCOL_SCTP) {
                DROP(DROP_SCTP)
            }
        } else if (hdr.ipv6.isValid()) {
            if (hdr.ipv6.version != 6 || (bit<32>) hdr.ipv6.payload_len + 40 > meta.l3_length) {
                DROP(DROP_IPV6_HEADER)
            } else if (hdr.ipv6.hop_limit == 0) {
                DROP(DROP_IPV6_HOP_LIMIT_ZERO)
            } else if (hdr.ipv6.next_header == PROTOCOL_SCTP) {
                DROP(DROP_SCTP)
            }
        }
    }
}

control SwitchIngress(
    inout headers_t hdr,
    inout metadata_t meta,
    inout softnpu_ingress_metadata_t ingress,
    inout softnpu_egress_metadata_t egress
) {
    Counter(1024, CounterType_t.PACKETS_AND_BYTES) ingress_ports;
    Counter(256, CounterType_t.PACKETS_AND_BYTES) drop_reasons;
    Sanity() sanity;
    Filter() filter;
    NatIngress() nat_ingress;
    NatEgress() nat_egress;
    Services() services;
    Router() router;
    Resolver() resolver;
    PortEgress() port_egress;
    MacRewrite() mac_rewrite;
    Punt() punt;

    // The CPU port speaks only under a sidecar header, and nobody else may.
    action from_cpu() {
        if (!hdr.sidecar.isValid()) {
            DROP(DROP_CPU_WITHOUT_SIDECAR)
        } else {
            hdr.ethernet.ether_type = hdr.sidecar.ether_type;
            meta.from_cpu = true;
            if (hdr.sidecar.code == SIDECAR_FORWARD_FROM_USER) {
                egress.port = hdr.sidecar.egress;
                meta.done = true;
            }
            hdr.sidecar.setInvalid();
        }
    }

    action front_sanity() {
        if (hdr.sidecar.isValid()) {
            DROP(DROP_SIDECAR_FROM_FRONT)
        }
    }

    apply {
        ingress_ports.count((bit<32>) ingress.port);
        if (ingress.port == CPU_PORT) {
            from_cpu();
        } else {
            front_sanity();
        }

        if (!meta.dropped && !meta.done) {
            if (hdr.ethernet.ether_type == ETHERTYPE_LLDP) {
                punt.apply(hdr, meta, ingress, egress, SIDECAR_FORWARD_TO_USER, 0);
            } else if (!hdr.ipv4.isValid() && !hdr.ipv6.isValid() && !hdr.arp.isValid()) {
                DROP(DROP_ETHER_TYPE)
            } else {
                sanity.apply(hdr, meta, egress);
            }
        }
        if (!meta.dropped && !meta.done && !meta.from_cpu) {
            filter.apply(hdr, meta, ingress, egress);
            if (!meta.dropped && meta.is_switch_address) {
                // Sleds speak to the switch by rear ports; a tunnel from the world is nobody's.
                if (hdr.geneve.isValid() && hdr.geneve.vni != 0 && !meta.is_uplink) {
                    nat_egress.apply(hdr, meta, egress);
                    if (!meta.dropped) {
                        // The inner header is from a guest and was not looked at yet.
                        sanity.apply(hdr, meta, egress);
                    }
                } else {
                    services.apply(hdr, meta, ingress, egress);
                }
            }
        }
        if (!meta.dropped && !meta.done) {
            nat_ingress.apply(hdr, meta, ingress, egress);
        }
        if (!meta.dropped && !meta.done) {
            router.apply(hdr, meta, ingress, egress);
        }
        if (!meta.dropped && !meta.done) {
            port_egress.apply(hdr, meta, egress);
        }
        if (!meta.dropped && !meta.done) {
            resolver.apply(hdr, meta, ingress, egress);
        }
        if (!meta.dropped && !meta.done) {
            mac_rewrite.apply(hdr, meta, egress);
        }
        if (meta.dropped) {
            drop_reasons.count((bit<32>) egress.drop_reason);
        }
    }
}

control SwitchEgress(
    inout headers_t hdr,
    inout metadata_t meta,
    inout softnpu_ingress_metadata_t ingress,
    inout softnpu_egress_metadata_t egress
) {
    Counter(1024, CounterType_t.PACKETS_AND_BYTES) egress_ports;

    apply {
        egress_ports.count((bit<32>) egress.port);
    }
}

control SwitchDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr);
    }
}

SoftNPU(SwitchParser(), SwitchIngress(), SwitchEgress(), SwitchDeparser()) main;
