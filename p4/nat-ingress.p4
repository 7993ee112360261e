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
    // Of the packet: the two lower bits of its traffic class (RFC 3168).
    bit<8> congestion_mark = 0;
    Punt() punt;

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
        size = 131072;
    }

    table ingress_ipv6 {
        key = {
            hdr.ipv6.dst: exact;
            meta.l4_dst_port: range;
        }
        actions = { forward_to_sled; NoAction; }
        default_action = NoAction();
        counters = ingress_ipv6_counter;
        size = 131072;
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

        // The tunnel counts as no hop, but the switch is a router to the world: whoever traces the way learns of it.
        if (meta.is_uplink && hdr.ipv4.isValid() && hdr.ipv4.ttl == 1) {
            meta.encapsulated = false;
            punt.apply(hdr, meta, ingress, egress, SIDECAR_ICMP_NEEDED, 0x0b00);
            return;
        }
        if (meta.is_uplink && hdr.ipv6.isValid() && hdr.ipv6.hop_limit == 1) {
            meta.encapsulated = false;
            punt.apply(hdr, meta, ingress, egress, SIDECAR_ICMP_NEEDED, 0x0300);
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
            congestion_mark = hdr.ipv4.diffserv & 3;
            hdr.inner_ipv4 = hdr.ipv4;
            hdr.ipv4.setInvalid();
            if (hdr.inner_ipv4.ihl != 5) {
                hdr.inner_ipv4_options = hdr.ipv4_options;
                hdr.ipv4_options.pop_front(10);
            }
        } else {
            hdr.inner_ethernet.ether_type = ETHERTYPE_IPV6;
            inner_length = hdr.ipv6.payload_len + 40;
            congestion_mark = hdr.ipv6.traffic_class & 3;
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
        // RFC 6040 section 4.1: the tunnel's header is marked as the packet is.
        hdr.ipv6.traffic_class = congestion_mark;
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
