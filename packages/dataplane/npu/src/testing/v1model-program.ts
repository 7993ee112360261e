/** A small v1model program around the given ingress, egress and declarations. */
export interface V1modelParts {
  readonly declarations?: string
  readonly ingress: string
  readonly egress?: string
}

export function v1modelSource({ declarations = '', ingress, egress = '' }: V1modelParts): string {
  return `#include <core.p4>
#include <v1model.p4>
header ethernet_t { bit<48> dst; bit<48> src; bit<16> type; }
header ipv4_t {
  bit<8> version_ihl; bit<8> diffserv; bit<16> length; bit<16> id; bit<16> fragment;
  bit<8> ttl; bit<8> protocol; bit<16> checksum; bit<32> src; bit<32> dst;
}
struct headers_t { ethernet_t ethernet; ipv4_t ipv4; }
struct meta_t { @field_list(1) bit<8> round; bit<32> count; }
parser P(packet_in pkt, out headers_t hdr, inout meta_t meta, inout standard_metadata_t std) {
  state start {
    pkt.extract(hdr.ethernet);
    transition select(hdr.ethernet.type) {
      0x0800: ipv4;
      default: accept;
    }
  }
  state ipv4 {
    pkt.extract(hdr.ipv4);
    transition accept;
  }
}
control V(inout headers_t hdr, inout meta_t meta) { apply { } }
control I(inout headers_t hdr, inout meta_t meta, inout standard_metadata_t std) {
${declarations}
  apply {
${ingress}
  }
}
control E(inout headers_t hdr, inout meta_t meta, inout standard_metadata_t std) {
  apply {
${egress}
  }
}
control C(inout headers_t hdr, inout meta_t meta) { apply { } }
control D(packet_out pkt, in headers_t hdr) { apply { pkt.emit(hdr.ethernet); pkt.emit(hdr.ipv4); } }
V1Switch(P(), V(), I(), E(), C(), D()) main;
`
}

/** Line of the first occurrence of a text in a source, from 1. */
export function lineOf(source: string, text: string): number {
  return source.slice(0, source.indexOf(text)).split('\n').length
}
