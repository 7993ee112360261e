// Marks the packet dropped; the reason is counted where the ingress control ends.
#define DROP(reason) { meta.dropped = true; egress.drop = true; egress.drop_reason = (reason); }

// Hands the packet to the CPU port under a sidecar header.
control Punt(
    inout headers_t hdr,
    inout metadata_t meta,
    inout softnpu_ingress_metadata_t ingress,
    inout softnpu_egress_metadata_t egress,
    in bit<8> code,
    in bit<128> payload
) {
    apply {
        hdr.sidecar.setValid();
        hdr.sidecar.code = code;
        hdr.sidecar.pad = 0;
        hdr.sidecar.ingress = ingress.port;
        hdr.sidecar.egress = egress.port;
        hdr.sidecar.ether_type = hdr.ethernet.ether_type;
        hdr.sidecar.payload = payload;
        hdr.ethernet.ether_type = ETHERTYPE_SIDECAR;
        egress.port = CPU_PORT;
        meta.done = true;
    }
}
