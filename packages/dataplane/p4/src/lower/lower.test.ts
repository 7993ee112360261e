import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { Interpreter } from '../back/interpreter.ts'
import type { Program, Statement } from '../ir/index.ts'
import { assertMarked, compileTestdata, compileText, programOf } from '../testing/compile-text.test.ts'
import { INCLUDE, readFile } from '../testing/files.test.ts'
import { runHex, runTiny, tinyProgram, tinySource } from '../testing/tiny-program.test.ts'
import { verifyProgram } from './verify-program.ts'

const statementsOf = (program: Program, name: string): readonly Statement[] =>
  program.procedures.find((procedure) => procedure.name === name)?.body ?? []

test('every program of testdata compiles to sound IR', () => {
  const names = readdirSync(new URL('../../testdata', import.meta.url)).filter((name) => name.endsWith('.p4'))
  assert.ok(names.length >= 3)
  for (const name of names) assert.deepEqual(verifyProgram(compileTestdata(name.replace('.p4', ''))), [], name)
})

test('names slots, tables, actions and keys as the source and control plane do', () => {
  const program = compileTestdata('router')
  assert.deepEqual(
    program.tables.map((table) => table.name),
    ['ingress.routes', 'ingress.neighbours'],
  )
  assert.deepEqual(
    program.tables[0]?.keys.map((key) => [key.name, key.match]),
    [['hdr.ipv4.dst', 'lpm']],
  )
  assert.deepEqual(
    program.actions.map((action) => [action.name, ...action.parameters.map((p) => `${p.name}:${p.width}`)]),
    [
      ['ingress.forward', 'port:16', 'next_hop:32'],
      ['ingress.drop', 'reason:8'],
      ['ingress.rewrite', 'dst:48', 'src:48'],
      ['NoAction'],
    ],
  )
  assert.deepEqual(program.tables[0]?.defaultAction, { action: 1, parameters: [1n] })
  const named = Object.entries(program.intrinsics).map(([name, slot]) => `${name}=${program.slots[slot]?.name ?? ''}`)
  assert.ok(named.includes('egress.dropReason=eg.drop_reason'))
  assert.ok(named.includes('parser.error=ig.parser_error'))
  assert.deepEqual(
    program.blocks.map((block) => block.name),
    ['parser', 'ingress', 'egress', 'deparser'],
  )
})

test('the router forwards, drops and counts', () => {
  const program = compileTestdata('router')
  const interpreter = new Interpreter(program)
  const routes = interpreter.tables[0]
  const neighbours = interpreter.tables[1]
  const entry = { priority: 0, packets: 0, bytes: 0, counted: { packets: 0, bytes: 0 } }
  routes?.entries.push({
    keys: [{ kind: 'lpm', value: 0x0a000000n, length: 8 }],
    action: { action: 0, parameters: [7n, 0x0a000001n] },
    ...entry,
  })
  neighbours?.entries.push({
    keys: [{ kind: 'exact', value: 0x0a000001n }],
    action: { action: 0, parameters: [0x0200000000aan, 0x0200000000bbn] },
    ...entry,
  })
  const ip = '4500 0014 0000 0000 4011 0000 01010101 0a020304'
  assert.equal(
    runHex(interpreter, `ffffffffffff 020000000001 0800 ${ip}`),
    '0200000000aa0200000000bb08004500001400000000' + '3f11' + '6cd2' + '010101010a020304',
  )
  assert.equal(runHex(interpreter, `ffffffffffff 020000000001 0800 ${ip.replace('0a02', '0b02')}`), 'drop 1')
  assert.equal(runHex(interpreter, `ffffffffffff 020000000001 0800 ${ip.replace('4011', '0111')}`), 'drop 2')
})

test('arithmetic, slices and op-assignment', () => {
  assert.equal(
    runTiny({ apply: 'hdr.h.a += 255; hdr.h.b = hdr.h.b |-| 5; hdr.h.c[7:0] = hdr.h.a;' }),
    '00 00 0300 05060708',
  )
  assert.equal(runTiny({ apply: 'hdr.h.d = hdr.h.c ++ hdr.h.a ++ 8w0xee; hdr.h.c = ~hdr.h.c;' }), '01 02 fcfb 030401ee')
  assert.equal(
    runTiny({ apply: 'bit<8> i = 8; hdr.h.d[i +: 8] = 0xff; hdr.h.a = hdr.h.c[i +: 8];' }),
    '03 02 0304 0506ff08',
  )
  assert.equal(
    runTiny({ apply: 'int<8> x = -3; hdr.h.a = (bit<8>)(x >> 1); if (x < 2) hdr.h.b = 9;' }),
    'fe 09 0304 05060708',
  )
})

test('a struct assignment whose source overlaps its target goes through temporaries', () => {
  assert.equal(runTiny({ apply: 'hdr.h = { hdr.h.b, hdr.h.a, 7, hdr.h.d };' }), '02 01 0007 05060708')
})

test('functions copy in and out; overlapping arguments do not see each other', () => {
  const top = `
    void both(inout bit<8> x, inout bit<8> y) { x = x + 1; y = y + 1; }
    bit<8> pick(in bit<8> x, out bit<8> y) { y = 5; if (x == 1) { return 10; } return x + y; }
    void grow(in bit<8> old, inout bit<8> x) { x = x + 1; x = x + old; }`
  assert.equal(runTiny({ top, apply: 'both(hdr.h.a, hdr.h.b);' }), '02 03 0304 05060708')
  // Copy-out is from left to right, each from its own copy: 1 + 1, not 1 + 2.
  assert.equal(runTiny({ top, apply: 'both(hdr.h.a, hdr.h.a);' }), '02 02 0304 05060708')
  assert.equal(runTiny({ top, apply: 'hdr.h.a = pick(hdr.h.a, hdr.h.b);' }), '0a 05 0304 05060708')
  assert.equal(runTiny({ top, apply: 'hdr.h.a = pick(hdr.h.b, hdr.h.b);' }), '07 05 0304 05060708')
  assert.equal(runTiny({ top, apply: 'grow(hdr.h.b, hdr.h.b);' }), '01 05 0304 05060708')
})

test('calls in an expression run from left to right, and only when they must', () => {
  const top = 'bit<8> bump(inout bit<8> x) { x = x + 1; return x; }'
  assert.equal(runTiny({ top, apply: 'hdr.h.b = hdr.h.a + bump(hdr.h.a) + hdr.h.a;' }), '02 05 0304 05060708')
  assert.equal(runTiny({ top, apply: 'if (hdr.h.a == 2 && bump(hdr.h.a) == 2) { }' }), '01 02 0304 05060708')
  assert.equal(runTiny({ top, apply: 'if (hdr.h.a == 1 || bump(hdr.h.a) == 2) { }' }), '01 02 0304 05060708')
  assert.equal(runTiny({ top, apply: 'hdr.h.b = hdr.h.a == 9 ? bump(hdr.h.a) : 7;' }), '01 07 0304 05060708')
})

test('actions called directly, with return and exit', () => {
  const locals = `
    action set(inout bit<8> x, in bit<8> y) { x = y; if (y == 3) { return; } x = 0x77; }
    action stop(inout bit<8> x) { x = 0x55; exit; }`
  assert.equal(runTiny({ locals, apply: 'set(hdr.h.a, 3); set(hdr.h.b, 4);' }), '03 77 0304 05060708')
  assert.equal(runTiny({ locals, apply: 'stop(hdr.h.a); hdr.h.b = 9;' }), '55 02 0304 05060708')
})

test('tables set hit and action_run, bind arguments and copy them out', () => {
  const locals = `
    action assign(inout bit<8> x, bit<8> y) { x = x + y; }
    action other() { hdr.h.c = 0xffff; }
    table t {
      key = { hdr.h.a: exact; }
      actions = { assign(hdr.h.b); other; }
      default_action = other;
      const entries = { 1: assign(0x10); 2: assign(0x20); }
    }`
  const apply = 'switch (t.apply().action_run) { assign: { hdr.h.d = 1; } other: { hdr.h.d = 2; } }'
  assert.equal(runTiny({ locals, apply }), '01 12 0304 00000001')
  assert.equal(runTiny({ locals, apply }, '02 02 0304 05060708'), '02 22 0304 00000001')
  assert.equal(runTiny({ locals, apply }, '03 02 0304 05060708'), '03 02 ffff 00000002')
  assert.equal(runTiny({ locals, apply: 'if (t.apply().miss) hdr.h.d = 3;' }), '01 12 0304 05060708')
})

test('table keys may be computed, and are computed anew for each application', () => {
  const top = 'bit<8> twice(in bit<8> x) { return x + x; }'
  const locals = `
    action hit(bit<8> v) { hdr.h.b = hdr.h.b + v; }
    table t { key = { twice(hdr.h.a): exact @name("double"); hdr.h.b[1:0]: ternary; }
      actions = { hit; NoAction; } const entries = { (2, _): hit(1); (4, 3 &&& 3): hit(0x10); } }`
  const tiny = { top, locals, apply: 't.apply(); hdr.h.a = 2; t.apply();' }
  assert.deepEqual(
    tinyProgram(tiny).tables[0]?.keys.map((key) => key.name),
    ['double', 'hdr.h.b[1:0]'],
  )
  assert.equal(runTiny(tiny), '02 13 0304 05060708')
})

test('entries become the sets of their match kind, the first one with the highest priority', () => {
  const locals = `
    action n() { }
    table t {
      key = { hdr.h.a: ternary; hdr.h.d: lpm; hdr.h.c: range; hdr.h.b: optional; }
      actions = { n; }
      const entries = {
        (1, 0x0a000000 &&& 0xff000000, 5, 3): n;
        (_, 0x01020304, 1 .. 9, _): n;
        (1 &&& 3, _, _, default): n;
      }
    }`
  const [table] = tinyProgram({ locals, apply: 't.apply();' }).tables
  assert.deepEqual(
    table?.entries.map((entry) => [entry.priority, entry.keys]),
    [
      [
        3,
        [
          { kind: 'ternary', value: 1n, mask: 0xffn },
          { kind: 'lpm', value: 0x0a000000n, length: 8 },
          { kind: 'range', low: 5n, high: 5n },
          { kind: 'exact', value: 3n },
        ],
      ],
      [
        2,
        [
          { kind: 'ternary', value: 0n, mask: 0n },
          { kind: 'lpm', value: 0x01020304n, length: 32 },
          { kind: 'range', low: 1n, high: 9n },
          { kind: 'any' },
        ],
      ],
      [
        1,
        [
          { kind: 'ternary', value: 1n, mask: 3n },
          { kind: 'lpm', value: 0n, length: 0 },
          { kind: 'range', low: 0n, high: 0xffffn },
          { kind: 'any' },
        ],
      ],
    ],
  )
  assert.equal(table?.areEntriesConst, true)
})

test('explicit priorities: the larger wins by default, the smaller when the table says so', () => {
  const priorities = (extra: string): (number | undefined)[] => {
    const locals = `action n() { } table t { key = { hdr.h.a: ternary; } actions = { n; } ${extra}
      entries = { priority = 10: 1: n; 2: n; priority = 30: 3: n; } }`
    const [table] = tinyProgram({ locals, apply: 't.apply();' }).tables
    return table?.entries.map((entry) => entry.priority) ?? []
  }
  assert.deepEqual(priorities(''), [10, 9, 30])
  assert.deepEqual(priorities('priority_delta = 5;'), [10, 5, 30])
  assert.deepEqual(priorities('largest_priority_wins = false;'), [21, 20, 1])
})

test('nested controls share storage, and one instance serves several calls', () => {
  const top = `
    control Inner(inout bit<8> x, in bit<8> y)(bit<8> k) {
      action add(bit<8> n) { x = x + n; }
      table t { key = { y: exact; } actions = { add; NoAction; } const entries = { 2: add(0x20); 1: add(0x10); } }
      apply { t.apply(); x = x + k; }
    }`
  const locals = 'Inner(1) one; Inner(k = 2) two;'
  assert.equal(
    runTiny({ top, locals, apply: 'one.apply(hdr.h.a, hdr.h.b); two.apply(hdr.h.b, 1);' }),
    '22 14 0304 05060708',
  )
  const shared = {
    top,
    locals,
    apply: 'one.apply(hdr.h.a, hdr.h.b); one.apply(hdr.h.b, hdr.h.a); Inner.apply(hdr.h.b, 9);',
  }
  const good = { ...shared, apply: shared.apply.replace('Inner.apply(hdr.h.b, 9);', '') }
  assert.equal(runTiny(good), '22 03 0304 05060708')
  assert.deepEqual(
    tinyProgram(good).tables.map((table) => table.name),
    ['ingress.one.t', 'ingress.two.t'].slice(0, 1),
  )
})

test('exit inside a shared control still copies out for its caller', () => {
  const top = `
    control Inner(inout bit<8> x) {
      action leave() { x = 0x99; exit; }
      table t { key = { x: exact; } actions = { leave; NoAction; } const entries = { 1: leave; } }
      apply { x = x - 1; t.apply(); x = x + 2; }
    }`
  const tiny = { top, locals: 'Inner() inner;', apply: 'inner.apply(hdr.h.a); inner.apply(hdr.h.b); hdr.h.c = 0;' }
  assert.equal(runTiny(tiny), '02 99 0304 05060708')
  assert.equal(runTiny(tiny, '01 03 0304 05060708'), '02 04 0000 05060708')
})

test('header stacks: next, last, dynamic index, push and pop, lastIndex', () => {
  const stack = {
    headers: 'o_t[3] o;',
    emit: 'pkt.emit(hdr.o);',
    states: `state start { pkt.extract(hdr.h); transition more; }
      state more { transition select(hdr.h.a) { 0: done; default: one; } }
      state one { pkt.extract(hdr.o.next); hdr.h.a = hdr.h.a - 1; hdr.h.b = hdr.o.last.v; transition more; }
      state done { hdr.h.c = (bit<16>) hdr.o.lastIndex; transition accept; }`,
  }
  assert.equal(runTiny(stack, '02 00 0000 00000000 aa bb cc'), '00 bb 0001 00000000aabbcc')
  assert.equal(runTiny(stack, '04 00 0000 00000000 aa bb cc dd'), 'drop 240')
  assert.equal(
    runTiny({ ...stack, apply: 'hdr.o.push_front(1); hdr.o[0] = { 0x11 };' }, '02 00 0000 00000000 aa bb'),
    '00 bb 0001 0000000011aabb',
  )
  assert.equal(
    runTiny({ ...stack, apply: 'hdr.o.pop_front(1);' }, '03 00 0000 00000000 aa bb cc'),
    '00 cc 0002 00000000bbcc',
  )
  const index = 'bit<8> i = hdr.h.c[7:0]; hdr.o[i].v = 0x77; hdr.h.a = hdr.o[i - 1].v;'
  assert.equal(runTiny({ ...stack, apply: index }, '03 00 0000 00000000 aa bb cc'), 'bb cc 0002 00000000aabb77')
})

test('header unions have at most one valid member', () => {
  const union = {
    top: 'header w_t { bit<16> v; } header_union u_t { o_t one; w_t two; }',
    headers: 'u_t u;',
    emit: 'pkt.emit(hdr.u);',
    states: `state start { pkt.extract(hdr.h); transition select(hdr.h.a) { 1: one; 2: two; default: accept; } }
      state one { pkt.extract(hdr.u.one); transition accept; }
      state two { pkt.extract(hdr.u.two); transition accept; }`,
  }
  assert.equal(runTiny(union, '01 00 0000 00000000 aa'), '01 00 0000 00000000aa')
  assert.equal(
    runTiny({ ...union, apply: 'hdr.u.two.setValid(); hdr.u.two.v = 0x1234;' }, '01 00 0000 00000000 aa'),
    '01 00 0000 000000001234',
  )
  const assigned = {
    ...union,
    apply: 'if (hdr.u.isValid()) hdr.h.b = 1; hdr.u.one = { 5 }; if (hdr.u.two.isValid()) hdr.h.b = 2;',
  }
  assert.equal(runTiny(assigned, '02 00 0000 00000000 aabb'), '02 01 0000 0000000005')
})

test('varbit fields, lookahead and advance', () => {
  const tiny = {
    top: 'header v_t { bit<8> n; varbit<32> data; }',
    headers: 'v_t v; o_t o;',
    emit: 'pkt.emit(hdr.v); pkt.emit(hdr.o);',
    states: `state start {
      pkt.extract(hdr.h);
      bit<16> ahead = pkt.lookahead<bit<16>>();
      h_t peek = pkt.lookahead<h_t>();
      hdr.h.c = ahead;
      hdr.h.d[7:0] = peek.b;
      pkt.extract(hdr.v, (bit<32>) hdr.h.a * 8);
      pkt.advance(8);
      pkt.extract(hdr.o);
      transition accept;
    }`,
  }
  assert.equal(
    runTiny(tiny, '02 00 0000 00000000 55 aabb cc dd ee ff 00 11'),
    '02 00 55aa 000000aa55aabb' + 'dd' + 'eeff0011',
  )
  assert.equal(runTiny(tiny, '05 00 0000 00000000 55 aabbccddee ff 00 11 22'), 'drop 240')
})

test('sub-parsers become states, also twice and inside an if', () => {
  const tiny = {
    top: `parser Sub(packet_in pkt, inout bit<8> count, out o_t o) {
      bit<8> step = 1;
      state start { pkt.extract(o); transition select(o.v) { 0xff: reject; 0: skip; default: accept; } }
      state skip { count = count + step; step = step + 1; pkt.extract(o); transition select(o.v) { 0: skip; default: accept; } }
    }`,
    headers: 'o_t first; o_t second;',
    emit: 'pkt.emit(hdr.first); pkt.emit(hdr.second);',
    parserLocals: 'Sub() sub;',
    states: `state start {
      pkt.extract(hdr.h);
      sub.apply(pkt, hdr.h.b, hdr.first);
      if (hdr.h.a == 2) { sub.apply(pkt, hdr.h.b, hdr.second); hdr.h.c = 1; } else { hdr.h.c = 2; }
      hdr.h.d = 3;
      transition accept;
    }`,
  }
  assert.equal(runTiny(tiny, '01 00 0000 00000000 07 08'), '01 00 0002 000000030708')
  assert.equal(runTiny(tiny, '02 00 0000 00000000 00 07 00 00 09'), '02 04 0001 000000030709')
  assert.equal(runTiny(tiny, '01 00 0000 00000000 ff 08'), 'drop 240')
})

test('select: several keys, masks, ranges, tuples, run-time labels', () => {
  const select = (cases: string): string => `state start { pkt.extract(hdr.h); transition select(${cases} }
    state one { hdr.h.d = 1; transition accept; } state two { hdr.h.d = 2; transition accept; }`
  const run = (cases: string, hex: string): string => runTiny({ states: select(cases) }, hex).slice(11)
  const masks = 'hdr.h.a, hdr.h.b) { (1, 0x10 &&& 0xf0): one; (2 .. 4, _): two; default: accept; }'
  assert.equal(run(masks, '01 1f 0000 00000000'), '00000001')
  assert.equal(run(masks, '03 1f 0000 00000000'), '00000002')
  assert.equal(run(masks, '01 20 0000 00000000'), '00000000')
  const dynamic = 'hdr.h.a) { hdr.h.b: one; 7: two; }'
  assert.equal(run(dynamic, '05 05 0000 00000000'), '00000001')
  assert.equal(run(dynamic, '07 05 0000 00000000'), '00000002')
  assert.equal(runTiny({ states: select(dynamic) }, '06 05 0000 00000000'), 'drop 240')
  assert.equal(run('hdr.h.a == 1 && hdr.h.b == 2) { true: one; false: two; }', '01 02 0000 00000000'), '00000001')
})

test('loops count, break and continue', () => {
  assert.equal(
    runTiny({
      apply:
        'for (bit<8> i = 0; i < 10; i = i + 1) { if (i == 2) continue; if (i == 5) break; hdr.h.a = hdr.h.a + i; }',
    }),
    '09 02 0304 05060708',
  )
  assert.equal(runTiny({ apply: 'for (bit<8> i in 250 .. 255) { hdr.h.b = hdr.h.b + 1; }' }), '01 08 0304 05060708')
  assert.equal(runTiny({ apply: 'for (bit<8> i in hdr.h.b .. hdr.h.a) { hdr.h.b = 9; }' }), '01 02 0304 05060708')
  assert.equal(
    runTiny({ apply: 'for (bit<16> x in (list<bit<16>>) { 1, hdr.h.c, 3 }) { hdr.h.c = hdr.h.c + x; }' }),
    '01 02 060c 05060708',
  )
})

test('headers: validity, equality, {#}, copies', () => {
  const base = { headers: 'h_t copy; o_t o;', emit: 'pkt.emit(hdr.copy);' }
  assert.equal(
    runTiny({ ...base, apply: 'hdr.copy = hdr.h; hdr.h.a = 9; if (hdr.copy == hdr.h) hdr.h.b = 7;' }),
    '09 02 0304 050607080102030405060708',
  )
  assert.equal(
    runTiny({ ...base, apply: 'hdr.copy = hdr.h; if (hdr.copy == hdr.h) hdr.copy = {#};  hdr.h.a = 5;' }),
    '05 02 0304 05060708',
  )
  assert.equal(
    runTiny({ ...base, apply: 'h_t local; if (!local.isValid() && hdr.copy == local) { hdr.h.a = 7; }' }),
    '07 02 0304 05060708',
  )
  assert.equal(runTiny({ ...base, apply: 'hdr.h.setInvalid();' }), '')
})

test('tuples, nested structs, enums and generic functions', () => {
  const top = `
    struct inner_t { bit<8> x; bit<8> y; } struct outer_t<T> { inner_t i; T t; }
    enum Mode { off, on } enum bit<8> Code { low = 3, high = 0x30 }
    T choose<T>(in bool first, in T a, in T b) { if (first) { return a; } return b; }`
  const apply = `
    outer_t<bit<16>> o = { { 1, 2 }, 3 };  tuple<bit<8>, inner_t> t = { 5, o.i };  Mode mode = Mode.on;  Code code = Code.high;
    hdr.h.a = t[0] + t[1].y;  o.i = { y = 8, x = 9 };  hdr.h.b = o.i.x;
    hdr.h.c = choose(mode == Mode.on, o.t, hdr.h.c);  o.i = choose(false, { 1, 2 }, o.i);
    hdr.h.d = 16w0 ++ o.i.y ++ (bit<8>) code;  if (code == Code.low) exit;  if (hdr.h.b == Code.low) exit;`
  assert.equal(runTiny({ top, apply }), '07 09 0003 00000830')
})

test('constants fold and dead branches disappear', () => {
  const program = tinyProgram({
    top: 'const bit<8> LEVEL = 3; const bool DEBUG = LEVEL > 5;',
    apply:
      'if (DEBUG) { hdr.h.a = 1; } else { hdr.h.a = (LEVEL << 2) + 1; } if (LEVEL == 3 || hdr.h.a == 1) { hdr.h.b = 2; }',
  })
  const body = statementsOf(program, 'ingress')
  assert.deepEqual(
    body.map((statement) => statement.kind),
    ['assign', 'assign'],
  )
  assert.deepEqual(
    body.map((s) => (s.kind === 'assign' && s.value.op === 'const' ? s.value.value : undefined)),
    [13n, 2n],
  )
})

test('externs become state and statements', () => {
  const program = tinyProgram({
    locals: `
      Counter(16, CounterType_t.BYTES) counter; Register<bit<32>>(8) reg; Meter(4, MeterType_t.PACKETS) meter;
      Hash<bit<16>>(HashAlgorithm_t.CRC16) crc; Hash<bit<32>>(HashAlgorithm_t.CRC32) crc32; Random<bit<8>>(3, 9) dice;
      @name("renamed") Counter(1, CounterType_t.PACKETS) other; Checksum() sum;`,
    apply: `counter.count(3); hdr.h.d = reg.read(1); reg.write(1, hdr.h.d + 1);
      if (meter.execute(2) == MeterColor_t.RED) { eg.drop = true; }
      hdr.h.c = crc.get({ hdr.h.a, hdr.h.b }); hdr.h.d = crc32.get(0, hdr.h.a, 10); hdr.h.a = dice.read();
      hdr.h.c = sum.run({ hdr.h.a, hdr.h.b, hdr.h.d }); other.count(0);`,
  })
  assert.deepEqual(program.externs, [
    { kind: 'counter', name: 'ingress.counter', size: 16, counts: 'bytes' },
    { kind: 'register', name: 'ingress.reg', size: 8, width: 32 },
    { kind: 'meter', name: 'ingress.meter', size: 4, unit: 'packets' },
    { kind: 'counter', name: 'ingress.renamed', size: 1, counts: 'packets' },
  ])
  const kinds = statementsOf(program, 'ingress').map((statement) => statement.kind)
  for (const kind of ['count', 'registerRead', 'registerWrite', 'meter', 'hash', 'random'])
    assert.ok(kinds.includes(kind as 'count'), kind)
})

test('value sets keep their keys and match kinds', () => {
  const { parsers, valueSets } = tinyProgram({
    top: 'struct vs_t { @match(ternary) bit<8> a; bit<16> c; }',
    parserLocals: 'value_set<vs_t>(8) vs;',
    states: 'state start { pkt.extract(hdr.h); transition select(hdr.h.a, hdr.h.c) { vs: accept; (1, 2): accept; } }',
  })
  assert.deepEqual(valueSets, [
    {
      name: 'parser.vs',
      size: 8,
      keys: [
        { name: 'a', width: 8, match: 'ternary' },
        { name: 'c', width: 16, match: 'exact' },
      ],
    },
  ])
  assert.equal(parsers[0]?.states[0]?.select.cases[0]?.valueSet, 0)
})

test('lowering errors point at the program', () => {
  assertMarked('const bit<8> x = 1; //! P4C6030', (text) => compileText(text))
  assertMarked('package Other(); Other() main; //! P4C6031', (text) => compileText(text))
  const source = tinySource({
    locals: 'action n() { } table t { key = { hdr.h.d: lpm; } actions = { n; } const entries = { 1 &&& 5: n; } }',
    apply: 't.apply();',
  })
  assert.deepEqual(
    compileText(source).diagnostics.map((diagnostic) => diagnostic.code),
    ['P4C6012'],
  )
  assert.equal(compileText(tinySource({}), { architecture: 'v1model' }).diagnostics[0]?.code, 'P4C6031')
})

test('v1model: blocks, standard metadata, checksums, field lists', () => {
  const program = compileTestdata('v1model-basic')
  assert.equal(program.architecture, 'v1model')
  assert.deepEqual(
    program.blocks.map((block) => block.name),
    [
      ...['arrival', 'parser', 'verify', 'ingress', 'decision'],
      ...['departure', 'egress', 'egressDecision', 'compute', 'deparser'],
    ],
  )
  assert.equal(program.slots[program.intrinsics['standard.egress_spec'] ?? -1]?.width, 9)
  const reason = program.slots.findIndex((slot) => slot.name === 'meta.reason')
  assert.deepEqual(program.fieldLists, [[reason]])
  assert.equal(program.slots[program.intrinsics['target.cloneSession'] ?? -1]?.width, 16)
  assert.equal(program.intrinsics['target.resubmit'], undefined)
  assert.deepEqual(
    program.tables.map((table) => table.name),
    ['MyIngress.ipv4_lpm'],
  )
  assert.equal(program.tables[0]?.directCounter, 0)
  assert.equal(program.tables[0]?.actions[0]?.before[0]?.kind, 'count')
})

test('the same source gives the same IR', () => {
  const once = compileTestdata('features')
  assert.deepEqual(compileTestdata('features'), once)
  assert.ok(programOf(compileText(tinySource({}))).slots.length > 0)
})

test('exit in an action of a table copies its parameters out first', () => {
  const tiny = {
    locals: `
      action leave(inout bit<8> x, bit<8> y) { x = y; exit; }
      table t { key = { hdr.h.a: exact; } actions = { leave(hdr.h.b); NoAction; } const entries = { 1: leave(0x44); } }`,
    apply: 't.apply(); hdr.h.c = 0;',
  }
  assert.equal(runTiny(tiny), '01 44 0304 05060708')
  assert.equal(runTiny(tiny, '02 02 0304 05060708'), '02 02 0000 05060708')
})

test('headers of other than whole bytes cannot be extracted or emitted', () => {
  const tiny = { top: 'header odd_t { bit<12> x; }', headers: 'odd_t odd;', emit: 'pkt.emit(hdr.odd);' }
  const { diagnostics } = compileText(tinySource(tiny))
  assert.deepEqual(
    diagnostics.map(({ code, message }) => `${code} ${message}`),
    ["P4C6008 header 'hdr.odd' has 12 bits; only headers of whole bytes can be extracted and emitted"],
  )
})

test('a psa program may bring an architecture file with other widths', () => {
  const narrow = readFile(`${INCLUDE}/psa.p4`)!.replace(
    'typedef bit<64> TimestampUint_t',
    'typedef bit<48> TimestampUint_t',
  )
  const blocks = `struct none_t { }
parser IP(packet_in pkt, out none_t hdr, inout none_t meta, in psa_ingress_parser_input_metadata_t ig, in none_t r, in none_t c) {
  state start { transition accept; } }
control I(inout none_t hdr, inout none_t meta, in psa_ingress_input_metadata_t ig, inout psa_ingress_output_metadata_t eg) { apply { } }
control ID(packet_out pkt, out none_t i, out none_t r, out none_t n, inout none_t hdr, in none_t meta,
    in psa_ingress_output_metadata_t eg) { apply { } }
parser EP(packet_in pkt, out none_t hdr, inout none_t meta, in psa_egress_parser_input_metadata_t ig, in none_t n, in none_t i, in none_t e) {
  state start { transition accept; } }
control E(inout none_t hdr, inout none_t meta, in psa_egress_input_metadata_t ig, inout psa_egress_output_metadata_t eg) { apply { } }
control ED(packet_out pkt, out none_t e, out none_t r, inout none_t hdr, in none_t meta, in psa_egress_output_metadata_t eg,
    in psa_egress_deparser_input_metadata_t edstd) { apply { } }
IngressPipeline(IP(), I(), ID()) ip;
EgressPipeline(EP(), E(), ED()) ep;
PSA_Switch(ip, PacketReplicationEngine(), ep, BufferingQueueingEngine()) main;`
  assert.deepEqual(verifyProgram(programOf(compileText(`${narrow}\n${blocks}`))), [])
})
