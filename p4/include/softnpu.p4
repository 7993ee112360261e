/*
 * The architecture of Lodestone's packet processor: parser, ingress, egress, deparser.
 *
 * Ingress chooses a port, replication or a drop; egress runs once for every copy that leaves. A packet that the parser
 * rejects is dropped with the reserved reason 0xF0.
 */
#ifndef _SOFTNPU_P4_
#define _SOFTNPU_P4_

#include <core.p4>

match_kind {
    range,
    optional,
    selector
}

/* Set before the parser runs; read-only for the program by convention. */
struct softnpu_ingress_metadata_t {
    bit<16> port;               // where the packet came in
    bit<32> packet_length;      // bytes
    bit<48> timestamp;          // microseconds
    error   parser_error;
}

/* All zero before ingress; in egress, port is the port of this copy. */
struct softnpu_egress_metadata_t {
    bit<16> port;
    bool    drop;
    bit<8>  drop_reason;        // counted by number; 0xF0 and above are the target's own
    bool    broadcast;          // to every port but the one it came from
    bit<16> multicast_group;    // 0 is none
}

enum CounterType_t {
    PACKETS,
    BYTES,
    PACKETS_AND_BYTES
}

/* An array of counters. */
extern Counter {
    Counter(bit<32> size, CounterType_t type);
    void count(in bit<32> index);
}

/* One counter per entry of the table that names it in its `counters` property. */
extern DirectCounter {
    DirectCounter(CounterType_t type);
    void count();
}

enum MeterType_t {
    PACKETS,
    BYTES
}

enum MeterColor_t {
    GREEN,
    YELLOW,
    RED
}

/* An array of two-rate three-colour meters. */
extern Meter {
    Meter(bit<32> size, MeterType_t type);
    MeterColor_t execute(in bit<32> index);
}

/* One meter per entry of the table that names it in its `meters` property. */
extern DirectMeter {
    DirectMeter(MeterType_t type);
    MeterColor_t execute();
}

/* Cells that keep their value from packet to packet. */
extern Register<T> {
    Register(bit<32> size);
    T read(in bit<32> index);
    void write(in bit<32> index, in T value);
}

enum HashAlgorithm_t {
    CRC8,
    CRC16,
    CRC32,
    IDENTITY,
    CSUM16,
    XOR16,
    MIX                         // multiplies and folds; the cheapest one here that spreads well
}

extern Hash<O> {
    Hash(HashAlgorithm_t algo);
    O get<D>(in D data);
    /* base + hash mod max. */
    O get<D>(in O base, in D data, in O max);
}

/* The Internet checksum (RFC 1071), complemented, of the data in order. */
extern Checksum {
    Checksum();
    bit<16> run<T>(in T data);
}

extern Random<T> {
    /* Values from low to high, both included. */
    Random(T low, T high);
    T read();
}

parser SoftNPUParser<H, M>(
    packet_in packet,
    out H headers,
    inout M metadata,
    inout softnpu_ingress_metadata_t ingress);

control SoftNPUIngress<H, M>(
    inout H headers,
    inout M metadata,
    inout softnpu_ingress_metadata_t ingress,
    inout softnpu_egress_metadata_t egress);

control SoftNPUEgress<H, M>(
    inout H headers,
    inout M metadata,
    inout softnpu_ingress_metadata_t ingress,
    inout softnpu_egress_metadata_t egress);

control SoftNPUDeparser<H>(packet_out packet, in H headers);

package SoftNPU<H, M>(
    SoftNPUParser<H, M> p,
    SoftNPUIngress<H, M> i,
    SoftNPUEgress<H, M> e,
    SoftNPUDeparser<H> d);

#endif
