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
