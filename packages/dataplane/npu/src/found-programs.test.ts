/** Small programs that random ones shrank to, each with the mistake that it found. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import type { Program } from '@lodestone/p4'
import { Duel } from './testing/duel.ts'
import { exact } from './testing/program-builder.ts'
import { compilerOf } from './testing/source-program.ts'

const compileText = compilerOf((file) => readFileSync(file, 'utf8'))
const compileBmv2 = compilerOf((file) => readFileSync(file, 'utf8'), true)

interface Parts {
  readonly declarations?: string
  /** Of the headers. */
  readonly fields?: string
  readonly parser?: string
  readonly locals?: string
  readonly ingress?: string
  readonly egress?: string
  readonly deparser?: string
}

/** A v1model program over two headers. */
function programOf(
  { declarations = '', fields = '', parser, locals = '', ingress = '', egress = '', deparser }: Parts,
  compile = compileText,
): Program {
  const program = compile(`#include <core.p4>
#include <v1model.p4>
header h_t { bit<128> e; bit<8> a; }
header k_t { bit<16> k; }
${declarations}
struct headers_t { h_t h; k_t k; ${fields} }
struct meta_t { bit<128> wide; bit<16> x; bit<8> seen; }
parser P(packet_in pkt, out headers_t hdr, inout meta_t meta, inout standard_metadata_t std) {
  ${parser ?? 'state start { pkt.extract(hdr.h); transition accept; }'}
}
control V(inout headers_t hdr, inout meta_t meta) { apply { } }
control I(inout headers_t hdr, inout meta_t meta, inout standard_metadata_t std) {
  ${locals}
  apply { std.egress_spec = 1; ${ingress} }
}
control E(inout headers_t hdr, inout meta_t meta, inout standard_metadata_t std) { apply { ${egress} } }
control C(inout headers_t hdr, inout meta_t meta) { apply { } }
control D(packet_out pkt, in headers_t hdr) { apply { ${deparser ?? 'pkt.emit(hdr.h); pkt.emit(hdr.k);'} } }
V1Switch(P(), V(), I(), E(), C(), D()) main;
`)
  if (typeof program === 'string') throw new Error(program)
  return program
}

const FRAME = Uint8Array.from({ length: 40 }, (_, k) => 31 * k + 7)

function agree(parts: Parts, set: (duel: Duel) => void = () => undefined, frame = FRAME, compile = compileText): void {
  const duel = new Duel(programOf(parts, compile), 1, { hasForensics: true, isRecorded: true })
  set(duel)
  for (let length = 0; length <= FRAME.length; length += 5) duel.send(frame.subarray(0, length), length % 4)
  for (let k = 0; k < 3; k++) duel.send(frame, 1)
  duel.compareState()
}

describe('what random programs found', () => {
  test('a wide field that is set from itself among other assignments keeps its lower word until that is read', () => {
    agree({ ingress: 'hdr.h.e = hdr.h.e >> 7; hdr.h.a = 16;' })
    agree({ ingress: 'hdr.h.e = hdr.h.e + (hdr.h.e << 3); hdr.h.a = hdr.h.a + 1;' })
  })

  test('a shift to the left by whole words in place', () => {
    agree({ ingress: 'hdr.h.e = hdr.h.e << 64;' })
    agree({ ingress: 'meta.wide = hdr.h.e; meta.wide = meta.wide << 64; hdr.h.e = meta.wide;' })
  })

  test('explanations follow a parser through value sets, alone and beside other keys', () => {
    const parser = (select: string): string => `value_set<bit<8>>(4) kinds;
      state start { pkt.extract(hdr.h); transition select${select} }
      state marked { meta.seen = 1; transition accept; }`
    const add = (duel: Duel): void => duel.control.addToSet(0, [exact(BigInt(FRAME[16]!))])
    agree({ parser: parser('(hdr.h.a) { kinds: accept; _: marked; }'), egress: 'hdr.h.a = meta.seen;' }, add)
    agree({ parser: parser('(hdr.h.a) { kinds: reject; _: marked; }'), egress: 'hdr.h.a = meta.seen;' }, add)
    const mixed = parser('(hdr.h.a, hdr.h.e[3:0]) { (kinds, 6): marked; (_, _): accept; }')
    agree({ parser: mixed, egress: 'hdr.h.a = meta.seen;' }, add)
  })

  test('a range of over 64 bits in a value set', () => {
    const parser = `value_set<wide_t>(4) ranges;
      state start { pkt.extract(hdr.h); transition select(hdr.h.e) { ranges: marked; _: accept; } }
      state marked { meta.seen = 1; transition accept; }`
    const declarations = 'struct wide_t { @match(range) bit<128> e; }'
    const value = FRAME.subarray(0, 16).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
    // The lower words of the bounds are on the wrong sides.
    for (const [low, high] of [
      [value - (1n << 64n) + 5n, value + (1n << 64n) - 5n],
      [value + 1n, value + (1n << 70n)],
    ] as const) {
      agree({ declarations, parser, egress: 'hdr.h.a = meta.seen;' }, (duel) => {
        duel.control.addToSet(0, [{ kind: 'range', low, high }])
      })
    }
  })

  test('an explanation spends tokens for a packet that is measured twice', () => {
    const locals = 'meter(1, MeterType.packets) limit;'
    const ingress =
      'limit.execute_meter(32w0, hdr.h.a); limit.execute_meter(32w0, meta.seen); hdr.h.e[7:0] = meta.seen;'
    agree({ locals, ingress }, (duel) => {
      duel.control.setMeter(0, 0, { committedRate: 1, committedBurst: 1, peakRate: 1, peakBurst: 5 })
    })
  })

  test('an action that a selector chose is the one that is explained', () => {
    const locals = `action set(bit<8> v) { hdr.h.a = v; }
      action_selector(HashAlgorithm.identity, 8, 16) members;
      table t { key = { hdr.h.e[7:0]: exact; hdr.h.a: selector; } actions = { set; NoAction; } implementation = members; }`
    agree({ locals, ingress: 't.apply();' }, ({ control }) => {
      for (const value of [1n, 2n, 3n]) control.addMember(0, 0, { action: 0, parameters: [value] })
      control.createGroup(0)
      for (const member of [0, 1, 2]) control.addToGroup(0, 0, member)
      control.add(0, [exact(BigInt(FRAME[15]!))], 0, { action: 0, parameters: [9n] }, { group: 0 })
    })
  })

  test('a table with nothing but what a selector hashes has its default action only', () => {
    const locals = `action set(bit<8> v) { hdr.h.a = v; }
      action_selector(HashAlgorithm.identity, 8, 16) members;
      table t { key = { hdr.h.a: selector; } actions = { set; NoAction; } default_action = set(5); implementation = members; }`
    const ingress = 'if (!t.apply().hit) { hdr.h.e = 128w3; }'
    agree({ locals, ingress })
    const { fast } = new Duel(programOf({ locals, ingress }), 1)
    const result = fast.addEntry('I.t', { keys: [], action: 'I.set', parameters: [9n] })
    assert.equal(result.ok ? 'added' : result.error.kind, 'constant')
  })

  test('a default action is explained after its table was cleared', () => {
    const locals = `action set(bit<8> v) { hdr.h.a = v; }
      table t { key = { hdr.h.a: exact; } actions = { set; } default_action = set(5); size = 8; }`
    agree({ locals, ingress: 't.apply();' }, ({ control }) => {
      control.add(0, [exact(3n)], 0, { action: 0, parameters: [9n] })
      control.clear(0)
    })
  })

  test('drop forensics counts and explains clones that had no session', () => {
    agree({ ingress: 'clone(CloneType.I2E, 32w4);' })
    agree({ egress: 'clone(CloneType.E2E, 32w4); mark_to_drop(std);' })
  })

  test('a recording tells of copies, clones and further rounds what an explanation tells', () => {
    // Egress of a clone has other metadata than the run before it, and headers of its own.
    const ingress = `hdr.h.e = 128w5; meta.seen = 3;
      if (std.instance_type == 0) { std.mcast_grp = 2; clone_preserving_field_list(CloneType.I2E, 32w2, 1); }`
    const egress = `hdr.h.a = meta.seen + (bit<8>) std.instance_type;
      if (std.egress_rid == 16) { clone(CloneType.E2E, 32w0); mark_to_drop(std); }
      if (std.instance_type == 5 && std.egress_rid == 17) { meta.x = 9; recirculate_preserving_field_list(1); }`
    for (const compile of [compileText, compileBmv2]) agree({ ingress, egress }, undefined, FRAME, compile)
    const bounced = `if (std.instance_type == 0) { meta.seen = 8; resubmit_preserving_field_list(1); }
      else if (hdr.h.a == 7) { clone(CloneType.I2E, 32w4); mark_to_drop(std); } hdr.h.a = meta.seen;`
    agree({ ingress: bounced })
  })

  test('drop forensics replays frames whose parsed bytes no list of headers bounds', () => {
    const parser = `state start { pkt.extract(hdr.h); transition again; }
      state again { pkt.extract(hdr.k); transition select(hdr.k.k[0:0]) { 1: again; default: over; } }
      state over { pkt.advance(64); transition accept; }`
    // Dropped in the second round, when the frame is another.
    const ingress = 'if (std.instance_type == 4) { mark_to_drop(std); }'
    const frame = new Uint8Array(200).fill(0xff, 0, 150)
    agree({ parser, ingress, egress: 'recirculate_preserving_field_list(1);' }, undefined, frame)
  })

  test('a deparser that emits nothing leaves what was not parsed', () => {
    agree({ deparser: '' })
  })
})

describe('a varbit that begins inside a byte', () => {
  const declarations = 'header v_t { bit<4> four; varbit<64> most; bit<4> last; }'
  const fields = 'v_t v;'
  const parser = `state start { pkt.extract(hdr.h); pkt.extract(hdr.v, ((bit<32>) hdr.h.a & 7) << 3); transition accept; }`

  test('is hashed with the bits before and behind it', () => {
    for (const algorithm of ['crc32', 'crc16', 'csum16', 'xor16', 'identity', 'crc16_custom']) {
      const ingress = `bit<32> r;
        hash(r, HashAlgorithm.${algorithm}, 32w0, { hdr.h.a[2:0], hdr.v.most, hdr.h.e[40:0], hdr.v.most, 5w9 }, 32w0xffffffff);
        hdr.h.e = (bit<128>) r;`
      agree({ declarations, fields, parser, ingress })
    }
  })

  test('is extracted and emitted', () => {
    const ingress = 'hdr.v.four = 9; hdr.v.last = hdr.v.last + 1;'
    agree({ declarations, fields, parser, ingress, deparser: 'pkt.emit(hdr.v); pkt.emit(hdr.h);' })
  })
})

test('a group without members does what the program says, or nothing for BMv2, whatever the default action has become', () => {
  const locals = `action set(bit<8> v) { meta.seen = v; } action_selector(HashAlgorithm.crc16, 32w8, 32w10) ap;
    table t { key = { hdr.h.a: exact; hdr.k.k: selector; } actions = { set; } implementation = ap; size = 8; }`
  const parts = { locals, ingress: 't.apply(); hdr.h.a = meta.seen;' }
  for (const compile of [compileText, compileBmv2]) {
    agree(
      parts,
      ({ control }) => {
        control.createGroup(0)
        control.add(0, [exact(BigInt(FRAME[16]!))], 0, { action: 0, parameters: [7n] }, { group: 0 })
        control.setDefault(0, { action: 0, parameters: [9n] })
      },
      FRAME,
      compile,
    )
  }
})

test('drop forensics knows that egress of psa sees what the ingress deparser wrote', () => {
  const program = compileText(PSA_SOURCE)
  assert.ok(typeof program !== 'string', String(program))
  const duel = new Duel(program, 1, { hasForensics: true, isRecorded: true })
  for (let k = 0; k < 3; k++) duel.send(FRAME, 1)
})

test('a packet of psa that is dropped and cloned is deparsed, for BMv2 it is not', () => {
  const ask = 'eg.clone = true; eg.clone_session_id = (CloneSessionId_t) 16w2; eg.drop = true;'
  const source = PSA_SOURCE.replace('hdr.h.a = 77;', `hdr.h.a = 77; ${ask}`)
    .replace('in psa_ingress_output_metadata_t eg) {', '$& Digest<bit<8>>() told;')
    .replace('pkt.emit(hdr.other);', '$& told.pack(hdr.h.a);')
  for (const compile of [compileText, compileBmv2]) {
    const program = compile(source)
    assert.ok(typeof program !== 'string', String(program))
    new Duel(program, 1, { isRecorded: true }).send(FRAME, 1)
  }
})

const PSA_SOURCE = `#include <core.p4>
#include <psa.p4>
header h_t { bit<8> a; bit<8> b; }
struct headers_t { h_t h; h_t other; }
struct none_t { }
parser IP(packet_in pkt, out headers_t hdr, inout none_t meta, in psa_ingress_parser_input_metadata_t ig, in none_t r, in none_t c) {
  state start { pkt.extract(hdr.h); transition accept; }
}
control I(inout headers_t hdr, inout none_t meta, in psa_ingress_input_metadata_t ig, inout psa_ingress_output_metadata_t eg) {
  apply { send_to_port(eg, (PortId_t) 3); hdr.other.setValid(); hdr.other.a = 1; hdr.other.b = 2; hdr.h.a = 77; }
}
control ID(packet_out pkt, out none_t i, out none_t r, out none_t n, inout headers_t hdr, in none_t meta, in psa_ingress_output_metadata_t eg) {
  apply { pkt.emit(hdr.other); pkt.emit(hdr.h); }
}
parser EP(packet_in pkt, out headers_t hdr, inout none_t meta, in psa_egress_parser_input_metadata_t ig, in none_t n, in none_t i, in none_t e) {
  state start { transition accept; }
}
control E(inout headers_t hdr, inout none_t meta, in psa_egress_input_metadata_t ig, inout psa_egress_output_metadata_t eg) {
  apply { egress_drop(eg); }
}
control ED(packet_out pkt, out none_t e, out none_t r, inout headers_t hdr, in none_t meta, in psa_egress_output_metadata_t eg,
    in psa_egress_deparser_input_metadata_t edstd) { apply { } }
IngressPipeline(IP(), I(), ID()) ip;
EgressPipeline(EP(), E(), ED()) ep;
PSA_Switch(ip, PacketReplicationEngine(), ep, BufferingQueueingEngine()) main;
`
