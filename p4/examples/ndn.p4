// Named-data forwarding (EtherType 0x8624): packets carry names, not addresses. A deliberately small form of it:
//
//     Interest  type 5 | hop limit | nonce 32 | name: four components of 16 bits, the unused ones zero
//     Data      type 6 | 0         | 0        | name                                                     | content
//
// The forwarding base (table `fib`) sends an interest towards producers by the longest prefix of its name. The pending-interest
// table is a register by the hash of the name: the port that asked last. Data goes back to the port that asked, once; an
// interest for what is already pending, with the same nonce, has looped and is dropped. Nothing here knows IP.

#include <core.p4>
#include <softnpu.p4>

const bit<16> ETHERTYPE_NDN = 0x8624;
const bit<8> INTEREST = 5;
const bit<8> DATA = 6;
const bit<32> PENDING = 4096;

// Drop reasons, as counters name them.
const bit<8> NOT_NDN = 1;
const bit<8> NO_PRODUCER = 2;
const bit<8> LOOP = 3;
const bit<8> NOBODY_ASKED = 4;
const bit<8> HOP_LIMIT = 5;

header ethernet_t {
    bit<48> dst;
    bit<48> src;
    bit<16> ether_type;
}

header ndn_t {
    bit<8> type;
    bit<8> hop_limit;
    bit<32> nonce;
    bit<64> name;
}

struct headers_t {
    ethernet_t ethernet;
    ndn_t ndn;
}

struct metadata_t {
    bit<32> slot;
    bit<16> asker;
    bit<32> nonce;
}

parser NdnParser(packet_in packet, out headers_t hdr, inout metadata_t meta, inout softnpu_ingress_metadata_t ingress) {
    state start {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.ether_type) {
            ETHERTYPE_NDN: ndn;
            default: accept;
        }
    }
    state ndn {
        packet.extract(hdr.ndn);
        transition accept;
    }
}

control NdnIngress(
    inout headers_t hdr,
    inout metadata_t meta,
    inout softnpu_ingress_metadata_t ingress,
    inout softnpu_egress_metadata_t egress
) {
    Hash<bit<32>>(HashAlgorithm_t.CRC32) name_hash;
    // Port that asked, plus one: 0 is nobody.
    Register<bit<16>>(PENDING) pending_port;
    Register<bit<32>>(PENDING) pending_nonce;

    action drop(bit<8> reason) {
        egress.drop = true;
        egress.drop_reason = reason;
    }
    action produce(bit<16> port) {
        egress.port = port;
    }
    table fib {
        key = { hdr.ndn.name: lpm; }
        actions = { produce; drop; }
        default_action = drop(NO_PRODUCER);
        size = 4096;
    }

    apply {
        if (!hdr.ndn.isValid()) {
            drop(NOT_NDN);
        } else {
            meta.slot = name_hash.get(hdr.ndn.name) & (PENDING - 1);
            meta.asker = pending_port.read(meta.slot);
            meta.nonce = pending_nonce.read(meta.slot);
            if (hdr.ndn.type == DATA) {
                if (meta.asker == 0) {
                    drop(NOBODY_ASKED);
                } else {
                    egress.port = meta.asker - 1;
                    pending_port.write(meta.slot, 0);
                }
            } else if (hdr.ndn.hop_limit <= 1) {
                drop(HOP_LIMIT);
            } else if (meta.asker != 0 && meta.nonce == hdr.ndn.nonce) {
                drop(LOOP);
            } else {
                hdr.ndn.hop_limit = hdr.ndn.hop_limit - 1;
                if (fib.apply().hit) {
                    pending_port.write(meta.slot, ingress.port + 1);
                    pending_nonce.write(meta.slot, hdr.ndn.nonce);
                }
            }
        }
    }
}

control NdnEgress(
    inout headers_t hdr,
    inout metadata_t meta,
    inout softnpu_ingress_metadata_t ingress,
    inout softnpu_egress_metadata_t egress
) {
    apply {}
}

control NdnDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.ethernet);
        packet.emit(hdr.ndn);
    }
}

SoftNPU(NdnParser(), NdnIngress(), NdnEgress(), NdnDeparser()) main;
