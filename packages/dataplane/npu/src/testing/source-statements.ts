/** Statements of random programs: assignments of every shape, branches, loops, early ends, calls. */
import { bit, BOOL, int, sameType, type Type, typeText, VALIDITIES, type Variable } from './source-expressions.ts'
import type { SourceWriter } from './source-writer.ts'

/** What can be called where statements are. */
export interface Surroundings {
  /** Tables and direct actions, externs and sub-controls may be used. */
  readonly isIngress: boolean
  /** `return` and `exit` may stand here. */
  readonly mayLeave: boolean
}

export interface SourceTable {
  readonly name: string
  /** Of `action_run`. */
  readonly actions: readonly string[]
}

const COMPOUND = ['+=', '-=', '*=', '&=', '|=', '^=', '|+|=', '|-|=']

export class SourceStatements {
  readonly #w: SourceWriter
  tables: SourceTable[] = []
  directActions: string[] = []
  hasSubControl = false
  /** Externs of the control, and the functions of the user. */
  calls: readonly string[] = []

  constructor(writer: SourceWriter) {
    this.#w = writer
  }

  statements(scope: readonly Variable[], depth: number, max: number, where: Surroundings): void {
    for (let k = 1 + this.#w.draw.below(max); k > 0; k--) this.#statement(scope, depth, where)
  }

  assignment(scope: readonly Variable[], depth: number): void {
    const { draw } = this.#w
    const target = draw.pick(scope.filter((one) => one.isReadOnly !== true))
    const value = this.#w.value(target.type, depth, scope)
    if (target.type.kind !== 'bool' && draw.chance(6)) this.#w.line(`${target.text} ${draw.pick(COMPOUND)} ${value};`)
    else this.#w.line(`${target.text} = ${value};`)
  }

  /** What the target is asked to do: clones, further rounds, groups, … */
  request(block: 'ingress' | 'egress', scope: readonly Variable[]): void {
    const { draw, architecture } = this.#w
    const requests = architecture.requests[block]
    if (requests.length === 0 || draw.chance(2)) return
    this.#w.line(`if (${this.#w.value(BOOL, 1, scope)})`)
    this.#w.block(() => this.#w.line(draw.pick(requests)))
  }

  #statement(scope: readonly Variable[], depth: number, where: Surroundings): void {
    const { draw } = this.#w
    const choice = draw.below(depth > 0 ? 30 : 16)
    if (choice < 7) return this.assignment(scope, 2)
    if (choice < 9) return this.#slice(scope)
    if (choice === 9) {
      const header = draw.pick([...VALIDITIES.filter((one) => one !== 'hdr.u'), 'hdr.loop[meta.index]'])
      return this.#w.line(`${header}.${draw.pick(['setValid', 'setInvalid'])}();`)
    }
    if (choice === 10) return this.#headers(scope)
    if (choice === 11 && scope.some((one) => one.text === 'meta.pair.x')) return this.#structs(scope)
    if (choice < 16) return where.isIngress ? this.#ingressCall(scope, where) : this.assignment(scope, 3)
    this.#compound(choice, scope, depth, where)
  }

  #compound(choice: number, scope: readonly Variable[], depth: number, where: Surroundings): void {
    const w = this.#w
    const { draw } = w
    const below = (inner: readonly Variable[] = scope): void =>
      w.block(() => this.statements(inner, depth - 1, 3, where))
    if (choice < 20) {
      w.line(`if (${w.value(BOOL, 2, scope)})`)
      below()
      if (draw.chance(2)) {
        w.line('else')
        below()
      }
      return
    }
    if (choice < 22) return this.#switch(scope, below)
    if (choice < 25) return this.#loop(scope, depth, where)
    if (choice === 25 && where.mayLeave) {
      w.line(`if (${w.value(BOOL, 1, scope)})`)
      return w.block(() => w.line(draw.pick(['return;', 'exit;'])))
    }
    if (choice === 26) return this.#spareHeader()
    if (choice < 29) {
      const type = w.expressions.type(scope)
      const name = w.name('v')
      return w.block(() => {
        w.line(`${typeText(type)} ${name} = ${w.value(type, 2, scope)};`)
        this.statements([...scope, { text: name, type }, { text: name, type }], depth - 1, 2, where)
      })
    }
    this.assignment(scope, 3)
  }

  #switch(scope: readonly Variable[], below: () => void): void {
    const w = this.#w
    const { draw } = w
    const [selector, labels] = draw.pick([
      () => {
        const type = draw.pick([bit(3), bit(8), bit(9), bit(33), bit(64), bit(65), bit(128)])
        const all = ['0', '1', '2', String((1n << BigInt(type.width)) - 1n), '5']
        return [w.value(type, 1, scope), w.some(all, 4)] as const
      },
      () => ['(Colour)(meta.paint)', w.some(['Colour.red', 'Colour.green', 'Colour.blue'], 2)] as const,
      () => ['meta.mood', w.some(['Mood.calm', 'Mood.cross', 'Mood.odd'], 2)] as const,
      () => [w.value(int(9), 1, scope), w.some(['0', '-1', '-256', '255', '3'], 3)] as const,
    ])()
    w.line(`switch (${selector})`)
    w.block(() => {
      labels.forEach((label, k) => {
        if (k + 1 < labels.length && draw.chance(4)) return w.line(`${label}:`)
        w.line(`${label}:`)
        below()
      })
      if (draw.chance(2)) {
        w.line('default:')
        below()
      }
    })
  }

  #loop(scope: readonly Variable[], depth: number, where: Surroundings): void {
    const w = this.#w
    const { draw } = w
    const name = w.name('n')
    let counter: Variable = { text: name, type: bit(8), isReadOnly: true }
    switch (draw.below(4)) {
      case 0:
        w.line(`for (bit<8> ${name} = 0; ${name} < ${1 + draw.below(4)}; ${name} = ${name} + 1)`)
        break
      case 1:
        w.line(
          `for (bit<8> ${name} = 4, bit<8> ${name}x = 1; ${name} > ${draw.below(4)}; ${name} = ${name} |-| ${name}x, ${name}x = 2)`,
        )
        break
      case 2:
        w.line(`for (bit<8> ${name} in 8w${draw.below(3)} .. 8w${2 + draw.below(3)})`)
        break
      default:
        counter = { text: `${name}.j`, type: bit(15), isReadOnly: true }
        w.line(`for (loop_h ${name} in hdr.loop)`)
    }
    w.block(() => {
      this.statements([...scope, counter], depth - 1, 2, where)
      if (draw.chance(3)) {
        w.line(`if (${w.value(BOOL, 1, [...scope, counter])})`)
        w.block(() => w.line(draw.pick(['break;', 'continue;'])))
        if (draw.chance(2)) this.assignment([...scope, counter], 1)
      }
    })
  }

  #headers(scope: readonly Variable[]): void {
    const { draw } = this.#w
    const field = this.#w.value(bit(15), 1, scope)
    this.#w.line(
      draw.pick([
        'hdr.loop.push_front(1);',
        'hdr.loop.pop_front(1);',
        'hdr.loop.push_front(2);',
        'hdr.loop.pop_front(2);',
        'hdr.loop.push_front(3);',
        'hdr.loop.pop_front(4);',
        'hdr.loop[1] = hdr.loop[0];',
        'hdr.loop[meta.index] = hdr.loop[0];',
        'hdr.loop[0] = hdr.loop[meta.index];',
        `hdr.loop[meta.index].j = ${field};`,
        'hdr.loop[meta.index].j[3:1] = 5;',
        'hdr.u.left = { 16w3, 8s2 };',
        'hdr.u.right = { 31w3, 9w2 };',
        'hdr.us[0] = hdr.us[1];',
        'hdr.us[1].left = hdr.u.left;',
        'hdr.us[0].right.setValid();',
        'hdr.us.push_front(1);',
        'hdr.us.pop_front(1);',
        'hdr.u = hdr.us[0];',
        'hdr.wide = (hdr.first.isValid() ? hdr.wide : { 1, 2, 3, 4, -5 });',
        'hdr.varied = hdr.varied;',
        'hdr.loop[0] = { more = 1, j = 15w77 };',
      ]),
    )
  }

  #structs(scope: readonly Variable[]): void {
    const w = this.#w
    const { draw } = w
    w.line(
      draw.pick([
        'meta.other = meta.pair;',
        'meta.pair = { 16w7, -9s4, true };',
        'meta.pair = meta.other;',
        'meta.pair = { y = meta.other.y, x = 16w9, z = meta.flag };',
        'meta.pair = { meta.pair.x + 1, meta.pair.y, !meta.pair.z };',
        'meta.pair = { meta.other.x, meta.other.y, meta.pair.x == 0 };',
        'meta.other = choose(meta.flag, meta.pair, meta.other);',
        `meta.pair = (${w.value(BOOL, 1, scope)} ? meta.other : meta.pair);`,
        'exchange(meta.pair.x, hdr.u.left.k, meta.other.x);',
        'exchange(meta.pair.x, meta.other.x, meta.pair.x);',
        'exchange(meta.pair.x, hdr.first.d[20:5], hdr.wide.e[100:85]);',
        'exchange(meta.other.x, meta.pair.x, _);',
        'exchange(hdr.us[meta.index].left.k, meta.pair.x, hdr.us[0].left.k);',
        'exchange(hdr.first.d[47:32], hdr.first.d[31:16], hdr.first.d[15:0]);',
        'swap(meta.pair, meta.other);',
        'swap(meta.boxed.value, meta.boxed.value2);',
        'meta.boxed = { meta.boxed.value2, meta.boxed.value };',
        'meta.pair.x = meta.boxed.value;',
        'meta.mood = choose(meta.flag, Mood.odd, meta.mood);',
        'meta.mood = Mood.cross;',
        'meta.two = { meta.pair.x, meta.flag };',
        'meta.pair.x = meta.two[0];',
        'meta.paint = Colour.blue;',
        `meta.index = ${w.value(bit(2), 1, scope)};`,
        `meta.boxed.value = ${w.value(bit(16), 2, scope)};`,
      ]),
    )
  }

  #slice(scope: readonly Variable[]): void {
    const { draw } = this.#w
    const target = draw.pick(
      scope.filter((one) => one.isReadOnly !== true && (one.type.kind === 'bit' || one.type.kind === 'int')),
    )
    const low = draw.below(target.type.width)
    const width = 1 + draw.below(target.type.width - low)
    const high = low + width - 1
    if (width > 2 && draw.chance(5)) {
      const from = draw.below(width)
      const count = 1 + draw.below(width - from)
      const inner = `[${from + count - 1}:${from}]`
      return this.#w.line(`${target.text}[${high}:${low}]${inner} = ${this.#w.value(bit(count), 1, scope)};`)
    }
    this.#w.line(`${target.text}[${high}:${low}] = ${this.#w.value(bit(width), 1, scope)};`)
  }

  /** A copy of a header, changed and put somewhere else. */
  #spareHeader(): void {
    const { draw } = this.#w
    const [type, from, to, change] = draw.pick([
      ['loop_h', 'hdr.loop[0]', 'hdr.loop[2]', 'spare.j = spare.j + 1;'],
      ['loop_h', 'hdr.loop[meta.index]', 'hdr.loop[meta.index]', 'spare.j = ~spare.j;'],
      ['varied_h', 'hdr.varied', 'hdr.varied', 'spare.behind = 20w5;'],
      ['wide_h', 'hdr.wide', 'hdr.wide', 'spare.setInvalid();'],
      ['left_h', 'hdr.u.left', 'hdr.u.left', 'spare.setValid();'],
      ['union_u', 'hdr.u', 'hdr.us[1]', 'spare.right.setValid();'],
      ['loop_h[3]', 'hdr.loop', 'hdr.loop', 'spare.push_front(1);'],
    ] as const)
    this.#w.block(() => {
      this.#w.line(`${type} spare = ${from};`)
      if (draw.chance(2)) this.#w.line(change)
      this.#w.line(`${to} = spare;`)
    })
  }

  /** What only ingress has: tables, actions, externs, a control. */
  #ingressCall(scope: readonly Variable[], where: Surroundings): void {
    const w = this.#w
    const { draw } = w
    const value = (width: number, depth = 1): string => w.value(bit(width), depth, scope)
    // Before there are tables: inside actions.
    const choice = draw.below(this.tables.length === 0 ? 4 : 14)
    if (choice < 4) return this.#externCall(scope, value)
    const inner = (): void => w.block(() => this.statements(scope, 1, 2, where))
    switch (choice) {
      case 4:
        return w.line(draw.pick(this.directActions))
      case 5: {
        const target = w.place(bit(16), scope)
        if (!this.hasSubControl || target === undefined) return this.assignment(scope, 2)
        return w.line(`${draw.pick(['sub', 'sub', 'other'])}.apply(hdr, meta, ${target}, meta.flag, ig);`)
      }
      case 6:
      case 7:
        w.line(`if (${draw.pick(['', '!'])}${draw.pick(this.tables).name}.apply().${draw.pick(['hit', 'miss'])})`)
        inner()
        if (draw.chance(2)) {
          w.line('else')
          inner()
        }
        return
      case 8: {
        const flag = draw.pick(['meta.flag', 'meta.pair.z'])
        const { name } = draw.pick(this.tables)
        const other = w.value(BOOL, 1, scope)
        return w.line(
          `${flag} = ${draw.pick([`${name}.apply().hit`, `(${other} && ${name}.apply().miss)`, `(${name}.apply().hit || ${other})`])};`,
        )
      }
      case 9:
      case 10: {
        const { name, actions } = draw.pick(this.tables)
        w.line(`switch (${name}.apply().action_run)`)
        return w.block(() => {
          for (const action of w.some(actions, 2)) {
            w.line(`${action}:`)
            inner()
          }
          if (!draw.chance(3)) {
            w.line('default:')
            inner()
          }
        })
      }
      default:
        return w.line(`${draw.pick(this.tables).name}.apply();`)
    }
  }

  #externCall(scope: readonly Variable[], value: (width: number) => string): void {
    const w = this.#w
    const { draw, architecture } = w
    const { readRegister, hash, checksum, random, meter, digest } = architecture
    const store = (write: (variable: string) => readonly string[]): void => {
      const name = w.name('r')
      for (const line of write(name)) w.line(line)
      w.line(`meta.pair.x = meta.pair.x ^ (bit<16>)(${name});`)
    }
    switch (draw.below(12)) {
      case 0:
        return w.line(`narrow.write((bit<32>)(${value(3)}), ${value(24)});`)
      case 1:
        return w.line(`broad.write((bit<32>)(${value(3)}), ${value(128)});`)
      case 2:
        return store((name) => readRegister(name, 24, 'narrow', `(bit<32>)(${value(3)})`))
      case 3:
        return store((name) => readRegister(name, 128, 'broad', `(bit<32>)(${value(2)})`))
      case 4:
        return w.line(`counts.count((bit<32>)(${value(4)}));`)
      case 5: {
        const data = `{ ${value(8)}, ${value(draw.pick([1, 7, 16, 33, 65, 200]))}, ${value(16)} }`
        return store((name) => hash(name, data))
      }
      case 6:
        return store((name) => checksum(name, `{ ${value(16)}, ${value(48)} }`))
      case 7:
        return store(random)
      case 8:
      case 9:
        return store((name) => meter(name, draw.pick(['packetsPer', 'bytesPer']), `(bit<32>)(${value(2)})`, value(1)))
      case 10: {
        const data = `{ ${value(16)}, ${w.value(int(9), 1, scope)}, ${w.value(BOOL, 1, scope)} }`
        const lines = digest(data, 1 + draw.below(2))
        if (lines.length === 0) return this.assignment(scope, 2)
        for (const line of lines) w.line(line)
        return
      }
      default: {
        const target = w.place(bit(16), scope)
        const wide = w.place(bit(100), scope)
        if (target === undefined) return this.assignment(scope, 2)
        const calls = [
          `${target} = twist(${value(24)}, ${value(65)});`,
          `split(${value(16)}, ${target}, ${draw.pick([target, 'meta.other.x'])});`,
          `recall.mix(${value(9)}, meta.pair);`,
          ...(wide === undefined ? [] : [`broaden(${wide});`]),
        ]
        return w.line(draw.pick(calls))
      }
    }
  }
}

export function directCall(
  w: SourceWriter,
  name: string,
  types: readonly Type[],
  directions: readonly string[],
  scope: readonly Variable[],
): string {
  const args = types.map((type, k) => {
    if (directions[k] === 'in') return w.value(type, 1, scope)
    return scope.find((one) => one.isReadOnly !== true && sameType(one.type, type))?.text
  })
  return args.every((arg) => arg !== undefined) ? `${name}(${args.join(', ')});` : ';'
}
