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
