import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertMarked, checkText } from '../testing/compile-text.test.ts'

const HEADER = `
header h_t { bit<8> a; bit<16> b; }
struct s_t { h_t h; h_t[4] st; bit<8> x; bool f; int<8> i; }
`

/** Statements inside a control with some variables. */
function body(statements: string): string {
  return `${HEADER}
enum Color { red, green }
enum bit<8> Kind { one = 1, two = 2 }
type bit<8> Port;
control c(inout s_t s, in bit<8> ro, out bit<8> wo) {
  bit<8> b8; bit<16> b16; int<8> i8; bool flag; Port port; Color color; Kind kind; tuple<bit<8>, bool> pair;
  apply {
${statements}
  }
}`
}

test('accepts the implicit conversions of P4-16 8.11.3', () => {
  assertMarked(
    body(`
    b8 = 1; i8 = -1; b16 = 0xffff; s.h = { 1, 2 }; s.h = { b = 2, a = 1 }; pair = { 3, true };
    b8 = kind; flag = kind == 1; flag = b8 == Kind.two; b8 = b8 + Kind.one; s.h = {#}; b8 = 1 << 3;
    b8 = flag ? 1 : 2; s.st = { { 1, 2 }, { 3, 4 }, {#}, {#} };
  `),
  )
})

test('rejects mixtures of types, at their own line', () => {
  assertMarked(
    body(`
    b8 = b16;              //! P4C4010
    b8 = i8;               //! P4C4010
    flag = b8;             //! P4C4010
    b8 = port;             //! P4C4010
    b8 = b8 + b16;         //! P4C4041
    b8 = b8 + i8;          //! P4C4041
    b8 = port + port;      //! P4C4041
    flag = b8 && flag;     //! P4C4041
    flag = !b8;            //! P4C4040
    i8 = i8 / i8;          //! P4C4042
    flag = color == kind;  //! P4C4041
    if (b8) { }            //! P4C4045
    color = 1;             //! P4C4010
    kind = 1;              //! P4C4010
    s.h = { 1 };           //! P4C4010
    s.h = { a = 1, c = 2 };//! P4C4010
    b8 = flag ? 1 : true;  //! P4C4046
  `),
  )
})

test('allows exactly the casts of P4-16 8.11.2', () => {
  assertMarked(
    body(`
    b16 = (bit<16>) b8; i8 = (int<8>) b8; b8 = (bit<8>) i8; flag = (bool) b8[0:0]; b8 = 7w0 ++ (bit<1>) flag;
    port = (Port) b8; b8 = (bit<8>) port; kind = (Kind) b8; b16 = (bit<16>) (bit<8>) kind;
    b16 = (bit<16>) i8;    //! P4C4047
    flag = (bool) b8;      //! P4C4047
    color = (Color) b8;    //! P4C4047
    b8 = (bit<8>) flag;    //! P4C4047
  `),
  )
})

test('knows widths of slices, concatenations and shifts', () => {
  assertMarked(
    body(`
    b8 = b16[15:8]; b16 = b8 ++ b8; b8[3:0] = b8[7:4]; b8 = b8 >> b16; b16 = b16[b8 +: 16];
    b8 = b16[15:7];        //! P4C4010
    b8 = b8[8:1];          //! P4C4035
    b8 = b8[0:7];          //! P4C4034
    b8 = b8[b8:0];         //! P4C5001
    b8 = b8 >> i8;         //! P4C4041
    b8 = b8 << -1;         //! P4C5006
    b8 = b8 / 0;           //! P4C5004
    b8 = b8 << 9;          //? P4C4044
    b8 = 256;              //? P4C4011
    b8 = 8w256;            //? P4C4011
  `),
  )
})

test('checks what can be written', () => {
  assertMarked(
    body(`
    wo = ro; s.h.a = 1; s.st[b8].a = 2; s.st[1] = s.h; _ = b8 + 1;
    ro = 1;                //! P4C4082
    1 = b8;                //! P4C4080
    b8 + 1 = b8;           //! P4C4080
    Kind.one = 1;          //! P4C4080
    s.st.size = 3;         //! P4C4080
  `).replace('_ = b8 + 1;', ''),
  )
})

test('suggests the nearest name', () => {
  assertMarked(
    body(`
    b8 = b9;               //! P4C3001
    s.hh.a = 1;            //! P4C3003
    s.h.isvalid();         //! P4C3003
    color = Color.gren;    //! P4C3003
    b8 = nothing_like_it;  //! P4C3001
  `),
  )
  const [first] = checkText(body('s.h.isvalid();')).diagnostics
  assert.match(first?.message ?? '', /did you mean 'isValid'/)
})

test('reports duplicates with a note at the first', () => {
  const result = checkText('const bit<8> a = 1;\nconst bit<8> a = 2;')
  assert.deepEqual(
    result.diagnostics.map((d) => [d.code, d.range.line, d.notes[0]?.range?.line]),
    [['P4C3005', 2, 1]],
  )
  assertMarked(`struct s { bit<8> a;
    bit<8> a; } //! P4C3005
    enum e { x, y,
      x } //! P4C3005
    error { NoWay }
    error { NoWay } //! P4C3005
    control c(in bit<8> p,
      in bit<8> p) { //! P4C3005 P4C3005
      bit<8> v;
      bit<9> v; //! P4C3005
      apply { } }`)
})

test('evaluates constants exactly and uses them in types', () => {
  assertMarked(
    `
    const int big = 1 << 100; const bit<8> w = 4; const int n = (big >> 98) * 2;
    typedef bit<(n + w)> twelve;
    const twelve t = 0xfff;  const bool ok = t[11:8] == 0xf && n == 8;
    const bit<8> wrapped = 8w200 + 8w100;
    static_assert_here
  `.replace('static_assert_here', ''),
  )
  assertMarked(`#include <core.p4>
    const bit<8> wrapped = 8w200 + 8w100; const int<8> s = -8s1; const bit<8> sat = 8w200 |+| 8w100;
    const bool a = static_assert(wrapped == 44, "wraps");
    const bool b = static_assert(s < 0);
    const bool c = static_assert(sat == 255);
    const bool d = static_assert(1 + 1 == 3, "no"); //! P4C5008
    header h { bit<3> x; bit<5> y; varbit<80> z; }
    control q(inout h v) { apply { bit<32> n = v.minSizeInBits() + v.maxSizeInBytes(); } }`)
  assertMarked(`
    typedef bit<(1 - 2)> neg;        //! P4C5002
    const bit<8> d = 1 / 0;          //! P4C5004
    control c(in bit<8> n) { apply {
      bit<(n)> x;                    //! P4C5001
    } }`)
})

test('infers type arguments, and says which it cannot', () => {
  assertMarked(`
    extern T same<T>(in T x); extern T make<T>(); extern void two<T>(in T a, in T b);
    extern Box<T> { Box(T initial); T get(); void put<D>(in D d, out T t); }
    control c(inout bit<16> v) {
      Box(16w3) box;  Box<bit<8>>(3) small;
      apply {
        v = same(v); v = same<bit<16>>(3); v = box.get(); v = make(); two(v, 3); two(3, v);
        v = small.get();      //! P4C4010
        two(v, true);         //! P4C4010
        make();               //! P4C4130
        same<bit<8>, bool>(v); //! P4C4003
      }
    }`)
})

test('instantiates generic structs', () => {
  assertMarked(`
    struct Pair<A, B> { A first; B second; }
    control c(inout Pair<bit<8>, bool> p) { apply {
      p.first = 1; p.second = true; p = { 1, false }; p = { second = true, first = 3 };
      p.first = true;  //! P4C4010
    } }`)
})

test('matches arguments by position or name, with defaults and overloads', () => {
  assertMarked(`
    extern void f(in bit<8> a, in bit<8> b);  extern void f(in bit<8> a);  extern void g(in bit<8> x, in bit<8> y = 4);
    control c(inout bit<8> v) {
      action act(inout bit<8> p, bit<8> q) { p = q; }
      apply {
        f(v); f(v, 1); f(b = 1, a = v); g(1); g(x = 1, y = 2); act(v, 3);
        f(1, 2, 3);        //! P4C4069
        f(a = 1, c = 2);   //! P4C3004
        f(a = 1, 2);       //! P4C4068
        g();               //! P4C4069
        act(1, 2);         //! P4C4080
        v();               //! P4C4060
      }
    }`)
})

test('checks parsers: states, select keys and key sets', () => {
  assertMarked(
    `#include <core.p4>
    ${HEADER.replaceAll('\n', ' ')}
    parser p(packet_in pkt, out s_t s) {
      value_set<bit<8>>(4) vs;
      state start { pkt.extract(s.h); transition select(s.h.a, s.h.b) {
        (1, 2 &&& 3): next; (_, 1 .. 4): next; default: reject;
        (1, true): next;          //! P4C4114
        (1): next;                //! P4C4115
        (1, 2): nxt;              //! P4C3007
      } }
      state next { pkt.extract(s.st.next); transition select(s.h.a) { vs: accept; 0x10: start; } }
      state start { }             //! P4C3005
      state accept { }            //! P4C3006
      state other { exit;         //! P4C4090
        s.h.c = 1;                //! P4C3003
        transition select({ 1 }) { } }
    }
    parser q(packet_in pkt) { state begin { transition accept; } } //! P4C4112
  `.replace('transition select({ 1 }) { }', 'transition accept;'),
  )
})

test('checks tables: match kinds, actions, defaults and entries', () => {
  assertMarked(`#include <core.p4>
    ${HEADER.replaceAll('\n', ' ')}
    control c(inout s_t s) {
      action a(bit<8> x) { s.x = x; } action b() { } action d(inout bit<8> y, bit<8> x) { y = x; }
      table good {
        key = { s.h.a: exact; s.h.b: ternary; }
        actions = { a; b; d(s.x); NoAction; }
        const default_action = a(1);
        const entries = { (1, 2 &&& 3): a(3); (_, _): b; (0, 5): d(7); }
        size = 10;
      }
      table bad {
        key = { s.h.a: exakt;      //! P4C3008
          s.h: exact; }            //! P4C4121
        actions = { a; missing;    //! P4C3001
          a; }                     //! P4C3005
        default_action = b();      //! P4C4124
        size = true;               //! P4C4126
      }
      table entries {
        key = { s.h.a: exact; }
        actions = { a; b; }
        entries = { 300: b;        //? P4C4011
          true: b;                 //! P4C4114
          1: a();                  //! P4C4069
          2: a(true);              //! P4C4010
          (3, 4): b; }             //! P4C4115
      }
      table keyless { key = { s.x: exact; }
        key = { s.x: exact; }      //! P4C3005
        actions = { b; } }
      table none { key = { s.x: exact; } } //! P4C4122
      apply {
        good.apply(); if (good.apply().hit) { }
        switch (good.apply().action_run) { a: { } b: { } default: { } }
        switch (good.apply().action_run) { a: { }
          a: { }                   //! P4C3005
          c2: { }                  //! P4C4097
        }
        s.x = good;                //! P4C4020
        good.apply(1);             //! P4C4062
      }
    }`)
})

test('checks functions, returns and loops', () => {
  assertMarked(
    `
    bit<8> ok(in bit<8> x) { if (x == 1) { return 2; } else { return 3; } }
    bit<8> falls(in bit<8> x) { if (x == 1) { return 2; } }   //! P4C4105
    void none() { return; }
    bit<8> bare() { return; }                                 //! P4C4093
    bit<8> wrong() { return true; }                           //! P4C4010
    control c(inout bit<8> v) {
      action a() { return; }
      apply {
        for (bit<8> i in 0 .. 3) { v = v + i; if (i == 2) break; continue; }
        for (bit<8> j = 0; j < 4; j = j + 1) { v = v + j; }
        break;                                                //! P4C4091
        v = none();                                           //! P4C4021
        return 1;                                             //! P4C4094
        switch (v == 1) { true: { } false: { } }              //! P4C4098
        switch (v) { 1: 2: { } default: { }
          3: { } }                                            //! P4C4096
      }
    }`.replace('3: { } }                                            //! P4C4096', '}'),
  )
})

test('checks instantiation: packages, constructors, and where instances may stand', () => {
  assertMarked(`
    extern E { E(bit<8> n); void go(); }
    control C<H>(inout H h); package P<H>(C<H> c, @optional C<H> d);
    control mine(inout bit<8> h)(bit<8> k) { E(k) e; apply { e.go(); } }
    control other(in bit<8> h) { apply { } }
    P(mine(3)) main;
    P(mine()) p2;            //! P4C4069
    P(other()) p3;           //! P4C4010
    P(mine) p4;              //! P4C4071
    bit<8>(3) p5;            //! P4C4067
    control user(inout bit<8> v) { mine(1) m; apply {
      m.apply(v); other.apply(v);
      mine.apply(v);         //! P4C4064
      mine(2) inner;         //! P4C4092
    } }`)
})

test('keeps names of inner scopes inside', () => {
  assertMarked(`
    control c(inout bit<8> v) { apply {
      { bit<8> inner = 1; v = inner; }
      v = inner;             //! P4C3001
      if (v == 1) { bit<8> v2 = v; }
      v = v2;                //! P4C3001
      bit<8> v3 = v3;        //! P4C3001
    } }
    const bit<8> late = early; //! P4C3001
    const bit<8> early = 1;`)
})

test('gives many diagnostics in one run, and one per mistake', () => {
  const lines = Array.from({ length: 20 }, (_, index) => `const bit<8> c${index} = missing${index};`)
  const { diagnostics } = checkText(lines.join('\n'))
  assert.deepEqual(
    diagnostics.map((diagnostic) => diagnostic.range.line),
    Array.from({ length: 20 }, (_, index) => index + 1),
  )
})

test('checks calls of packet_in, verify and actions for where they stand', () => {
  assertMarked(`#include <core.p4>
    header f_t { bit<8> a; } header v_t { bit<8> n; varbit<16> d; } struct s_t { f_t f; v_t v; }
    action top() { }
    parser p(packet_in pkt, out s_t s) { state start {
      pkt.extract(s.f); pkt.extract(s.v, 8); pkt.extract<f_t>(_); f_t look = pkt.lookahead<f_t>();
      pkt.extract(s);              //! P4C4073
      pkt.extract(s.v);            //! P4C4073
      pkt.extract(s.f, 8);         //! P4C4073
      v_t bad = pkt.lookahead<v_t>(); //! P4C4073
      top();                       //! P4C4061
      verify(true, error.NoMatch); transition accept; } }
    bit<8> fun() { top(); return 1; } //! P4C4061
    control c(inout s_t s) { action go() { } table t { actions = { go; } }
      action apply_in_action() { t.apply(); } //! P4C4063
      apply { go(); top(); verify(true, error.NoMatch); } } //! P4C4063
  `)
})

test('checks entries against their match kinds and the order of properties', () => {
  assertMarked(
    `#include <core.p4>
    match_kind { range, optional }
    control c(inout bit<8> a, inout bit<16> b) {
      action n() { } action m(inout bit<8> x, bit<8> y) { x = y; }
      table t { key = { a: lpm; b: optional; } actions = { n; m(a); }
        entries = {
          priority = 9: (1 &&& 0xf0, 3): n;
          (1 &&& 0x0f, 3): n;      //! P4C6012
          (1, 3 &&& 1): n;         //! P4C4129
          (1 .. 2, 3): n;          //! P4C4129
          priority = 3: (1, 4): n;
        } default_action = m(b[7:0], 1); } //! P4C4127
      table u { key = { a: exact; } actions = { n; } entries = { priority = 1: 3: n; } } //! P4C4128
      table v { actions = { n; } entries = { 3: n; }
        key = { a: exact; } }
      apply { t.apply(); u.apply(); v.apply(); } }
  `.replace('entries = { 3: n; }\n', 'entries = { 3: n; } //! P4C4128\n'),
  )
})

test('checks implementations of abstract methods', () => {
  assertMarked(`
    extern V { V(); abstract bit<8> f(in bit<8> x); void g(); }
    control c(inout bit<8> v) {
      V() good = { bit<8> f(in bit<8> y) { return y; } };
      V() missing;                                            //! P4C4074
      V() other = { bit<8> f(in bit<8> y) { return y; } void h() { } }; //! P4C4074
      V() wrong = { bit<8> f(inout bit<8> y) { return y; } }; //! P4C4074
      apply { v = good.f(v); } }
  `)
})

test('asks for the width of literals that nothing gives one', () => {
  assertMarked(`
    extern void f<T>(in T x);
    control c(inout bit<8> v) { apply {
      f(8w3); f<bit<4>>(3); f({ v, 8w1 }); f(v + 1);
      f(3);            //! P4C4131
      f({ v, 1 });     //! P4C4131
      f({ a = v });    //! P4C4131
    } }`)
})
