import type { KeySet } from '@lodestone/p4'
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { v1modelLab } from './lab.fixture.ts'

const exact = (value: bigint): KeySet => ({ kind: 'exact', value })

describe('action profiles', () => {
  const SELECTOR = {
    ingressLocals: `
      action_selector(HashAlgorithm.crc16, 32w4, 32w16) hops;
      action to(bit<9> port) { std.egress_spec = port; } action drop() { mark_to_drop(std); }
      table t { key = { hdr.h.a: exact; hdr.h.b: selector; hdr.h.c: selector; } actions = { to; drop; NoAction; }
        implementation = hops; default_action = NoAction(); }`,
    ingress: 'std.egress_spec = 9; t.apply();',
  }

  test('an entry with a member runs its action, and changes with it', () => {
    const { pipeline, send } = v1modelLab(SELECTOR)
    const hops = pipeline.profile('hops')!
    const member = hops.addMember('to', [3n])
    assert.ok(member.ok)
    const entry = { keys: [exact(1n)], action: '', parameters: [], member: member.member }
    assert.deepEqual(pipeline.addEntry('t', entry), { ok: true })
    assert.equal(send(0, '01000000')[0]?.port, 3)
    assert.equal(send(0, '02000000')[0]?.port, 9)
    assert.deepEqual(hops.modifyMember(member.member, 'to', [5n]), { ok: true })
    assert.equal(send(0, '01000000')[0]?.port, 5)
    const refused = hops.deleteMember(member.member)
    assert.ok(!refused.ok && refused.error.kind === 'inUse')
    pipeline.deleteEntry('t', entry)
    assert.deepEqual(hops.deleteMember(member.member), { ok: true })
  })

  test('a group spreads packets over its members by the hash of the selector keys, always alike for one flow', () => {
    const { pipeline, send } = v1modelLab(SELECTOR)
    const hops = pipeline.profile('hops')!
    const group = hops.createGroup()
    assert.ok(group.ok)
    const keys = [exact(1n)]
    assert.ok(pipeline.addEntry('t', { keys, action: '', parameters: [], group: group.group }).ok)
    assert.equal(send(0, '01000000')[0]?.port, 9, 'an empty group does what a miss does')
    for (const port of [4n, 5n, 6n]) {
      const member = hops.addMember('to', [port])
      assert.ok(member.ok && hops.addToGroup(group.group, member.member).ok)
    }
    const counts = new Map<number, number>()
    for (let flow = 0; flow < 256; flow++) {
      const hex = `01${flow.toString(16).padStart(2, '0')}0700`
      const [first] = send(0, hex)
      assert.deepEqual(send(0, hex)[0]?.port, first?.port)
      counts.set(first!.port, (counts.get(first!.port) ?? 0) + 1)
    }
    assert.deepEqual([...counts.keys()].sort(), [4, 5, 6])
    assert.ok([...counts.values()].every((count) => count > 50))
    assert.deepEqual(hops.removeFromGroup(group.group, 1), { ok: true })
    for (let flow = 0; flow < 64; flow++) {
      assert.notEqual(send(0, `01${flow.toString(16).padStart(2, '0')}0700`)[0]?.port, 5)
    }
    assert.deepEqual(hops.group(group.group), [0, 2])
  })

  test('refusals name what there is', () => {
    const { pipeline } = v1modelLab(SELECTOR)
    const hops = pipeline.profile('hops')!
    const message = (result: { readonly ok: boolean; readonly error?: { readonly message?: string } }): string =>
      result.error?.message ?? ''
    assert.match(message(hops.addMember('fly', [])), /I\.t has no action 'fly'; it has: I\.to, I\.drop, NoAction/)
    assert.match(message(hops.addMember('to', [])), /takes 1 parameters \(port\), not 0/)
    assert.match(message(hops.addMember('to', [600n])), /port = 600 does not fit into 9 bits/)
    for (let k = 0; k < 4; k++) assert.ok(hops.addMember('drop', []).ok)
    assert.match(message(hops.addMember('drop', [])), /all 4 members/)
    assert.match(message(hops.addToGroup(3, 0)), /no group 3; it has: none/)
    const keys = [exact(1n)]
    const entry = pipeline.addEntry('t', { keys, action: '', parameters: [], member: 77 })
    assert.ok(!entry.ok && entry.error.kind === 'badParameter' && /no member 77/.test(entry.error.message))
  })

  test('an action_profile has members and no groups; other tables have neither', () => {
    const { pipeline } = v1modelLab({
      ingressLocals: `action_profile(8) p; action to(bit<9> port) { std.egress_spec = port; }
        table t { key = { hdr.h.a: exact; } actions = { to; NoAction; } implementation = p; default_action = NoAction(); }
        table plain { key = { hdr.h.a: exact; } actions = { to; NoAction; } default_action = NoAction(); }`,
      ingress: 't.apply(); plain.apply();',
    })
    const group = pipeline.profile('p')!.createGroup()
    assert.ok(!group.ok && group.error.kind === 'badValue')
    const entry = pipeline.addEntry('plain', { keys: [exact(1n)], action: '', parameters: [], member: 0 })
    assert.ok(!entry.ok && entry.error.kind === 'badParameter')
    assert.equal(pipeline.profile('none'), undefined)
  })
})

describe('parser value sets', () => {
  const SET = {
    top: 'struct pair_t { @match(ternary) bit<8> first; @match(range) bit<8> second; }',
    parserLocals: 'value_set<bit<8>>(2) small; value_set<pair_t>(4) pairs;',
    start: `state start { pkt.extract(hdr.h); transition select(hdr.h.a) { small: one; default: next; } }
      state one { meta.unused = 1; transition accept; }
      state next { transition select(hdr.h.b, hdr.h.c) { pairs: two; default: accept; } }
      state two { meta.unused = 2; transition accept; }`,
    ingress: 'std.egress_spec = (bit<9>) meta.unused;',
  }

  test('decide what the program goes on with, as the control plane says', () => {
    const { pipeline, send } = v1modelLab(SET)
    const small = pipeline.valueSet('small')!
    assert.equal(send(0, '07000000')[0]?.port, 0)
    assert.deepEqual(small.add([exact(7n)]), { ok: true })
    assert.equal(send(0, '07000000')[0]?.port, 1)
    assert.deepEqual(small.remove([exact(7n)]), { ok: true })
    assert.equal(send(0, '07000000')[0]?.port, 0)
    const pairs = pipeline.valueSet('pairs')!
    const member: KeySet[] = [
      { kind: 'ternary', value: 0x10n, mask: 0xf0n },
      { kind: 'range', low: 3n, high: 5n },
    ]
    assert.deepEqual(pairs.replace([member]), { ok: true })
    assert.equal(send(0, '001f0400')[0]?.port, 2)
    assert.equal(send(0, '001f0600')[0]?.port, 0)
    assert.equal(send(0, '002f0400')[0]?.port, 0)
  })

  test('refuse what does not fit', () => {
    const small = v1modelLab(SET).pipeline.valueSet('small')!
    const refuses = (keys: readonly KeySet[], pattern: RegExp): void => {
      const result = small.add(keys)
      assert.ok(!result.ok)
      assert.match(result.error.message, pattern)
    }
    refuses([exact(256n)], /256 does not fit into the 8 bits/)
    refuses([], /has 1 keys/)
    refuses([{ kind: 'range', low: 1n, high: 2n }], /takes no range/)
    assert.ok(small.add([exact(1n)]).ok && small.add([exact(2n)]).ok)
    refuses([exact(3n)], /all 2 members/)
  })

  test('a set may stand beside other keys of one case', () => {
    const { pipeline, send } = v1modelLab({
      parserLocals: 'value_set<bit<8>>(2) small;',
      start: `state start { pkt.extract(hdr.h); transition select(hdr.h.a, hdr.h.b) { (small, 5): one; default: accept; } }
        state one { meta.unused = 1; transition accept; }`,
      ingress: 'std.egress_spec = (bit<9>) meta.unused;',
    })
    pipeline.valueSet('small')!.add([exact(7n)])
    assert.equal(send(0, '07050000')[0]?.port, 1)
    assert.equal(send(0, '07060000')[0]?.port, 0)
    assert.equal(send(0, '08050000')[0]?.port, 0)
  })
})

describe('idle time-outs', () => {
  const TABLE = {
    ingressLocals: `action to(bit<9> port) { std.egress_spec = port; }
      table t { key = { hdr.h.a: exact; } actions = { to; NoAction; } support_timeout = true; default_action = NoAction(); }
      table u { key = { hdr.h.a: exact; } actions = { to; NoAction; } default_action = NoAction(); }`,
    ingress: 't.apply(); u.apply();',
  }

  test('an entry is told once when nothing has matched it for its time, and again after the next match', () => {
    const { pipeline, send, clock } = v1modelLab(TABLE)
    const entry = { keys: [exact(1n)], action: 'to', parameters: [2n], idleTimeoutMs: 1000 }
    assert.ok(pipeline.addEntry('t', entry).ok)
    clock.ms = 900
    send(0, '01000000')
    assert.deepEqual(pipeline.idleEntries(), [])
    clock.ms = 1899
    assert.deepEqual(pipeline.idleEntries(), [])
    clock.ms = 1900
    assert.deepEqual(pipeline.idleEntries(), [{ table: 'I.t', entry: { keys: [exact(1n)] }, idleMs: 1000 }])
    assert.deepEqual(pipeline.idleEntries(), [])
    send(0, '01000000')
    assert.deepEqual(pipeline.idleEntries(), [])
    clock.ms = 2900
    assert.equal(pipeline.idleEntries().length, 1)
    pipeline.deleteEntry('t', entry)
    clock.ms = 9900
    assert.deepEqual(pipeline.idleEntries(), [])
  })

  test('a table that does not support them refuses', () => {
    const entry = { keys: [exact(1n)], action: 'to', parameters: [2n], idleTimeoutMs: 1000 }
    const result = v1modelLab(TABLE).pipeline.addEntry('u', entry)
    assert.ok(!result.ok && result.error.kind === 'badParameter' && /support_timeout/.test(result.error.message))
  })
})

describe('meters and registers', () => {
  test('a direct meter marks each entry by its own buckets over time', () => {
    const { pipeline, send, clock } = v1modelLab({
      ingressLocals: `direct_meter<bit<8>>(MeterType.packets) rate;
        action mark() { rate.read(hdr.h.b); }
        table t { key = { hdr.h.a: exact; } actions = { mark; NoAction; } meters = rate; default_action = NoAction(); }`,
      ingress: 'std.egress_spec = 1; t.apply();',
    })
    for (const key of [1n, 2n]) pipeline.addEntry('t', { keys: [exact(key)], action: 'mark', parameters: [] })
    const config = { committedRate: 10, committedBurst: 1, peakRate: 20, peakBurst: 2 }
    assert.ok(pipeline.setEntryMeter('t', { keys: [exact(1n)] }, config).ok)
    const colours = (key: string): string[] => [0, 1, 2].map(() => send(0, `${key}ff0000`)[0]!.hex.slice(2, 4))
    assert.deepEqual(colours('01'), ['00', '01', '02'])
    assert.deepEqual(colours('02'), ['00', '00', '00'])
    clock.ms = 50
    assert.deepEqual(colours('01'), ['01', '02', '02'])
    clock.ms = 250
    assert.deepEqual(colours('01'), ['00', '01', '02'])
    const wrong = pipeline.setEntryMeter('t', { keys: [exact(1n)] }, { ...config, peakRate: 5 })
    assert.ok(!wrong.ok && wrong.error.kind === 'badParameter')
    assert.ok(!pipeline.setEntryMeter('t', { keys: [exact(9n)] }, config).ok)
  })

  test('reading a register or meter beyond its end leaves the destination alone', () => {
    const { pipeline, send } = v1modelLab({
      ingressLocals: 'register<bit<8>>(2) r; meter(2, MeterType.packets) m;',
      ingress: `std.egress_spec = 1; r.read(hdr.h.b, (bit<32>) hdr.h.a); m.execute_meter((bit<32>) hdr.h.a, hdr.h.c);
        r.write((bit<32>) hdr.h.a, 0x33);`,
    })
    pipeline.writeRegister('r', 1, 0x99n)
    assert.equal(send(0, '01555555')[0]?.hex, '01990055')
    assert.equal(send(0, '02555555')[0]?.hex, '02555555')
    assert.equal(pipeline.readRegister('r', 1), 0x33n)
  })

  test('a register cell may be a struct of any width', () => {
    const { pipeline, send } = v1modelLab({
      top: 'struct cell_t { bit<8> low; bit<100> wide; }',
      ingressLocals: 'register<cell_t>(1) r;',
      ingress: `std.egress_spec = 1; cell_t cell; r.read(cell, 0); hdr.h.b = cell.low; cell.low = hdr.h.a;
        cell.wide = cell.wide + 3; r.write(0, cell);`,
    })
    send(0, '21000000')
    assert.equal(send(0, '22000000')[0]?.hex, '22210000')
    assert.equal(pipeline.readRegister('r', 0), (0x22n << 100n) | 6n)
  })
})

test('an array of registers is used by index, constant or not', () => {
  const { pipeline, send } = v1modelLab({
    ingressLocals: 'register<bit<8>>(1) r[3];',
    ingress: `std.egress_spec = 1; r[hdr.h.a].read(hdr.h.b, 0); r[hdr.h.a].write(0, hdr.h.c); r[2].read(hdr.h.d, 0);`,
  })
  assert.equal(send(0, '01ff4400')[0]?.hex, '01004400')
  assert.equal(send(0, '02ff5500')[0]?.hex, '02005555')
  assert.equal(send(0, '01ff6600')[0]?.hex, '01446655')
  assert.equal(send(0, '09ff7700')[0]?.hex, '09ff7755')
  assert.equal(pipeline.readRegister('I.r[1]', 0), 0x66n)
})

describe('user externs', () => {
  const SOURCE = {
    top: `extern bit<8> mix(in bit<8> x, inout bit<8> y, out bit<8> z);
      extern Adder { Adder(bit<8> step); bit<8> next(in bit<8> from); }`,
    ingressLocals: 'Adder(5) adder;',
    ingress: 'std.egress_spec = 1; hdr.h.a = mix(hdr.h.a, hdr.h.b, hdr.h.c); hdr.h.d = adder.next(hdr.h.d);',
  }

  test('functions and objects in TypeScript take and give values', () => {
    class Adder {
      readonly #step: bigint
      #calls = 0n
      constructor(step: bigint) {
        this.#step = step
      }
      next(from: bigint): bigint {
        this.#calls += 1n
        return from + this.#step * this.#calls
      }
    }
    const mix = (x: bigint, y: bigint): Record<string, bigint> => ({ return: x + y, y: 0x1ffn, z: x })
    const { send } = v1modelLab(SOURCE, { externs: { mix, Adder } })
    assert.equal(send(0, '01020304')[0]?.hex, '03ff0109')
    assert.equal(send(0, '01020304')[0]?.hex, '03ff010e')
  })

  test('what nobody supplies changes nothing and is told', () => {
    const { pipeline, send } = v1modelLab(SOURCE)
    assert.equal(send(0, '01020304')[0]?.hex, '00020000')
    assert.deepEqual(pipeline.takeEvents(), [
      { kind: 'target', name: 'mix', values: [1n, 2n] },
      { kind: 'target', name: 'I.adder.next', values: [4n] },
    ])
  })
})

describe('externs of the user that go wrong', () => {
  const SOURCE = {
    top: 'extern bit<8> ask(in bit<8> a);',
    ingress: 'std.egress_spec = 1; hdr.h.a = 7; hdr.h.b = ask(hdr.h.b);',
  }
  const cases: Readonly<Record<string, readonly [() => never, RegExp]>> = {
    throws: [() => assert.fail('on purpose'), /^ask: on purpose$/],
    'gives a fraction': [() => 1.5 as never, /^ask: 'return' must be .*, not 1\.5$/],
    'gives text': [() => 'abc' as never, /not abc$/],
    'gives an object of objects': [() => ({ return: {} }) as never, /not an object$/],
    'gives a list': [() => [1n] as never, /not with a list$/],
    'is asynchronous': [() => Promise.resolve(1n) as never, /not with a promise$/],
  }
  for (const [name, [ask, expected]] of Object.entries(cases)) {
    test(`one that ${name} changes nothing, and it is told`, () => {
      const { pipeline, send } = v1modelLab(SOURCE, { externs: { ask } })
      assert.equal(send(0, '01020304')[0]?.hex.slice(0, 2), '07')
      const [event, ...others] = pipeline.takeEvents()
      assert.deepEqual([event?.kind, event?.values, others], ['mistake', [2n], []])
      assert.match(event?.name ?? '', expected)
    })
  }
})

describe('custom crc', () => {
  const SOURCE = {
    ingress: `std.egress_spec = 1; bit<32> result; bit<16> short;
      hash(result, HashAlgorithm.crc32_custom, 32w0, { hdr.h }, 33w0x100000000);
      hash(short, HashAlgorithm.crc16_custom, 16w0, { hdr.h }, 17w0x10000);
      hdr.h.a = result[31:24]; hdr.h.b = result[7:0]; hdr.h.c = short[15:8]; hdr.h.d = short[7:0];`,
  }
  /** Bit by bit, from the definition. */
  function crc(bits: number, polynomial: bigint, initial: bigint, final: bigint, isReflected: boolean): bigint {
    const top = 1n << BigInt(bits - 1)
    const full = (1n << BigInt(bits)) - 1n
    const mirror = (value: bigint, width: number): bigint =>
      BigInt(`0b${value.toString(2).padStart(width, '0').split('').reverse().join('')}`)
    let register = initial
    for (const byte of [0x12n, 0x34n, 0x56n, 0x78n]) {
      register ^= (isReflected ? mirror(byte, 8) : byte) << BigInt(bits - 8)
      for (let k = 0; k < 8; k++) register = ((register << 1n) ^ (register & top ? polynomial : 0n)) & full
    }
    return (isReflected ? mirror(register, bits) : register) ^ final
  }
  const expected = (long: bigint, short: bigint): string =>
    [long >> 24n, long & 0xffn, short >> 8n, short & 0xffn].map((byte) => byte.toString(16).padStart(2, '0')).join('')

  test('is the standard one at first, and then what the control plane says', () => {
    const { pipeline, send } = v1modelLab(SOURCE)
    const standard = expected(crc(32, 0x04c11db7n, 0xffffffffn, 0xffffffffn, true), crc(16, 0x8005n, 0n, 0n, true))
    assert.equal(send(0, '12345678')[0]?.hex, standard)
    const plain = { reflectInput: false, reflectOutput: false, final: 0 }
    assert.ok(pipeline.setCrc('crc32_custom', { ...plain, polynomial: 0x1edc6f41, initial: 0xffffffff }).ok)
    assert.ok(pipeline.setCrc('crc16_custom', { ...plain, polynomial: 0x1021, initial: 0xffff }).ok)
    const other = expected(crc(32, 0x1edc6f41n, 0xffffffffn, 0n, false), crc(16, 0x1021n, 0xffffn, 0n, false))
    assert.equal(send(0, '12345678')[0]?.hex, other)
    assert.ok(!pipeline.setCrc('crc16_custom', { ...plain, polynomial: 0x11021, initial: 0 }).ok)
  })
})

test("a program's own entries may have bits that do not take part in the match", () => {
  const lab = v1modelLab({
    ingressLocals: `action s(bit<8> x) { hdr.h.b = x; }
      table t { key = { hdr.h.a: ternary; hdr.h.c: lpm; } actions = { s; }
        const entries = { (0x15 &&& 0xf0, 0x37 &&& 0xf0): s(1); } }`,
    ingress: 't.apply(); std.egress_spec = 1;',
  })
  assert.deepEqual(lab.send(0, '1e003104'), [{ port: 1, hex: '1e013104' }])
  assert.deepEqual(lab.pipeline.entries('t')?.[0]?.keys, [
    { kind: 'ternary', value: 0x10n, mask: 0xf0n },
    { kind: 'lpm', value: 0x30n, length: 4 },
  ])
})
