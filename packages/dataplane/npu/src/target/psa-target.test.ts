import { RESERVED_DROP } from '@lodestone/p4'
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { psaLab, type PsaSource, SEND } from './psa-lab.fixture.ts'

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

test('a port of more than 16 bits is no port of the switch, but for the one of the processor', () => {
  for (const bmv2 of [true, false]) {
    const lab = psaLab({
      bmv2,
      ingress: `if (hdr.h.a == 1) { send_to_port(ostd, (PortId_t) 32w0x10002); } else { send_to_port(ostd, PSA_PORT_CPU); }`,
    })
    assert.deepEqual(lab.send(1, '01020304'), [])
    assert.deepEqual(lab.drops(), { [RESERVED_DROP.unknownPort]: 1 })
    assert.deepEqual(lab.send(1, '02020304'), [{ port: 0xfffd, hex: '02020304' }])
  }
})

describe('what the specification says of the end of ingress and egress (PSA §6)', () => {
  /** Ports by which something left, sorted. */
  function ports(source: PsaSource): number[] {
    const lab = psaLab(source)
    const { replication } = lab.pipeline.traffic!
    replication.setSession(1, { port: 9 })
    replication.setGroup(3, [
      { port: 5, instance: 1 },
      { port: 6, instance: 2 },
    ])
    const sent = lab.send(1, '01020304').map(({ port }) => port)
    assert.equal(lab.arena.freeSlots, 256)
    return sent.sort()
  }
  const CLONE = 'ostd.clone = true; ostd.clone_session_id = (CloneSessionId_t) 1;'
  const RESUBMIT = 'ostd.resubmit = istd.packet_path != PSA_PacketPath_t.RESUBMIT;'
  const GROUP = 'ostd.multicast_group = (MulticastGroup_t) 3;'

  test('ingress: a clone always, then drop, then resubmit, then the group, then the port', () => {
    assert.deepEqual(ports({ ingress: `${SEND} ${CLONE} ${RESUBMIT} ${GROUP} ostd.drop = true;` }), [9])
    assert.deepEqual(ports({ ingress: `${SEND} ${CLONE} ${RESUBMIT} ${GROUP}` }), [5, 6, 9, 9])
    assert.deepEqual(ports({ ingress: `${SEND} ${RESUBMIT}` }), [2])
    assert.deepEqual(ports({ ingress: `${SEND} ${GROUP}` }), [5, 6])
    assert.deepEqual(ports({ ingress: SEND }), [2])
    assert.deepEqual(ports({ ingress: `ostd.egress_port = (PortId_t) 2;` }), [], 'drop is true at first')
  })

  test('send_to_port, multicast and ingress_drop undo one another', () => {
    const multicast = 'multicast(ostd, (MulticastGroup_t) 3);'
    assert.deepEqual(ports({ ingress: `${multicast} ${SEND}` }), [2])
    assert.deepEqual(ports({ ingress: `${SEND} ${multicast}` }), [5, 6])
    assert.deepEqual(ports({ ingress: `${SEND} ingress_drop(ostd);` }), [])
    assert.deepEqual(ports({ ingress: `ingress_drop(ostd); ${multicast}` }), [5, 6])
  })

  test('egress: a clone always, then drop, then recirculation, then the port', () => {
    const once = (what: string): string => `if (istd.packet_path != PSA_PacketPath_t.CLONE_E2E) { ${what} }`
    const clone = once(CLONE)
    const around = `if (istd.packet_path == PSA_PacketPath_t.RECIRCULATE) { ${SEND} } else { send_to_port(ostd, PSA_PORT_RECIRCULATE); }`
    assert.deepEqual(ports({ ingress: SEND, egress: once(`${CLONE} egress_drop(ostd);`) }), [9])
    assert.deepEqual(ports({ ingress: around, egress: clone }), [2, 9, 9])
    assert.deepEqual(ports({ ingress: around, egress: 'egress_drop(ostd);' }), [])
    assert.deepEqual(ports({ ingress: around }), [2])
  })

  test('what a block is told: ports, paths and parser errors begin anew on each side and in each round', () => {
    const path = (name: string): string => `PSA_PacketPath_t.${name}`
    const lab = psaLab({
      ingress: `${SEND} if (istd.packet_path == ${path('NORMAL')}) { ${RESUBMIT} }
        else if (istd.packet_path == ${path('RESUBMIT')}) { hdr.h.a = (bit<8>) (PortIdUint_t) istd.ingress_port; }
        if (ostd.class_of_service != (ClassOfService_t) 0 || ostd.clone || ostd.multicast_group != (MulticastGroup_t) 0) { hdr.h.b = 0xff; }`,
      egress: `hdr.h.c = (bit<8>) (PortIdUint_t) istd.egress_port;
        if (istd.packet_path == ${path('NORMAL_UNICAST')} && istd.instance == (EgressInstance_t) 0
          && istd.parser_error == error.NoError && !ostd.clone && !ostd.drop) { hdr.h.d = 0x44; }`,
    })
    assert.deepEqual(lab.send(6, '01020304'), [{ port: 2, hex: '06020244' }])
  })
})
