// Delay-driven multipath: the switch's part of the telemetry that sleds send in an extension header of their packets.
//
// A packet on its way there gets an element on top: the port it came in by, and the time. The answer brings the elements back, and
// the switch takes its own off again when the answer leaves by that port. So a sled sees only what sleds wrote, and a capture on
// the wire tells when each switch had the packet. The id means something to this switch only. Elements lie newest first.
control DdmTransit(
    inout headers_t hdr,
    inout softnpu_ingress_metadata_t ingress,
    inout softnpu_egress_metadata_t egress
) {
    apply {
        if (hdr.ddm.ack == 0) {
            // A full header passes as it is: what measures is the sled's own element.
            if (hdr.ddm.header_length < 67) {
                hdr.ddm_elements.push_front(1);
                hdr.ddm_elements[0].setValid();
                hdr.ddm_elements[0].id = ingress.port[7:0];
                hdr.ddm_elements[0].timestamp = ingress.timestamp[23:0];
                hdr.ddm.header_length = hdr.ddm.header_length + 4;
                hdr.ipv6.payload_len = hdr.ipv6.payload_len + 4;
            }
        } else if (hdr.ddm_elements[0].isValid() && hdr.ddm_elements[0].id == egress.port[7:0]) {
            hdr.ddm_elements.pop_front(1);
            hdr.ddm.header_length = hdr.ddm.header_length - 4;
            hdr.ipv6.payload_len = hdr.ipv6.payload_len - 4;
        }
    }
}
