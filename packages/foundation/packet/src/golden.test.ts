import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dissect, flowHash, parseFrame, summarize, verifyIpv4Checksum, verifyTransportChecksum } from './index.ts'
import {
  checkGeneve,
  checkGeneveOptions,
  crc32,
  finishChecksum,
  findGeneveOption,
  GENEVE_CLASS_OXIDE,
  GeneveOxideOption,
  geneveVni,
  pseudoSumIpv6,
  readEthernet,
  readGeneve,
  readIpv4,
  readIpv6,
  readTcp,
  readUdp,
  sumBytes,
  udpSrcPort,
  writeEthernet,
  writeGeneve,
  writeIpv4,
  writeIpv6,
  writeTcp,
  writeUdp,
} from './index.ts'
import {
  L3Kind,
  L4Kind,
  ROW_END,
  ROW_L3,
  ROW_L3_KIND,
  ROW_L4,
  ROW_L4_KIND,
  ROW_PAYLOAD,
  ROW_SIZE,
} from './frame-row.ts'
import { goldenFrames, type GoldenName } from './golden-frames.ts'

const entries = Object.entries(goldenFrames) as [GoldenName, Uint8Array][]
const inner = { B: 74, E: 70, H: 78 } as const

/** Parses into owned headers and writes those back. */
function reemit(frame: Uint8Array): Uint8Array {
  const out = new Uint8Array(frame.length)
  let at = 0
  const frameAt = (start: number): void => {
    const row = new Int32Array(ROW_SIZE)
    assert.equal(parseFrame(frame, start, frame.length, row), 0)
    at = start + writeEthernet(out, start, readEthernet(frame, start))
    if (row[ROW_L3_KIND] === L3Kind.ipv4) at += writeIpv4(out, at, readIpv4(frame, at))
    else at += writeIpv6(out, at, readIpv6(frame, at))
    assert.equal(at, row[ROW_L4])
    if (row[ROW_L4_KIND] === L4Kind.tcp) {
      at += writeTcp(out, at, readTcp(frame, at))
      return
    }
    at += writeUdp(out, at, readUdp(frame, at))
    at += writeGeneve(out, at, readGeneve(frame, at))
    frameAt(at)
  }
  frameAt(0)
  assert.equal(at, frame.length)
  return out
}

for (const [name, frame] of entries) {
  test(`golden frame ${name} parses and is re-emitted byte for byte`, () => {
    assert.deepEqual(reemit(frame), frame)
  })

  test(`golden frame ${name} has right IPv4 and TCP checksums`, () => {
    const start = name in inner ? inner[name as keyof typeof inner] : 0
    const row = new Int32Array(ROW_SIZE)
    assert.equal(parseFrame(frame, start, frame.length, row), 0)
    assert.ok(verifyIpv4Checksum(frame, row[ROW_L3]!))
    assert.ok(verifyTransportChecksum(frame, row[ROW_L3]!, row[ROW_L4]!, row[ROW_END]!))
  })

  test(`golden frame ${name} cut anywhere gives an error, never an exception or an offset outside`, () => {
    for (let length = 0; length < frame.length; length++) {
      // The bytes after the cut are still in the array, as they are in an arena.
      const row = new Int32Array(ROW_SIZE)
      assert.ok(parseFrame(frame, 0, length, row) < 0, `${length} bytes`)
      for (const word of [ROW_L3, ROW_L4, ROW_PAYLOAD, ROW_END]) assert.ok(row[word]! <= length)
      const exact = frame.slice(0, length)
      assert.equal(dissect(exact, 0, length).at(-1)?.name, 'malformed', `${length} bytes`)
      assert.match(summarize(exact, 0, length), /malformed/)
    }
  })
}

test('the outer UDP checksum of B is right, zeros of E and H are none', () => {
  const frame = goldenFrames.B
  assert.ok(verifyTransportChecksum(frame, 14, 54, frame.length))
  const sum = sumBytes(frame, 54, frame.length, pseudoSumIpv6(frame, 14, 17, frame.length - 54))
  assert.equal(finishChecksum(sum), 0)
  assert.ok(!verifyTransportChecksum(goldenFrames.E, 14, 54, goldenFrames.E.length))
})

test('the Geneve options of B and H are found, and E has none', () => {
  for (const name of ['B', 'E', 'H'] as const) {
    const frame = goldenFrames[name]
    assert.equal(62 + checkGeneve(frame, 62, frame.length), inner[name])
    assert.equal(checkGeneveOptions(frame, 62), 0)
  }
  assert.equal(geneveVni(goldenFrames.B, 62), 0x1c5121)
  assert.equal(findGeneveOption(goldenFrames.B, 62, GENEVE_CLASS_OXIDE, GeneveOxideOption.external), 70)
  assert.equal(findGeneveOption(goldenFrames.B, 62, GENEVE_CLASS_OXIDE, GeneveOxideOption.mss), -1)
  assert.equal(findGeneveOption(goldenFrames.H, 62, GENEVE_CLASS_OXIDE, GeneveOxideOption.mss), 70)
  assert.equal(findGeneveOption(goldenFrames.E, 62, GENEVE_CLASS_OXIDE, GeneveOxideOption.external), -1)
})

test('the outer source ports of E and H are the low halves of the flow hashes of what they carry', () => {
  for (const name of ['E', 'H'] as const) {
    const frame = goldenFrames[name]
    const row = new Int32Array(ROW_SIZE)
    parseFrame(frame, inner[name], frame.length, row)
    assert.equal(flowHash(frame, row) & 0xffff, udpSrcPort(frame, 54))
  }
})

test('CRC-32 of the check string is cbf43926, whole or in parts', () => {
  const check = new TextEncoder().encode('123456789')
  assert.equal(crc32(check, 0, 9), 0xcbf43926)
  assert.equal(crc32(check, 4, 9, crc32(check, 0, 4)), 0xcbf43926)
})

test('summaries name outer and inner headers', () => {
  const line = (name: GoldenName): string => summarize(goldenFrames[name], 0, goldenFrames[name].length)
  assert.equal(line('A'), 'IPv4 203.0.113.9:51514 > 1.2.3.4:80 TCP SYN')
  assert.equal(
    line('B'),
    'IPv6 :: > fd00:1122:3344:104::1 Geneve vni 1855777 | IPv4 203.0.113.9:51514 > 1.2.3.4:80 TCP SYN',
  )
  assert.equal(
    line('E'),
    'IPv6 fd00:1122:3344:104::1 > fdb1:a844:2ecd::1 Geneve vni 99 | IPv4 1.2.3.4:80 > 203.0.113.9:51514 TCP SYN,ACK',
  )
})

test('dissecting H walks through the tunnel to the inner TCP header', () => {
  const layers = dissect(goldenFrames.H, 0, goldenFrames.H.length)
  assert.deepEqual(
    layers.map((layer) => [layer.depth, layer.name, layer.offset, layer.length]),
    [
      [0, 'ethernet', 0, 14],
      [0, 'ipv6', 14, 40],
      [0, 'udp', 54, 8],
      [0, 'geneve', 62, 16],
      [1, 'ethernet', 78, 14],
      [1, 'ipv4', 92, 20],
      [1, 'tcp', 112, 20],
    ],
  )
  const option = layers[3]!.fields.find((field) => field.name.startsWith('option '))
  assert.deepEqual(option, { name: 'option 0x0129/2', value: '00000000', bit: 64, bits: 64 })
})
