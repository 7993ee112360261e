// Longest prefix to a span of paths, one of which the flow's hash picks; then the neighbour's MAC address.
control Router(
    inout headers_t hdr,
    inout metadata_t meta,
    inout softnpu_ingress_metadata_t ingress,
    inout softnpu_egress_metadata_t egress
) {
    DirectCounter(CounterType_t.PACKETS_AND_BYTES) lookup_v4_counter;
    DirectCounter(CounterType_t.PACKETS_AND_BYTES) lookup_v6_counter;
    Hash<bit<32>>(HashAlgorithm_t.MIX) path_hash;
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
        size = 131072;
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
        size = 131072;
    }
    table route_v6 {
        key = { path: exact; }
        actions = { forward_v6; forward_vlan_v6; no_path; }
        default_action = no_path();
        size = 8192;
    }

    apply {
        // A path is the hash scaled to the number of slots: as even as a remainder, without a division.
        if (hdr.ipv4.isValid()) {
            lookup_v4.apply();
            if (routed) {
                bit<32> hash = path_hash.get(
                    { hdr.ipv4.src, hdr.ipv4.dst, hdr.ipv4.protocol, meta.l4_src_port, meta.l4_dst_port });
                path = span + (bit<16>) (((bit<32>) hash[31:16] * (bit<32>) slots) >> 16);
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
                // Halves folded together: half the bytes to hash, and every bit of the addresses still counts.
                bit<32> hash = path_hash.get({
                    hdr.ipv6.src[127:64] ^ hdr.ipv6.src[63:0], hdr.ipv6.dst[127:64] ^ hdr.ipv6.dst[63:0],
                    meta.l4_src_port, meta.l4_dst_port, hdr.ipv6.next_header
                });
                path = span + (bit<16>) (((bit<32>) hash[31:16] * (bit<32>) slots) >> 16);
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
