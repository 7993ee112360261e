/** One place where each rule of the language holds and one where it is broken, at its own line. */
import { test } from 'node:test'
import { assertMarked, compileText } from '../testing/compile-text.test.ts'
import { tinySource } from '../testing/tiny-program.test.ts'

const CORE = '#include <core.p4>'

test('types are complete, may be stored, and fit where they stand', () => {
  assertMarked(`${CORE}
    header h_t { bit<8> a; } struct s_t { bit<8> x; } extern E { E(); } parser P(packet_in p); control C();
    header_union u_t { h_t a; } struct g_t<T> { T f; } header gh_t<T> { T f; } header_union gu_t<T> { T f; }
    const g_t<_> partly = { 1 };           //! P4C4004
    struct hollow_t { tuple<void> v; }     //! P4C4101
    struct void_t { void v; }              //! P4C4101
    header bad_h { string s; }             //! P4C4107
    header_union bad_u { bit<8> b; }       //! P4C4107
    typedef gh_t<int> gh_int;              //! P4C4107
    typedef gu_t<bit<8>> gu_bit;           //! P4C4107
    typedef g_t<C> g_control;              //! P4C4002
    typedef g_t<g_t<bit>> g_self;          //! P4C4002
    type s_t New_t;                        //! P4C4110
    enum s_t Bad_e { x = 1 }               //! P4C4108
    enum Plain_e { x = 1 }                 //! P4C4109
    enum bit<8> Serial_e { x }             //! P4C4109
    extern Self { Self(); void f(Self s); } //! P4C4101
    extern Two { Two(bit<8> x);
      Two(bit<8> x);                       //! P4C3005
      void Two(bit<8> x, bit<8> y); }           //! P4C4106
    bit<8> top;                            //! P4C4100
    typedef nonsense t_t;                  //! P4C3001
    typedef NoAction n_t;                  //! P4C3002
    struct stack_t { void[3] v; }          //! P4C4001
    bit<_> f(in bit<8> x) { return x; }    //! P4C5001
  `)
})

test('parameters have directions, defaults and types that suit what they belong to', () => {
  assertMarked(`${CORE}
    control C(); control Given() { apply { } } package Pack(C c); extern E { E(); }
    control a()(C c) { apply { } }
    control b()(Given g) { apply { } }          //! P4C4101
    control d()(Pack p) { apply { } }           //! P4C4101
    control e()(@optional bit<8> o) { apply { } } //! P4C4104
    extern F { F(C c); }                        //! P4C4101
    extern void g(in E e);                      //! P4C4102
    bit<8> one(in bit<8> x) { return x; }
    bit<8> h(in bit<8> x = one(1)) { return x; } //! P4C5001
    bit<8> i(out bit<8> x = 1) { x = 1; return x; } //! P4C4103
    action j(bit<8> x, in bit<8> y) { }         //! P4C4111
    extern K { K(); abstract int f(); }         //! P4C4101
    int l() { return 1; }                       //! P4C4101
    action m(inout bit<8> x, in int y) { }      //! P4C4101 P4C4102
    struct twice_t { bit<8> x; bit<8> x; }      //! P4C3005
  `)
})

test('names that the language reserves, and names that hide what they need', () => {
  assertMarked(`
    extern main { }                              //! P4C4113
    const bit<8> NoAction = 1;                   //! P4C4132
  `)
  assertMarked(`${CORE}
    struct h_t { bit<8> x; }
    control c(inout h_t h, in bit<8> t) {
      action n() { }
      table t { key = { t: exact; } actions = { n; } } //! P4C3009
      apply { h_t h = h; }                       //! P4C3010
    }`)
})

test('calls choose one overload, and pass what can be passed', () => {
  assertMarked(`${CORE}
    extern void f(in bit<8> a); extern void f(in bit<8> b);
    extern V { V(); abstract bit<8> get(); } extern void put<T>(in T x);
    control Inner() { apply { } } void any<T>(T x) { } header h_t { bit<8> a; } header_union u_t { h_t a; }
    control c(inout bit<8> x, inout h_t h, inout h_t[2] st, inout u_t u)(bit<8> k) {
      Inner() inner;
      apply {
        f(a = x); f(b = x);
        f(x);                                    //! P4C4133
        any(inner);                              //! P4C4134
        put("text");                             //! P4C4102
        h.isValid<bit<8>>();                     //! P4C4003
        h.setValid(1);                           //! P4C4065
        st.push_front();                         //! P4C4065
        u.setValid();                            //! P4C4066
        f(a = _);                                //! P4C4070
        x = st.lastIndex[7:0];                   //! P4C4050
        x = this;                                //! P4C4022
      } }
    control Takes()(V v) { apply { } }
    control d() { Takes(V()) t; apply { t.apply(); } } //! P4C4072
  `)
})

test('expressions that have no meaning', () => {
  assertMarked(`${CORE}
    struct s_t { bit<8> a; } extern E { E(); } E() left; E() right;
    bool same<T>(in T a, in T b) { return a == b; } //! P4C4041
    control c(inout bit<8> x, inout s_t s, in bool flag, inout tuple<bit<8>, bit<8>> pair) {
      apply {
        x = s[0];                                //! P4C4032
        x = pair[flag];                          //! P4C4030
        x = pair[2];                             //! P4C4031
        x = flag[0:0];                           //! P4C4033
        x = 0w0;                                 //! P4C5003 P4C4010
        x = 5 / -1;                              //! P4C5005
        x = x / -1;                              //! P4C5005 P4C4011
        x = 1 << x;                              //! P4C4043
        x = (bit<8>) (1 << 99999999);            //! P4C5006
        for (bit<8> i in s) { }                  //! P4C4095
        switch (...) { }                         //! P4C4098
        switch (s) { { 1 }: { } }                //! P4C4098
        static_assert(x == 1);                   //! P4C5007
      } }
    const bool fixed = left == right;            //! P4C4041
    control k()(bit<8> w) { apply { } }
    control l(in bit<8> x) { k(x) bad; apply { bad.apply(); } } //! P4C5009
    extern bit<8> compute();
    const bit<8> late = compute();               //! P4C5010
  `)
})

test('parsers come to an end and choose among constants', () => {
  assertMarked(`${CORE}
    bit<8> one() { return 1; }
    parser endless(packet_in p) {                //! P4C4112
      state start { transition more; } state more { transition start; } }
    control inner() { apply { } }
    parser choose(packet_in p, in bit<8> x) {
      inner() i;                                 //! P4C4092
      value_set<int>(4) numbers;                 //! P4C4101
      value_set<bit<8>>(x) sized;                //! P4C5001
      state start { transition select(x) {
        x &&& 1: accept;                         //! P4C5001
        1 .. x: accept;                          //! P4C5001
        one(): accept;                           //! P4C4115
        _: reject; } } }
    control holds(in bit<8> x) {
      choose() c;                                //! P4C4092
      apply { } }
  `)
})

test('keys, entries and properties of tables', () => {
  assertMarked(`${CORE}
    match_kind { range }
    control c(inout bit<8> x, inout bool f) {
      action n() { } action m(bit<8> v) { x = v; } @defaultonly action o() { }
      table a { key = { x + 1: exact; x + 2: exact @name("sum"); x & 3: exact; f: exact; } actions = { n; } } //! P4C4135
      table b { key = { f: lpm; } actions = { n; } }       //! P4C4121
      table d { key = { f: range; } actions = { n; } }     //! P4C4121
      table e { actions = { n; } entries = { 1: n; } }     //! P4C4120
      table g { default_action = n; actions = { n; } }     //! P4C4128
      table h { key = { x: ternary; } actions = { n; } entries = { 1: n;  //! P4C4128
        priority = 4: 2: n; } }
      table i { key = { x: ternary; } actions = { n; } largest_priority_wins = true; priority_delta = 10; entries = {
        priority = 5: 1: n;
        2: n; } }                                          //! P4C4128
      table j { key = { x: exact; } actions = { n; } const entries = { 1: n; 2: n;
        1: n; } }                                          //! P4C3005
      table k { actions = { m; n; } default_action = m(x); } //! P4C5001
      table l { actions = { n; } default_action = 3; }     //! P4C4123
      table p { key = { x: exact; } actions = { n; @defaultonly o; } entries = { 1: o; } } //! P4C4125
      table q { actions = { m(1); n; } }                   //! P4C4069
      apply { a.apply(); b.apply(); d.apply(); }
    }`)
})

test('annotations hold what they mean', () => {
  assertMarked(
    `${CORE}
    @name(4) const bit a0 = 0;                             //! P4C4140
    @deprecated("a" | "b") const bit a1 = 0;               //! P4C4140
    @deprecated("a" ++ "b") const bit a2 = 0;
    @pkginfo const bit a3 = 0;                             //! P4C4140
    @twice[]
    @twice[] const bit a4 = 0;                             //! P4C3005
    @list[a = { 2, 3 }] const bit a5 = 0;                  //! P4C4141
    @good[a = 1 + 1, b = "x", c = true] const bit a6 = 0;
    @mixed[1, b = 2] const bit a7 = 0;                     //! P4C4141
    @same[a = 1, a = 2] const bit a8 = 0;                  //! P4C3005
    struct keys_t { @match(ternary) bit<8> x;
      @match(1) bit<8> y;                                  //! P4C4140
      @match(fuzzy) bit<8> z; }                            //! P4C3008
    @p4runtime_translation("uri", string) type bit<8> t0;
    @p4runtime_translation("uri", bool) type bit<8> t1;    //! P4C4140
    @anything goes const bit a9 = 0;                       //! P4C2001
  `
      .replace('@anything goes const', '@anything(goes here, even = this) const')
      .replace('//! P4C2001', ''),
  )
})

test('names for the control plane are unique', () => {
  assertMarked(`${CORE}
    action top() { }
    @name(".top") action other() { }                       //! P4C4142
    control c() {
      @name("a") action a1() { }
      @name("a") action a2() { }                           //! P4C4142
      apply { } }`)
  assertMarked(`${CORE}
    control T(); package Top(T t);
    control inner() { action n() { }
      @name(".t") table t { actions = { n; } }             //! P4C4142
      apply { t.apply(); } }
    control c() { inner() one; inner() two; apply { one.apply(); two.apply(); } }
    Top(c()) main;`)
})

test('constants, errors and versions', () => {
  assertMarked(
    `
    struct s_t { error e; }                                //! P4C3001
    const bit<a < 3 ? 5 : 4> w = 6;                        //! P4C3001
    const bit<2 + 2> a = 5;
    const bit<(a > 3 ? 5 : 4)> b = 6;
    const bit<32> __v1model_version = 20000101;            //! P4C4143
    void f() { bit<8> x; for (int i in 1 .. 2) { } }
  `.replace('void f() { bit<8> x; for (int i in 1 .. 2) { } }', ''),
  )
})

test('instances in arrays, `this`, and inferred arguments', () => {
  assertMarked(`${CORE}
    extern Cell<T> { Cell(); T read(); void write(in T v); }
    extern Machine { Machine(); abstract bit<8> step(in bit<8> x); bit<8> last(); }
    control inner() { apply { } }
    control c(inout bit<8> x) {
      Cell<bit<8>>() cells[16];
      inner() many[3];                                     //! P4C4067
      Cell<_>() open;                                      //! P4C4131
      Machine() m = { bit<8> step(in bit<8> y) { return y + this.last(); } };
      apply {
        cells[x].write(x);
        x = cells[3].read() + m.step(1);
        cells.next.write(x);                               //! P4C3003
        open.write(3);
      } }`)
})

test('an array of instances compiles', () => {
  assertMarked(tinySource({ locals: 'Register<bit<8>>(4) cells[3];\n' }), compileText)
})

test('loop variables stay as they are', () => {
  assertMarked(`
    control c(inout bit<8> x) { apply {
      for (bit<8> i in 1 .. 3) { x = x + i; }
      for (bit<8> i = 0; i < 3; i += 1) { x = i; continue; }
      for (x in 8w1 .. 8w3) { }                            //! P4C2008
      for (bit<8> i in 1 .. 3) { i = 4; }
    } }`)
})
