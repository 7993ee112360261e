// What the switch understands of a frame. A packet that is too short for what its own lengths promise is rejected here;
// everything else is judged in the ingress control, where a drop can say why.

parser SwitchParser(
    packet_in packet,
    out headers_t hdr,
    inout metadata_t meta,
    inout softnpu_ingress_metadata_t ingress
) {
    bit<4> option_words;
    bit<6> ddm_words;

    state start {
        packet.extract(hdr.ethernet);
        meta.l3_length = ingress.packet_length - 14;
        transition select(hdr.ethernet.ether_type) {
            ETHERTYPE_IPV4: parse_ipv4;
            ETHERTYPE_IPV6: parse_ipv6;
            ETHERTYPE_ARP: parse_arp;
            ETHERTYPE_SIDECAR: parse_sidecar;
            ETHERTYPE_VLAN: parse_vlan;
            default: accept;
        }
    }

    state parse_sidecar {
        packet.extract(hdr.sidecar);
        meta.l3_length = meta.l3_length - 24;
        transition select(hdr.sidecar.ether_type) {
            ETHERTYPE_IPV4: parse_ipv4;
            ETHERTYPE_IPV6: parse_ipv6;
            ETHERTYPE_ARP: parse_arp;
            default: accept;
        }
    }

    state parse_vlan {
        packet.extract(hdr.vlan);
        meta.l3_length = meta.l3_length - 4;
        transition select(hdr.vlan.ether_type) {
            ETHERTYPE_IPV4: parse_ipv4;
            ETHERTYPE_IPV6: parse_ipv6;
            ETHERTYPE_ARP: parse_arp;
            default: accept;
        }
    }

    state parse_arp {
        packet.extract(hdr.arp);
        transition accept;
    }

    state parse_ipv4 {
        packet.extract(hdr.ipv4);
        option_words = hdr.ipv4.ihl - 5;
        transition select(hdr.ipv4.version, hdr.ipv4.ihl) {
            (4, 5): parse_ipv4_payload;
            (4, 6..15): parse_ipv4_option;
            default: accept;
        }
    }

    state parse_ipv4_option {
        packet.extract(hdr.ipv4_options.next);
        option_words = option_words - 1;
        transition select(option_words) {
            0: parse_ipv4_payload;
            default: parse_ipv4_option;
        }
    }

    // Only a first fragment carries ports.
    state parse_ipv4_payload {
        transition select(hdr.ipv4.frag_offset, hdr.ipv4.protocol) {
            (0, PROTOCOL_TCP): parse_tcp;
            (0, PROTOCOL_UDP): parse_udp;
            (0, PROTOCOL_ICMP): parse_icmp;
            default: accept;
        }
    }

    state parse_ipv6 {
        packet.extract(hdr.ipv6);
        transition select(hdr.ipv6.version, hdr.ipv6.next_header) {
            (6, PROTOCOL_TCP): parse_tcp;
            (6, PROTOCOL_UDP): parse_udp;
            (6, PROTOCOL_ICMPV6): parse_icmp;
            (6, PROTOCOL_DDM): parse_ddm;
            default: accept;
        }
    }

    // Header length is 3 + 4 bytes an element. Of another version the format is unknown, and so where the payload is.
    state parse_ddm {
        packet.extract(hdr.ddm);
        ddm_words = (bit<6>) ((hdr.ddm.header_length - 3) >> 2);
        transition select(hdr.ddm.version, hdr.ddm.header_length[1:0], hdr.ddm.header_length) {
            (1, 3, 3): parse_ddm_payload;
            (1, 3, 7..67): parse_ddm_element;
            default: reject;
        }
    }

    state parse_ddm_element {
        packet.extract(hdr.ddm_elements.next);
        ddm_words = ddm_words - 1;
        transition select(ddm_words) {
            0: parse_ddm_payload;
            default: parse_ddm_element;
        }
    }

    state parse_ddm_payload {
        transition select(hdr.ddm.next_header) {
            PROTOCOL_TCP: parse_tcp;
            PROTOCOL_UDP: parse_udp;
            PROTOCOL_ICMPV6: parse_icmp;
            default: accept;
        }
    }

    // TCP stays in the payload: the switch needs its ports and changes nothing.
    state parse_tcp {
        bit<32> ports = packet.lookahead<bit<32>>();
        meta.l4_src_port = ports[31:16];
        meta.l4_dst_port = ports[15:0];
        transition accept;
    }

    state parse_icmp {
        packet.extract(hdr.icmp);
        transition select(hdr.icmp.type, hdr.ipv4.isValid()) {
            (0, true): parse_icmp_echo;
            (8, true): parse_icmp_echo;
            (128, false): parse_icmp_echo;
            (129, false): parse_icmp_echo;
            // Errors quote the packet they answer; its source port is the port that NAT gave out.
            (3, true): parse_icmp_quote;
            (11, true): parse_icmp_quote;
            (12, true): parse_icmp_quote;
            (1..4, false): parse_icmpv6_quote;
            default: accept;
        }
    }

    state parse_icmp_echo {
        meta.l4_dst_port = hdr.icmp.rest[31:16];
        transition accept;
    }

    state parse_icmp_quote {
        bit<224> quote = packet.lookahead<bit<224>>();
        // The quoted header is 20 bytes when its IHL is 5; an echo request is known by its identifier instead.
        transition select(quote[219:216], quote[151:144]) {
            (5, PROTOCOL_TCP): parse_icmp_quote_ports;
            (5, PROTOCOL_UDP): parse_icmp_quote_ports;
            (5, PROTOCOL_ICMP): parse_icmp_quote_echo;
            default: accept;
        }
    }

    state parse_icmp_quote_ports {
        bit<224> quote = packet.lookahead<bit<224>>();
        meta.l4_dst_port = quote[63:48];
        transition accept;
    }

    state parse_icmp_quote_echo {
        bit<224> quote = packet.lookahead<bit<224>>();
        meta.l4_dst_port = quote[31:16];
        transition accept;
    }

    state parse_icmpv6_quote {
        bit<384> quote = packet.lookahead<bit<384>>();
        meta.l4_dst_port = (quote[335:328] == PROTOCOL_ICMPV6) ? quote[31:16] : quote[63:48];
        transition accept;
    }

    state parse_udp {
        packet.extract(hdr.udp);
        meta.l4_src_port = hdr.udp.src_port;
        meta.l4_dst_port = hdr.udp.dst_port;
        // Tunnels run over IPv6 only; over IPv4 the port is one that a guest may use.
        transition select(hdr.ipv6.isValid(), hdr.udp.dst_port) {
            (true, GENEVE_PORT): parse_geneve;
            default: accept;
        }
    }

    state parse_geneve {
        packet.extract(hdr.geneve);
        transition select(hdr.geneve.version, hdr.geneve.opt_len) {
            (0, 0): parse_geneve_payload;
            (0, 1..63): parse_geneve_options;
            default: accept;
        }
    }

    state parse_geneve_options {
        packet.extract(hdr.geneve_options, (bit<32>) hdr.geneve.opt_len << 5);
        transition parse_geneve_payload;
    }

    state parse_geneve_payload {
        transition select(hdr.geneve.protocol) {
            ETHERTYPE_BRIDGING: parse_inner_ethernet;
            default: accept;
        }
    }

    state parse_inner_ethernet {
        packet.extract(hdr.inner_ethernet);
        transition select(hdr.inner_ethernet.ether_type) {
            ETHERTYPE_IPV4: parse_inner_ipv4;
            ETHERTYPE_IPV6: parse_inner_ipv6;
            default: accept;
        }
    }

    state parse_inner_ipv4 {
        packet.extract(hdr.inner_ipv4);
        option_words = hdr.inner_ipv4.ihl - 5;
        transition select(hdr.inner_ipv4.version, hdr.inner_ipv4.ihl) {
            (4, 5): parse_inner_ipv4_payload;
            (4, 6..15): parse_inner_ipv4_option;
            default: accept;
        }
    }

    state parse_inner_ipv4_option {
        packet.extract(hdr.inner_ipv4_options.next);
        option_words = option_words - 1;
        transition select(option_words) {
            0: parse_inner_ipv4_payload;
            default: parse_inner_ipv4_option;
        }
    }

    state parse_inner_ipv4_payload {
        transition select(hdr.inner_ipv4.frag_offset, hdr.inner_ipv4.protocol) {
            (0, PROTOCOL_TCP): parse_inner_ports;
            (0, PROTOCOL_UDP): parse_inner_ports;
            (0, PROTOCOL_ICMP): parse_inner_echo;
            default: accept;
        }
    }

    state parse_inner_ipv6 {
        packet.extract(hdr.inner_ipv6);
        transition select(hdr.inner_ipv6.next_header) {
            PROTOCOL_TCP: parse_inner_ports;
            PROTOCOL_UDP: parse_inner_ports;
            PROTOCOL_ICMPV6: parse_inner_echo;
            default: accept;
        }
    }

    state parse_inner_ports {
        bit<32> ports = packet.lookahead<bit<32>>();
        meta.inner_l4_src_port = ports[31:16];
        meta.inner_l4_dst_port = ports[15:0];
        transition accept;
    }

    state parse_inner_echo {
        bit<64> echo = packet.lookahead<bit<64>>();
        meta.inner_l4_dst_port = echo[31:16];
        transition accept;
    }
}
