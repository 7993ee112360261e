/** Parsers of random programs: selects of every kind, value sets, loops, look-ahead, sub-parsers, verification. */
import { BOOL, type Variable } from './source-expressions.ts'
import type { SourceStatements } from './source-statements.ts'
import type { SourceWriter } from './source-writer.ts'

/** Two sub-parsers: one with a constructor parameter, and one that gives something back. */
export function writeSubParsers(w: SourceWriter): void {
  w.line('parser Sub(packet_in pkt, inout headers_t hdr, inout meta_t meta)(bit<16> step)')
  w.block(() => {
    w.line('bit<16> total = 1;')
    w.line('state start')
    w.block(() => {
      w.line('total = total + step;')
      w.line('transition select(pkt.lookahead<bit<8>>())')
      w.block(() => {
        w.line('0 .. 127: more;')
        w.line('default: accept;')
      })
    })
    w.line('state more')
    w.block(() => {
      w.line('pkt.advance(8);')
      w.line('meta.pair.x = meta.pair.x + total;')
      w.line('transition accept;')
    })
  })
  w.line('parser Tail(packet_in pkt, inout loop_h first, out bit<16> found, in bit<9> limit)')
  w.block(() => {
    w.line('Sub2() inner;')
    w.line('bit<9> seen = 0;')
    w.line('state start')
    w.block(() => {
      w.line('found = 0;')
      w.line('transition again;')
    })
    w.line('state again')
    w.block(() => {
      w.line('inner.apply(pkt, first);')
      w.line('found = found + (16w1 ++ first.j)[15:0];')
      w.line('seen = seen + 1;')
      w.line('transition select(first.more, seen < limit)')
      w.block(() => {
        w.line('(1, true): again;')
        w.line('(1, false): reject;')
        w.line('default: accept;')
      })
    })
  })
}

export function writeInnerParser(w: SourceWriter): void {
  w.line('parser Sub2(packet_in pkt, inout loop_h one)')
  w.block(() => {
    w.line('loop_h ahead;')
    w.line('state start')
    w.block(() => {
      if (w.draw.chance(2)) w.line('ahead = pkt.lookahead<loop_h>();')
      else w.line('ahead.setValid();')
      w.line('pkt.extract(one);')
      w.line('one.j = one.j ^ (ahead.isValid() ? ahead.j : 15w5);')
      w.line('transition accept;')
    })
  })
}

/**
 * The states from `first` on, for a parser that has `hdr` and `meta`.
 * @param port a bit<16> of the architecture's, readable in this parser.
 */
export function writeStates(
  w: SourceWriter,
  statements: SourceStatements,
  scope: readonly Variable[],
  port: string,
  start: () => void,
): void {
  const { draw } = w
  const assign = (count: number): void => {
    for (let k = draw.below(count + 1); k > 0; k--) statements.assignment(scope, 2)
  }
  const hasSet = draw.chance(2)
  const hasPairs = draw.chance(2)
  const hasMixed = draw.chance(3)
  if (hasSet) w.line('value_set<bit<8>>(4) kinds;')
  if (hasPairs) {
    w.line(draw.pick(['value_set<tuple<bit<3>, bit<13>>>(3) pairs;', 'value_set<rare_t>(3) pairs;']))
  }
  w.line('Sub(3) sub;')
  w.line('Sub(16w65535) far;')
  w.line('Tail() tail;')
  w.line('bit<8> rounds = 0;')
  w.line('state start')
  w.block(start)
  w.line('state first')
  w.block(() => {
    w.line('pkt.extract(hdr.first);')
    assign(1)
    if (hasSet) {
      w.line('transition select(hdr.first.kind)')
      w.block(() => {
        w.line('kinds: special;')
        w.line('_: second;')
      })
    } else w.line('transition second;')
  })
  w.line('state special')
  w.block(() => {
    assign(2)
    w.line('rounds = rounds + 1;')
    w.line(`transition ${draw.pick(['second', 'accept', 'skip', 'reject'])};`)
  })
  w.line('state second')
  w.block(() => {
    if (hasPairs) {
      w.line('transition select(hdr.first.a, hdr.first.b)')
      w.block(() => {
        w.line('pairs: special2;')
        w.line('default: third;')
      })
    } else w.line('transition third;')
  })
  w.line('state special2')
  w.block(() => {
    assign(2)
    w.line('transition third;')
  })
  w.line('state third')
  w.block(() => {
    w.line(`transition select(hdr.first.kind, hdr.first.a, ${port})`)
    w.block(() => {
      if (hasSet && hasMixed) w.line('(kinds, 3, _): tails;')
      w.line('(1, _, _): wide;')
      w.line('(2 .. 3, _, _): loop;')
      w.line(`(4 &&& 6, ${draw.pick(['_', '1', '0 .. 5'])}, _): varied;`)
      w.line('(8, 1, 0 .. 2): accept;')
      w.line('(9, _, _): reject;')
      w.line('(10 .. 11, _, _): left;')
      w.line('(12, _, _): right;')
      w.line('(13, _, _): skip;')
      w.line('(14, _, _): tails;')
      if (draw.chance(2)) w.line(`default: ${draw.pick(['accept', 'wide', 'reject'])};`)
    })
  })
  w.line('state wide')
  w.block(() => {
    w.line('pkt.extract(hdr.wide);')
    assign(2)
    if (draw.chance(2)) return w.line('transition accept;')
    w.line('transition select(hdr.wide.f, hdr.wide.e[99:0], hdr.wide.i)')
    w.block(() => {
      w.line('(0, _, _): tails;')
      w.line('(_, 100w0 .. 100w0xffffffffffffffffffffffff, -5 .. 64s7): left;')
      w.line('(_, 0x5a &&& 0xff, _): skip;')
      w.line('default: accept;')
    })
  })
  w.line('state loop')
  w.block(() => {
    w.line('pkt.extract(hdr.loop.next);')
    assign(1)
    w.line('rounds = rounds + 1;')
    w.line('transition select(hdr.loop.last.more, hdr.loop.lastIndex, rounds)')
    w.block(() => {
      w.line('(1, 0 .. 1, _): loop;')
      if (draw.chance(2)) w.line('(1, _, _): loop;')
      w.line('(0, 1, 2): tails;')
      w.line('default: accept;')
    })
  })
  w.line('state varied')
  w.block(() => {
    w.line('bit<12> ahead = pkt.lookahead<bit<12>>();')
    if (draw.chance(2)) w.line('verify(ahead != 12w0xfff, error.Odd);')
    w.line('pkt.extract(hdr.varied, ((bit<32>)(ahead[11:4] & 8w15)) << 3);')
    if (draw.chance(2)) w.line('pkt.advance((bit<32>)(hdr.varied.behind[1:0]) << 3);')
    assign(1)
    if (draw.chance(3)) w.line(`verify(${w.value(BOOL, 1, scope)}, error.NoMatch);`)
    w.line('transition accept;')
  })
  for (const side of ['left', 'right']) {
    w.line(`state ${side}`)
    w.block(() => {
      w.line(`pkt.extract(hdr.u.${side});`)
      assign(1)
      w.line(`transition ${draw.pick(['accept', 'skip', 'unions'])};`)
    })
  }
  w.line('state unions')
  w.block(() => {
    w.line(`pkt.extract(hdr.us.next.${draw.pick(['left', 'right'])});`)
    w.line('transition select(pkt.lookahead<bit<3>>())')
    w.block(() => {
      w.line('1 &&& 1: unions;')
      w.line('default: accept;')
    })
  })
  w.line('state tails')
  w.block(() => {
    w.line(
      `tail.apply(pkt, ${draw.pick(['hdr.loop[0]', 'hdr.loop[2]', 'hdr.loop[1]'])}, meta.other.x, ${draw.pick(['1', '2', '9w3'])});`,
    )
    w.line(`transition ${draw.pick(['accept', 'skip'])};`)
  })
  w.line('state skip')
  w.block(() => {
    if (draw.chance(2)) w.line('sub.apply(pkt, hdr, meta);')
    if (draw.chance(3)) w.line('far.apply(pkt, hdr, meta);')
    if (draw.chance(3)) w.line('pkt.extract<loop_h>(_);')
    w.line(`pkt.advance(${8 * draw.below(5)});`)
    w.line('transition accept;')
  })
}
