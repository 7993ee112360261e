/* What BMv2 does in corners of v1model. Fields are read only behind an extraction, so that nothing of earlier packets shows. */
#include <core.p4>
#include <v1model.p4>

header first_t { bit<8> kind; bit<8> value; bit<16> sum; }
header item_t { bit<1> more; bit<7> number; }
struct headers_t { first_t first; item_t[3] items; item_t spare; }
struct metadata_t { @field_list(1) bit<8> rounds; }

bit<8> half(out bit<8> x, in bool isWritten) {
    if (isWritten) { x = 7; }
    return x;
}

parser P(packet_in pkt, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    state start {
        pkt.extract(hdr.first);
        verify(hdr.first.kind != 9, error.ParserInvalidArgument);
        transition select(hdr.first.kind) {
            0x10 &&& 0xf0: items;
            3 .. 5: reject;
            9: accept;
        }
    }
    state items {
        pkt.extract(hdr.items.next);
        transition select(hdr.items.last.more) {
            1: items;
            default: accept;
        }
    }
}
control V(inout headers_t hdr, inout metadata_t meta) {
    apply { verify_checksum(hdr.first.isValid(), { hdr.first.kind, hdr.first.value }, hdr.first.sum, HashAlgorithm.csum16); }
}
control I(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    counter(8, CounterType.packets_and_bytes) seen;
    register<bit<32>>(4) sums;
    action send(bit<9> port) { std.egress_spec = port; }
    action add(bit<8> by) { hdr.first.value = hdr.first.value |+| by; std.egress_spec = 3; }
    table exactly { key = { hdr.first.kind: exact; } actions = { send; add; NoAction; } }
    table roughly {
        key = { hdr.first.value: ternary; hdr.first.kind: range; std.ingress_port: optional; }
        actions = { send; add; @defaultonly NoAction; }
        default_action = NoAction;
    }
    apply {
        if (!hdr.first.isValid()) { std.egress_spec = 9; exit; }
        seen.count((bit<32>) hdr.first.kind[2:0]);
        if (exactly.apply().hit) { hdr.first.value = half(hdr.first.kind, hdr.first.value[0:0] == 1); }
        switch (roughly.apply().action_run) {
            add: { hdr.spare.setValid(); hdr.spare.number = 5; }
            default: { hdr.items.push_front(1); hdr.items[0].setValid(); hdr.items[0] = { 1, 9 }; }
        }
        bit<32> v;
        hash(v, HashAlgorithm.crc32, 32w0, { hdr.first.kind, hdr.first.value, std.ingress_port }, 33w0x100000000);
        sums.write((bit<32>) hdr.first.kind[1:0], v);
        if (std.parser_error != error.NoError) { hdr.first.sum = hdr.first.sum ^ 0xff00; }
        if (std.checksum_error == 1) { hdr.first.sum = hdr.first.sum ^ 0xff; }
        if (v[7:0] < 40 && meta.rounds < 2) {
            meta.rounds = meta.rounds + 1;
            resubmit_preserving_field_list(1);
        }
    }
}
control E(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    apply {
        if (hdr.first.isValid() && std.instance_type == 0 && hdr.first.value > 0xe0) { mark_to_drop(std); }
    }
}
control C(inout headers_t hdr, inout metadata_t meta) { apply { } }
control D(packet_out pkt, in headers_t hdr) { apply { pkt.emit(hdr); } }
V1Switch(P(), V(), I(), E(), C(), D()) main;
