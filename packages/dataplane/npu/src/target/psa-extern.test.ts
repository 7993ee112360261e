import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Lab } from './lab.fixture.ts'
import { psaLab, SEND } from './psa-lab.fixture.ts'

describe('externs', () => {
  test('registers begin with their initial value, counters and meters count', () => {
    const lab = psaLab({
      ingressLocals: `Register<bit<8>, bit<8>>(4, 7) r; Counter<bit<32>, bit<8>>(2, PSA_CounterType_t.PACKETS) n;
        Meter<bit<8>>(2, PSA_MeterType_t.PACKETS) m; Random<bit<8>>(5, 6) dice;`,
      ingress: `${SEND} hdr.h.b = r.read(1); r.write(1, hdr.h.b + 1); n.count(1);
        PSA_MeterColor_t colour = m.execute(0); hdr.h.c = 0;
        if (colour == PSA_MeterColor_t.GREEN) { hdr.h.c = 1; } if (colour == PSA_MeterColor_t.YELLOW) { hdr.h.c = 2; }
        if (colour == PSA_MeterColor_t.RED) { hdr.h.c = 3; } if (dice.read() < 5) { hdr.h.d = 0xff; }`,
    })
    assert.equal(lab.send(1, '01020304')[0]?.hex, '01070104')
    assert.ok(lab.pipeline.setMeter('m', 0, { committedRate: 1, committedBurst: 1, peakRate: 1, peakBurst: 2 }))
    assert.deepEqual(
      [0, 1, 2].map(() => lab.send(1, '01020304')[0]?.hex),
      ['01080104', '01090204', '010a0304'],
    )
    assert.equal(lab.pipeline.counter('n')?.[1]?.packets, 4)
  })

  test('a meter that knows the colour of a packet makes it no better', () => {
    const lab = psaLab({
      ingressLocals: 'Meter<bit<8>>(1, PSA_MeterType_t.PACKETS) m;',
      ingress: `${SEND} PSA_MeterColor_t c = PSA_MeterColor_t.YELLOW; if (hdr.h.a == 2) { c = PSA_MeterColor_t.RED; }
        c = m.execute(0, c); hdr.h.b = 1; if (c == PSA_MeterColor_t.YELLOW) { hdr.h.b = 2; }
        if (c == PSA_MeterColor_t.RED) { hdr.h.b = 3; }`,
    })
    lab.pipeline.setMeter('m', 0, { committedRate: 1, committedBurst: 5, peakRate: 1, peakBurst: 2 })
    const colours = ['01', '02', '01', '01'].map((a) => lab.send(1, `${a}000000`)[0]?.hex.slice(2, 4))
    assert.deepEqual(colours, ['02', '03', '02', '03'])
  })

  test('InternetChecksum adds and subtracts (RFC 1624); Checksum and Hash agree about a crc', () => {
    const lab = psaLab({
      ingressLocals: `InternetChecksum() sum; Checksum<bit<16>>(PSA_HashAlgorithm_t.CRC16) crc;
        Hash<bit<16>>(PSA_HashAlgorithm_t.CRC16) h;`,
      ingress: `${SEND} sum.add({ hdr.h.a, hdr.h.b, hdr.h.c, hdr.h.d }); sum.subtract({ hdr.h.a, hdr.h.b });
        bit<16> left = sum.get(); crc.update(hdr.h.a); crc.update({ hdr.h.b, hdr.h.c });
        bit<16> parts = crc.get(); bit<16> whole = h.get_hash({ hdr.h.a, hdr.h.b, hdr.h.c });
        hdr.h.a = left[15:8]; hdr.h.b = left[7:0]; hdr.h.c = 0; if (parts == whole) { hdr.h.c = 1; }`,
    })
    assert.equal(lab.send(1, '12345678')[0]?.hex, 'a9870178')
  })

  test('digests, direct counters and selectors', () => {
    const lab = psaLab({
      ingressLocals: `Digest<carried_t>() learned; DirectCounter<bit<32>>(PSA_CounterType_t.PACKETS) hits;
        ActionSelector(PSA_HashAlgorithm_t.CRC32, 32w8, 32w16) paths;
        action go(PortIdUint_t port) { send_to_port(ostd, (PortId_t) port); hits.count(); }
        table t { key = { hdr.h.a: exact; hdr.h.b: selector; } actions = { go; NoAction; } psa_direct_counter = hits;
          psa_implementation = paths; }`,
      ingress: 't.apply(); learned.pack({ hdr.h.d });',
    })
    const { pipeline } = lab
    const paths = pipeline.profile('paths')!
    const member = paths.addMember('go', [7n])
    assert.ok(member.ok)
    const keys = [{ kind: 'exact', value: 1n } as const]
    assert.ok(pipeline.addEntry('t', { keys, action: '', parameters: [], member: member.member }).ok)
    assert.deepEqual(lab.send(1, '01020304'), [{ port: 7, hex: '01020304' }])
    assert.deepEqual(pipeline.takeEvents(), [{ kind: 'digest', name: 'IG.learned', values: [4n] }])
    assert.equal(pipeline.counter('hits')?.[0]?.packets, 1)
  })

  const selector = (property: string, bmv2 = false): Lab =>
    psaLab({
      bmv2,
      ingressLocals: `ActionSelector(PSA_HashAlgorithm_t.CRC32, 32w8, 32w16) paths;
        action go(PortIdUint_t port) { send_to_port(ostd, (PortId_t) port); hdr.h.d = 0xaa; }
        table t { key = { hdr.h.a: exact; hdr.h.b: selector; } actions = { go; } ${property}
          psa_implementation = paths; default_action = go(9); }`,
      ingress: `${SEND} if (t.apply().hit) { hdr.h.c = 0x11; }`,
    })

  test('an entry whose group has no members runs psa_empty_group_action, and without one NoAction', () => {
    for (const [property, bmv2, expected] of [
      ['psa_empty_group_action = go(5);', false, { port: 5, hex: '010211aa' }],
      ['', false, { port: 2, hex: '01021104' }],
      ['psa_empty_group_action = go(5);', true, { port: 2, hex: '01021104' }],
    ] as const) {
      const { pipeline, send } = selector(property, bmv2)
      const paths = pipeline.profile('paths')!
      const group = paths.createGroup()
      assert.ok(group.ok)
      const keys = [{ kind: 'exact', value: 1n } as const]
      assert.ok(pipeline.addEntry('t', { keys, action: '', parameters: [], group: group.group }).ok)
      assert.deepEqual(send(1, '01020304'), [expected])
      assert.deepEqual(send(1, '02020304'), [{ port: 9, hex: '020203aa' }], 'a miss')
      const member = paths.addMember('go', [7n])
      assert.ok(member.ok)
      assert.ok(paths.addToGroup(group.group, member.member).ok)
      assert.deepEqual(send(1, '01020304'), [{ port: 7, hex: '010211aa' }])
      assert.ok(paths.removeFromGroup(group.group, member.member).ok)
      assert.deepEqual(send(1, '01020304'), [expected])
      const story = pipeline.explain(Uint8Array.of(1, 2, 3, 4), 1)
      assert.ok(story.isExact, story.notes.join())
    }
  })

  test('psa_empty_group_action takes an action of the table with its arguments', () => {
    assert.throws(() => selector('psa_empty_group_action = walk(5);'), /walk/)
    assert.throws(() => selector('psa_empty_group_action = go();'), /port|argument/)
  })
})

describe('externs, one by one (PSA §7)', () => {
  const show = (value: string): string =>
    `bit<32> v = ${value}; hdr.h.a = v[31:24]; hdr.h.b = v[23:16]; hdr.h.c = v[15:8]; hdr.h.d = v[7:0];`
  const hashed = (algorithm: string, call: string): string | undefined =>
    psaLab({
      ingressLocals: `Hash<bit<32>>(PSA_HashAlgorithm_t.${algorithm}) h;`,
      ingress: `${SEND} ${show(`h.get_hash(${call})`)}`,
    }).send(1, '01020304')[0]?.hex

  test('Hash, with known values, and with base and modulus', () => {
    assert.equal(hashed('IDENTITY', 'hdr.h'), '01020304')
    assert.equal(hashed('CRC32', 'hdr.h'), 'b63cfbcd')
    assert.equal(hashed('CRC32_CUSTOM', 'hdr.h'), 'b63cfbcd')
    assert.equal(hashed('CRC16', 'hdr.h'), '00000fa1')
    assert.equal(hashed('ONES_COMPLEMENT16', 'hdr.h'), '0000fbf9')
    assert.equal(
      hashed('IDENTITY', '32w1000, hdr.h, 32w100'),
      (1000 + (0x01020304 % 100)).toString(16).padStart(8, '0'),
    )
    assert.equal(hashed('CRC32', '32w7, hdr.h, 32w1'), '00000007')
  })

  test('Checksum in parts is the hash of the whole, and clear begins anew', () => {
    const lab = psaLab({
      ingressLocals: 'Checksum<bit<32>>(PSA_HashAlgorithm_t.CRC32) c;',
      ingress: `${SEND} c.update({ hdr.h.d }); c.clear(); c.update({ hdr.h.a }); c.update({ hdr.h.b, hdr.h.c }); c.update(hdr.h.d);
        ${show('c.get()')}`,
    })
    assert.equal(lab.send(1, '01020304')[0]?.hex, 'b63cfbcd')
    assert.equal(lab.send(1, '01020304')[0]?.hex, 'b63cfbcd', 'the next packet begins anew')
  })

  test('InternetChecksum changes a sum by its difference (the example of RFC 1624 §4) and gives its state away', () => {
    const lab = psaLab({
      ingressLocals: 'InternetChecksum() c;',
      ingress: `${SEND} c.set_state(~16w0xdd2f); c.subtract({ 16w0x5555 }); c.add({ 16w0x3285 });
        bit<16> sum = c.get(); bit<16> state = c.get_state(); ${show('sum ++ state')}`,
    })
    assert.equal(lab.send(1, '01020304')[0]?.hex, '0000ffff')
  })

  test('Counter counts packets, bytes or both by index, and nothing beyond its end; DirectCounter by entry', () => {
    const lab = psaLab({
      ingressLocals: `Counter<bit<32>, bit<8>>(2, PSA_CounterType_t.PACKETS_AND_BYTES) n;
        DirectCounter<bit<32>>(PSA_CounterType_t.BYTES) hits;
        action go() { hits.count(); } action other() { }
        table t { key = { hdr.h.a: exact; } actions = { go; other; } psa_direct_counter = hits;
          default_action = other(); const entries = { 1: go(); 2: go(); 3: other(); } }`,
      ingress: `${SEND} n.count(hdr.h.b); t.apply();`,
    })
    for (const hex of ['0100', '0101', '0201ffff', '0302', '0401']) lab.send(1, `${hex}0000`)
    assert.deepEqual(lab.pipeline.counter('n'), [
      { packets: 1, bytes: 4 },
      { packets: 3, bytes: 14 },
    ])
    const [first, second, third] = lab.pipeline.counter('hits')!
    assert.deepEqual([first?.bytes, second?.bytes, third?.bytes], [8, 6, 0])
  })

  test('Register is read as written by packets before, and out of range gives zero and changes nothing', () => {
    const lab = psaLab({
      ingressLocals: 'Register<bit<8>, bit<8>>(2, 5) r;',
      ingress: `${SEND} hdr.h.c = r.read(hdr.h.a); r.write(hdr.h.a, hdr.h.b);`,
    })
    const seen = ['0009', '0008', '0107', '0106', '0203', '0203'].map((hex) =>
      lab.send(1, `${hex}0000`)[0]?.hex.slice(4, 6),
    )
    assert.deepEqual(seen, ['05', '09', '05', '07', '00', '00'])
  })

  test('Random draws every number of its range and no other', () => {
    const lab = psaLab({ ingressLocals: 'Random<bit<8>>(5, 8) dice;', ingress: `${SEND} hdr.h.a = dice.read();` })
    const seen = new Set(Array.from({ length: 100 }, () => lab.send(1, '00000000')[0]?.hex.slice(0, 2)))
    assert.deepEqual([...seen].sort(), ['05', '06', '07', '08'])
  })

  test('DirectMeter marks by entry', () => {
    const lab = psaLab({
      ingressLocals: `DirectMeter(PSA_MeterType_t.PACKETS) m;
        action go() { PSA_MeterColor_t c = m.execute(); hdr.h.d = c == PSA_MeterColor_t.RED ? 8w3 : c == PSA_MeterColor_t.YELLOW ? 8w2 : 1; }
        table t { key = { hdr.h.a: exact; } actions = { go; NoAction; } psa_direct_meter = m; }`,
      ingress: `${SEND} t.apply();`,
    })
    for (const value of [1n, 2n]) {
      const keys = [{ kind: 'exact', value } as const]
      assert.ok(lab.pipeline.addEntry('t', { keys, action: 'go', parameters: [] }).ok)
    }
    const config = { committedRate: 1, committedBurst: 1, peakRate: 1, peakBurst: 2 }
    assert.ok(lab.pipeline.setEntryMeter('t', { keys: [{ kind: 'exact', value: 1n }] }, config).ok)
    const colours = ['01', '01', '01', '02', '02'].map((key) => lab.send(1, `${key}000000`)[0]?.hex.slice(6))
    assert.deepEqual(colours, ['01', '02', '03', '01', '01'])
  })

  test('ActionProfile members are shared by entries and change for all of them', () => {
    const lab = psaLab({
      ingressLocals: `ActionProfile(32w4) p; action go(PortIdUint_t port) { send_to_port(ostd, (PortId_t) port); }
        table t { key = { hdr.h.a: exact; } actions = { go; NoAction; } psa_implementation = p; }`,
      ingress: 't.apply();',
    })
    const profile = lab.pipeline.profile('p')!
    const added = profile.addMember('go', [7n])
    assert.ok(added.ok)
    for (const value of [1n, 2n]) {
      const keys = [{ kind: 'exact', value } as const]
      assert.ok(lab.pipeline.addEntry('t', { keys, action: '', parameters: [], member: added.member }).ok)
    }
    assert.ok(profile.modifyMember(added.member, 'go', [8n]).ok)
    assert.deepEqual(
      ['01', '02', '03'].map((key) => lab.send(1, `${key}020304`)[0]?.port),
      [8, 8, undefined],
    )
  })

  test('value sets decide in the parser, and digests carry what was packed when it was packed', () => {
    const lab = psaLab({
      ingressParser: `value_set<bit<8>>(2) known; state start { pkt.extract(hdr.h);
        transition select(hdr.h.a) { known: yes; default: accept; } } state yes { meta.value = 1; transition accept; }`,
      ingressLocals: 'Digest<carried_t>() learned;',
      ingress: `${SEND} hdr.h.b = meta.value; learned.pack({ hdr.h.b }); hdr.h.b = 9;`,
    })
    assert.ok(lab.pipeline.valueSet('known')!.add([{ kind: 'exact', value: 5n }]).ok)
    for (const key of ['05', '06']) lab.send(1, `${key}000000`)
    assert.deepEqual(
      lab.pipeline.takeEvents().map(({ values }) => values),
      [[1n], [0n]],
    )
  })
})
