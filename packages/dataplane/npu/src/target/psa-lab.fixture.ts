/** A psa program made of a few pieces, at work like those of `lab.fixture.ts`. */
import { type Lab, labOf } from './lab.fixture.ts'

/** Header `h`: four bytes; `mark` writes what a block was told. */
export interface PsaSource {
  readonly meta?: string
  readonly ingressLocals?: string
  readonly ingress?: string
  readonly ingressDeparserLocals?: string
  readonly ingressDeparser?: string
  readonly ingressParser?: string
  readonly egressParser?: string
  readonly egressLocals?: string
  readonly egress?: string
  readonly egressDeparser?: string
  readonly bmv2?: boolean
}

export function psaLab(source: PsaSource): Lab {
  const extract = 'state start { pkt.extract(hdr.h); transition accept; }'
  return labOf(
    `
#include <core.p4>
#include <psa.p4>
header h_t { bit<8> a; bit<8> b; bit<8> c; bit<8> d; }
struct headers_t { h_t h; }
struct carried_t { bit<8> value; }
struct metadata_t { bit<8> value; ${source.meta ?? ''} }
parser IP(packet_in pkt, out headers_t hdr, inout metadata_t meta, in psa_ingress_parser_input_metadata_t istd,
    in carried_t resubmit_meta, in carried_t recirculate_meta) { ${source.ingressParser ?? extract} }
control IG(inout headers_t hdr, inout metadata_t meta, in psa_ingress_input_metadata_t istd,
    inout psa_ingress_output_metadata_t ostd) { ${source.ingressLocals ?? ''} apply { ${source.ingress ?? ''} } }
control ID(packet_out pkt, out carried_t clone_i2e_meta, out carried_t resubmit_meta, out carried_t normal_meta,
    inout headers_t hdr, in metadata_t meta, in psa_ingress_output_metadata_t istd) {
  ${source.ingressDeparserLocals ?? ''}
  apply { ${source.ingressDeparser ?? ''} pkt.emit(hdr.h); } }
parser EP(packet_in pkt, out headers_t hdr, inout metadata_t meta, in psa_egress_parser_input_metadata_t istd,
    in carried_t normal_meta, in carried_t clone_i2e_meta, in carried_t clone_e2e_meta) { ${source.egressParser ?? extract} }
control EG(inout headers_t hdr, inout metadata_t meta, in psa_egress_input_metadata_t istd,
    inout psa_egress_output_metadata_t ostd) { ${source.egressLocals ?? ''} apply { ${source.egress ?? ''} } }
control ED(packet_out pkt, out carried_t clone_e2e_meta, out carried_t recirculate_meta, inout headers_t hdr,
    in metadata_t meta, in psa_egress_output_metadata_t istd, in psa_egress_deparser_input_metadata_t edstd) {
  apply { ${source.egressDeparser ?? ''} pkt.emit(hdr.h); } }
IngressPipeline(IP(), IG(), ID()) ip;
EgressPipeline(EP(), EG(), ED()) ep;
PSA_Switch(ip, PacketReplicationEngine(), ep, BufferingQueueingEngine()) main;
`,
    source.bmv2 === true,
  )
}

export const SEND = 'send_to_port(ostd, (PortId_t) 2);'
