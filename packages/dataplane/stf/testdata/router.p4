/* A router with a counter, a register and a clone: what the STF runner's tests send packets through. */
#include <core.p4>
#include <v1model.p4>

header ipv4_t { bit<32> dst; bit<8> ttl; bit<8> kind; }
struct headers_t { ipv4_t ip; }
struct metadata_t { bit<8> seen; }

parser P(packet_in pkt, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    state start { pkt.extract(hdr.ip); transition accept; }
}

control V(inout headers_t hdr, inout metadata_t meta) { apply { } }

control ingress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    counter(4, CounterType.packets_and_bytes) packets;
    register<bit<8>>(4) last;
    action forward(bit<9> port) {
        std.egress_spec = port;
        hdr.ip.ttl = hdr.ip.ttl - 1;
        packets.count((bit<32>) port);
    }
    action drop() { mark_to_drop(std); }
    action copy(bit<32> session) { clone(CloneType.I2E, session); }
    action join(bit<16> group) { std.mcast_grp = group; }
    table routes {
        key = { hdr.ip.dst: lpm; }
        actions = { forward; drop; join; }
        default_action = drop();
    }
    table acl {
        key = { hdr.ip.kind: ternary; hdr.ip.ttl: ternary; }
        actions = { drop; copy; NoAction; }
        default_action = NoAction();
    }
    table exactly {
        key = { hdr.ip.isValid(): exact; hdr.ip.kind: exact @name("kind"); }
        actions = { drop; NoAction; }
        default_action = NoAction();
    }
    apply {
        routes.apply();
        acl.apply();
        exactly.apply();
        last.write(0, hdr.ip.kind);
    }
}

control egress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) { apply { } }
control C(inout headers_t hdr, inout metadata_t meta) { apply { } }
control D(packet_out pkt, in headers_t hdr) { apply { pkt.emit(hdr.ip); } }

V1Switch(P(), V(), ingress(), egress(), C(), D()) main;
