import assert from 'node:assert/strict'
import { test } from 'node:test'
import { preprocess } from '../preprocess/preprocessor.ts'
import { DiagnosticSink } from '../source/diagnostic.ts'
import type { Expression } from './ast.ts'
import { parseProgram } from './parse-declaration.ts'
import { printExpression } from './print.ts'

function parse(text: string) {
  const sink = new DiagnosticSink()
  const { tokens } = preprocess({ fileName: 'a.p4', readFile: () => text, includePaths: [], defines: {} }, sink)
  const tree = parseProgram(tokens, sink)
  return { tree, errors: sink.diagnostics.map((diagnostic) => `${diagnostic.range.line} ${diagnostic.code}`) }
}

function parseClean(text: string) {
  const { tree, errors } = parse(text)
  assert.deepEqual(errors, [], text)
  return tree
}

function expression(text: string): Expression {
  const [declaration] = parseClean(`typedef bit<8> T; const T x = ${text};`).declarations.slice(1)
  assert.equal(declaration?.kind, 'Const')
  return declaration.initializer
}

/** With all parentheses. */
function shape(e: Expression): string {
  switch (e.kind) {
    case 'Binary':
      return `(${shape(e.left)} ${e.operator} ${shape(e.right)})`
    case 'Unary':
      return `(${e.operator}${shape(e.operand)})`
    case 'Conditional':
      return `(${shape(e.condition)} ? ${shape(e.whenTrue)} : ${shape(e.whenFalse)})`
    case 'Cast':
      return `cast(${shape(e.operand)})`
    default:
      return printExpression(e)
  }
}

test('binds operators as P4 does: bitwise tighter than comparison', () => {
  assert.equal(shape(expression('a & b == c | d')), '((a & b) == (c | d))')
  assert.equal(shape(expression('a - b - c')), '((a - b) - c)')
  assert.equal(shape(expression('a + b * c << d')), '((a + (b * c)) << d)')
  assert.equal(shape(expression('a >> b > c')), '((a >> b) > c)')
  assert.equal(shape(expression('a ++ b |+| c')), '((a ++ b) |+| c)')
  assert.equal(shape(expression('a || b && c ^ d')), '(a || (b && (c ^ d)))')
  assert.equal(shape(expression('!a == -b')), '((!a) == (-b))')
  assert.equal(shape(expression('p ? q : r ? s : t')), '(p ? q : (r ? s : t))')
})

test('tells casts from parentheses by what is a type', () => {
  assert.equal(shape(expression('(T) a + b')), '(cast(a) + b)')
  assert.equal(shape(expression('(a) + b')), '(a + b)')
  assert.equal(shape(expression('(bit<4>)(a + b)')), 'cast((a + b))')
  assert.equal(shape(expression('(T)-1')), 'cast((-1))')
})

test('tells generic calls from comparisons', () => {
  const generic = expression('f<bit<8>>(a)')
  assert.equal(generic.kind === 'Call' && generic.typeArgs.length, 1)
  const [, comparison] = parseClean('const bool b = true; const bool x = a < b > (c);').declarations
  assert.equal(comparison?.kind === 'Const' && shape(comparison.initializer), '((a < b) > c)')
  assert.equal(expression('p.get<tuple<T, list<T>>>()').kind, 'Call')
})

test('reads slices, indexes, lists, struct expressions and {#}', () => {
  assert.equal(printExpression(expression('a[7:0]')), 'a[7:0]')
  assert.equal(printExpression(expression('a[i +: 8]')), 'a[i+:8]')
  assert.equal(printExpression(expression('a[3].b')), 'a[3].b')
  assert.equal(printExpression(expression('{ 1, { 2, 3 }, }')), '{1, {2, 3}}')
  assert.equal(printExpression(expression('{ f = 1, g = { h = 2 } }')), '{f = 1, g = {h = 2}}')
  assert.equal(expression('{#}').kind, 'Invalid')
  const dots = expression('{ 1, ... }')
  assert.equal(dots.kind === 'List' && dots.hasDots, true)
})

test('reads every kind of declaration', () => {
  const tree = parseClean(`
    const bit<8> A = 1;
    typedef bit<9> port_t;  type bit<9> Port;
    enum E { A, B }  enum bit<8> F { A = 1, B = 2 }
    error { Mine, Yours }  match_kind { special }
    header h { bit<8> f; varbit<32> v; }
    header_union u { h a; h b; }
    struct s<T> { T x; h[4] stack; tuple<bit<8>, T> pair; list<bit<8>> many; }
    extern void f<T>(in T x, out bit<8> y);
    extern Ext<T> { Ext(bit<8> n); T get(in bit<8> i); abstract void go(); }
    bit<8> add(in bit<8> a, in bit<8> b = 3) { return a + b; }
    @annotated("x", 3) @structured[key = 1] action act(inout bit<8> x, bit<9> p) { x = 1; }
    parser P<H>(packet_in p, out H h);  control C<H>(inout H h);  package Pack<H>(P<H> p, @optional C<H> c);
    Ext<bit<8>>(3) instance = { void go() { ; } };
  `)
  assert.deepEqual(
    tree.declarations.map((declaration) => declaration.kind),
    [
      'Const',
      'Typedef',
      'Typedef',
      'Enum',
      'Enum',
      'Error',
      'MatchKind',
      'Struct',
      'Struct',
      'Struct',
      'Function',
      'Extern',
      'Function',
      'Action',
      'Parser',
      'Control',
      'Package',
      'Instantiation',
    ],
  )
})

test('reads tables with every property', () => {
  const [control] = parseClean(`control c() {
    action a(bit<8> x) {} action b() {}
    table t {
      key = { h.f : exact @name("f"); h.g[3:0] : ternary; }
      actions = { a; @defaultonly b; .c(1); }
      const entries = { (1, 2 &&& 3) : a(1); const priority = 5: (_, default) : b(); (1 .. 2, 3) : b; }
      default_action = b();
      const size = 10;
      @opt implementation = ap(3);
    }
    apply { t.apply(); }
  }`).declarations
  assert.equal(control?.kind, 'Control')
  const table = control.locals[2]
  assert.equal(table?.kind, 'Table')
  assert.deepEqual(
    table.properties.map((property) => property.kind),
    ['KeyProperty', 'ActionsProperty', 'EntriesProperty', 'OtherProperty', 'OtherProperty', 'OtherProperty'],
  )
  const entries = table.properties[2]
  assert.ok(entries?.kind === 'EntriesProperty')
  assert.deepEqual(
    entries.entries.map((entry) => [entry.keys.length, entry.isConst, entry.priority !== undefined]),
    [
      [2, false, false],
      [2, true, true],
      [2, false, false],
    ],
  )
})

test('reads statements: unbraced if, switch with shared labels, loops, op-assignment', () => {
  const [control] = parseClean(`control c(inout bit<8> x) { apply {
    if (x == 1) x = 2; else if (x == 3) { x += 1; } else ;
    switch (x) { 1: 2: { x >>= 1; } default: {} }
    for (bit<8> i = 0, bit<8> j = 1; i < 4; i += 1, j = 2) { if (i == 2) continue; break; }
    for (bit<8> k in 1 .. 3) x |+|= k;
    for (bit<8> m in {1, 2}) {}
    x[3:0] = 1; _ = f(x); exit; return;
    bit<8>[2] arr; h_t y = { 1 }; const bit<8> z = 3;
  } }`).declarations
  assert.equal(control?.kind, 'Control')
  assert.deepEqual(
    control.apply?.statements.map((statement) => statement.kind),
    [
      'If',
      'Switch',
      'For',
      'ForIn',
      'ForIn',
      'Assign',
      'Assign',
      'Exit',
      'Return',
      'DeclarationStatement',
      'DeclarationStatement',
      'DeclarationStatement',
    ],
  )
})

test('reads parsers with value sets, local parsers and selects', () => {
  const [parser] = parseClean(`parser p(packet_in b) {
    value_set<bit<16>>(4) vs;  bit<8> n = 0;  inner() sub;
    state start { b.extract(x); transition select(a, b.c) { (1, _): next; vs: accept; default: reject; } }
    state next { sub.apply(b); transition accept; }
    state last { }
  }`).declarations
  assert.equal(parser?.kind, 'Parser')
  assert.deepEqual(
    parser.locals.map((local) => local.kind),
    ['ValueSet', 'Variable', 'Instantiation'],
  )
  assert.equal(parser.states.length, 3)
  const transition = parser.states[0]?.transition
  assert.ok(transition?.kind === 'Select')
  assert.deepEqual(
    transition.cases.map((item) => item.keys.length),
    [2, 1, 1],
  )
})

test('keeps free-form annotations as text', () => {
  const [struct] = parseClean("@what(That's 1 + it, $5) struct s { }").declarations
  assert.equal(struct?.annotations[0]?.text.startsWith('That'), true)
})

test('reports an error once and goes on with the next declaration or statement', () => {
  const { tree, errors } = parse('const bit<8> a = ;\nstruct s { bit<8> x }\nconst bit<8> b = 2;')
  assert.deepEqual(errors, ['1 P4C2001', '2 P4C2001'])
  assert.deepEqual(
    tree.declarations.map((declaration) => declaration.name.text),
    ['a', 's', 'b'],
  )
  const inside = parse('control c() { apply {\n x = ;\n y = 1;\n z = (2;\n w = 3; } }')
  assert.deepEqual(inside.errors, ['2 P4C2001', '4 P4C2001'])
})

test('offers to insert a missing semicolon where it belongs', () => {
  const sink = new DiagnosticSink()
  const text = 'const bit<8> a = 1\nconst bit<8> b = 2;'
  const { tokens } = preprocess({ fileName: 'a.p4', readFile: () => text, includePaths: [], defines: {} }, sink)
  parseProgram(tokens, sink)
  const [diagnostic] = sink.diagnostics
  assert.equal(diagnostic?.fix?.text, ';')
  assert.deepEqual([diagnostic?.fix?.range.line, diagnostic?.fix?.range.column], [1, 19])
})

test('survives nesting beyond any stack', () => {
  for (const deep of ['('.repeat(20_000), '-'.repeat(20_000), '{'.repeat(20_000)]) {
    assert.ok(parse(`const bit<8> a = ${deep}1;`).errors.length > 0)
  }
  parse(`const bool a = ${'b<'.repeat(1000)}1;`)
})
