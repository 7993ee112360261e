import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { psaLab, type PsaSource, SEND } from './psa-lab.fixture.ts'

describe('--bmv2 with psa', () => {
  const show = 'hdr.h.b = meta.value;'

  test('parameters of one structure are one variable: what ingress leaves in its metadata, egress finds', () => {
    const source: PsaSource = { ingress: `${SEND} meta.value = 7;`, egress: show }
    assert.deepEqual(psaLab({ ...source, bmv2: true }).send(1, '01020304'), [{ port: 2, hex: '01070304' }])
    assert.deepEqual(psaLab(source).send(1, '01020304'), [{ port: 2, hex: '01000304' }])
    const multicast = psaLab({
      ingress: 'multicast(ostd, (MulticastGroup_t) 3); meta.value = 7;',
      egress: show,
      bmv2: true,
    })
    multicast.pipeline.traffic!.replication.setGroup(3, [{ port: 5, instance: 1 }])
    assert.deepEqual(multicast.send(1, '01020304'), [{ port: 5, hex: '01070304' }])
    const clone = psaLab({
      ingress: 'ostd.clone = true; ostd.clone_session_id = (CloneSessionId_t) 4; meta.value = 7;',
      egress: show,
      bmv2: true,
    })
    clone.pipeline.traffic!.replication.setSession(4, { port: 9 })
    assert.deepEqual(clone.send(1, '01020304'), [{ port: 9, hex: '01000304' }])
  })

  test('headers of one name and type are one variable, whatever structure they stand in', () => {
    const source: PsaSource = {
      meta: 'h_t h;',
      bmv2: true,
      ingress: `${SEND} meta.h.setValid(); meta.h.a = 0x55;`,
    }
    assert.equal(psaLab(source).send(1, '01020304')[0]?.hex, '55020304')
    assert.equal(psaLab({ ...source, bmv2: false }).send(1, '01020304')[0]?.hex, '01020304')
  })

  test('before egress headers become invalid and keep their fields, and stacks stay as full as they were', () => {
    const source: PsaSource = {
      bmv2: true,
      ingress: `${SEND} hdr.h.c = 0x33;`,
      egressParser: 'state start { transition accept; }',
      egress: 'bit<8> c = hdr.h.c; bool was = hdr.h.isValid(); hdr.h.setValid(); hdr.h.c = c; hdr.h.d = was ? 8w1 : 2;',
    }
    assert.deepEqual(psaLab(source).send(1, '01020304'), [{ port: 2, hex: '00003302' + '01023304' }])
    const parse = 'state start { pkt.extract(hdr.h); pkt.extract(meta.s.next); transition accept; }'
    const stack = psaLab({
      bmv2: true,
      meta: 'h_t[1] s;',
      ingressParser: parse,
      ingress: SEND,
      ingressDeparser: 'pkt.emit(hdr.h); pkt.emit(meta.s);',
      egressParser: parse,
      egress: 'hdr.h.d = istd.parser_error == error.StackOutOfBounds ? 8w1 : 2;',
    })
    assert.equal(stack.send(1, '01020304 05060708')[0]?.hex.slice(0, 8), '01020301')
  })

  test('a resubmitted packet keeps its headers, a recirculated one their fields', () => {
    const resubmit = psaLab({
      bmv2: true,
      ingressParser: `state start { transition select(istd.packet_path) { PSA_PacketPath_t.RESUBMIT: accept; default: first; } }
        state first { pkt.extract(hdr.h); transition accept; }`,
      ingress: `if (istd.packet_path != PSA_PacketPath_t.RESUBMIT) { ${SEND} ostd.resubmit = true; hdr.h.a = 0x77; }
        else { ${SEND} hdr.h.b = hdr.h.isValid() ? 8w1 : 2; }`,
    })
    assert.deepEqual(resubmit.send(6, '01020304'), [{ port: 2, hex: '77010304' + '01020304' }])
    const again = psaLab({
      bmv2: true,
      ingressParser: `state start { transition select(istd.packet_path) { PSA_PacketPath_t.RECIRCULATE: accept; default: first; } }
        state first { pkt.extract(hdr.h); transition accept; }`,
      ingress: `if (istd.packet_path == PSA_PacketPath_t.RECIRCULATE) { ${SEND} bit<8> a = hdr.h.a;
          bool was = hdr.h.isValid(); hdr.h.setValid(); hdr.h.a = a; hdr.h.b = was ? 8w1 : 2; }
        else { send_to_port(ostd, PSA_PORT_RECIRCULATE); hdr.h.a = 0x12; }`,
    })
    assert.equal(again.send(1, '01020304')[0]?.hex, '1202000012020304')
  })

  test('a packet that ingress drops or resubmits is not deparsed, though its clone is sent', () => {
    const digests = (ingress: string, bmv2: boolean): number => {
      const lab = psaLab({
        bmv2,
        ingressDeparser: 'told.pack({ hdr.h.a });',
        ingressDeparserLocals: 'Digest<carried_t>() told;',
        ingress,
      })
      lab.pipeline.traffic!.replication.setSession(4, { port: 9 })
      assert.deepEqual(lab.send(6, '01020304').at(-1), { port: ingress === RESUBMIT ? 2 : 9, hex: '01020304' })
      return lab.pipeline.takeEvents().length
    }
    const RESUBMIT = `${SEND} ostd.resubmit = istd.packet_path != PSA_PacketPath_t.RESUBMIT;`
    const CLONE = 'ostd.clone = true; ostd.clone_session_id = (CloneSessionId_t) 4;'
    assert.deepEqual([digests(CLONE, true), digests(RESUBMIT, true)], [0, 1])
    assert.deepEqual([digests(CLONE, false), digests(RESUBMIT, false)], [1, 2])
  })

  test('an InternetChecksum goes on from packet to packet until it is cleared', () => {
    const sums = (bmv2: boolean): (string | undefined)[] => {
      const lab = psaLab({
        bmv2,
        ingressLocals: 'InternetChecksum() sum;',
        ingress: `${SEND} if (hdr.h.a == 0) { sum.clear(); } sum.add({ hdr.h.a, hdr.h.b }); bit<16> s = sum.get_state();
          hdr.h.c = s[15:8]; hdr.h.d = s[7:0];`,
      })
      return ['01020000', '01020000', '00030000'].map((hex) => lab.send(1, hex)[0]?.hex.slice(4))
    }
    assert.deepEqual(sums(true), ['0102', '0204', '0003'])
    assert.deepEqual(sums(false), ['0102', '0102', '0003'])
  })

  test("the target's default hash is crc16", () => {
    const hashed = (algorithm: string, bmv2: boolean): string | undefined =>
      psaLab({
        bmv2,
        ingressLocals: `Hash<bit<16>>(PSA_HashAlgorithm_t.${algorithm}) h;`,
        ingress: `${SEND} bit<16> v = h.get_hash(hdr.h); hdr.h.a = v[15:8]; hdr.h.b = v[7:0];`,
      }).send(1, '01020304')[0]?.hex
    assert.equal(hashed('TARGET_DEFAULT', true), hashed('CRC16', true))
    assert.equal(hashed('TARGET_DEFAULT', false), hashed('CRC32', false))
  })
})
