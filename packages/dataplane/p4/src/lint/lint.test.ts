/** Every lint on a program where it fires and on the nearest one where it must not. */
import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { assertMarked, checkText } from '../testing/compile-text.test.ts'
import { INCLUDE, readFile } from '../testing/files.test.ts'
import { tinySource } from '../testing/tiny-program.test.ts'
import { check } from '../compile.ts'

const lint = (text: string) => checkText(text, { lint: true })

interface Parts {
  readonly states?: string
  readonly locals?: string
  readonly apply?: string
  readonly egress?: string
  readonly compute?: string
  readonly emit?: string
}

/** A v1model program: ethernet always extracted, ipv4 and ipv6 by type, vlan never. */
function program(parts: Parts): string {
  return `#include <core.p4>
#include <v1model.p4>
header eth_t { bit<48> dst; bit<48> src; bit<16> type; }
header ipv4_t { bit<8> ttl; bit<16> hdr_checksum; bit<32> src; bit<32> dst; }
header ipv6_t { bit<8> hop; bit<128> dst; }
header vlan_t { bit<16> tag; }
struct headers_t { eth_t eth; ipv4_t ipv4; ipv6_t ipv6; vlan_t vlan; }
struct meta_t { bit<8> m; }
parser P(packet_in pkt, out headers_t hdr, inout meta_t meta, inout standard_metadata_t sm) {
${
  parts.states ??
  `  state start { pkt.extract(hdr.eth); transition select(hdr.eth.type) { 0x800: v4; 0x86dd: v6; _: accept; } }
  state v4 { pkt.extract(hdr.ipv4); transition accept; }
  state v6 { pkt.extract(hdr.ipv6); transition accept; }`
}
}
control V(inout headers_t hdr, inout meta_t meta) { apply { } }
control I(inout headers_t hdr, inout meta_t meta, inout standard_metadata_t sm) {
${parts.locals ?? ''}
  apply {
${parts.apply ?? '    sm.egress_spec = 1;'}
  }
}
control E(inout headers_t hdr, inout meta_t meta, inout standard_metadata_t sm) { apply { ${parts.egress ?? ''} } }
control C(inout headers_t hdr, inout meta_t meta) { apply { ${parts.compute ?? ''} } }
control D(packet_out pkt, in headers_t hdr) { apply { pkt.emit(hdr.eth); pkt.emit(hdr.ipv4); ${parts.emit ?? ''} } }
V1Switch(P(), V(), I(), E(), C(), D()) main;
`
}

test('a program with nothing odd in it gets no warning', () => {
  assertMarked(program({}), lint)
})

test('P4C7001: reading a header that cannot be valid, or that nothing tests', () => {
  assertMarked(
    program({
      apply: `
    sm.egress_spec = 1;
    meta.m = hdr.ipv4.ttl;                       //? P4C7001
    if (hdr.ipv6.isValid()) { meta.m = hdr.ipv6.hop; } else { meta.m = hdr.ipv6.hop; } //? P4C7001`,
    }),
    lint,
  )
  assertMarked(
    program({
      apply: `
    sm.egress_spec = 1;
    if (hdr.ipv4.isValid() && hdr.ipv4.ttl == 0) { meta.m = 1; }
    if (!hdr.ipv4.isValid()) { return; }
    meta.m = hdr.ipv4.ttl + (bit<8>) hdr.eth.type;
    hdr.vlan.setValid(); hdr.vlan.tag = 3; hdr.eth.type = hdr.vlan.tag;`,
      emit: 'pkt.emit(hdr.vlan);',
    }),
    lint,
  )
})

test('P4C7001: what one header says about another is known', () => {
  assertMarked(
    program({
      apply: `
    sm.egress_spec = 1;
    if (hdr.ipv4.isValid()) {
      meta.m = hdr.ipv6.hop;                     //? P4C7001
    }`,
    }),
    lint,
  )
})

test('P4C7001: actions and controls are looked into where they are used', () => {
  assertMarked(
    program({
      locals: `  action age() { hdr.ipv4.ttl = hdr.ipv4.ttl - 1; }   //? P4C7001 P4C7002 P4C7009`,
      apply: `
    sm.egress_spec = 1;
    hdr.ipv4.setInvalid();
    age();`,
    }),
    lint,
  )
  assertMarked(
    program({
      locals: `  action from4() { meta.m = hdr.ipv4.ttl; } action from6() { meta.m = hdr.ipv6.hop; }
  table t { key = { hdr.eth.type: exact; } actions = { from4; from6; } }`,
      apply: '    sm.egress_spec = 1; if (hdr.ipv4.isValid()) { t.apply(); }',
    }),
    lint,
  )
})

test('P4C7002: writing a header that cannot be valid', () => {
  assertMarked(
    program({
      apply: `
    sm.egress_spec = 1;
    hdr.vlan.tag = 7;                            //? P4C7002
    hdr.vlan.setValid();
    hdr.vlan.tag = 7;`,
    }),
    lint,
  )
})

test('P4C7003, P4C7012, P4C7013: states without a way in, without a way out, and loops that read nothing', () => {
  assertMarked(
    program({
      states: `
  state start { transition select(pkt.lookahead<bit<8>>()) { 1: again; 2: loose; _: eth; } }
  state again { transition select(8w1) { 1: back; _: accept; } } //? P4C7013
  state back { transition again; }
  state loose { }                                //? P4C7012
  state lost { transition accept; }              //? P4C7003
  state eth { pkt.extract(hdr.eth); pkt.extract(hdr.ipv4); transition accept; }`,
    }),
    lint,
  )
  assertMarked(
    program({
      states: `
  state start { pkt.extract(hdr.eth); transition select(hdr.eth.type) { 1: start; _: ip; } }
  state ip { pkt.extract(hdr.ipv4); transition accept; }`,
    }),
    lint,
  )
})

test('P4C7004, P4C7005: tables that are never applied and actions that never run', () => {
  assertMarked(
    program({
      locals: `
  action used() { } action called() { } action idle() { } //? P4C7005
  table on { actions = { used; } } table off { actions = { used; } } //? P4C7004`,
      apply: '    sm.egress_spec = 1; on.apply(); called();',
    }),
    lint,
  )
})

test('P4C7006: a drop that a later assignment undoes', () => {
  assertMarked(
    program({
      apply: `
    if (!hdr.ipv4.isValid()) { mark_to_drop(sm); }
    sm.egress_spec = 4;                          //? P4C7006`,
    }),
    lint,
  )
  assertMarked(
    program({
      locals: `
  action drop() { mark_to_drop(sm); } action send(bit<9> port) { sm.egress_spec = port; } //? P4C7006
  table fwd { key = { hdr.eth.dst: exact; } actions = { send; drop; } }`,
      apply: `
    if (!hdr.ipv4.isValid()) { drop(); }
    fwd.apply();`,
    }),
    lint,
  )
})

test('P4C7006: not after a return, in the other branch, or where a default is refined', () => {
  assertMarked(
    program({
      apply: `
    mark_to_drop(sm);
    if (hdr.ipv4.isValid()) { sm.egress_spec = 4; }
    if (hdr.ipv6.isValid()) { mark_to_drop(sm); return; } else { sm.egress_spec = 5; }`,
    }),
    lint,
  )
  assertMarked(
    program({
      locals: `
  action drop() { mark_to_drop(sm); } action send(bit<9> port) { sm.egress_spec = port; }
  table fwd { key = { hdr.eth.dst: exact; } actions = { send; drop; } }
  table acl { key = { hdr.eth.src: exact; } actions = { drop; NoAction; } }`,
      apply: '    fwd.apply(); acl.apply();',
    }),
    lint,
  )
})

test('P4C7007: an output port that no path sets', () => {
  const source = program({ apply: '    meta.m = 1;' })
  const { diagnostics } = lint(source)
  assert.deepEqual(
    diagnostics.map((diagnostic) => [diagnostic.code, diagnostic.message.includes('port 0')]),
    [['P4C7007', true]],
  )
  assertMarked(program({ apply: '    sm.mcast_grp = 1;' }), lint)
})

test('P4C7007: softnpu programs choose a port too', () => {
  assert.deepEqual(
    lint(tinySource({})).diagnostics.map((diagnostic) => diagnostic.code),
    ['P4C7007'],
  )
  assertMarked(tinySource({ apply: 'eg.port = 1;' }), lint)
})

test('P4C7008: emitting what nothing makes valid', () => {
  assertMarked(program({ emit: '\n pkt.emit(hdr.vlan); //? P4C7008\n' }), lint)
  assertMarked(
    program({ apply: '    sm.egress_spec = 1; hdr.vlan.setValid(); hdr.vlan.tag = 1;', emit: 'pkt.emit(hdr.vlan);' }),
    lint,
  )
})

test('P4C7008: not where a loop may make it valid', () => {
  assertMarked(
    program({
      apply: '    sm.egress_spec = 1; for (bit<8> i = 0; i < 2; i += 1) { hdr.vlan.setValid(); }',
      emit: 'pkt.emit(hdr.vlan);',
    }),
    lint,
  )
})

test('P4C7009: a time to live that changes without its checksum', () => {
  const apply = `
    sm.egress_spec = 1;
    if (hdr.ipv4.isValid()) { hdr.ipv4.ttl = hdr.ipv4.ttl - 1; } //? P4C7009`
  assertMarked(program({ apply }), lint)
  assertMarked(
    program({
      apply: apply.replace(' //? P4C7009', ''),
      compute: `update_checksum(hdr.ipv4.isValid(), { hdr.ipv4.ttl, hdr.ipv4.src, hdr.ipv4.dst },
        hdr.ipv4.hdr_checksum, HashAlgorithm.csum16);`,
    }),
    lint,
  )
})

test('P4C7010, P4C7011: entries that never match, and entries whose order nobody has said', () => {
  assertMarked(
    program({
      locals: `
  action a() { } action b() { }
  table t { key = { hdr.eth.type: ternary; hdr.eth.src: ternary; } actions = { a; b; } const entries = {
      (1 &&& 0xf, _): a;
      (0x11, 3): b;                              //? P4C7010
      (_, 3): b; } }
  table u { key = { hdr.eth.type: ternary; hdr.eth.src: ternary; } actions = { a; b; } entries = {
      (1, _): a;
      (_, 3): b;                                 //? P4C7011
      (_, _): a; } }
  table v { key = { hdr.eth.type: ternary; hdr.eth.src: ternary; } actions = { a; b; } entries = {
      priority = 10: (1, _): a;
      priority = 20: (_, 3): b; } }
  table x { key = { hdr.eth.type: ternary; hdr.eth.src: ternary; } actions = { a; b; } entries = {
      priority = 10: (1, _): a;
      priority = 10: (2, _): b;
      priority = 10: (_, 3): b;                  //? P4C7011
      priority = 10: (2, 4): b; } }
  table w { key = { hdr.eth.type: range; } actions = { a; b; } const entries = { 1 .. 9: a; 3 .. 4: b; } } //? P4C7010`,
      apply: '    sm.egress_spec = 1; t.apply(); u.apply(); v.apply(); w.apply(); x.apply();',
    }),
    lint,
  )
})

test('P4C7014, P4C7015: variables that nothing uses, or that nothing gives a value', () => {
  assertMarked(
    program({
      locals: '  bit<8> idle; bit<8> both; bit<8> never;       //? P4C7014 P4C7015',
      apply: `
    bit<8> unused;                               //? P4C7014
    bit<8> parsed = 3;
    both = 1;
    meta.m = both + never + parsed;
    sm.egress_spec = 1;`,
    }),
    lint,
  )
})

test('@lint_allow silences one code on one declaration, and nothing is said about architecture files', () => {
  assertMarked(
    program({
      locals: `
  @lint_allow("P4C7005") action idle() { }
  @lint_allow("P4C7004") action other() { }      //? P4C7005`,
    }),
    lint,
  )
})

test('lints are off unless asked for, and say nothing about programs with errors', () => {
  const odd = program({ apply: '    meta.m = 1;' })
  assert.deepEqual(checkText(odd).diagnostics, [])
  const wrong = program({ apply: '    meta.m = nothing;' })
  assert.deepEqual(
    lint(wrong).diagnostics.map((diagnostic) => diagnostic.code),
    ['P4C3001'],
  )
})

test("the project's own programs are clean", () => {
  const root = fileURLToPath(new URL('../../../../../p4/switch.p4', import.meta.url))
  const folder = fileURLToPath(new URL('../../testdata/', import.meta.url))
  const files = readdirSync(folder).filter((name) => name.endsWith('.p4'))
  assert.ok(readFileSync(root, 'utf8').length > 0)
  for (const fileName of [root, ...files.map((name) => folder + name)]) {
    const { diagnostics } = check({ fileName, readFile, includePaths: [INCLUDE], lint: true })
    assert.deepEqual(
      diagnostics.map((item) => `${item.range.file}:${item.range.line} ${item.code} ${item.message}`),
      [],
    )
  }
})
