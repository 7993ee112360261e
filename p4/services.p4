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
