/**
 * Random well-typed P4-16 programs as source text, from a seed: parsers with every kind of transition, header stacks, unions
 * and varbits, wide and signed arithmetic, functions and actions with directions, sub-controls, loops, switches, early
 * ends, every kind of table, registers, hashes, checksums, random numbers.
 *
 * One statement stands on one line and expressions are in parentheses, which is what the shrinker (`shrink-source.ts`)
 * works on. Everything that a program computed leaves in the header `observer`.
 */
import { Draw } from './draw.ts'
import { type ArchitectureName, ARCHITECTURES, type SourceArchitecture } from './source-architecture.ts'
import {
  bit,
  BOOL,
  int,
  sameType,
  SourceExpressions,
  type Type,
  typeText,
  VALIDITIES,
  type Variable,
  WIDTHS,
} from './source-expressions.ts'

const MATCHES = ['exact', 'exact', 'lpm', 'ternary', 'range', 'optional'] as const

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

export class SourceGenerator {
  readonly #draw: Draw
  #lines: string[] = []
  #depth = 0
  #names = 0
  readonly #meta: Variable[] = []
  readonly #expressions: SourceExpressions
  #tables: string[] = []
  #tableActions: string[] = []
  #directActions: string[] = []
  #hasSubControl = false

  readonly #architecture: SourceArchitecture
  #hashAlgorithm = ''

  constructor(seed: number, architecture: ArchitectureName = 'softnpu') {
    this.#architecture = ARCHITECTURES[architecture]
    this.#draw = new Draw(seed)
    for (const width of this.#some(WIDTHS, 7)) this.#meta.push({ text: `meta.b${width}`, type: bit(width) })
    for (const width of this.#some(WIDTHS.slice(1), 4)) this.#meta.push({ text: `meta.i${width}`, type: int(width) })
    this.#meta.push({ text: 'meta.flag', type: BOOL })
    this.#expressions = new SourceExpressions(this.#draw, [...this.#meta, ...this.#pairs()])
  }

  program(): string {
    this.#line('#include <core.p4>')
    this.#line(`#include <${this.#architecture.include}>`)
    this.#line('error { Odd }')
    this.#line('enum bit<4> Colour { red = 1, green = 2, blue = 9 }')
    for (const [name, fields] of Object.entries(HEADERS)) {
      this.#line(`header ${name} { ${fields.map(([field, type]) => `${typeText(type)} ${field};`).join(' ')} }`)
    }
    this.#line('header varied_h { bit<8> length; varbit<96> options; bit<20> behind; bit<4> pad; }')
    this.#line('header_union union_u { left_h left; right_h right; }')
    const members = this.#meta.map(({ text, type }) => `${typeText(type)} ${text.slice(5)};`)
    this.#line(`struct pair_t { bit<16> x; int<9> y; bool z; }`)
    this.#line(`struct meta_t { ${members.join(' ')} pair_t pair; pair_t other; ${this.#architecture.metadata} }`)
    this.#observer()
    this.#line(
      `struct headers_t { first_h first; wide_h wide; loop_h[${STACK}] loop; varied_h varied; union_u u; observer_h observer; }`,
    )
    for (let k = this.#draw.below(3); k > 0; k--) this.#function()
    this.#exchange()
    this.#subParser()
    this.#parser()
    if (this.#draw.chance(2)) this.#subControl()
    this.#ingress()
    this.#egress()
    this.#line('control D(packet_out pkt, in headers_t hdr)')
    this.#block(() => {
      this.#line('apply')
      this.#block(() => {
        for (const header of ['first', 'wide', 'loop', 'varied', 'u', 'observer'])
          this.#line(`pkt.emit(hdr.${header});`)
      })
    })
    for (const line of this.#architecture.package) this.#line(line)
    return `${this.#lines.join('\n')}\n`
  }

  /** A header with room for everything that the program may compute. */
  #observer(): void {
    const seen = this.#observed()
    const fields = seen.map(({ type }, k) => `bit<${type.width}> v${k};`)
    const bits = seen.reduce((sum, { type }) => sum + type.width, 0)
    this.#line(`header observer_h { ${fields.join(' ')} bit<${8 - (bits % 8)}> pad; }`)
  }

  #observed(): Variable[] {
    const kept = this.#architecture.metadata === '' ? [] : [{ text: 'meta.kept', type: bit(16) }]
    return [...this.#meta, ...this.#pairs(), ...kept]
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
      ...Array.from({ length: STACK }, (_, k) => of(`hdr.loop[${k}]`, 'loop_h')).flat(),
      { text: 'hdr.varied.length', type: bit(8) },
      { text: 'hdr.varied.behind', type: bit(20) },
      { text: this.#architecture.ingressPort, type: bit(16), isReadOnly: true },
      { text: this.#architecture.packetLength, type: bit(32), isReadOnly: true },
    ]
  }

  #function(): void {
    const draw = this.#draw
    const result = this.#expressions.type()
    const parameters = Array.from({ length: 1 + draw.below(3) }, () => this.#expressions.type())
    const name = this.#name('fn')
    const inputs = parameters.map((type, k): Variable => ({ text: `p${k}`, type, isReadOnly: true }))
    this.#line(
      `${typeText(result)} ${name}(${inputs.map(({ text, type }) => `in ${typeText(type)} ${text}`).join(', ')})`,
    )
    this.#block(() => {
      const local: Variable = { text: 'x', type: result }
      this.#line(`${typeText(result)} x = ${this.#expressions.expression(result, 2, inputs)};`)
      const scope = [...inputs, local]
      if (draw.chance(2)) {
        this.#line(`if (${this.#expressions.expression(BOOL, 1, scope)})`)
        this.#block(() => this.#line(`return ${this.#expressions.expression(result, 1, scope)};`))
      }
      this.#line(`x = ${this.#expressions.expression(result, 2, scope)};`)
      this.#line('return x;')
    })
    this.#expressions.functions.push({ name, result, parameters })
  }

  #exchange(): void {
    this.#line('void exchange(inout bit<16> a, inout bit<16> b, out bit<16> old)')
    this.#block(() => {
      this.#line('old = a;')
      this.#line('a = b;')
      this.#line('b = old;')
    })
  }

  /** A copy of a header, changed and put somewhere else. */
  #spareHeader(): void {
    const [type, from, to, change] = this.#draw.pick([
      ['loop_h', 'hdr.loop[0]', 'hdr.loop[2]', 'spare.j = spare.j + 1;'],
      ['varied_h', 'hdr.varied', 'hdr.varied', 'spare.behind = 20w5;'],
      ['wide_h', 'hdr.wide', 'hdr.wide', 'spare.setInvalid();'],
      ['left_h', 'hdr.u.left', 'hdr.u.left', 'spare.setValid();'],
    ] as const)
    this.#block(() => {
      this.#line(`${type} spare = ${from};`)
      if (this.#draw.chance(2)) this.#line(change)
      this.#line(`${to} = spare;`)
    })
  }

  #subParser(): void {
    this.#line('parser Sub(packet_in pkt, inout headers_t hdr, inout meta_t meta)(bit<16> step)')
    this.#block(() => {
      this.#line('bit<16> total = 1;')
      this.#line('state start')
      this.#block(() => {
        this.#line('total = total + step;')
        this.#line('transition select(pkt.lookahead<bit<8>>())')
        this.#block(() => {
          this.#line('0 .. 127: more;')
          this.#line('default: accept;')
        })
      })
      this.#line('state more')
      this.#block(() => {
        this.#line('pkt.advance(8);')
        this.#line('meta.pair.x = meta.pair.x + total;')
        this.#line('transition accept;')
      })
    })
  }

  #parser(): void {
    const draw = this.#draw
    const scope = [...this.#meta, ...this.#pairs()]
    const assign = (count: number): void => {
      for (let k = draw.below(count + 1); k > 0; k--) this.#assignment([...scope, ...this.#headerFields()], 2)
    }
    this.#line(`parser P(packet_in pkt, out headers_t hdr, inout meta_t meta, ${this.#architecture.parserParameters})`)
    this.#block(() => {
      this.#line('Sub(3) sub;')
      this.#line('state start')
      this.#block(() => {
        this.#line('pkt.extract(hdr.first);')
        assign(1)
        this.#line(`transition select(hdr.first.kind, hdr.first.a, ${this.#architecture.ingressPort})`)
        this.#block(() => {
          this.#line('(1, _, _): wide;')
          this.#line('(2 .. 3, _, _): loop;')
          this.#line(`(4 &&& 6, ${draw.pick(['_', '1', '0 .. 5'])}, _): varied;`)
          this.#line('(8, 1, 0 .. 2): accept;')
          this.#line('(9, _, _): reject;')
          this.#line('(10 .. 11, _, _): left;')
          this.#line('(12, _, _): right;')
          this.#line('(13, _, _): skip;')
          if (draw.chance(2)) this.#line(`default: ${draw.pick(['accept', 'wide', 'reject'])};`)
        })
      })
      this.#line('state wide')
      this.#block(() => {
        this.#line('pkt.extract(hdr.wide);')
        assign(2)
        this.#line('transition accept;')
      })
      this.#line('state loop')
      this.#block(() => {
        this.#line('pkt.extract(hdr.loop.next);')
        assign(1)
        this.#line('transition select(hdr.loop.last.more, hdr.loop.lastIndex)')
        this.#block(() => {
          this.#line('(1, 0 .. 1): loop;')
          if (draw.chance(2)) this.#line('(1, _): loop;')
          this.#line('default: accept;')
        })
      })
      this.#line('state varied')
      this.#block(() => {
        this.#line('bit<12> ahead = pkt.lookahead<bit<12>>();')
        if (draw.chance(2)) this.#line('verify(ahead != 12w0xfff, error.Odd);')
        this.#line('pkt.extract(hdr.varied, ((bit<32>)(ahead[11:4] & 8w15)) << 3);')
        if (draw.chance(2)) this.#line('pkt.advance((bit<32>)(hdr.varied.behind[1:0]) << 3);')
        assign(1)
        this.#line('transition accept;')
      })
      for (const side of ['left', 'right']) {
        this.#line(`state ${side}`)
        this.#block(() => {
          this.#line(`pkt.extract(hdr.u.${side});`)
          assign(1)
          this.#line(`transition ${draw.pick(['accept', 'skip'])};`)
        })
      }
      this.#line('state skip')
      this.#block(() => {
        if (draw.chance(2)) this.#line('sub.apply(pkt, hdr, meta);')
        this.#line(`pkt.advance(${8 * draw.below(5)});`)
        this.#line('transition accept;')
      })
    })
  }

  #subControl(): void {
    this.#hasSubControl = true
    this.#line(
      `control C(inout headers_t hdr, inout meta_t meta, inout bit<16> x, out bool y, ${this.#architecture.subParameters})`,
    )
    this.#block(() => {
      this.#line('apply')
      this.#block(() => {
        const scope: Variable[] = [
          ...this.#meta,
          ...this.#headerFields(),
          { text: 'x', type: bit(16) },
          { text: 'y', type: BOOL },
        ]
        this.#line(`y = ${this.#expressions.expression(BOOL, 1, scope)};`)
        this.#statements(scope, 2, 3)
      })
    })
  }

  #ingress(): void {
    const draw = this.#draw
    this.#line(`control I(inout headers_t hdr, inout meta_t meta, ${this.#architecture.controlParameters})`)
    this.#block(() => {
      this.#hashAlgorithm = draw.pick(['CRC8', 'CRC16', 'CRC32', 'XOR16', 'CSUM16'])
      for (const line of this.#architecture.instances(this.#hashAlgorithm)) this.#line(line)
      if (this.#hasSubControl) this.#line('C() sub;')
      const scope: Variable[] = [...this.#meta, ...this.#pairs(), ...this.#headerFields()]
      const locals = this.#some(WIDTHS, 3).map((width): Variable => ({ text: `l${width}`, type: bit(width) }))
      for (const { text, type } of locals) this.#line(`${typeText(type)} ${text} = 0;`)
      const all = [...scope, ...locals]
      const kinds = ['plain', 'directed', 'entry', 'entry'] as const
      kinds.forEach((kind, k) => this.#action(kind, k, all))
      this.#fixedTable()
      const tables = 1 + draw.below(3)
      for (let k = 0; k < tables; k++) this.#table(k, all)
      this.#line('apply')
      this.#block(() => {
        const { ingressPort, setPort, multicast } = this.#architecture
        this.#line(setPort(draw.pick(['1', '2', ingressPort, '(bit<16>)(hdr.first.a)'])))
        if (multicast !== undefined && draw.chance(4)) this.#line(multicast(draw.pick([1, 2, 2, 3])))
        this.#request('ingress', all)
        this.#statements(all, 3, 14, true)
        this.#request('ingress', all)
      })
    })
    this.#tables = []
    this.#directActions = []
  }

  #action(kind: 'plain' | 'directed' | 'entry', index: number, scope: readonly Variable[]): void {
    const name = `act${index}`
    const types =
      kind === 'plain' ? [] : [this.#expressions.type(), this.#expressions.type()].slice(this.#draw.below(2))
    const directions = kind === 'directed' ? ['inout', 'in'] : ['', '']
    const parameters = types.map((type, k): Variable => ({
      text: `a${k}`,
      type,
      isReadOnly: directions[k] !== 'inout',
    }))
    const list = parameters.map(({ text, type }, k) => `${directions[k]} ${typeText(type)} ${text}`.trim())
    this.#line(`action ${name}(${list.join(', ')})`)
    this.#block(() => {
      this.#statements([...scope, ...parameters, ...parameters], 1, 3, true)
      if (this.#draw.chance(4)) this.#request('ingress', [...scope, ...parameters])
      if (this.#draw.chance(5)) this.#line(this.#draw.pick(['return;', 'exit;']))
      if (this.#draw.chance(6)) {
        for (const line of this.#architecture.drop(this.#draw.below(200))) this.#line(line)
      }
    })
    if (kind === 'directed') this.#directActions.push(this.#directCall(name, types, scope))
    else this.#tableActions.push(name)
    if (kind === 'plain') this.#directActions.push(`${name}();`)
  }

  #directCall(name: string, types: readonly Type[], scope: readonly Variable[]): string {
    const args = types.map((type, k) => {
      if (k === 1) return this.#expressions.expression(type, 1, scope)
      const place = scope.find((one) => one.isReadOnly !== true && sameType(one.type, type))
      return place?.text
    })
    return args.every((arg) => arg !== undefined) ? `${name}(${args.join(', ')});` : ';'
  }

  #table(index: number, scope: readonly Variable[]): void {
    const draw = this.#draw
    const name = `table${index}`
    let hasLpm = false
    const keys = Array.from({ length: draw.below(4) }, () => {
      let match: (typeof MATCHES)[number] = draw.pick(MATCHES)
      if (match === 'lpm' && hasLpm) match = 'exact'
      hasLpm ||= match === 'lpm'
      const type = draw.chance(3) ? bit(draw.pick(WIDTHS)) : undefined
      const variable = draw.pick(scope.filter((one) => one.type.kind === 'bit'))
      return { match, text: type === undefined ? variable.text : this.#expressions.expression(type, 1, scope) }
    })
    this.#line(`table ${name}`)
    this.#block(() => {
      if (keys.length > 0) {
        this.#line('key =')
        this.#block(() => keys.forEach(({ match, text }, k) => this.#line(`${text} : ${match} @name("k${k}");`)))
      }
      this.#line(`actions = { ${this.#tableActions.map((action) => `${action};`).join(' ')} NoAction; }`)
      if (draw.chance(2)) this.#line('default_action = NoAction();')
      this.#line('size = 64;')
    })
    this.#tables.push(name)
  }

  /** A table whose entries are the program's own. */
  #fixedTable(): void {
    this.#line('table fixed')
    this.#block(() => {
      this.#line('key = { hdr.first.kind : exact; hdr.first.a : ternary; }')
      this.#line('actions = { act0; NoAction; }')
      this.#line('const entries =')
      this.#block(() => {
        this.#line('(1, _) : act0();')
        this.#line('(2, 1 &&& 3) : act0();')
        this.#line('(2, _) : NoAction();')
      })
    })
    this.#tables.push('fixed')
  }

  #egress(): void {
    this.#line(`control E(inout headers_t hdr, inout meta_t meta, ${this.#architecture.controlParameters})`)
    this.#block(() => {
      this.#line('apply')
      this.#block(() => {
        this.#line('hdr.observer.setValid();')
        this.#observed().forEach(({ text, type }, k) => {
          const value = type.kind === 'bit' ? text : `(bit<${type.width}>)(${text})`
          this.#line(`hdr.observer.v${k} = ${value};`)
        })
        const scope = [...this.#meta, ...this.#headerFields()]
        this.#request('egress', scope)
        this.#statements(scope, 1, 3, false, false)
        this.#request('egress', scope)
      })
    })
  }

  /** What the target is asked to do: clones, further rounds, groups, … */
  #request(block: 'ingress' | 'egress', scope: readonly Variable[]): void {
    const requests = this.#architecture.requests[block]
    if (requests.length === 0 || this.#draw.chance(2)) return
    this.#line(`if (${this.#expressions.expression(BOOL, 1, scope)})`)
    this.#block(() => this.#line(this.#draw.pick(requests)))
  }

  #statements(scope: readonly Variable[], depth: number, max: number, isIngress = false, mayLeave = true): void {
    for (let k = 1 + this.#draw.below(max); k > 0; k--) this.#statement(scope, depth, isIngress, mayLeave)
  }

  #statement(scope: readonly Variable[], depth: number, isIngress: boolean, mayLeave: boolean): void {
    const draw = this.#draw
    const below = (inner: readonly Variable[] = scope, leave = mayLeave): void =>
      this.#block(() => this.#statements(inner, depth - 1, 3, isIngress, leave))
    const choice = draw.below(depth > 0 ? 24 : 12)
    if (choice < 7) return this.#assignment(scope, 2)
    if (choice === 7) return this.#slice(scope)
    if (choice === 8) {
      const header = draw.pick(VALIDITIES.slice(0, 7))
      return this.#line(`${header}.${draw.pick(['setValid', 'setInvalid'])}();`)
    }
    if (choice === 9)
      return this.#line(
        draw.pick([
          'hdr.loop.push_front(1);',
          'hdr.loop.pop_front(1);',
          'hdr.loop[1] = hdr.loop[0];',
          'hdr.u.left = { 16w3, 8s2 };',
          'hdr.u.right = { 31w3, 9w2 };',
        ]),
      )
    if (choice === 10 && scope.some((one) => one.text === 'meta.pair.x')) {
      return this.#line(
        draw.pick([
          'meta.other = meta.pair;',
          'meta.pair = { 16w7, -9s4, true };',
          'meta.pair = meta.other;',
          'meta.pair = { y = meta.other.y, x = 16w9, z = meta.flag };',
          'exchange(meta.pair.x, hdr.u.left.k, meta.other.x);',
          'exchange(meta.pair.x, meta.other.x, meta.pair.x);',
        ]),
      )
    }
    if (choice < 14) return isIngress ? this.#ingressCall(scope) : this.#assignment(scope, 3)
    if (choice < 18) {
      this.#line(`if (${this.#expressions.expression(BOOL, 2, scope)})`)
      below()
      if (draw.chance(2)) {
        this.#line('else')
        below()
      }
      return
    }
    if (choice === 18) {
      const selector = draw.pick(scope.filter((one) => one.type.kind === 'bit' && one.type.width >= 3))
      this.#line(`switch (${selector.text})`)
      return this.#block(() => {
        this.#line('0: 1:')
        below()
        this.#line('2:')
        below()
        if (draw.chance(2)) {
          this.#line('default:')
          below()
        }
      })
    }
    if (choice < 21) {
      const name = this.#name('n')
      const counter: Variable = { text: name, type: bit(8), isReadOnly: true }
      if (draw.chance(2)) this.#line(`for (bit<8> ${name} = 0; ${name} < ${1 + draw.below(4)}; ${name} = ${name} + 1)`)
      else this.#line(`for (bit<8> ${name} in 8w${draw.below(3)} .. 8w${2 + draw.below(3)})`)
      return this.#block(() => {
        this.#statements([...scope, counter], depth - 1, 2, isIngress, mayLeave)
        if (draw.chance(3)) {
          this.#line(`if (${this.#expressions.expression(BOOL, 1, [...scope, counter])})`)
          this.#block(() => this.#line(draw.pick(['break;', 'continue;'])))
        }
      })
    }
    if (choice === 21 && mayLeave) {
      this.#line(`if (${this.#expressions.expression(BOOL, 1, scope)})`)
      return this.#block(() => this.#line(draw.pick(['return;', 'exit;'])))
    }
    if (choice === 23) return this.#spareHeader()
    if (choice === 22) {
      const type = this.#expressions.type()
      const name = this.#name('v')
      return this.#block(() => {
        this.#line(`${typeText(type)} ${name} = ${this.#expressions.expression(type, 2, scope)};`)
        this.#statements([...scope, { text: name, type }, { text: name, type }], depth - 1, 2, isIngress, mayLeave)
      })
    }
    this.#assignment(scope, 3)
  }

  /** What only ingress has: tables, actions, externs, a control. */
  #ingressCall(scope: readonly Variable[]): void {
    const draw = this.#draw
    const value = (width: number, depth = 1): string => this.#expressions.expression(bit(width), depth, scope)
    const place = (width: number): string | undefined =>
      scope.find((one) => one.isReadOnly !== true && sameType(one.type, bit(width)))?.text
    const { readRegister, hash, checksum, random } = this.#architecture
    const store = (write: (variable: string) => readonly string[]): void => {
      const name = this.#name('r')
      for (const line of write(name)) this.#line(line)
      this.#line(`meta.pair.x = meta.pair.x ^ (bit<16>)(${name});`)
    }
    // Before there are tables: inside actions.
    const choice = draw.below(this.#tables.length === 0 ? 6 : 11)
    switch (choice) {
      case 0:
        return this.#line(`narrow.write((bit<32>)(${value(3)}), ${value(24)});`)
      case 1:
        return this.#line(`broad.write((bit<32>)(${value(3)}), ${value(128)});`)
      case 2:
        return draw.chance(2)
          ? store((name) => readRegister(name, 24, 'narrow', `(bit<32>)(${value(3)})`))
          : store((name) => readRegister(name, 128, 'broad', `(bit<32>)(${value(2)})`))
      case 3:
        return this.#line(`counts.count((bit<32>)(${value(4)}));`)
      case 4: {
        const data = `{ ${value(8)}, ${value(draw.pick(WIDTHS))}, ${value(16)} }`
        return draw.chance(2)
          ? store((name) => hash(name, this.#hashAlgorithm, data))
          : store((name) => checksum(name, `{ ${value(16)}, ${value(48)} }`))
      }
      case 5:
        return store(random)
      case 6:
        return this.#line(draw.pick(this.#directActions))
      case 7: {
        const target = place(16)
        if (!this.#hasSubControl || target === undefined) return this.#assignment(scope, 2)
        return this.#line(`sub.apply(hdr, meta, ${target}, meta.flag, ig);`)
      }
      case 8:
        this.#line(`if (${draw.pick(this.#tables)}.apply().${draw.pick(['hit', 'miss'])})`)
        return this.#block(() => this.#statements(scope, 1, 2, true))
      case 9:
        this.#line(`switch (${draw.pick(this.#tables.slice(1))}.apply().action_run)`)
        return this.#block(() => {
          this.#line('act2:')
          this.#block(() => this.#statements(scope, 1, 2, true))
          this.#line('default:')
          this.#block(() => this.#statements(scope, 1, 2, true))
        })
      default:
        return this.#line(`${draw.pick(this.#tables)}.apply();`)
    }
  }

  #assignment(scope: readonly Variable[], depth: number): void {
    const target = this.#draw.pick(scope.filter((one) => one.isReadOnly !== true))
    this.#line(`${target.text} = ${this.#expressions.expression(target.type, depth, scope)};`)
  }

  #slice(scope: readonly Variable[]): void {
    const target = this.#draw.pick(scope.filter((one) => one.isReadOnly !== true && one.type.kind === 'bit'))
    const low = this.#draw.below(target.type.width)
    const width = 1 + this.#draw.below(target.type.width - low)
    this.#line(`${target.text}[${low + width - 1}:${low}] = ${this.#expressions.expression(bit(width), 1, scope)};`)
  }

  #some<Item>(items: readonly Item[], count: number): Item[] {
    const left = [...items]
    return Array.from(
      { length: Math.min(count, items.length) },
      () => left.splice(this.#draw.below(left.length), 1)[0]!,
    )
  }

  #name(prefix: string): string {
    return `${prefix}${this.#names++}`
  }

  #block(body: () => void): void {
    this.#line('{')
    this.#depth++
    body()
    this.#depth--
    this.#line('}')
  }

  #line(text: string): void {
    this.#lines.push(`${'  '.repeat(this.#depth)}${text}`)
  }
}
