import { RESERVED_DROP } from '@lodestone/p4'
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { v1modelLab } from './lab.fixture.ts'

/** What egress is told, written into the packet. */
const TELL =
  'hdr.h.b = (bit<8>) std.instance_type; hdr.h.c = (bit<8>) std.egress_rid; hdr.h.d = (bit<8>) std.egress_port;'

describe('end of ingress', () => {
  test('a program that never sets egress_spec sends to port 0', () => {
    assert.deepEqual(v1modelLab({ ingress: '' }).send(3, '01020304 99'), [{ port: 0, hex: '0102030499' }])
  })

  test('egress_spec 511 drops, also without mark_to_drop, and a later assignment undoes it', () => {
    const lab = v1modelLab({
      ingress:
        'mark_to_drop(std); if (hdr.h.a == 1) { std.egress_spec = 4; } if (hdr.h.a == 2) { std.egress_spec = 511; }',
    })
    assert.deepEqual(lab.send(0, '01000000'), [{ port: 4, hex: '01000000' }])
    assert.deepEqual(lab.send(0, '02000000'), [])
    assert.deepEqual(lab.send(0, '03000000'), [])
    assert.deepEqual(lab.drops(), { 0: 2 })
    assert.equal(lab.arena.freeSlots, 256)
  })

  test('a multicast group beats a drop; copies are replicas with instance numbers', () => {
    const lab = v1modelLab({ ingress: 'std.egress_spec = 511; std.mcast_grp = 7;', egress: TELL })
    assert.deepEqual(lab.send(0, '01000000'), [])
    assert.deepEqual(lab.drops(), { [RESERVED_DROP.emptyGroup]: 1 })
    const { replication } = lab.pipeline.traffic!
    assert.ok(replication.createGroup(7).ok)
    const first = replication.createNode(10, [2, 1])
    const second = replication.createNode(11, [3])
    assert.ok(first.ok && second.ok)
    replication.associate(7, first.handle)
    replication.associate(7, second.handle)
    assert.deepEqual(lab.send(0, '01000000'), [
      { port: 1, hex: '01050a01' },
      { port: 2, hex: '01050a02' },
      { port: 3, hex: '01050b03' },
    ])
    assert.equal(lab.arena.freeSlots, 256)
  })

  test('mark_to_drop clears the multicast group', () => {
    const lab = v1modelLab({ ingress: 'std.mcast_grp = 7; mark_to_drop(std);' })
    lab.pipeline.setMulticastGroup(7, [1, 2])
    assert.deepEqual(lab.send(0, '01000000'), [])
    assert.deepEqual(lab.drops(), { 0: 1 })
  })

  test('resubmit begins anew with the original bytes and only the listed metadata', () => {
    const lab = v1modelLab({
      metadata: '@field_list(1) bit<8> kept; bit<8> lost;',
      ingress: `
        if (std.instance_type == 6) { hdr.h.b = meta.kept; hdr.h.c = meta.lost; hdr.h.d = (bit<8>) std.packet_length;
          std.egress_spec = 5; }
        else { meta.kept = 8; meta.lost = 9; hdr.h.a = 0x77; resubmit_preserving_field_list(1); meta.kept = 0x42;
          mark_to_drop(std); }`,
      egress: 'hdr.h.a = hdr.h.a + (bit<8>) std.instance_type;',
    })
    assert.deepEqual(lab.send(2, '01020304 05'), [{ port: 5, hex: '0142000505' }])
  })

  test('a resubmit without end is bounded and counted', () => {
    const lab = v1modelLab({ ingress: 'resubmit_preserving_field_list(1);' })
    assert.deepEqual(lab.send(2, '01020304'), [])
    assert.deepEqual(lab.drops(), { [RESERVED_DROP.loopLimit]: 1 })
    assert.equal(lab.arena.freeSlots, 256)
  })
})

describe('clones', () => {
  test('of ingress: the frame as it arrived, parsed again; the list keeps what ingress left last', () => {
    const lab = v1modelLab({
      metadata: '@field_list(3) bit<8> kept; bit<8> lost;',
      ingress: `meta.kept = 1; meta.lost = 2; clone_preserving_field_list(CloneType.I2E, 5, 3); meta.kept = 0x33;
        hdr.h.a = 0xee; std.egress_spec = 1;`,
      egress: `if (std.instance_type == 1) { hdr.h.b = meta.kept; hdr.h.c = meta.lost; hdr.h.d = (bit<8>) std.ingress_port;
        hdr.o.setValid(); hdr.o.x = (bit<8>) std.packet_length; }`,
    })
    assert.deepEqual(lab.send(9, '01020304 0506'), [{ port: 1, hex: 'ee0203040506' }], 'no such session')
    assert.deepEqual(lab.drops(), { [RESERVED_DROP.noSession]: 1 })
    lab.pipeline.traffic!.replication.setSession(5, { port: 6 })
    const sent = lab.send(9, '01020304 0506')
    assert.deepEqual(
      sent.sort((a, b) => a.port - b.port),
      [
        { port: 1, hex: 'ee0203040506' },
        { port: 6, hex: '06013300000506' },
      ],
    )
  })

  test('happen for packets that are dropped, and to groups and ports both', () => {
    const lab = v1modelLab({ ingress: 'clone(CloneType.I2E, 0); mark_to_drop(std);', egress: TELL })
    const { replication } = lab.pipeline.traffic!
    replication.setSession(0, { port: 4, group: 2 })
    replication.setGroup(2, [
      { port: 1, instance: 8 },
      { port: 2, instance: 9 },
    ])
    const sent = lab.send(0, '01000000').map(({ hex }) => hex)
    assert.deepEqual(sent.sort(), ['01010004', '01010801', '01010902'])
    assert.equal(lab.arena.freeSlots, 256)
  })

  test('of egress: the headers as egress left them, without deparser and parser, and egress runs again', () => {
    const lab = v1modelLab({
      metadata: '@field_list(1) bit<8> kept;',
      ingress: 'std.egress_spec = 1;',
      egress: `if (std.instance_type == 0) { meta.kept = 7; hdr.o.setValid(); hdr.o.x = 0xaa; hdr.h.a = 0x11;
          clone_preserving_field_list(CloneType.E2E, 2, 1); }
        else { hdr.h.b = meta.kept; hdr.h.c = (bit<8>) std.instance_type; hdr.h.d = (bit<8>) std.egress_port; }`,
      compute: 'hdr.h.a = hdr.h.a + 1;',
    })
    lab.pipeline.traffic!.replication.setSession(2, { port: 3 })
    const sent = lab.send(0, '01020304 99')
    assert.deepEqual(
      sent.sort((a, b) => a.port - b.port),
      [
        { port: 1, hex: 'aa1202030499' },
        { port: 3, hex: 'aa1207020399' },
      ],
    )
  })

  test('of egress happen for packets that egress drops', () => {
    const lab = v1modelLab({ egress: 'if (std.instance_type == 0) { clone(CloneType.E2E, 2); mark_to_drop(std); }' })
    lab.pipeline.traffic!.replication.setSession(2, { port: 3 })
    assert.deepEqual(lab.send(0, '01020304'), [{ port: 3, hex: '01020304' }])
    assert.deepEqual(lab.drops(), { 0: 1 })
  })

  test('that clone themselves for ever are bounded', () => {
    const lab = v1modelLab({ egress: 'clone(CloneType.E2E, 2);' })
    lab.pipeline.traffic!.replication.setSession(2, { port: 3 })
    assert.equal(lab.send(0, '01020304').length, 65)
    assert.deepEqual(lab.drops(), { [RESERVED_DROP.loopLimit]: 1 })
  })

  test('of a session with a length are cut', () => {
    const lab = v1modelLab({ ingress: 'clone(CloneType.I2E, 1); mark_to_drop(std); truncate(100);' })
    lab.pipeline.traffic!.replication.setSession(1, { port: 3, truncateBytes: 5 })
    assert.deepEqual(lab.send(0, '01020304 0506070809'), [{ port: 3, hex: '0102030405' }])
  })
})

describe('end of egress', () => {
  test('egress_spec is no longer the ingress value, and 511 drops', () => {
    const lab = v1modelLab({
      ingress: 'std.egress_spec = 6;',
      egress: 'hdr.h.b = (bit<8>) std.egress_spec; if (hdr.h.a == 9) { mark_to_drop(std); }',
    })
    assert.deepEqual(lab.send(0, '01ff0000'), [{ port: 6, hex: '01000000' }])
    assert.deepEqual(lab.send(0, '09ff0000'), [])
  })

  test('recirculate parses the deparsed packet again, with the listed metadata', () => {
    const lab = v1modelLab({
      metadata: '@field_list(2) bit<8> round;',
      start: `state start { transition select(std.instance_type) { 4: again; default: first; } }
        state first { pkt.extract(hdr.h); transition accept; }
        state again { pkt.extract(hdr.o); pkt.extract(hdr.h); transition accept; }`,
      ingress: 'std.egress_spec = 2;',
      egress: `if (std.instance_type == 0 && !hdr.o.isValid()) { meta.round = 5; hdr.o.setValid(); hdr.o.x = 0xcc;
          recirculate_preserving_field_list(2); }
        else { hdr.h.b = meta.round; hdr.h.c = (bit<8>) std.packet_length; }`,
    })
    assert.deepEqual(lab.send(7, '01020304 99'), [{ port: 2, hex: 'cc0105060499' }])
  })

  test('a recirculation without end is bounded and counted', () => {
    const lab = v1modelLab({ egress: 'recirculate_preserving_field_list(1);' })
    assert.deepEqual(lab.send(7, '01020304'), [])
    assert.deepEqual(lab.drops(), { [RESERVED_DROP.loopLimit]: 1 })
  })

  test('truncate cuts the sent frame, the smallest length counts, and a longer one changes nothing', () => {
    const lab = v1modelLab({ ingress: 'std.egress_spec = 1; truncate(9); truncate(6); truncate(7);' })
    assert.deepEqual(lab.send(0, '01020304 0506070809'), [{ port: 1, hex: '010203040506' }])
    assert.deepEqual(lab.send(0, '01020304'), [{ port: 1, hex: '01020304' }])
  })
})

test('a digest tells the values at the end of ingress, once', () => {
  const lab = v1modelLab({
    top: 'struct learn_t { bit<8> key; bit<9> port; }',
    ingress: `digest<learn_t>(1, { 1, 2 }); digest<learn_t>(1, { hdr.h.a, std.ingress_port }); hdr.h.a = 0x55;
      std.egress_spec = 1;`,
  })
  lab.send(9, '01020304')
  assert.deepEqual(lab.pipeline.takeEvents(), [{ kind: 'digest', name: 'learn_t', values: [0x55n, 9n] }])
})

describe('time', () => {
  test('timestamps are microseconds since the pipeline began', () => {
    const lab = v1modelLab({
      ingress: 'std.egress_spec = 1; hdr.h.a = (bit<8>) (std.ingress_global_timestamp / 1000);',
      egress: 'hdr.h.b = (bit<8>) (std.egress_global_timestamp / 1000); hdr.h.c = (bit<8>) std.deq_timedelta;',
    })
    lab.clock.ms = 42
    assert.deepEqual(lab.send(0, '00000000'), [{ port: 1, hex: '2a2a0000' }])
  })

  test('queues hold what is faster than their rate, tell depths and waiting time, and drop at their depth', () => {
    const lab = v1modelLab({
      ingress: 'std.egress_spec = 1;',
      egress: `hdr.h.b = (bit<8>) std.enq_qdepth; hdr.h.c = (bit<8>) std.deq_qdepth;
        hdr.h.d = (bit<8>) (std.deq_timedelta / 1000);`,
    })
    const traffic = lab.pipeline.traffic!
    traffic.queues.setLimits(1, { ratePps: 100, depth: 2 })
    traffic.updateQueueing()
    assert.deepEqual(lab.send(0, '01000000'), [{ port: 1, hex: '01000000' }])
    for (const hex of ['02000000', '03000000', '04000000']) assert.deepEqual(lab.send(0, hex), [])
    assert.deepEqual(lab.drops(), { [RESERVED_DROP.queueFull]: 1 })
    lab.clock.ms = 9
    assert.deepEqual(lab.poll(), [])
    lab.clock.ms = 10
    assert.deepEqual(lab.poll(), [{ port: 1, hex: '0200010a' }])
    lab.clock.ms = 25
    assert.deepEqual(lab.poll(), [{ port: 1, hex: '03010019' }])
    assert.equal(traffic.queues.held, 0)
    traffic.queues.setLimits(1, { ratePps: 0 })
    traffic.updateQueueing()
    assert.deepEqual(lab.send(0, '04000000'), [{ port: 1, hex: '04000000' }])
  })

  test('a higher priority leaves first', () => {
    const lab = v1modelLab({ ingress: 'std.egress_spec = 1; std.priority = (bit<3>) hdr.h.a;' })
    const traffic = lab.pipeline.traffic!
    traffic.queues.setLimits(undefined, { ratePps: 1000 })
    traffic.updateQueueing()
    for (const hex of ['00000000', '01000000', '03000000', '02000000']) lab.send(0, hex)
    lab.clock.ms = 5
    assert.deepEqual(
      lab.poll().map(({ hex }) => hex.slice(0, 2)),
      ['03', '02', '01'],
    )
  })
})

describe('parser errors', () => {
  const source = {
    start: `state start { pkt.extract(hdr.h); verify(hdr.h.a != 9, error.NoMatch); transition select(hdr.h.a) { 1: accept; 7: reject; } }`,
    ingress: 'std.egress_spec = 1; if (std.parser_error != error.NoError) { hdr.h.d = 0xee; }',
  }

  test('drop the packet, as the language says', () => {
    const lab = v1modelLab(source)
    assert.deepEqual(lab.send(0, '01000000'), [{ port: 1, hex: '01000000' }])
    for (const hex of ['09000000', '02000000', '07000000', '010000']) assert.deepEqual(lab.send(0, hex), [], hex)
    assert.deepEqual(lab.drops(), { [RESERVED_DROP.parserReject]: 4 })
  })

  test('go on into ingress in the mode compatible with BMv2, where reject and an unmatched select are no errors', () => {
    const lab = v1modelLab({ ...source, bmv2: true })
    assert.deepEqual(lab.send(0, '09000000'), [{ port: 1, hex: '090000ee' }])
    assert.deepEqual(lab.send(0, '02000000'), [{ port: 1, hex: '02000000' }])
    assert.deepEqual(lab.send(0, '07000000'), [{ port: 1, hex: '07000000' }])
    assert.deepEqual(lab.send(0, '010000'), [{ port: 1, hex: '010000' }])
  })
})

test('BMv2: a header that becomes valid is all zeros and counts in packet_length; priorities have no queue', () => {
  const lab = v1modelLab({
    bmv2: true,
    ingress:
      'hdr.h.setInvalid(); hdr.h.setValid(); hdr.o.setValid(); std.egress_spec = 1; std.priority = (bit<3>) hdr.h.c;',
    egress: 'hdr.h.d = (bit<8>) std.packet_length;',
  })
  assert.deepEqual(lab.send(0, '01020304 99'), [{ port: 1, hex: '000000000699' }])
  const priority = v1modelLab({ bmv2: true, ingress: 'std.egress_spec = 1; std.priority = 1;' })
  assert.deepEqual(priority.send(0, '01020304'), [])
  assert.deepEqual(priority.drops(), { [RESERVED_DROP.badPriority]: 1 })
})

test('explanations follow clones and send nothing', () => {
  const lab = v1modelLab({ ingress: 'clone(CloneType.I2E, 1); std.egress_spec = 2;' })
  lab.pipeline.traffic!.replication.setSession(1, { port: 3 })
  const steps = lab.pipeline.story(Uint8Array.of(1, 2, 3, 4), 0)
  assert.deepEqual(
    steps.filter((step) => step.kind === 'egress').map((step) => step.port),
    ['3', '2'],
  )
  assert.equal(lab.arena.freeSlots, 256)
  assert.deepEqual(lab.drops(), {})
})
