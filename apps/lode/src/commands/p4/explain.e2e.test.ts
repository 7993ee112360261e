/** `lode p4 explain` and `lode p4 run`, on a program and entries of their own. */
import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import type { Explanation } from '@lodestone/npu'
import { readPcap, writePcap } from '@lodestone/packet'
import { lode, lodeHere, temporaryDirectory } from '../../lode-process.fixture.ts'

const ROUTER = `#include <core.p4>
#include <v1model.p4>
header ethernet_t { bit<48> dst; bit<48> src; bit<16> type; }
header ipv4_t {
  bit<4> version; bit<4> ihl; bit<8> diffserv; bit<16> total_length; bit<16> id; bit<16> fragment;
  bit<8> ttl; bit<8> protocol; bit<16> checksum; bit<32> src; bit<32> dst;
}
struct headers_t { ethernet_t ethernet; ipv4_t ipv4; }
struct meta_t { }
parser P(packet_in pkt, out headers_t hdr, inout meta_t meta, inout standard_metadata_t std) {
  state start {
    pkt.extract(hdr.ethernet);
    transition select(hdr.ethernet.type) { 0x0800: ipv4; default: accept; }
  }
  state ipv4 { pkt.extract(hdr.ipv4); transition accept; }
}
control V(inout headers_t hdr, inout meta_t meta) { apply { } }
control I(inout headers_t hdr, inout meta_t meta, inout standard_metadata_t std) {
  action drop() {
    mark_to_drop(std);
  }
  action forward(bit<48> mac, bit<9> port) {
    std.egress_spec = port;
    hdr.ethernet.dst = mac;
    hdr.ipv4.ttl = hdr.ipv4.ttl - 1;
  }
  table ipv4_lpm {
    key = { hdr.ipv4.dst: lpm; }
    actions = { forward; drop; }
    default_action = drop();
  }
  apply {
    if (hdr.ipv4.isValid()) { ipv4_lpm.apply(); }
  }
}
control E(inout headers_t hdr, inout meta_t meta, inout standard_metadata_t std) { apply { } }
control C(inout headers_t hdr, inout meta_t meta) { apply { } }
control D(packet_out pkt, in headers_t hdr) { apply { pkt.emit(hdr); } }
V1Switch(P(), V(), I(), E(), C(), D()) main;
`
const ENTRIES = `# 10.0.2.0/24
add I.ipv4_lpm hdr.ipv4.dst:0x0a000200/24 I.forward(mac:0x0200000000ff, port:2)
`
const packetTo = (destination: string): string =>
  `020000000001 020000000002 0800 45000014 00010000 4011 0000 0a000001 ${destination}`.replaceAll(' ', '')
const bytesOf = (hex: string): Uint8Array => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16))

async function files(t: TestContext): Promise<{ directory: string; program: string; entries: string }> {
  const directory = await temporaryDirectory(t)
  const program = join(directory, 'router.p4')
  const entries = join(directory, 'router.stf')
  await writeFile(program, ROUTER)
  await writeFile(entries, ENTRIES)
  return { directory, program, entries }
}

describe('lode p4 explain', () => {
  test('names the bit by which a packet misses a prefix, the line that drops it, and exits with 1', async (t) => {
    const { program, entries } = await files(t)
    const args = ['p4', 'explain', program, '--packet', packetTo('0a000309'), '--port', '1', '--entries', entries]
    const { status, stdout, stderr } = await lodeHere(...args)
    assert.equal(status, 1, stderr)
    assert.match(stdout, /table I\.ipv4_lpm: hdr\.ipv4\.dst=10\.0\.3\.9 MISS → drop\(\) +router\.p4:33:/)
    assert.match(stdout, /closest entry: 10\.0\.2\.0\/24 → forward\(mac=02:00:00:00:00:ff, port=2\)/)
    assert.match(stdout, /hdr\.ipv4\.dst differs in bit 24 of 32: wanted 10\.0\.2\.0\/24, packet has 10\.0\.3\.9/)
    assert.match(stdout, /DROPPED P4_DROP \(program\)[^]*action drop of table I\.ipv4_lpm \(miss\) at router\.p4:20:/)
    assert.match(stdout, /20 \| mark_to_drop\(std\);/)
  })

  test('gives the same as JSON, and exits with 0 for a packet that is sent', async (t) => {
    const { program, entries } = await files(t)
    const flags = ['--port', '1', '--entries', entries, '--json']
    const missed = await lodeHere('p4', 'explain', program, '--packet', packetTo('0a000309'), ...flags)
    assert.equal(missed.status, 1, missed.stderr)
    const explanation = JSON.parse(missed.stdout) as Explanation
    assert.equal(explanation.version, 1)
    const table = explanation.runs[0]!.steps.find((step) => step.kind === 'table')
    assert.deepEqual(table?.nearest?.failed[0]?.differingBits, [24])
    const sent = await lodeHere('p4', 'explain', program, '--packet', packetTo('0a000209'), ...flags)
    assert.equal(sent.status, 0, sent.stderr)
    const [run] = (JSON.parse(sent.stdout) as Explanation).runs
    assert.ok(run!.outcome.kind === 'sent' && run!.outcome.port === 2)
  })

  test('says what is wrong with entries, packets and programs', async (t) => {
    const { directory, program } = await files(t)
    const bad = join(directory, 'bad.stf')
    await writeFile(bad, 'add I.ipv4_lpm hdr.ipv4.dst:0x0a000200/24 I.nothing()\n')
    const packet = ['--packet', packetTo('0a000309'), '--port', '1']
    const entries = await lodeHere('p4', 'explain', program, ...packet, '--entries', bad)
    assert.equal(entries.status, 1)
    assert.match(entries.stderr, /bad\.stf:1:\d+: .*nothing/)
    const hex = await lodeHere('p4', 'explain', program, '--packet', '02000', '--port', '1')
    assert.equal(hex.status, 2)
    assert.match(hex.stderr, /two per byte/)
    await writeFile(program, ROUTER.replace('std.egress_spec', 'std.egres_spec'))
    const wrong = await lodeHere('p4', 'explain', program, ...packet)
    assert.equal(wrong.status, 1)
    assert.match(wrong.stderr, /router\.p4:23:\d+/)
  })
})

test('lode p4 run sends captures through in the order of their times and says why packets were lost', async (t) => {
  const { directory, program, entries } = await files(t)
  const capture = join(directory, 'in.pcap')
  const packets = ['0a000209', '0a000309', '0a00020a'].map((destination, k) => ({
    seconds: 10 - k,
    nanoseconds: 5,
    bytes: bytesOf(packetTo(destination)),
  }))
  await writeFile(capture, writePcap(packets))
  const out = join(directory, 'out')
  await mkdir(out)
  const args = ['p4', 'run', program, '--pcap', `1=${capture}`, '--out', out, '--entries', entries]
  const { status, stdout, stderr } = await lode([...args, '--why'])
  assert.equal(status, 0, stderr)
  assert.match(stdout, /1 packets dropped; 1 were replayed[^]*differs in bit 24 of 32/)
  const sent = readPcap(await readFile(join(out, '2.pcap'))).packets
  assert.deepEqual(
    sent.map(({ seconds, bytes }) => [seconds, Buffer.from(bytes.subarray(30, 34)).toString('hex'), bytes[22]]),
    [
      [8, '0a00020a', 0x3f],
      [10, '0a000209', 0x3f],
    ],
  )
  const json = JSON.parse((await lodeHere(...args, '--json')).stdout) as Record<string, unknown>
  assert.deepEqual([json['received'], json['sent']], [3, 2])
  assert.deepEqual(json['ports'], [
    { port: 1, received: 3, sent: 0 },
    { port: 2, received: 0, sent: 2 },
  ])
  const missing = await lodeHere('p4', 'run', program, '--pcap', '1=nowhere.pcap', '--out', out)
  assert.equal(missing.status, 2)
  assert.match(missing.stderr, /cannot read nowhere\.pcap/)
})
