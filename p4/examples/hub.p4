// A hub: every frame leaves by every port but the one it came in on. Whatever is in the frame.

#include <core.p4>
#include <softnpu.p4>

struct headers_t {}
struct metadata_t {}

parser HubParser(packet_in packet, out headers_t hdr, inout metadata_t meta, inout softnpu_ingress_metadata_t ingress) {
    state start {
        transition accept;
    }
}

control HubIngress(
    inout headers_t hdr,
    inout metadata_t meta,
    inout softnpu_ingress_metadata_t ingress,
    inout softnpu_egress_metadata_t egress
) {
    apply {
        egress.broadcast = true;
    }
}

control HubEgress(
    inout headers_t hdr,
    inout metadata_t meta,
    inout softnpu_ingress_metadata_t ingress,
    inout softnpu_egress_metadata_t egress
) {
    apply {}
}

control HubDeparser(packet_out packet, in headers_t hdr) {
    apply {}
}

SoftNPU(HubParser(), HubIngress(), HubEgress(), HubDeparser()) main;
