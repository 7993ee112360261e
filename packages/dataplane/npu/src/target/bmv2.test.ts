import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Lab, labOf, type LabSource, v1modelLab, v1modelSource } from './lab.fixture.ts'

const lab = (source: LabSource, bmv2 = true): Lab => v1modelLab({ ...source, bmv2 })

/** What the program makes of one packet by port 3, in order. */
function sent(source: LabSource, hex = '01020304 99', bmv2 = true): string[] {
  return lab(source, bmv2)
    .send(3, hex)
    .map((packet) => packet.hex)
}

/** Writes a 16-bit value over `a` and `b`. */
const show = (value: string): string => `hdr.h.a = (${value})[15:8]; hdr.h.b = (${value})[7:0]; std.egress_spec = 1;`
const crc = (data: string): string =>
  `bit<32> v; hash(v, HashAlgorithm.crc32, 32w0, ${data}, 33w0x100000000); ${show('v')}`

describe('--bmv2: headers that are not valid', () => {
  test('a table looks up zeros for their fields, an expression reads what was there', () => {
    const source = {
      ingressLocals: `action s(bit<8> x) { hdr.o.setValid(); hdr.o.x = x; }
        table t { key = { hdr.h.a: exact; hdr.h.b & 0x0f: exact; } actions = { s; }
          const entries = { (0, 0): s(0xa0); (1, 2): s(0xa1); } }
        table u { key = { hdr.h.a + 1: exact @name("sum"); } actions = { s; } const entries = { 2: s(0xb2); 1: s(0xb1); } }`,
      ingress: 'hdr.h.setInvalid(); t.apply(); std.egress_spec = 1;',
    }
    assert.deepEqual(sent(source), ['a099'])
    assert.deepEqual(sent({ ...source, ingress: 'hdr.h.setInvalid(); u.apply(); std.egress_spec = 1;' }), ['b299'])
  })

  test('a hash has what is in their fields: p4c copies its data to variables first', () => {
    const valid = sent({ ingress: `hdr.o.setValid(); hdr.o.x = 5; ${crc('{ hdr.o.x, hdr.h.b, hdr.h.c }')}` })
    const invalid = sent({ ingress: `hdr.o.x = 5; ${crc('{ hdr.o.x, hdr.h.b, hdr.h.c }')}` })
    assert.deepEqual(invalid, sent({ ingress: crc('{ 8w5, hdr.h.b, hdr.h.c }') }))
    assert.deepEqual(invalid[0], valid[0]?.slice(2))
  })

  test('a hash leaves out a whole header that is not valid', () => {
    const hash = (data: string): string => `hdr.h.setInvalid(); ${crc(data)} hdr.h.setValid(); ${show('v')}`
    assert.deepEqual(sent({ ingress: hash('{ hdr.h, 8w5 }') }), sent({ ingress: hash('{ 8w5 }') }))
  })

  test('verify_checksum finds nothing wrong with a checksum in one, update_checksum leaves their fields out', () => {
    const top = 'header c_t { bit<16> sum; }'
    const source = { top, metadata: 'c_t c;', ingress: 'hdr.h.a = (bit<8>) std.checksum_error; std.egress_spec = 1;' }
    const verify = 'verify_checksum(true, { hdr.h.a }, meta.c.sum, HashAlgorithm.csum16);'
    assert.deepEqual(sent({ ...source, verify }), ['0002030499'])
    assert.deepEqual(sent({ ...source, verify }, '01020304 99', false), ['0102030499'])
    const start = 'state start { pkt.extract(hdr.h); meta.c = { 7 }; transition accept; }'
    assert.deepEqual(sent({ ...source, start, verify }), ['0102030499'])
    // ~(0x0304)
    const compute = `update_checksum(true, { hdr.o.x, hdr.h.c, hdr.h.d }, meta.c.sum, HashAlgorithm.csum16);
      hdr.h.a = meta.c.sum[15:8]; hdr.h.b = meta.c.sum[7:0];`
    assert.deepEqual(sent({ top, metadata: 'c_t c;', ingress: 'hdr.o.x = 9; std.egress_spec = 1;', compute }), [
      'fcfb030499',
    ])
  })

  test('verify_checksum compares all bits of what the algorithm gives', () => {
    const verify = 'verify_checksum(true, { hdr.h.a }, hdr.h.b, HashAlgorithm.identity);'
    const ingress = 'hdr.h.d = (bit<8>) std.checksum_error; std.egress_spec = 1;'
    assert.deepEqual(sent({ verify, ingress }, '05050304'), ['05050300'])
    const wide = 'verify_checksum(true, { hdr.h.a, hdr.h.b }, hdr.h.b, HashAlgorithm.identity);'
    assert.deepEqual(sent({ verify: wide, ingress }, '05050304'), ['05050301'])
    assert.deepEqual(sent({ verify: wide, ingress }, '00050304'), ['00050300'])
    assert.deepEqual(sent({ verify: wide, ingress }, '05050304', false), ['05050300'])
  })

  test('a checksum of many headers leaves out those that are not valid, of fields that end inside a byte, too', () => {
    const names = ['p', 'q', 'r', 's', 't', 'u', 'v']
    const top = 'header n_t { bit<4> x; bit<4> y; }'
    const metadata = `bit<16> sum; ${names.map((name) => `n_t ${name};`).join(' ')}`
    for (const algorithm of ['crc16', 'csum16', 'identity']) {
      for (let mask = 0; mask < 128; mask += 21) {
        const valid = names.filter((_, k) => (mask >> k) & 1)
        const set = names.map(
          (name, k) => `${valid.includes(name) ? `meta.${name}.setValid();` : ''} meta.${name}.x = ${k + 3};`,
        )
        const over = (data: readonly string[]): string =>
          `update_checksum(true, { ${data.join(', ')} }, meta.sum, HashAlgorithm.${algorithm});
            hdr.h.a = meta.sum[15:8]; hdr.h.b = meta.sum[7:0];`
        const source = { top, metadata, ingress: `${set.join(' ')} std.egress_spec = 1;` }
        const all = sent({ ...source, compute: over(['hdr.h.c', ...names.map((n) => `meta.${n}.x`)]) })
        const few = names.flatMap((name, k) => (valid.includes(name) ? [`4w${k + 3}`] : []))
        assert.deepEqual(all, sent({ ...source, compute: over(['hdr.h.c', ...few]) }), `${algorithm} ${valid.join()}`)
      }
    }
  })

  test('assigned to another they make it invalid and leave its fields', () => {
    const ingress = 'h_t s; hdr.h = s; bit<8> t = hdr.h.a; hdr.o.setValid(); hdr.o.x = t; std.egress_spec = 1;'
    assert.deepEqual(sent({ ingress }), ['0199'])
  })

  test('a member of a union that becomes invalid takes no other with it', () => {
    const top = 'header l_t { bit<8> x; } header r_t { bit<16> y; } header_union u_t { l_t l; r_t r; }'
    const ingress = `u_t u; l_t l; u.r.setValid(); u.l.setInvalid(); hdr.h.a = u.r.isValid() ? 8w1 : 0;
      u.r.setValid(); u.l = l; hdr.h.b = u.r.isValid() ? 8w1 : 0;
      l.setValid(); u.l = l; hdr.h.c = u.r.isValid() ? 8w1 : 0; hdr.h.d = u.l.isValid() ? 8w1 : 0; std.egress_spec = 1;`
    assert.deepEqual(sent({ top, ingress }), ['0101000199'])
    assert.deepEqual(sent({ top, ingress }, '01020304 99', false), ['0000000199'])
  })

  test('a list expression makes a header valid as setValid does: it counts in packet_length', () => {
    const egress = 'hdr.h.a = (bit<8>) std.packet_length;'
    assert.deepEqual(sent({ ingress: 'hdr.o = { 7 }; std.egress_spec = 1;', egress }), ['070602030499'])
    assert.deepEqual(sent({ ingress: 'hdr.o = { x = 7 }; hdr.o = { 8 }; std.egress_spec = 1;', egress }), [
      '080602030499',
    ])
    const copied = 'o_t o; o.x = 6; o.setValid(); hdr.o = o; o.setInvalid(); std.egress_spec = 1;'
    assert.deepEqual(sent({ ingress: copied, egress }), ['000502030499'], 'an assignment changes no length')
  })
})

describe('--bmv2: varbits', () => {
  const source: LabSource = {
    top: 'header v_t { bit<8> n; varbit<32> rest; }',
    metadata: 'v_t v;',
    start: 'state start { pkt.extract(meta.v, (bit<32>) 16); pkt.extract(hdr.h); transition accept; }',
    egress: 'hdr.h.c = (bit<8>) std.packet_length;',
  }
  const stacked = (ingress: string): string[] =>
    sent({ ...source, ingress: `${ingress} std.egress_spec = 1;` }, '07aabb 01020304 99')

  test('count in packet_length when their header becomes invalid or valid', () => {
    assert.deepEqual(stacked(''), ['0102080499'])
    assert.deepEqual(stacked('meta.v.setInvalid();'), ['0102050499'])
    assert.deepEqual(stacked('meta.v.setInvalid(); meta.v.setValid();'), ['0102080499'])
  })

  test('are zeros, as long as they were, in a header that becomes valid again', () => {
    const text = v1modelSource({
      ...source,
      ingress: 'meta.v.setInvalid(); meta.v.setValid(); std.egress_spec = 1;',
      bmv2: true,
    })
      .replace('struct headers_t { o_t o;', 'struct headers_t { v_t v; o_t o;')
      .replaceAll('meta.v', 'hdr.v')
      .replace('pkt.emit(hdr.o);', 'pkt.emit(hdr.v); pkt.emit(hdr.o);')
    assert.deepEqual(labOf(text, true).send(3, '07aabb 01020304 99'), [{ port: 1, hex: '0000000102080499' }])
  })
})

describe('--bmv2: stacks', () => {
  test('shift by exchanging elements: what falls off one end keeps its fields at the other', () => {
    const three = (ingress: string): string | undefined =>
      sent(
        {
          metadata: 'o_t[3] s;',
          start: `state start { pkt.extract(hdr.h); pkt.extract(meta.s.next); pkt.extract(meta.s.next);
          pkt.extract(meta.s.next); transition accept; }`,
          ingress: `${ingress} hdr.h.a = meta.s[0].x; hdr.h.b = meta.s[1].x; hdr.h.c = meta.s[2].x;
          hdr.h.d = (meta.s[0].isValid() ? 8w4 : 0) + (meta.s[1].isValid() ? 8w2 : 0) + (meta.s[2].isValid() ? 8w1 : 0);
          std.egress_spec = 1;`,
        },
        '00000000 0a0b0c',
      )[0]
    assert.equal(three(''), '0a0b0c07')
    assert.equal(three('meta.s.pop_front(1);'), '0b0c0a06')
    // [a b c]: a and c change places, and then there is no pair left.
    assert.equal(three('meta.s.pop_front(2);'), '0c0b0a04')
    assert.equal(three('meta.s.push_front(1);'), '0c0a0b03')
    assert.equal(three('meta.s.push_front(2);'), '0c0b0a01')
    assert.equal(three('meta.s.push_front(3);'), '0a0b0c00')
    assert.equal(three('meta.s.pop_front(3);'), '0a0b0c00')
  })

  test('of unions are rotated, and nothing in them becomes invalid', () => {
    const ingress = `u_t[2] s; s[0].l.setValid(); s[0].l.x = 5; s[1].r.setValid(); s[1].r.y = 6; s.push_front(1);
      hdr.h.a = s[0].r.isValid() ? (bit<8>) s[0].r.y : 0; hdr.h.b = s[1].l.isValid() ? s[1].l.x : 0; std.egress_spec = 1;`
    const top = 'header l_t { bit<8> x; } header r_t { bit<16> y; } header_union u_t { l_t l; r_t r; }'
    assert.deepEqual(sent({ top, ingress }), ['0605030499'])
  })
})

describe('--bmv2: select', () => {
  const state = (cases: string): string[] =>
    sent({
      start: `state start { pkt.extract(hdr.h); transition select(hdr.h.a, hdr.h.b) { ${cases} } }
        state one { hdr.h.c = 1; transition accept; } state two { hdr.h.c = 2; transition accept; }`,
    })

  test('a list that lets everything pass is the default case, wherever it stands; the last of several counts', () => {
    assert.deepEqual(state('(_, _): one; (1, 2): two;'), ['0102020499'])
    assert.deepEqual(state('(_, _): one; (3, 2): two;'), ['0102010499'])
    assert.deepEqual(state('(_, 0 &&& 0): one; (_, _): two;'), ['0102020499'])
    assert.deepEqual(state('default: one; (1, 2): two;'), ['0102010499'])
  })
})

describe('--bmv2: what the target does', () => {
  test('copies for a group and clones of egress read zeros of headers that are not valid', () => {
    const egress = 'bit<8> x = hdr.o.x; hdr.o.setInvalid(); hdr.h.b = x;'
    const multicast = lab({ ingress: 'hdr.o.x = 7; std.mcast_grp = 1;', egress })
    multicast.pipeline.setMulticastGroup(1, [1, 2])
    assert.deepEqual(
      multicast.send(0, '01020304').map(({ hex }) => hex),
      ['01000304', '01000304'],
    )
    const clone = lab({
      ingress: 'hdr.o.x = 7; std.egress_spec = 1;',
      egress: `if (std.instance_type == 0) { clone(CloneType.E2E, 3); } ${egress}`,
    })
    clone.pipeline.traffic!.replication.setSession(3, { port: 9 })
    assert.deepEqual(clone.send(0, '01020304'), [
      { port: 1, hex: '01070304' },
      { port: 9, hex: '01000304' },
    ])
  })

  test('the parser is not told the length of a packet that it parses again for a clone, but adds to it', () => {
    const one = lab({
      start: `state start { pkt.extract(hdr.h); hdr.o.setValid(); hdr.o.x = (bit<8>) std.packet_length; transition accept; }`,
      ingress: 'clone(CloneType.I2E, 3); std.egress_spec = 1;',
      egress: 'hdr.h.a = (bit<8>) std.packet_length;',
    })
    one.pipeline.traffic!.replication.setSession(3, { port: 9 })
    assert.deepEqual(one.send(0, '01020304'), [
      { port: 9, hex: '0005020304' },
      { port: 1, hex: '0405020304' },
    ])
  })

  test('a checksum with payload takes as much of it as the packet is to be long', () => {
    const top = 'header c_t { bit<16> sum; }'
    const source = {
      top,
      metadata: 'c_t c;',
      compute: `update_checksum_with_payload(true, { hdr.h.a, hdr.h.b }, meta.c.sum, HashAlgorithm.csum16);
        hdr.h.c = meta.c.sum[15:8]; hdr.h.d = meta.c.sum[7:0];`,
    }
    // ~(0x0102 + 0x1000 + 0x2000) and the same without the second word.
    assert.deepEqual(sent({ ...source, ingress: 'std.egress_spec = 1;' }, '01020304 10002000'), ['0102cefd10002000'])
    assert.deepEqual(sent({ ...source, ingress: 'truncate(7); std.egress_spec = 1;' }, '01020304 10002000'), [
      '0102cefd100020',
    ])
    assert.deepEqual(sent({ ...source, ingress: 'truncate(2); std.egress_spec = 1;' }, '01020304 10002000'), ['0102'])
  })

  test('a clone for a port and a group is one packet: for the port it has the instance of the last copy', () => {
    for (const [ingress, egress] of [
      ['clone(CloneType.I2E, 3); mark_to_drop(std);', ''],
      ['std.egress_spec = 1;', 'if (std.instance_type == 0) { clone(CloneType.E2E, 3); mark_to_drop(std); }'],
    ] as const) {
      const one = lab({ ingress, egress: `${egress} hdr.h.b = (bit<8>) std.egress_rid;` })
      const { replication } = one.pipeline.traffic!
      replication.setSession(3, { port: 7, group: 2 })
      replication.setGroup(2, [
        { port: 5, instance: 11 },
        { port: 6, instance: 12 },
      ])
      assert.deepEqual(one.send(0, '01020304'), [
        { port: 5, hex: '010b0304' },
        { port: 6, hex: '010c0304' },
        { port: 7, hex: '010c0304' },
      ])
    }
  })

  test('truncate is forgotten by copies for a group and by recirculated packets', () => {
    const multicast = lab({ ingress: 'truncate(3); std.mcast_grp = 1;' })
    multicast.pipeline.setMulticastGroup(1, [1, 2])
    assert.deepEqual(multicast.send(0, '01020304 99'), [
      { port: 1, hex: '0102030499' },
      { port: 2, hex: '0102030499' },
    ])
    const source = {
      ingress: 'if (std.instance_type == 4) { hdr.h.b = 1; } std.egress_spec = 1;',
      egress: 'if (hdr.h.b == 2) { truncate(4); recirculate_preserving_field_list(0); }',
    }
    assert.deepEqual(sent(source), ['0101030499'])
    assert.deepEqual(sent(source, '01020304 99', false), ['01010304'])
  })

  test('a direct meter measures whatever the table hits, before the action runs', () => {
    const source = {
      metadata: 'bit<8> colour;',
      ingressLocals: `direct_meter<bit<8>>(MeterType.packets) m;
        action reads() { hdr.h.b = meta.colour; m.read(meta.colour); }
        action other() { hdr.h.b = meta.colour; }
        table t { key = { hdr.h.a: exact; } actions = { reads; other; } meters = m;
          const entries = { 1: reads(); 2: other(); } default_action = other; }`,
      ingress: 'meta.colour = 7; t.apply(); hdr.h.c = meta.colour; std.egress_spec = 1;',
    }
    const one = lab(source)
    assert.deepEqual(
      ['01', '02', '03'].map((key) => one.send(0, `${key}ffffff`)[0]?.hex),
      ['010000ff', '020000ff', '030707ff'],
    )
  })
})

describe('v1model externs', () => {
  for (const bmv2 of [true, false]) {
    test(`random leaves its destination when the bounds are the wrong way round (bmv2 ${bmv2})`, () => {
      const ingress = 'bit<8> v = 0x55; random(v, 8w9, hdr.h.a); hdr.h.b = v; std.egress_spec = 1;'
      assert.deepEqual(sent({ ingress }, '01020304', bmv2), ['01550304'])
      assert.deepEqual(sent({ ingress }, '09020304', bmv2), ['09090304'])
    })

    test(`random gives numbers of more than 64 bits, of which the low 64 count (bmv2 ${bmv2})`, () => {
      const ingress =
        'bit<130> v; random(v, 130w0x1ff, 130w0x1ff); hdr.h.b = v[7:0]; hdr.h.c = v[129:122]; std.egress_spec = 1;'
      assert.deepEqual(sent({ ingress }, '01020304', bmv2), ['01ff0004'])
    })

    test(`identity gives the first eight bytes, which end with zero bits (bmv2 ${bmv2})`, () => {
      const hash = (data: string): string =>
        `bit<64> v; hash(v, HashAlgorithm.identity, 64w0, ${data}, 64w0xffffffffffffffff);`
      assert.deepEqual(sent({ ingress: `${hash('{ hdr.h.c, 4w0xf }')} ${show('v')}` }, '01020304', bmv2), ['03f00304'])
      const long = `${hash('{ hdr.h, 64w0x1122334455667788 }')} ${show('v')}`
      assert.deepEqual(sent({ ingress: long }, '01020304', bmv2), ['33440304'])
      assert.deepEqual(sent({ ingress: `${hash('{ }')} ${show('v')}` }, '01020304', bmv2), ['00000304'])
    })
  }
})

test('a varbit length is wrong by its remainder first, then by the packet, then by its maximum', () => {
  const source: LabSource = {
    top: 'header v_t { bit<8> n; varbit<16> rest; } error { Unused }',
    metadata: 'v_t v;',
    start: 'state start { pkt.extract(hdr.h); pkt.extract(meta.v, (bit<32>) hdr.h.a); transition accept; }',
    ingress: `hdr.h.b = std.parser_error == error.NoError ? 8w0 : std.parser_error == error.PacketTooShort ? 8w1
      : std.parser_error == error.HeaderTooShort ? 8w2 : std.parser_error == error.ParserInvalidArgument ? 8w3 : 8w4;
      std.egress_spec = 1;`,
  }
  const found = (length: string): string | undefined => sent(source, `${length}000000 aabbccdd`)[0]?.slice(2, 4)
  assert.equal(found('10'), '00')
  assert.equal(found('11'), '03')
  assert.equal(found('18'), '02')
  assert.equal(found('20'), '01')
  assert.equal(found('ff'), '03')
})

describe('--bmv2: out parameters', () => {
  const top = 'bit<8> left(out bit<8> x) { return x; } void half(out bit<8> x, in bool b) { if (b) { x = 7; } }'

  test('what a function leaves unwritten is zero, not what the argument was', () => {
    const ingress = 'hdr.h.a = left(hdr.h.b); half(hdr.h.c, false); half(hdr.h.d, true); std.egress_spec = 1;'
    assert.deepEqual(sent({ top, ingress }), ['0000000799'])
  })

  test('what a sub-control leaves unwritten is what the argument was', () => {
    const source = {
      top: 'control inner(out bit<8> x, in bit<8> y) { apply { if (y == 0) { x = 1; } } }',
      ingressLocals: 'inner() i;',
      ingress: 'i.apply(hdr.h.a, hdr.h.b); std.egress_spec = 1;',
    }
    assert.deepEqual(sent(source), ['0102030499'])
  })
})
