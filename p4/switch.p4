// The rack switch: filters for its own addresses, NAT ingress with Geneve encapsulation, decapsulation, IPv4 and IPv6
// routing with multipath slots, neighbour resolution, and a CPU port. It does the job of a data-centre ASIC's program
// for this rack; every drop has a number.
//
// Order of the ingress control: CPU port, sanity, filter, decapsulation or services, NAT ingress, routing, egress filter and
// tag, resolution, MAC rewrite, telemetry. What waits on the CPU for its next hop has passed the filter and has its tag.
// Decapsulation comes before NAT ingress, so a guest that sends to a floating address of this rack is turned round here
// instead of at the upstream router.

#include <core.p4>
#include <softnpu.p4>
#include "headers.p4"
#include "drop-reasons.p4"
#include "metadata.p4"
#include "parser.p4"
#include "punt.p4"
#include "sanity.p4"
#include "filter.p4"
#include "nat-ingress.p4"
#include "nat-egress.p4"
#include "services.p4"
#include "router.p4"
#include "resolver.p4"
#include "port-egress.p4"
#include "ddm.p4"

control SwitchIngress(
    inout headers_t hdr,
    inout metadata_t meta,
    inout softnpu_ingress_metadata_t ingress,
    inout softnpu_egress_metadata_t egress
) {
    Counter(1024, CounterType_t.PACKETS_AND_BYTES) ingress_ports;
    Counter(256, CounterType_t.PACKETS_AND_BYTES) drop_reasons;
    Sanity() sanity;
    Filter() filter;
    NatIngress() nat_ingress;
    NatEgress() nat_egress;
    Services() services;
    Router() router;
    Resolver() resolver;
    PortEgress() port_egress;
    MacRewrite() mac_rewrite;
    DdmTransit() ddm_transit;
    Punt() punt;

    // The CPU port speaks only under a sidecar header, and nobody else may.
    action from_cpu() {
        if (!hdr.sidecar.isValid()) {
            DROP(DROP_CPU_WITHOUT_SIDECAR)
        } else {
            hdr.ethernet.ether_type = hdr.sidecar.ether_type;
            meta.from_cpu = true;
            if (hdr.sidecar.code == SIDECAR_FORWARD_FROM_USER) {
                egress.port = hdr.sidecar.egress;
                meta.done = true;
            }
            hdr.sidecar.setInvalid();
        }
    }

    action front_sanity() {
        if (hdr.sidecar.isValid()) {
            DROP(DROP_SIDECAR_FROM_FRONT)
        }
    }

    apply {
        ingress_ports.count((bit<32>) ingress.port);
        if (ingress.port == CPU_PORT) {
            from_cpu();
        } else {
            front_sanity();
        }

        if (!meta.dropped && !meta.done) {
            if (hdr.ethernet.ether_type == ETHERTYPE_LLDP) {
                punt.apply(hdr, meta, ingress, egress, SIDECAR_FORWARD_TO_USER, 0);
            } else if (!hdr.ipv4.isValid() && !hdr.ipv6.isValid() && !hdr.arp.isValid()) {
                DROP(DROP_ETHER_TYPE)
            } else {
                sanity.apply(hdr, meta, egress);
            }
        }
        if (!meta.dropped && !meta.done && !meta.from_cpu) {
            filter.apply(hdr, meta, ingress, egress);
            if (!meta.dropped && meta.is_switch_address) {
                // Sleds speak to the switch by rear ports; a tunnel from the world is nobody's.
                if (hdr.geneve.isValid() && hdr.geneve.vni != 0 && !meta.is_uplink) {
                    nat_egress.apply(hdr, meta, egress);
                    if (!meta.dropped) {
                        // The inner header is from a guest and was not looked at yet.
                        sanity.apply(hdr, meta, egress);
                    }
                } else {
                    services.apply(hdr, meta, ingress, egress);
                }
            }
        }
        if (!meta.dropped && !meta.done) {
            nat_ingress.apply(hdr, meta, ingress, egress);
        }
        if (!meta.dropped && !meta.done) {
            router.apply(hdr, meta, ingress, egress);
        }
        if (!meta.dropped && !meta.done) {
            port_egress.apply(hdr, meta, egress);
        }
        if (!meta.dropped && !meta.done) {
            resolver.apply(hdr, meta, ingress, egress);
        }
        if (!meta.dropped && !meta.done) {
            mac_rewrite.apply(hdr, meta, egress);
            if (hdr.ddm.isValid() && !meta.from_cpu) {
                ddm_transit.apply(hdr, ingress, egress);
            }
        }
        if (meta.dropped) {
            drop_reasons.count((bit<32>) egress.drop_reason);
        }
    }
}

control SwitchEgress(
    inout headers_t hdr,
    inout metadata_t meta,
    inout softnpu_ingress_metadata_t ingress,
    inout softnpu_egress_metadata_t egress
) {
    Counter(1024, CounterType_t.PACKETS_AND_BYTES) egress_ports;

    apply {
        egress_ports.count((bit<32>) egress.port);
    }
}

control SwitchDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr);
    }
}

SoftNPU(SwitchParser(), SwitchIngress(), SwitchEgress(), SwitchDeparser()) main;
