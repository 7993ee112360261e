import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileText } from '../testing/compile-text.test.ts'
import { aliases } from './alias.ts'
import { Ids } from './ids.ts'
import { TextWriter } from './text-writer.ts'

const PROGRAM = `#include <core.p4>
#include <v1model.p4>
@p4runtime_translation("example/port", string) type bit<9> port_t;
enum bit<8> proto_t { tcp = 6, udp = 17 }
header eth_t { bit<48> dst; bit<48> src; bit<16> type; }
@controller_header("packet_in") header in_t { bit<9> port; bit<7> pad; }
struct headers_t { in_t ctl; eth_t eth; }
struct learn_t { bit<48> mac; port_t port; }
struct meta_t { proto_t proto; port_t port; }
parser P(packet_in pkt, out headers_t hdr, inout meta_t meta, inout standard_metadata_t sm) {
  value_set<bit<16>>(4) types;
  state start { pkt.extract(hdr.eth); transition select(hdr.eth.type) { types: accept; _: accept; } } }
control V(inout headers_t hdr, inout meta_t meta) { apply { } }
control Inner(inout headers_t hdr)() {
  action drop_it() { hdr.eth.setInvalid(); }
  table acl { key = { hdr.eth.src: ternary; } actions = { drop_it; NoAction; } }
  apply { acl.apply(); } }
control I(inout headers_t hdr, inout meta_t meta, inout standard_metadata_t sm) {
  Inner() first; Inner() second;
  counter(16, CounterType.packets) hits;
  meter(32, MeterType.bytes) rate;
  register<bit<32>>(64) seen;
  direct_counter(CounterType.packets_and_bytes) per_route;
  action_selector(HashAlgorithm.crc16, 32w128, 32w16) members;
  @brief("Sends a packet out") action send(@id(7) bit<9> port, bit<48> mac) { sm.egress_spec = port; hdr.eth.dst = mac; per_route.count(); }
  action drop() { mark_to_drop(sm); per_route.count(); }
  @id(0x42) table route {
    key = { hdr.eth.dst: lpm @name("destination"); hdr.eth.type & 0xff: exact; meta.proto: exact; meta.port: optional; hdr.eth.isValid(): exact; }
    actions = { send; @defaultonly drop; }
    const default_action = drop();
    counters = per_route; size = 512; }
  action send_to(bit<9> port) { sm.egress_spec = port; }
  table spread { key = { hdr.eth.dst: exact; hdr.eth.src: selector; } actions = { send_to; NoAction; }
    implementation = members; }
  @hidden table internal { actions = { NoAction; } }
  table preset { key = { hdr.eth.type: exact; } actions = { send_to; }
    default_action = send_to(300); const entries = { 1: send_to(2); } }
  apply {
    first.apply(hdr); second.apply(hdr); route.apply(); spread.apply(); internal.apply(); preset.apply();
    bit<32> v; seen.read(v, 0); hits.count(0); bit<8> c; rate.execute_meter(0, c);
    digest<learn_t>(1, { hdr.eth.src, meta.port }); } }
control E(inout headers_t hdr, inout meta_t meta, inout standard_metadata_t sm) { apply { } }
control C(inout headers_t hdr, inout meta_t meta) { apply { } }
control D(packet_out pkt, in headers_t hdr) { apply { pkt.emit(hdr); } }
@pkginfo(name = "sample", version = "1.2") V1Switch(P(), V(), I(), E(), C(), D()) main;
`

/** The text format as nested lists: field → messages or scalars. */
type Message = Map<string, (Message | string)[]>

function parse(text: string): Message {
  const lines = text.split('\n')
  const read = (): Message => {
    const message: Message = new Map()
    for (;;) {
      const line = lines.shift()?.trim()
      if (line === undefined || line === '}') return message
      if (line === '') continue
      const open = /^(\w+) \{$/.exec(line)
      const [name, value] =
        open === null ? (/^(\w+): (.*)$/.exec(line)?.slice(1) ?? ['?', line]) : [open[1] ?? '', read()]
      message.set(name ?? '', [...(message.get(name ?? '') ?? []), value ?? ''])
    }
  }
  return read()
}

function all(message: Message | undefined, field: string): Message[] {
  return (message?.get(field) ?? []).filter((item): item is Message => typeof item !== 'string')
}

function one(message: Message | undefined, field: string): string | undefined {
  const value = message?.get(field)?.[0]
  return typeof value === 'string' ? value : undefined
}

function named(message: Message, field: string, name: string): Message {
  const found = all(message, field).find((item) => one(all(item, 'preamble')[0], 'name') === `"${name}"`)
  assert.ok(found !== undefined, `${field} ${name}`)
  return found
}

const idOf = (object: Message): number => Number(one(all(object, 'preamble')[0], 'id'))

function info(): Message {
  const result = compileText(PROGRAM)
  assert.deepEqual(
    result.diagnostics.map((item) => `${item.range.line} ${item.message}`),
    [],
  )
  return parse(result.p4info?.() ?? '')
}

test('says which package and architecture the program is', () => {
  const [pkg] = all(info(), 'pkg_info')
  assert.deepEqual(
    ['name', 'version', 'arch'].map((field) => one(pkg, field)),
    ['"sample"', '"1.2"', '"v1model"'],
  )
})

test('ids carry the prefix of their kind, and @id decides the rest', () => {
  const message = info()
  const prefixes = { tables: 0x02, actions: 0x01, counters: 0x12, meters: 0x14, registers: 0x16, digests: 0x17 }
  for (const [field, prefix] of Object.entries({
    ...prefixes,
    direct_counters: 0x13,
    action_profiles: 0x11,
    value_sets: 0x03,
  })) {
    const objects = all(message, field)
    assert.ok(objects.length > 0, field)
    for (const object of objects) assert.equal(Math.floor(idOf(object) / 2 ** 24), prefix, field)
  }
  assert.equal(idOf(named(message, 'tables', 'I.route')), 0x02000042)
  assert.equal(idOf(named(message, 'actions', 'NoAction')), 0x01445b37)
})

test('match fields have names, widths and kinds; selector inputs are none', () => {
  const message = info()
  const fields = all(named(message, 'tables', 'I.route'), 'match_fields').map((field) =>
    ['id', 'name', 'bitwidth', 'match_type'].map((key) => one(field, key)),
  )
  assert.deepEqual(fields, [
    ['1', '"destination"', '48', 'LPM'],
    ['2', '"hdr.eth.type"', '16', 'EXACT'],
    ['3', '"meta.proto"', '8', 'EXACT'],
    ['4', '"meta.port"', undefined, 'OPTIONAL'],
    ['5', '"hdr.eth.isValid()"', '1', 'EXACT'],
  ])
  assert.equal(all(named(message, 'tables', 'I.spread'), 'match_fields').length, 1)
})

test('tables name their actions, default, size and resources', () => {
  const message = info()
  const route = named(message, 'tables', 'I.route')
  const drop = idOf(named(message, 'actions', 'I.drop'))
  assert.deepEqual(
    all(route, 'action_refs').map((ref) => [one(ref, 'id'), one(ref, 'scope')]),
    [
      [String(idOf(named(message, 'actions', 'I.send'))), undefined],
      [String(drop), 'DEFAULT_ONLY'],
    ],
  )
  assert.equal(one(route, 'const_default_action_id'), String(drop))
  assert.equal(one(route, 'size'), '512')
  const counter = named(message, 'direct_counters', 'I.per_route')
  assert.equal(one(route, 'direct_resource_ids'), String(idOf(counter)))
  assert.equal(one(counter, 'direct_table_id'), String(idOf(route)))
  const members = named(message, 'action_profiles', 'I.members')
  const spread = named(message, 'tables', 'I.spread')
  assert.equal(one(spread, 'implementation_id'), String(idOf(members)))
  assert.deepEqual([one(members, 'with_selector'), one(members, 'table_ids')], ['true', String(idOf(spread))])
})

test('default arguments are bytes in network order, and const tables are marked', () => {
  const preset = named(info(), 'tables', 'I.preset')
  const [initial] = all(preset, 'initial_default_action')
  assert.equal(one(all(initial, 'arguments')[0], 'value'), '"\\001,"')
  assert.equal(one(preset, 'is_const_table'), 'true')
})

test('instances of one control have tables and actions of their own; hidden tables are left out', () => {
  const message = info()
  const names = all(message, 'tables').map((table) => one(all(table, 'preamble')[0], 'name'))
  assert.deepEqual(names.sort(), ['"I.first.acl"', '"I.preset"', '"I.route"', '"I.second.acl"', '"I.spread"'])
  assert.notEqual(
    idOf(named(message, 'actions', 'I.first.drop_it')),
    idOf(named(message, 'actions', 'I.second.drop_it')),
  )
  assert.equal(one(all(named(message, 'tables', 'I.first.acl'), 'preamble')[0], 'alias'), '"first.acl"')
})

test('parameters, documentation, externs and controller headers', () => {
  const message = info()
  const send = named(message, 'actions', 'I.send')
  assert.deepEqual(
    all(send, 'params').map((parameter) => ['id', 'name', 'bitwidth'].map((key) => one(parameter, key))),
    [
      ['7', '"port"', '9'],
      ['2', '"mac"', '48'],
    ],
  )
  assert.equal(one(all(all(send, 'preamble')[0], 'doc')[0], 'brief'), '"Sends a packet out"')
  assert.equal(one(named(message, 'counters', 'I.hits'), 'size'), '16')
  assert.equal(one(all(named(message, 'meters', 'I.rate'), 'spec')[0], 'unit'), 'BYTES')
  assert.equal(one(named(message, 'registers', 'I.seen'), 'size'), '64')
  const header = named(message, 'controller_packet_metadata', 'packet_in')
  assert.deepEqual(
    all(header, 'metadata').map((field) => [one(field, 'name'), one(field, 'bitwidth')]),
    [
      ['"port"', '9'],
      ['"pad"', '7'],
    ],
  )
})

test('type_info describes digests, new types and serialisable enums', () => {
  const [types] = all(info(), 'type_info')
  const entry = (field: string, key: string): Message | undefined =>
    all(
      all(types, field).find((item) => one(item, 'key') === `"${key}"`),
      'value',
    )[0]
  assert.equal(all(entry('structs', 'learn_t'), 'members').length, 2)
  assert.equal(one(all(entry('new_types', 'port_t'), 'translated_type')[0], 'uri'), '"example/port"')
  assert.deepEqual(
    all(entry('serializable_enums', 'proto_t'), 'members').map((member) => one(member, 'value')),
    ['"\\006"', '"\\021"'],
  )
})

test('aliases are the shortest unique ends of names', () => {
  const found = aliases(['a.x.t', 'a.y.t', 'a.u'])
  assert.deepEqual([...found.values()], ['x.t', 'y.t', 'u'])
})

test('equal hashes get different ids', () => {
  const ids = new Ids()
  const annotation = (value: bigint) =>
    [
      {
        name: { text: 'id', range: NOWHERE },
        values: [{ kind: 'Integer', value, width: undefined, isSigned: false, range: NOWHERE }],
        pairs: [],
        text: '',
        isStructured: false,
        range: NOWHERE,
      },
    ] as const
  assert.equal(ids.of('table', 'a', annotation(5n)), 0x02000005)
  assert.equal(ids.of('table', 'b', annotation(5n)), 0x02000006)
  assert.equal(ids.of('table', 'a'), 0x02000005)
})

const NOWHERE = { file: '', line: 1, column: 1, endLine: 1, endColumn: 1 }

test('text is escaped as protobuf wants it', () => {
  const out = new TextWriter()
  out.text('a', 'x"\\\n\u00fc')
  assert.equal(out.finish(), 'a: "x\\"\\\\\\n\\303\\274"\n')
})
