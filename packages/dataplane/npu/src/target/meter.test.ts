/** Meters over time, against series that were calculated by hand after RFC 2698 §3. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Lab, labOf, v1modelLab, v1modelSource } from './lab.fixture.ts'

/** A packet of so many bytes. */
const bytes = (count: number): string => '00'.repeat(count)

/** Colour of a packet at a time in milliseconds: 0 green, 1 yellow, 2 red. */
function colourOf(lab: Lab, ms: number, hex: string): number {
  lab.clock.ms = ms
  return Number.parseInt(lab.send(0, hex)[0]!.hex.slice(0, 2), 16)
}

const INGRESS = 'bit<8> c = 9; m.execute_meter((bit<32>) hdr.h.b, c); hdr.h.a = c; std.egress_spec = 1;'
const byteMeter = (bmv2: boolean): Lab =>
  v1modelLab({ ingressLocals: 'meter(2, MeterType.bytes) m;', ingress: INGRESS, bmv2 })

describe('a meter of v1model', () => {
  for (const bmv2 of [false, true]) {
    test(`marks bytes by two rates (bmv2 ${bmv2})`, () => {
      const lab = byteMeter(bmv2)
      const config = { committedRate: 1000, committedBurst: 1500, peakRate: 2000, peakBurst: 3000 }
      assert.ok(lab.pipeline.setMeter('m', 0, config))
      // Time, bytes, colour; behind it the tokens left, committed and peak.
      for (const [ms, length, colour] of [
        [0, 1000, 0], // 500 2000
        [0, 1000, 1], // 500 1000
        [0, 500, 0], // 0 500
        [0, 1000, 2], // 0 500
        [250, 1000, 1], // 250 0 (peak: 500 + 500)
        [250, 100, 2], // 250 0
        [500, 500, 0], // 0 0
        [1000, 1000, 1], // 500 0
        [1000, 400, 2], // 500 0
        [1250, 750, 2], // 750 500
        [1250, 500, 0], // 250 0
        [10_000, 1500, 0], // 0 1500, both were full
        [10_000, 1500, 1], // 0 0
      ] as const) {
        assert.equal(colourOf(lab, ms, bytes(length)), colour, `${ms} ms, ${length} bytes`)
      }
    })
  }

  test('fills at its rate to the microsecond, and each cell by itself', () => {
    const lab = v1modelLab({ ingressLocals: 'meter(2, MeterType.packets) m;', ingress: INGRESS })
    const config = { committedRate: 3, committedBurst: 1, peakRate: 3, peakBurst: 1 }
    assert.ok(lab.pipeline.setMeter('m', 0, config))
    assert.ok(lab.pipeline.setMeter('m', 1, config))
    assert.equal(colourOf(lab, 0, '00000000'), 0)
    assert.equal(colourOf(lab, 333.333, '00000000'), 2, '999999 of 1000000')
    assert.equal(colourOf(lab, 333.334, '00000000'), 0)
    assert.equal(colourOf(lab, 333.334, '00010000'), 0, 'the other cell')
  })

  test('fills during pauses of any length, and not beyond its burst', () => {
    const lab = v1modelLab({ ingressLocals: 'meter(2, MeterType.packets) m;', ingress: INGRESS })
    // A day's worth of burst at one packet a second.
    assert.ok(lab.pipeline.setMeter('m', 0, { committedRate: 0, committedBurst: 0, peakRate: 1, peakBurst: 86_400 }))
    const sendMany = (ms: number, count: number): number => {
      let red = 0
      for (let k = 0; k < count; k++) if (colourOf(lab, ms, '00000000') === 2) red++
      return red
    }
    assert.equal(sendMany(0, 86_500), 100)
    assert.equal(sendMany(99_000, 100), 1)
    assert.equal(sendMany(599_000, 600), 100, '500 s make 500')
    const fast = { committedRate: 9e10, committedBurst: 5, peakRate: 9e10, peakBurst: 5 }
    assert.ok(lab.pipeline.setMeter('m', 1, fast))
    assert.equal(colourOf(lab, 1e12, '00010000'), 0)
  })

  test('is green while it is not configured, and refuses what makes no sense', () => {
    const lab = byteMeter(false)
    assert.equal(colourOf(lab, 0, bytes(1000)), 0)
    for (const config of [
      { committedRate: 2, committedBurst: 1, peakRate: 1, peakBurst: 1 },
      { committedRate: -1, committedBurst: 1, peakRate: 1, peakBurst: 1 },
      { committedRate: 1, committedBurst: 1, peakRate: 1, peakBurst: 1e13 },
      { committedRate: 1, committedBurst: 1, peakRate: 1e11, peakBurst: 1 },
    ]) {
      assert.equal(lab.pipeline.setMeter('m', 0, config), false)
    }
    assert.equal(colourOf(lab, 1, bytes(1000)), 0)
  })
})

describe('a meter of psa', () => {
  /** The colour that the packet had stands in its first byte, the one it gets comes out there: 0 green, 1 yellow, 2 red. */
  function psa(bmv2: boolean): Lab {
    const text = v1modelSource({})
    const head = text.slice(0, text.indexOf('parser P')).replace('v1model.p4', 'psa.p4')
    return labOf(
      `${head}
struct none_t { }
parser IP(packet_in pkt, out headers_t hdr, inout metadata_t meta, in psa_ingress_parser_input_metadata_t istd,
    in none_t resubmit_meta, in none_t recirculate_meta) { state start { pkt.extract(hdr.h); transition accept; } }
control IG(inout headers_t hdr, inout metadata_t meta, in psa_ingress_input_metadata_t istd,
    inout psa_ingress_output_metadata_t ostd) {
  Meter<bit<1>>(2, PSA_MeterType_t.BYTES) m;
  apply {
    PSA_MeterColor_t c = PSA_MeterColor_t.GREEN;
    if (hdr.h.a == 1) { c = PSA_MeterColor_t.YELLOW; } else if (hdr.h.a == 2) { c = PSA_MeterColor_t.RED; }
    c = m.execute(0, c);
    hdr.h.a = 0;
    if (c == PSA_MeterColor_t.YELLOW) { hdr.h.a = 1; } else if (c == PSA_MeterColor_t.RED) { hdr.h.a = 2; }
    send_to_port(ostd, (PortId_t) 2);
  }
}
control ID(packet_out pkt, out none_t clone_i2e_meta, out none_t resubmit_meta, out none_t normal_meta,
    inout headers_t hdr, in metadata_t meta, in psa_ingress_output_metadata_t istd) { apply { pkt.emit(hdr.h); } }
parser EP(packet_in pkt, out headers_t hdr, inout metadata_t meta, in psa_egress_parser_input_metadata_t istd,
    in none_t normal_meta, in none_t clone_i2e_meta, in none_t clone_e2e_meta) { state start { transition accept; } }
control EG(inout headers_t hdr, inout metadata_t meta, in psa_egress_input_metadata_t istd,
    inout psa_egress_output_metadata_t ostd) { apply { } }
control ED(packet_out pkt, out none_t clone_e2e_meta, out none_t recirculate_meta, inout headers_t hdr,
    in metadata_t meta, in psa_egress_output_metadata_t istd, in psa_egress_deparser_input_metadata_t edstd) { apply { } }
IngressPipeline(IP(), IG(), ID()) ip;
EgressPipeline(EP(), EG(), ED()) ep;
PSA_Switch(ip, PacketReplicationEngine(), ep, BufferingQueueingEngine()) main;
`,
      bmv2,
    )
  }
  const config = { committedRate: 1000, committedBurst: 1000, peakRate: 2000, peakBurst: 2000 }
  const packet = (colour: number, length: number): string => `0${colour}${bytes(length - 1)}`

  test('that is told the colour makes it no better and takes only the tokens of the colour it gives (RFC 2698 §3)', () => {
    const lab = psa(false)
    assert.ok(lab.pipeline.setMeter('m', 0, config))
    for (const [ms, before, length, after] of [
      [0, 2, 1000, 2], // 1000 2000: red takes nothing
      [0, 1, 1000, 1], // 1000 1000: yellow leaves the committed bucket
      [0, 0, 600, 0], // 400 400
      [0, 0, 400, 0], // 0 0
      [0, 1, 10, 2],
      [200, 0, 300, 1], // 200 100
      [200, 1, 100, 1], // 200 0
      [300, 0, 200, 0], // 100 0
    ] as const) {
      assert.equal(colourOf(lab, ms, packet(before, length)), after, `${ms} ms, colour ${before}, ${length} bytes`)
    }
  })

  test('is colour-blind in BMv2', () => {
    const lab = psa(true)
    assert.ok(lab.pipeline.setMeter('m', 0, config))
    assert.deepEqual(
      [2, 1, 2].map((before) => colourOf(lab, 0, packet(before, 1000))),
      [0, 1, 2],
    )
  })
})
