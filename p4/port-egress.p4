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
