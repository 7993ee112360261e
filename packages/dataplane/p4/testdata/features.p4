/* Every construct that the switch program leans on, in one place. */
#include <core.p4>
#include <softnpu.p4>

#define MAX_ELEMENTS 4
#define IS_MULTICAST(mac) ((mac)[40:40] == 1)

typedef bit<48> mac_t;
type bit<16> port_t;

enum bit<16> EtherType {
    ipv4 = 0x0800,
    ipv6 = 0x86dd,
    ddm = 0x9999
}
enum Verdict { NONE, FORWARD, DROP }

error { BadOption }

header ethernet_t { mac_t dst; mac_t src; EtherType ether_type; }
header ipv4_t {
    bit<4> version; bit<4> ihl; bit<8> diffserv; bit<16> total_len;
    bit<16> identification; bit<3> flags; bit<13> frag_offset;
    bit<8> ttl; bit<8> protocol; bit<16> hdr_checksum; bit<32> src; bit<32> dst;
}
header ipv4_options_t { varbit<320> data; }
header element_t { bit<8> id; bit<24> timestamp; }
header ddm_t { bit<8> next_header; bit<8> header_length; bit<8> version; bit<1> ack; bit<7> reserved; }
header geneve_t {
    bit<2> version; bit<6> opt_len; bit<1> ctrl; bit<1> crit; bit<6> reserved;
    bit<16> protocol; bit<24> vni; bit<8> reserved2;
}
header option_t { bit<16> class; bit<1> crit; bit<7> type; bit<3> reserved; bit<5> length; }
header tcp_t { bit<16> src; bit<16> dst; bit<128> rest; }
header udp_t { bit<16> src; bit<16> dst; bit<16> len; bit<16> checksum; }
header_union l4_t { tcp_t tcp; udp_t udp; }

struct headers_t {
    ethernet_t ethernet;
    ipv4_t ipv4;
    ipv4_options_t options;
    ddm_t ddm;
    element_t[MAX_ELEMENTS] elements;
    geneve_t geneve;
    option_t[3] geneve_options;
    l4_t l4;
}

struct metadata_t {
    bit<6> chunks;
    Verdict verdict;
    bit<32> flow_hash;
    bit<8> slot;
    bool is_local;
    tuple<bit<8>, bit<16>> pair;
}

bit<16> fold_length(in bit<8> high, in bit<8> low) {
    if (high == 0) {
        return 16w0 ++ low[7:8 - 8] == 0 ? 16w0 : (bit<16>) low;
    }
    return high ++ low;
}

void swap(inout mac_t a, inout mac_t b) {
    mac_t tmp = a;
    a = b;
    b = tmp;
}

parser OptionParser(packet_in pkt, inout headers_t hdr, inout metadata_t meta) {
    state start {
        meta.chunks = hdr.geneve.opt_len;
        transition select(meta.chunks) {
            0: accept;
            default: next_option;
        }
    }
    state next_option {
        verify(meta.chunks != 0, error.BadOption);
        pkt.extract(hdr.geneve_options.next);
        meta.chunks = meta.chunks - 1;
        transition select(hdr.geneve_options.last.class, hdr.geneve_options.last.length, meta.chunks) {
            (0x0129, 0, 0): accept;
            (0x0129, 0, _): next_option;
            (0x0129 &&& 0xff00, 1 .. 3, _): body;
            default: reject;
        }
    }
    state body {
        pkt.advance(32);
        transition accept;
    }
}

parser FeatureParser(packet_in pkt, out headers_t hdr, inout metadata_t meta, inout softnpu_ingress_metadata_t ig) {
    OptionParser() options;
    bit<8> index = 0;
    state start {
        pkt.extract(hdr.ethernet);
        transition select(hdr.ethernet.ether_type, ig.port) {
            (EtherType.ipv4, _): ipv4;
            (EtherType.ddm, 1 .. 100): ddm;
            (_, 0): accept;
            default: reject;
        }
    }
    state ipv4 {
        pkt.extract(hdr.ipv4);
        verify(hdr.ipv4.version == 4, error.ParserInvalidArgument);
        transition select(hdr.ipv4.ihl) {
            5: protocol;
            6 .. 15: ipv4_options;
            default: reject;
        }
    }
    state ipv4_options {
        pkt.extract(hdr.options, ((bit<32>)(hdr.ipv4.ihl - 5)) << 5);
        transition protocol;
    }
    state protocol {
        transition select(hdr.ipv4.protocol, pkt.lookahead<bit<32>>()[15:0]) {
            (17, 6081): geneve;
            (17, _): udp;
            (6, _): tcp;
            default: accept;
        }
    }
    state udp { pkt.extract(hdr.l4.udp); transition accept; }
    state tcp { pkt.extract(hdr.l4.tcp); transition accept; }
    state geneve {
        pkt.extract(hdr.l4.udp);
        pkt.extract(hdr.geneve);
        options.apply(pkt, hdr, meta);
        transition accept;
    }
    state ddm {
        pkt.extract(hdr.ddm);
        transition elements;
    }
    state elements {
        transition select(hdr.ddm.header_length >= 7 + 4 * index && index < MAX_ELEMENTS) {
            true: element;
            false: accept;
        }
    }
    state element {
        pkt.extract(hdr.elements.next);
        index = index + 1;
        transition elements;
    }
}

control Nat(inout headers_t hdr, inout metadata_t meta)(bool isStrict, bit<32> tableSize) {
    Counter(64, CounterType_t.PACKETS) hits;
    action translate(bit<32> address, bit<8> counter) {
        hdr.ipv4.src = address;
        hits.count((bit<32>) counter);
    }
    action refuse() { meta.verdict = isStrict ? Verdict.DROP : Verdict.NONE; }
    table nat_v4 {
        key = {
            hdr.ipv4.dst: exact @name("destination");
            hdr.l4.udp.dst: range;
        }
        actions = { translate; refuse; }
        default_action = refuse;
        size = tableSize;
    }
    apply {
        nat_v4.apply();
    }
}

control FeatureIngress(
    inout headers_t hdr,
    inout metadata_t meta,
    inout softnpu_ingress_metadata_t ig,
    inout softnpu_egress_metadata_t eg)
{
    Nat(true, 128) nat;
    Nat(isStrict = false, tableSize = 64) nat_loose;
    Hash<bit<16>>(HashAlgorithm_t.CRC16) ecmp;
    Checksum() csum;
    Register<bit<32>>(16) last_seen;
    Counter(256, CounterType_t.PACKETS_AND_BYTES) ports;
    DirectCounter(CounterType_t.PACKETS) acl_counter;
    bit<32> scratch = 0;
    const bit<16> CPU_PORT = 0;

    action drop(bit<8> reason) {
        eg.drop = true;
        eg.drop_reason = reason;
    }
    action permit() { acl_counter.count(); }
    action deny(bit<8> reason) {
        acl_counter.count();
        drop(reason);
    }
    action set_slot(inout bit<8> slot, bit<8> count) {
        slot = (bit<8>)(meta.flow_hash[7:0] % count);
        if (slot == 0) { return; }
        eg.port = (bit<16>) slot;
    }
    table acl {
        key = {
            hdr.ipv4.src: ternary;
            hdr.ipv4.dst: lpm;
            ig.port: exact;
            hdr.l4.tcp.isValid(): exact @name("tcp");
            hdr.ethernet.ether_type: optional;
        }
        actions = { permit; @defaultonly NoAction; deny; }
        const default_action = NoAction;
        const entries = {
            (0x0a000000 &&& 0xff000000, 0x0a000000 &&& 0xff000000, 1, true, EtherType.ipv4): permit();
            (_, 0xc0a80101, 2, false, _): deny(7);
        }
        counters = acl_counter;
    }
    table classify {
        key = { hdr.ipv4.diffserv: ternary; hdr.ipv4.ttl: range; }
        actions = { permit; deny; set_slot(meta.slot); }
        entries = {
            priority = 10: (1 &&& 3, 5 .. 9): permit();
            const priority = 20: (_, 255): set_slot(16);
            (2, _): deny(9);
        }
        default_action = permit();
    }

    apply {
        if (hdr.ddm.isValid()) {
            hdr.elements.push_front(1);
            hdr.elements[0] = { 8w7, 24w9 };
            hdr.elements[0].setValid();
            bit<24> total = 0;
            for (bit<8> i in 0 .. 3) {
                if (!hdr.elements[i].isValid()) { continue; }
                total = total + hdr.elements[i].timestamp;
            }
            scratch = 8w0 ++ total;
            last_seen.write((bit<32>) hdr.ddm.version, scratch);
            eg.port = CPU_PORT;
            return;
        }
        meta.flow_hash = 16w0 ++ ecmp.get({ hdr.ipv4.src, hdr.ipv4.dst, hdr.ipv4.protocol });
        switch (acl.apply().action_run) {
            permit: { meta.verdict = Verdict.FORWARD; }
            deny: { meta.verdict = Verdict.DROP; exit; }
            default: { meta.verdict = Verdict.NONE; }
        }
        if (classify.apply().miss && !meta.is_local) nat.apply(hdr, meta);
        else if (meta.verdict == Verdict.FORWARD) { nat_loose.apply(hdr, meta); }
        switch (hdr.ipv4.protocol) {
            6: 17: { swap(hdr.ethernet.src, hdr.ethernet.dst); }
            default: { drop(3); }
        }
        hdr.ethernet.src[47:40] = 8w2;
        hdr.ipv4.ttl = hdr.ipv4.ttl |-| 1;
        meta.pair = { 8w1, 16w2 };
        hdr.ipv4.total_len = fold_length(meta.pair[0], hdr.ipv4.ttl) + meta.pair[1];
        hdr.ipv4.hdr_checksum = 0;
        hdr.ipv4.hdr_checksum = csum.run(hdr.ipv4);
        if (IS_MULTICAST(hdr.ethernet.dst)) { eg.multicast_group = 1; }
        ports.count((bit<32>) ig.port);
        if (hdr.l4.udp.isValid() && hdr.l4.udp.checksum != 0) {
            hdr.l4.udp.setInvalid();
        }
    }
}

control FeatureEgress(
    inout headers_t hdr,
    inout metadata_t meta,
    inout softnpu_ingress_metadata_t ig,
    inout softnpu_egress_metadata_t eg)
{
    apply {
        if (eg.port == ig.port) { eg.drop = true; }
    }
}

control FeatureDeparser(packet_out pkt, in headers_t hdr) {
    apply {
        pkt.emit(hdr.ethernet);
        pkt.emit(hdr.ipv4);
        pkt.emit(hdr.options);
        pkt.emit(hdr.ddm);
        pkt.emit(hdr.elements);
        pkt.emit(hdr.l4);
        pkt.emit(hdr.geneve);
        pkt.emit(hdr.geneve_options);
    }
}

SoftNPU(FeatureParser(), FeatureIngress(), FeatureEgress(), FeatureDeparser()) main;
