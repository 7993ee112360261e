/**
 * Random well-typed P4-16 programs as source text, from a seed: parsers with every kind of transition, value sets, header
 * stacks, unions, stacks of unions and varbits, wide and signed arithmetic, functions, generics and actions with directions,
 * sub-parsers and sub-controls, loops, switches, early ends, every kind of table, every extern of the architecture and of
 * a user.
 *
 * One statement stands on one line and expressions are in parentheses, which is what the shrinker (`shrink-source.ts`)
 * works on. Everything that a program computed leaves in the header `observer`.
 */
import type { ArchitectureName } from './source-architecture.ts'
import { bit, BOOL, int, type Type, typeText, type Variable, WIDTHS } from './source-expressions.ts'
import { writeInnerParser, writeStates, writeSubParsers } from './source-parser.ts'
import { SourceStatements } from './source-statements.ts'
import { writeTables } from './source-tables.ts'
import { SourceWriter } from './source-writer.ts'

/** Fields of the headers; widths sum to bytes. */
const HEADERS: Readonly<Record<string, readonly (readonly [string, Type])[]>> = {
  first_h: [
    ['kind', bit(8)],
    ['a', bit(3)],
    ['b', bit(13)],
    ['c', int(24)],
    ['d', bit(48)],
  ],
  wide_h: [
    ['e', bit(128)],
    ['f', int(33)],
    ['g', bit(7)],
    ['h', bit(40)],
    ['i', int(64)],
  ],
  loop_h: [
    ['more', bit(1)],
    ['j', bit(15)],
  ],
  left_h: [
    ['k', bit(16)],
    ['l', int(8)],
  ],
  right_h: [
    ['m', bit(31)],
    ['n', bit(9)],
  ],
}
const STACK = 3
/** What a packet of psa takes from one parser to the next. */
const CARRIED = 'struct carried_t { bit<8> asked; bit<16> kept; pair_t pair; }'

export class SourceGenerator {
  readonly #w: SourceWriter
  readonly #statements: SourceStatements
  readonly #meta: Variable[] = []

  constructor(seed: number, architecture: ArchitectureName = 'softnpu') {
    const w = new SourceWriter(seed, architecture)
    this.#w = w
    this.#statements = new SourceStatements(w)
    for (const width of w.some(WIDTHS, 7)) this.#meta.push({ text: `meta.b${width}`, type: bit(width) })
    for (const width of w.some(WIDTHS.slice(1), 4)) this.#meta.push({ text: `meta.i${width}`, type: int(width) })
    this.#meta.push({ text: 'meta.flag', type: BOOL })
  }

  program(): string {
    const w = this.#w
    w.line('#include <core.p4>')
    w.line(`#include <${w.architecture.include}>`)
    this.#types()
    w.line('T choose<T>(in bool c, in T a, in T b)')
    w.block(() => {
      w.line('if (c) { return a; }')
      w.line('return b;')
    })
    for (let k = w.draw.below(3); k > 0; k--) this.#function()
    this.#sharedFunctions()
    writeInnerParser(w)
    writeSubParsers(w)
    if (w.architecture.isDivided) this.#dividedParsers()
    else this.#parser()
    if (w.draw.chance(2)) this.#subControl()
    this.#ingress()
    this.#egress()
    if (w.architecture.isDivided) this.#dividedDeparsers()
    else {
      w.line('control D(packet_out pkt, in headers_t hdr)')
      this.#deparser([], true)
    }
    if (w.architecture.hasChecksums) this.#checksums()
    for (const line of w.architecture.package) w.line(line)
    return w.text
  }

  #types(): void {
    const w = this.#w
    w.line('error { Odd }')
    w.line('enum bit<4> Colour { red = 1, green = 2, blue = 9 }')
    w.line('enum Mood { calm, cross, odd }')
    for (const [name, fields] of Object.entries(HEADERS)) {
      w.line(`header ${name} { ${fields.map(([field, type]) => `${typeText(type)} ${field};`).join(' ')} }`)
    }
    w.line('header varied_h { bit<8> length; varbit<96> options; bit<20> behind; bit<4> pad; }')
    w.line('header_union union_u { left_h left; right_h right; }')
    w.line('struct pair_t { bit<16> x; int<9> y; bool z; }')
    w.line('struct rare_t { @match(ternary) bit<3> a; @match(range) bit<13> b; }')
    w.line('struct box_t<T> { T value; T value2; }')
    if (w.architecture.isDivided) w.line(CARRIED)
    const members = this.#meta.map(({ text, type }) => `${typeText(type)} ${text.slice(5)};`)
    w.line('struct meta_t')
    w.block(() => {
      for (const member of members) w.line(member)
      w.line('pair_t pair;')
      w.line('pair_t other;')
      w.line('box_t<bit<16>> boxed;')
      w.line('bit<2> index;')
      w.line('Colour paint;')
      w.line('Mood mood;')
      w.line('tuple<bit<16>, bool> two;')
      if (w.architecture.metadata !== '') w.line(w.architecture.metadata)
    })
    this.#observer()
    w.line('struct headers_t')
    w.block(() => {
      for (const [type, name] of [
        ['first_h', 'first'],
        ['wide_h', 'wide'],
        [`loop_h[${STACK}]`, 'loop'],
        ['varied_h', 'varied'],
        ['union_u', 'u'],
        ['union_u[2]', 'us'],
        ['observer_h', 'observer'],
      ]) {
        w.line(`${type} ${name};`)
      }
    })
    w.line('extern bit<16> twist(in bit<24> a, in bit<65> b);')
    w.line('extern void split(in bit<16> whole, inout bit<16> low, out bit<16> high);')
    w.line('extern void broaden(inout bit<100> value);')
    w.line('extern Recall { Recall(bit<9> first); void mix(in bit<9> by, inout pair_t pair); }')
  }

  /** A header with room for everything that the program may compute. */
  #observer(): void {
    const seen = this.#observed()
    const bits = seen.reduce((sum, { type }) => sum + type.width, 0)
    const w = this.#w
    w.line('header observer_h')
    w.block(() => {
      seen.forEach(({ type }, k) => w.line(`bit<${type.width}> v${k};`))
      w.line(`bit<${8 - (bits % 8)}> pad;`)
    })
  }

  /** Everything in the metadata, as numbers. */
  #observed(): Variable[] {
    const kept = this.#w.architecture.metadata === '' ? [] : [{ text: 'meta.kept', type: bit(16) }]
    return [
      ...this.#meta,
      ...this.#pairs(),
      { text: 'meta.boxed.value', type: bit(16) },
      { text: 'meta.index', type: bit(2) },
      { text: 'meta.paint', type: { kind: 'enum', width: 4 } },
      { text: 'meta.mood', type: { kind: 'mood', width: 2 } },
      ...kept,
    ].map(({ text, type }) => ({ text, type: type as Type }))
  }

  #pairs(): Variable[] {
    return ['pair', 'other'].flatMap((name) => [
      { text: `meta.${name}.x`, type: bit(16) },
      { text: `meta.${name}.y`, type: int(9) },
      { text: `meta.${name}.z`, type: BOOL },
    ])
  }

  #headerFields(): Variable[] {
    const of = (place: string, header: string): Variable[] =>
      HEADERS[header]!.map(([field, type]) => ({ text: `${place}.${field}`, type }))
    return [
      ...of('hdr.first', 'first_h'),
      ...of('hdr.wide', 'wide_h'),
      ...of('hdr.u.left', 'left_h'),
      ...of('hdr.u.right', 'right_h'),
      ...of('hdr.us[0].left', 'left_h'),
      ...of('hdr.us[1].right', 'right_h'),
      ...Array.from({ length: STACK }, (_, k) => of(`hdr.loop[${k}]`, 'loop_h')).flat(),
      { text: 'hdr.loop[meta.index].j', type: bit(15) },
      { text: 'hdr.varied.length', type: bit(8) },
      { text: 'hdr.varied.behind', type: bit(20) },
    ]
  }

  #function(): void {
    const w = this.#w
    const { draw } = w
    const result = w.expressions.type(this.#meta)
    const parameters = Array.from({ length: 1 + draw.below(3) }, () => w.expressions.type(this.#meta))
    const name = w.name('fn')
    const inputs = parameters.map((type, k): Variable => ({ text: `p${k}`, type, isReadOnly: true }))
    const list = inputs.map(({ text, type }) => `in ${typeText(type)} ${text}`).join(', ')
    w.line(`${typeText(result)} ${name}(${list})`)
    w.block(() => {
      const local: Variable = { text: 'x', type: result }
      w.line(`${typeText(result)} x = ${w.value(result, 2, inputs)};`)
      const scope = [...inputs, local]
      if (draw.chance(3)) {
        w.line(`for (bit<4> n = ${draw.below(3)}; n < 4; n = n + 1)`)
        w.block(() => {
          w.line(`if (${w.value(BOOL, 1, scope)})`)
          w.block(() => w.line(draw.pick([`return ${w.value(result, 1, scope)};`, 'break;', 'continue;'])))
          w.line(`x = ${w.value(result, 1, scope)};`)
        })
      }
      if (draw.chance(2)) {
        w.line(`if (${w.value(BOOL, 1, scope)})`)
        w.block(() => w.line(`return ${w.value(result, 1, scope)};`))
      }
      w.line(`x = ${w.value(result, 2, scope)};`)
      w.line('return x;')
    })
    w.expressions.functions.push({ name, result, parameters })
  }

  #sharedFunctions(): void {
    const w = this.#w
    w.line('void exchange(inout bit<16> a, inout bit<16> b, out bit<16> old)')
    w.block(() => {
      w.line('old = a;')
      w.line('a = b;')
      w.line('b = old;')
    })
    w.line('void swap<T>(inout T a, inout T b)')
    w.block(() => {
      w.line('T c = a;')
      w.line('a = b;')
      w.line('b = c;')
    })
  }

  #scopeOf(block: 'parser' | 'ingress' | 'egress'): Variable[] {
    return [...this.#meta, ...this.#pairs(), ...this.#headerFields(), ...this.#w.architecture.inputs[block]]
  }

  #parser(): void {
    const w = this.#w
    w.line(`parser P(packet_in pkt, out headers_t hdr, inout meta_t meta, ${w.architecture.parserParameters})`)
    w.block(() => {
      const scope = this.#scopeOf('parser')
      const port = w.architecture.inputs.parser[0]!.text
      writeStates(w, this.#statements, scope, port, () => w.line('transition first;'))
    })
  }

  /** psa: both parse the same, each from what it was handed. */
  #dividedParsers(): void {
    const w = this.#w
    const take = (name: string): void => {
      w.line(`meta.asked = meta.asked | ${name}.asked;`)
      w.line(`meta.kept = meta.kept ^ ${name}.kept;`)
      w.line(`meta.other = ${name}.pair;`)
    }
    const port = '((bit<16>)(PortIdUint_t)(ig.ingress_port))'
    w.line(
      'parser IP(packet_in pkt, out headers_t hdr, inout meta_t meta, in psa_ingress_parser_input_metadata_t ig, in carried_t again, in carried_t round)',
    )
    w.block(() => {
      const scope = [...this.#scopeOf('parser'), { text: port, type: bit(16), isReadOnly: true }]
      writeStates(w, this.#statements, scope, port, () => {
        take('again')
        take('round')
        w.line('transition first;')
      })
    })
    const egressPort = '((bit<16>)(PortIdUint_t)(ig.egress_port))'
    w.line(
      'parser EP(packet_in pkt, out headers_t hdr, inout meta_t meta, in psa_egress_parser_input_metadata_t ig, in carried_t normal, in carried_t i2e, in carried_t e2e)',
    )
    w.block(() => {
      const scope = [...this.#scopeOf('parser'), { text: egressPort, type: bit(16), isReadOnly: true }]
      writeStates(w, this.#statements, scope, egressPort, () => {
        for (const name of ['normal', 'i2e', 'e2e']) take(name)
        w.line('transition select(ig.packet_path)')
        w.block(() => {
          w.line('PSA_PacketPath_t.CLONE_E2E: skip;')
          w.line('default: first;')
        })
      })
    })
  }

  /** @param first statements before anything is emitted. */
  #deparser(first: readonly string[], isLast: boolean): void {
    const w = this.#w
    const { draw } = w
    w.block(() => {
      w.line('apply')
      w.block(() => {
        for (const line of first) w.line(line)
        const headers = ['first', 'wide', 'loop', 'varied', 'u', 'us']
        for (const header of draw.chance(3) ? w.some(headers, 6) : headers) {
          const text = draw.pick([header, header, header === 'loop' ? 'loop[1]' : header])
          if (draw.chance(8)) {
            w.line(`if (${draw.pick(['hdr.first.isValid()', 'hdr.first.a == 1', 'hdr.wide.f < 0'])})`)
            w.block(() => w.line(`pkt.emit(hdr.${text});`))
          } else w.line(`pkt.emit(hdr.${text});`)
        }
        if (isLast) w.line('pkt.emit(hdr.observer);')
      })
    })
  }

  #dividedDeparsers(): void {
    const w = this.#w
    const give = (name: string): string => `${name} = { meta.asked, meta.kept, meta.pair };`
    w.line(
      'control ID(packet_out pkt, out carried_t i2e, out carried_t again, out carried_t normal, inout headers_t hdr, in meta_t meta, in psa_ingress_output_metadata_t eg)',
    )
    const digest = w.draw.chance(2)
    const second = digest && w.draw.chance(2)
    w.block(() => {
      if (digest) w.line('Digest<pair_t>() told;')
      if (second) w.line('Digest<bit<16>>() short;')
      w.line('apply')
      w.block(() => {
        w.line(`if (psa_clone_i2e(eg)) { ${give('i2e')} }`)
        w.line(`if (psa_resubmit(eg)) { ${give('again')} }`)
        w.line(`if (psa_normal(eg)) { ${give('normal')} }`)
        if (digest) w.line(`if (${w.value(BOOL, 1, this.#meta)}) { told.pack(meta.pair); }`)
        if (second) w.line(`if (${w.value(BOOL, 1, this.#meta)}) { short.pack(meta.kept); }`)
        for (const header of ['first', 'wide', 'loop', 'varied', 'u', 'us']) w.line(`pkt.emit(hdr.${header});`)
      })
    })
    w.line(
      'control ED(packet_out pkt, out carried_t e2e, out carried_t round, inout headers_t hdr, in meta_t meta, in psa_egress_output_metadata_t eg, in psa_egress_deparser_input_metadata_t edstd)',
    )
    this.#deparser(
      [`if (psa_clone_e2e(eg)) { ${give('e2e')} }`, `if (psa_recirculate(eg, edstd)) { ${give('round')} }`],
      true,
    )
  }

  /** v1model: before ingress checksums are verified, behind egress computed; fields of the last header are seen outside. */
  #checksums(): void {
    const w = this.#w
    const { draw } = w
    const observed = this.#observed().flatMap(({ type }, k) => (type.width === 16 ? [`hdr.observer.v${k}`] : []))
    const inputs = this.#headerFields().filter(({ type, text }) => type.kind === 'bit' && !text.includes('index'))
    const call = (verb: string, places: readonly string[]): void => {
      const fields = [...w.some(inputs, 1 + draw.below(4)).map(({ text }) => text), '8w7']
      if (draw.chance(3)) fields.push('hdr.varied.options')
      const data = `{ ${fields.join(', ')} }`
      const suffix = draw.chance(3) ? '_with_payload' : ''
      const algorithm = draw.pick(['csum16', 'csum16', 'crc16', 'xor16', 'crc16_custom'])
      const condition = w.value(BOOL, 1, [...this.#meta, ...inputs])
      w.line(`${verb}_checksum${suffix}(${condition}, ${data}, ${draw.pick(places)}, HashAlgorithm.${algorithm});`)
    }
    const own = ['hdr.u.left.k', 'hdr.us[0].left.k', 'meta.pair.x']
    for (const [name, verb, places] of [
      ['V', 'verify', own],
      ['U', 'update', [...own, ...observed, ...observed]],
    ] as const) {
      w.line(`control ${name}(inout headers_t hdr, inout meta_t meta)`)
      w.block(() => {
        w.line('apply')
        w.block(() => {
          for (let k = draw.below(3); k > 0; k--) call(verb, places)
        })
      })
    }
  }

  #subControl(): void {
    const w = this.#w
    this.#statements.hasSubControl = true
    const { subParameters } = w.architecture
    w.line(
      `control C(inout headers_t hdr, inout meta_t meta, inout bit<16> x, out bool y, ${subParameters})(bit<16> step)`,
    )
    w.block(() => {
      const scope: Variable[] = [
        ...this.#meta,
        ...this.#headerFields(),
        ...w.architecture.inputs.ingress,
        { text: 'x', type: bit(16) },
        { text: 'y', type: BOOL },
      ]
      w.line('action more(bit<16> by) { x = x + by; }')
      w.line('action leave() { y = true; exit; }')
      w.line('table inner')
      w.block(() => {
        w.line('key = { x : lpm; hdr.first.a : exact; }')
        w.line('actions = { more; leave; NoAction; }')
        w.line('default_action = more(step);')
        w.line('size = 8;')
      })
      w.line('apply')
      w.block(() => {
        w.line(`y = ${w.value(BOOL, 1, scope)};`)
        this.#statements.statements(scope, 2, 3, { isIngress: false, mayLeave: true })
        w.line(w.draw.pick(['inner.apply();', 'y = inner.apply().hit;', 'if (inner.apply().miss) { return; }']))
        this.#statements.assignment(scope, 2)
      })
    })
  }

  #ingress(): void {
    const w = this.#w
    const { draw, architecture } = w
    const statements = this.#statements
    w.line(`control I(inout headers_t hdr, inout meta_t meta, ${architecture.controlParameters})`)
    w.block(() => {
      for (const line of architecture.instances(draw.below(42))) w.line(line)
      w.line('Recall(9w77) recall;')
      if (statements.hasSubControl) {
        w.line('C(3) sub;')
        w.line('C(16w40000) other;')
      }
      const scope = this.#scopeOf('ingress')
      const locals = w.some(WIDTHS, 3).map((width): Variable => ({ text: `l${width}`, type: bit(width) }))
      for (const { text, type } of locals) w.line(`${typeText(type)} ${text} = 0;`)
      const all = [...scope, ...locals]
      writeTables(w, statements, all)
      w.line('apply')
      w.block(() => {
        const port = architecture.inputs.ingress[0]!.text
        w.line(architecture.setPort(draw.pick(['1', '2', port, '(bit<16>)(hdr.first.a)'])))
        if (architecture.multicast !== undefined && draw.chance(4))
          w.line(architecture.multicast(draw.pick([1, 2, 2, 3])))
        statements.request('ingress', all)
        statements.statements(all, 3, 16, { isIngress: true, mayLeave: true })
        statements.request('ingress', all)
      })
    })
    statements.tables = []
    statements.directActions = []
  }

  #egress(): void {
    const w = this.#w
    w.line(`control E(inout headers_t hdr, inout meta_t meta, ${w.architecture.egressParameters})`)
    w.block(() => {
      w.line('apply')
      w.block(() => {
        w.line('hdr.observer.setValid();')
        this.#observed().forEach(({ text, type }, k) => w.line(`hdr.observer.v${k} = ${asBits(text, type)};`))
        const scope = this.#scopeOf('egress')
        this.#statements.request('egress', scope)
        this.#statements.statements(scope, 1, 3, { isIngress: false, mayLeave: false })
        this.#statements.request('egress', scope)
      })
    })
  }
}

function asBits(text: string, type: Type | { readonly kind: string; readonly width: number }): string {
  if (type.kind === 'bit') return text
  if (type.kind === 'mood') return `(${text} == Mood.calm ? 2w0 : (${text} == Mood.cross ? 2w1 : 2w2))`
  return `(bit<${type.width}>)(${text})`
}
