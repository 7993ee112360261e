import { RESERVED_DROP } from '@lodestone/p4'
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Lab, labOf } from './lab.fixture.ts'

/** Header `h`: four bytes; `mark` writes what a block was told. */
interface PsaSource {
  readonly meta?: string
  readonly ingressLocals?: string
  readonly ingress?: string
  readonly ingressDeparser?: string
  readonly ingressParser?: string
  readonly egressParser?: string
  readonly egressLocals?: string
  readonly egress?: string
  readonly egressDeparser?: string
  readonly bmv2?: boolean
}

function psaLab(source: PsaSource): Lab {
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

const SEND = 'send_to_port(ostd, (PortId_t) 2);'

describe('the paths of a packet', () => {
  test('the default is to drop; unicast goes through egress with bytes and normal_meta alone', () => {
    assert.deepEqual(psaLab({}).send(1, '01020304'), [])
    const lab = psaLab({
      ingress: `${SEND} hdr.h.a = 0x11; meta.value = 5;`,
      ingressDeparser: 'normal_meta.value = meta.value;',
      egressParser: 'state start { pkt.extract(hdr.h); meta.value = normal_meta.value; transition accept; }',
      egress:
        'hdr.h.b = meta.value; hdr.h.c = (bit<8>) (PortIdUint_t) istd.egress_port; if (istd.packet_path == PSA_PacketPath_t.NORMAL_UNICAST) { hdr.h.d = 1; }',
    })
    assert.deepEqual(lab.send(1, '01020304 99'), [{ port: 2, hex: '1105020199' }])
  })

  test('egress parses what the ingress deparser wrote', () => {
    const lab = psaLab({ ingress: `${SEND} hdr.h.setInvalid();` })
    assert.deepEqual(lab.send(1, '01020304 05060708'), [{ port: 2, hex: '05060708' }])
  })

  test('resubmit keeps bytes and port, and carries resubmit_meta', () => {
    const lab = psaLab({
      ingressParser: 'state start { pkt.extract(hdr.h); meta.value = resubmit_meta.value; transition accept; }',
      ingress: `${SEND} if (istd.packet_path != PSA_PacketPath_t.RESUBMIT) { ostd.resubmit = true; hdr.h.a = 0x77; }
        else { hdr.h.b = meta.value; hdr.h.c = (bit<8>) (PortIdUint_t) istd.ingress_port; }`,
      ingressDeparser: 'resubmit_meta.value = 0x42;',
    })
    assert.deepEqual(lab.send(6, '01020304'), [{ port: 2, hex: '01420604' }])
    assert.equal(lab.arena.freeSlots, 256)
  })

  test('BMv2 carries neither resubmit_meta nor the port', () => {
    const lab = psaLab({
      bmv2: true,
      ingressParser: 'state start { pkt.extract(hdr.h); meta.value = resubmit_meta.value; transition accept; }',
      ingress: `${SEND} if (istd.packet_path != PSA_PacketPath_t.RESUBMIT) { ostd.resubmit = true; }
        else { hdr.h.b = meta.value; hdr.h.c = (bit<8>) (PortIdUint_t) istd.ingress_port; }`,
      ingressDeparser: 'resubmit_meta.value = 0x42;',
    })
    assert.deepEqual(lab.send(6, '01020304'), [{ port: 2, hex: '01000004' }])
  })

  test('a clone of ingress is the frame as it arrived, also of a dropped packet, with clone_i2e_meta', () => {
    const lab = psaLab({
      ingress: 'ostd.clone = true; ostd.clone_session_id = (CloneSessionId_t) 4; hdr.h.a = 0x55;',
      ingressDeparser: 'if (psa_clone_i2e(istd)) { clone_i2e_meta.value = 0x21; }',
      egressParser: 'state start { pkt.extract(hdr.h); meta.value = clone_i2e_meta.value; transition accept; }',
      egress:
        'hdr.h.b = meta.value; hdr.h.c = (bit<8>) (ClassOfServiceUint_t) istd.class_of_service; if (istd.packet_path == PSA_PacketPath_t.CLONE_I2E) { hdr.h.d = 3; }',
    })
    assert.deepEqual(lab.send(1, '01020304 99'), [])
    assert.deepEqual(lab.drops(), { 0: 1, [RESERVED_DROP.noSession]: 1 })
    lab.pipeline.traffic!.replication.setSession(4, { port: 9, classOfService: 6 })
    assert.deepEqual(lab.send(1, '01020304 99'), [{ port: 9, hex: '0121060399' }])
    assert.equal(lab.arena.freeSlots, 256)
  })

  test('multicast copies have instances and class of service; a group that does not exist is counted', () => {
    const lab = psaLab({
      ingress: 'multicast(ostd, (MulticastGroup_t) 3); ostd.class_of_service = (ClassOfService_t) 4;',
      egress:
        'hdr.h.b = (bit<8>) (EgressInstanceUint_t) istd.instance; hdr.h.c = (bit<8>) (ClassOfServiceUint_t) istd.class_of_service; if (istd.packet_path == PSA_PacketPath_t.NORMAL_MULTICAST) { hdr.h.d = 2; }',
    })
    assert.deepEqual(lab.send(1, '01020304'), [])
    assert.deepEqual(lab.drops(), { [RESERVED_DROP.emptyGroup]: 1 })
    lab.pipeline.traffic!.replication.setGroup(3, [
      { port: 5, instance: 1 },
      { port: 6, instance: 2 },
    ])
    assert.deepEqual(lab.send(1, '01020304'), [
      { port: 5, hex: '01010402' },
      { port: 6, hex: '01020402' },
    ])
  })

  test('a clone of egress is what the egress deparser wrote, also of a dropped packet', () => {
    const lab = psaLab({
      ingress: SEND,
      egressParser: 'state start { pkt.extract(hdr.h); meta.value = clone_e2e_meta.value; transition accept; }',
      egress: `if (istd.packet_path == PSA_PacketPath_t.CLONE_E2E) { hdr.h.c = meta.value; }
        else { hdr.h.a = 0x66; ostd.clone = true; ostd.clone_session_id = (CloneSessionId_t) 1; egress_drop(ostd); }`,
      egressDeparser: 'if (psa_clone_e2e(istd)) { clone_e2e_meta.value = 0x31; }',
    })
    lab.pipeline.traffic!.replication.setSession(1, { port: 8 })
    assert.deepEqual(lab.send(1, '01020304'), [{ port: 8, hex: '66023104' }])
    assert.deepEqual(lab.drops(), { 0: 1 })
  })

  test('the recirculation port begins ingress anew, with recirculate_meta', () => {
    const lab = psaLab({
      ingressParser: 'state start { pkt.extract(hdr.h); meta.value = recirculate_meta.value; transition accept; }',
      ingress: `if (istd.packet_path == PSA_PacketPath_t.RECIRCULATE) { ${SEND} hdr.h.c = meta.value;
          if (istd.ingress_port == PSA_PORT_RECIRCULATE) { hdr.h.d = 9; } }
        else { send_to_port(ostd, PSA_PORT_RECIRCULATE); hdr.h.a = 0x12; }`,
      egressDeparser: 'if (psa_recirculate(istd, edstd)) { recirculate_meta.value = 0x41; }',
    })
    assert.deepEqual(lab.send(1, '01020304'), [{ port: 2, hex: '12024109' }])
    const endless = psaLab({ ingress: 'send_to_port(ostd, PSA_PORT_RECIRCULATE);' })
    assert.deepEqual(endless.send(1, '01020304'), [])
    assert.deepEqual(endless.drops(), { [RESERVED_DROP.loopLimit]: 1 })
    assert.equal(endless.arena.freeSlots, 256)
  })

  test('parser errors go on into ingress and egress, which are told', () => {
    const lab = psaLab({
      ingress: `${SEND} if (istd.parser_error == error.PacketTooShort) { hdr.h.setValid(); hdr.h = { 1, 2, 3, 4 }; }`,
      egress: 'if (istd.parser_error == error.NoError) { hdr.h.d = 0xaa; }',
    })
    assert.deepEqual(lab.send(1, '0102'), [{ port: 2, hex: '010203aa0102' }])
  })
})

describe('externs', () => {
  test('registers begin with their initial value, counters and meters count', () => {
    const lab = psaLab({
      ingressLocals: `Register<bit<8>, bit<8>>(4, 7) r; Counter<bit<32>, bit<8>>(2, PSA_CounterType_t.PACKETS) n;
        Meter<bit<8>>(2, PSA_MeterType_t.PACKETS) m; Random<bit<8>>(5, 6) dice;`,
      ingress: `${SEND} hdr.h.b = r.read(1); r.write(1, hdr.h.b + 1); n.count(1);
        PSA_MeterColor_t colour = m.execute(0); hdr.h.c = 0;
        if (colour == PSA_MeterColor_t.GREEN) { hdr.h.c = 1; } if (colour == PSA_MeterColor_t.YELLOW) { hdr.h.c = 2; }
        if (colour == PSA_MeterColor_t.RED) { hdr.h.c = 3; } if (dice.read() < 5) { hdr.h.d = 0xff; }`,
    })
    assert.equal(lab.send(1, '01020304')[0]?.hex, '01070104')
    assert.ok(lab.pipeline.setMeter('m', 0, { committedRate: 1, committedBurst: 1, peakRate: 1, peakBurst: 2 }))
    assert.deepEqual(
      [0, 1, 2].map(() => lab.send(1, '01020304')[0]?.hex),
      ['01080104', '01090204', '010a0304'],
    )
    assert.equal(lab.pipeline.counter('n')?.[1]?.packets, 4)
  })

  test('a meter that knows the colour of a packet makes it no better', () => {
    const lab = psaLab({
      ingressLocals: 'Meter<bit<8>>(1, PSA_MeterType_t.PACKETS) m;',
      ingress: `${SEND} PSA_MeterColor_t c = PSA_MeterColor_t.YELLOW; if (hdr.h.a == 2) { c = PSA_MeterColor_t.RED; }
        c = m.execute(0, c); hdr.h.b = 1; if (c == PSA_MeterColor_t.YELLOW) { hdr.h.b = 2; }
        if (c == PSA_MeterColor_t.RED) { hdr.h.b = 3; }`,
    })
    lab.pipeline.setMeter('m', 0, { committedRate: 1, committedBurst: 5, peakRate: 1, peakBurst: 2 })
    const colours = ['01', '02', '01', '01'].map((a) => lab.send(1, `${a}000000`)[0]?.hex.slice(2, 4))
    assert.deepEqual(colours, ['02', '03', '02', '03'])
  })

  test('InternetChecksum adds and subtracts (RFC 1624); Checksum and Hash agree about a crc', () => {
    const lab = psaLab({
      ingressLocals: `InternetChecksum() sum; Checksum<bit<16>>(PSA_HashAlgorithm_t.CRC16) crc;
        Hash<bit<16>>(PSA_HashAlgorithm_t.CRC16) h;`,
      ingress: `${SEND} sum.add({ hdr.h.a, hdr.h.b, hdr.h.c, hdr.h.d }); sum.subtract({ hdr.h.a, hdr.h.b });
        bit<16> left = sum.get(); crc.update(hdr.h.a); crc.update({ hdr.h.b, hdr.h.c });
        bit<16> parts = crc.get(); bit<16> whole = h.get_hash({ hdr.h.a, hdr.h.b, hdr.h.c });
        hdr.h.a = left[15:8]; hdr.h.b = left[7:0]; hdr.h.c = 0; if (parts == whole) { hdr.h.c = 1; }`,
    })
    assert.equal(lab.send(1, '12345678')[0]?.hex, 'a9870178')
  })

  test('digests, direct counters and selectors', () => {
    const lab = psaLab({
      ingressLocals: `Digest<carried_t>() learned; DirectCounter<bit<32>>(PSA_CounterType_t.PACKETS) hits;
        ActionSelector(PSA_HashAlgorithm_t.CRC32, 32w8, 32w16) paths;
        action go(PortIdUint_t port) { send_to_port(ostd, (PortId_t) port); hits.count(); }
        table t { key = { hdr.h.a: exact; hdr.h.b: selector; } actions = { go; NoAction; } psa_direct_counter = hits;
          psa_implementation = paths; }`,
      ingress: 't.apply(); learned.pack({ hdr.h.d });',
    })
    const { pipeline } = lab
    const paths = pipeline.profile('paths')!
    const member = paths.addMember('go', [7n])
    assert.ok(member.ok)
    const keys = [{ kind: 'exact', value: 1n } as const]
    assert.ok(pipeline.addEntry('t', { keys, action: '', parameters: [], member: member.member }).ok)
    assert.deepEqual(lab.send(1, '01020304'), [{ port: 7, hex: '01020304' }])
    assert.deepEqual(pipeline.takeEvents(), [{ kind: 'digest', name: 'IG.learned', values: [4n] }])
    assert.equal(pipeline.counter('hits')?.[0]?.packets, 1)
  })
})
