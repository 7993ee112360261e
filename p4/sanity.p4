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
