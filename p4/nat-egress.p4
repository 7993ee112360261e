// Packets from a sled for the outside: out of the tunnel that ends at this switch.
control NatEgress(inout headers_t hdr, inout metadata_t meta, inout softnpu_egress_metadata_t egress) {
    // What the underlay marked (RFC 6040 section 4.2) in the two lower bits of the traffic class. 3: there was congestion; 1 and 2: the
    // sender understands marks; 0: it does not, and takes a loss for one.
    bit<8> outer_mark = 0;
    bit<8> inner_mark = 0;
    bit<32> sum = 0;

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
        outer_mark = hdr.ipv6.traffic_class & 3;
        if (hdr.inner_ipv4.isValid()) {
            hdr.ipv4 = hdr.inner_ipv4;
            inner_mark = hdr.ipv4.diffserv & 3;
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
            inner_mark = hdr.ipv6.traffic_class & 3;
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
        if (outer_mark == 3 && inner_mark == 0) {
            DROP(DROP_CONGESTED)
            return;
        }
        if (outer_mark == 3 || (outer_mark == 1 && inner_mark == 2)) {
            if (hdr.ipv4.isValid()) {
                hdr.ipv4.diffserv = (hdr.ipv4.diffserv & 0xfc) | outer_mark;
                // RFC 1624 equation 3.
                sum = (bit<32>) (~hdr.ipv4.checksum) + 0xffff + (bit<32>) outer_mark - (bit<32>) inner_mark;
                sum = (bit<32>) sum[15:0] + (bit<32>) sum[31:16];
                hdr.ipv4.checksum = ~sum[15:0];
            } else {
                hdr.ipv6.traffic_class = (hdr.ipv6.traffic_class & 0xfc) | outer_mark;
            }
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
