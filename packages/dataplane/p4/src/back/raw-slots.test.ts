import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileText, programOf } from '../testing/compile-text.test.ts'
import { generate } from './index.ts'
import { planFunctions } from './plan.ts'

const TEXT = `
#include <core.p4>
#include <softnpu.p4>
header h_t { bit<128> address; bit<48> mac; bit<16> length; bit<16> port; bit<16> kind; }
struct headers_t { h_t h; }
struct meta_t { }
parser P(packet_in packet, out headers_t hdr, inout meta_t meta, inout softnpu_ingress_metadata_t ingress) {
    state start { packet.extract(hdr.h); transition accept; }
}
control I(inout headers_t hdr, inout meta_t meta,
          inout softnpu_ingress_metadata_t ingress, inout softnpu_egress_metadata_t egress) {
    bit<128> target = 0;
    bit<16> copied = hdr.h.port;
    bit<16> counted = hdr.h.length;
    action go(bit<128> address, bit<48> mac) { target = address; hdr.h.mac = mac; }
    action none() {}
    table near {
        key = { hdr.h.address: exact; hdr.h.kind: exact; }
        actions = { go; none; }
        default_action = none();
        size = 1024;
    }
    apply {
        near.apply();
        if (target != 0) { hdr.h.address = target; }
        hdr.h.kind = copied;
        hdr.h.length = counted + 4;
        egress.port = 1;
    }
}
control E(inout headers_t hdr, inout meta_t meta,
          inout softnpu_ingress_metadata_t ingress, inout softnpu_egress_metadata_t egress) { apply { } }
control D(packet_out packet, in headers_t hdr) { apply { packet.emit(hdr); } }
SoftNPU(P(), I(), E(), D()) main;
`

test('what goes between headers, tables and entries stays in network order; what is added to does not', () => {
  const program = programOf(compileText(TEXT))
  const { rawSlots } = planFunctions(program)
  const names = [...rawSlots].map((slot) => program.slots[slot]!.name.replace(/^.*\./, ''))
  for (const name of ['target', 'address', 'mac', 'copied'])
    assert.ok(names.includes(name), `${name} of ${names.join()}`)
  assert.ok(!names.includes('counted'), names.join())
})

test('the layout says which keys and parameters the control plane has to swap', () => {
  const [table] = generate(programOf(compileText(TEXT))).layout.tables
  assert.deepEqual(
    table!.keys.map(({ isSwapped }) => isSwapped),
    [true, true],
  )
  assert.deepEqual(
    table!.parameters[0]!.map(({ isSwapped }) => isSwapped),
    [true, true],
  )
})
