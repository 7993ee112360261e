/** What random programs say differently for each architecture that the reference interpreter runs. */
import { bit, type Variable } from './source-expressions.ts'

/** An action profile or selector and the property of the table that it implements. */
export interface SourceProfile {
  readonly instance: string
  readonly property: string
  readonly isSelector: boolean
}

export interface SourceArchitecture {
  readonly include: string
  /** Types of the parameters behind headers and metadata; the first is called `ig`. */
  readonly parserParameters: string
  readonly controlParameters: string
  readonly egressParameters: string
  readonly subParameters: string
  /** What parsers and controls are told, read-only; a bit<16> port first. */
  readonly inputs: {
    readonly parser: readonly Variable[]
    readonly ingress: readonly Variable[]
    readonly egress: readonly Variable[]
  }
  /** Instances in the ingress control. */
  readonly instances: (algorithm: number) => readonly string[]
  readonly setPort: (port: string) => string
  readonly multicast: ((group: number) => string) | undefined
  readonly drop: (reason: number) => readonly string[]
  /** Declares a variable of this many bits with the result. */
  readonly readRegister: (variable: string, width: number, register: string, index: string) => readonly string[]
  readonly hash: (variable: string, data: string) => readonly string[]
  readonly checksum: (variable: string, data: string) => readonly string[]
  readonly random: (variable: string) => readonly string[]
  /** `colour`: a bit<1> that a colour-aware meter may take into account. */
  readonly meter: (variable: string, meter: string, index: string, colour: string) => readonly string[]
  /** The data is a `pair_t`; receivers are 1 and 2. Empty where there is none in controls. */
  readonly digest: (data: string, receiver: number) => readonly string[]
  readonly directCounter: (name: string) => string
  readonly directMeter: (name: string) => string
  readonly readDirectMeter: (variable: string, meter: string, colour: string) => readonly string[]
  readonly countersProperty: (name: string) => string
  readonly metersProperty: (name: string) => string
  readonly profile: (name: string, size: number, isSelector: boolean) => SourceProfile | undefined
  /** Property of a table whose entries may time out. */
  readonly timeout: string | undefined
  /** Fields of the metadata beside the random ones; `kept` is observed where there is one. */
  readonly metadata: string
  /** What ingress and egress may ask of the target. */
  readonly requests: { readonly ingress: readonly string[]; readonly egress: readonly string[] }
  /** Whether ingress and egress each have a parser and a deparser. */
  readonly isDivided: boolean
  /** Whether checksums have controls of their own, `V` and `U`. */
  readonly hasChecksums: boolean
  /** Behind the deparser `D`. */
  readonly package: readonly string[]
}

const port16 = (text: string): Variable => ({ text, type: bit(16), isReadOnly: true })
const number = (text: string, width: number): Variable => ({ text, type: bit(width), isReadOnly: true })

const SOFTNPU: SourceArchitecture = {
  include: 'softnpu.p4',
  parserParameters: 'inout softnpu_ingress_metadata_t ig',
  controlParameters: 'inout softnpu_ingress_metadata_t ig, inout softnpu_egress_metadata_t eg',
  egressParameters: 'inout softnpu_ingress_metadata_t ig, inout softnpu_egress_metadata_t eg',
  subParameters: 'in softnpu_ingress_metadata_t ig',
  inputs: {
    parser: [port16('ig.port'), number('ig.packet_length', 32)],
    ingress: [port16('ig.port'), number('ig.packet_length', 32), number('ig.timestamp', 48)],
    egress: [port16('ig.port'), number('ig.packet_length', 32), number('ig.timestamp', 48)],
  },
  instances: (algorithm) => [
    'Register<bit<24>>(4) narrow;',
    'Register<bit<128>>(4) broad;',
    'Counter(8, CounterType_t.PACKETS_AND_BYTES) counts;',
    `Hash<bit<32>>(HashAlgorithm_t.${['CRC8', 'CRC16', 'CRC32', 'XOR16', 'CSUM16', 'MIX'][algorithm % 6]}) hashed;`,
    'Checksum() sum;',
    'Random<bit<16>>(3, 900) dice;',
    'Meter(3, MeterType_t.PACKETS) packetsPer;',
    'Meter(2, MeterType_t.BYTES) bytesPer;',
  ],
  setPort: (port) => `eg.port = ${port};`,
  multicast: (group) => `eg.multicast_group = ${group};`,
  drop: (reason) => ['eg.drop = true;', `eg.drop_reason = ${reason};`],
  readRegister: (variable, width, register, index) => [`bit<${width}> ${variable} = ${register}.read(${index});`],
  hash: (variable, data) => [`bit<32> ${variable} = hashed.get(${data});`],
  checksum: (variable, data) => [`bit<16> ${variable} = sum.run(${data});`],
  random: (variable) => [`bit<16> ${variable} = dice.read();`],
  meter: (variable, meter, index) => [
    `MeterColor_t ${variable}c = ${meter}.execute(${index});`,
    `bit<2> ${variable} = (${variable}c == MeterColor_t.RED ? 2w2 : (${variable}c == MeterColor_t.YELLOW ? 2w1 : 2w0));`,
  ],
  digest: () => [],
  directCounter: (name) => `DirectCounter(CounterType_t.PACKETS_AND_BYTES) ${name};`,
  directMeter: (name) => `DirectMeter(MeterType_t.BYTES) ${name};`,
  readDirectMeter: (variable, meter) => [
    `bit<2> ${variable} = 0;`,
    `if (${meter}.execute() != MeterColor_t.GREEN) { ${variable} = 3; }`,
  ],
  countersProperty: (name) => `counters = ${name};`,
  metersProperty: (name) => `meters = ${name};`,
  profile: () => undefined,
  timeout: undefined,
  metadata: '',
  requests: { ingress: [], egress: [] },
  isDivided: false,
  hasChecksums: false,
  package: ['SoftNPU(P(), I(), E(), D()) main;'],
}

/** Requests count in a field that all copies keep, so that packets do not go around for ever. */
const asked = (request: string): string => `if (meta.asked < 3) { meta.asked = meta.asked + 1; ${request} }`

const V1MODEL_PORT = port16('((bit<16>)(ig.ingress_port))')

const V1MODEL: SourceArchitecture = {
  include: 'v1model.p4',
  parserParameters: 'inout standard_metadata_t ig',
  controlParameters: 'inout standard_metadata_t ig',
  egressParameters: 'inout standard_metadata_t ig',
  subParameters: 'in standard_metadata_t ig',
  inputs: {
    parser: [V1MODEL_PORT, number('ig.packet_length', 32)],
    ingress: [
      V1MODEL_PORT,
      number('ig.packet_length', 32),
      number('ig.ingress_global_timestamp', 48),
      number('((bit<16>)(ig.instance_type))', 16),
      number('ig.checksum_error', 1),
    ],
    egress: [
      V1MODEL_PORT,
      number('ig.packet_length', 32),
      number('((bit<9>)(ig.egress_port))', 9),
      number('ig.egress_rid', 16),
    ],
  },
  instances: (algorithm) => [
    'register<bit<24>>(4) narrow;',
    'register<bit<128>>(4) broad;',
    `const HashAlgorithm hashed = HashAlgorithm.${['identity', 'crc16', 'crc32', 'xor16', 'csum16', 'crc16_custom', 'crc32_custom'][algorithm % 7]};`,
    'counter(8, CounterType.packets_and_bytes) counts;',
    'meter(3, MeterType.packets) packetsPer;',
    'meter(2, MeterType.bytes) bytesPer;',
  ],
  setPort: (port) => `ig.egress_spec = (bit<9>)(${port}) & 9w0xff;`,
  multicast: undefined,
  drop: () => ['mark_to_drop(ig);'],
  readRegister: (variable, width, register, index) => [
    `bit<${width}> ${variable} = 9;`,
    `${register}.read(${variable}, ${index});`,
  ],
  hash: (variable, data) => [`bit<32> ${variable};`, `hash(${variable}, hashed, 32w5, ${data}, 32w0x7fffff);`],
  checksum: (variable, data) => [
    `bit<16> ${variable};`,
    `hash(${variable}, HashAlgorithm.csum16, 16w0, ${data}, 32w0x10000);`,
  ],
  random: (variable) => [`bit<16> ${variable};`, `random(${variable}, 16w3, 16w900);`],
  meter: (variable, meter, index) => [`bit<3> ${variable} = 5;`, `${meter}.execute_meter(${index}, ${variable});`],
  digest: (data, receiver) => [`digest<pair_t>(32w${receiver}, ${data});`],
  directCounter: (name) => `direct_counter(CounterType.packets_and_bytes) ${name};`,
  directMeter: (name) => `direct_meter<bit<2>>(MeterType.bytes) ${name};`,
  readDirectMeter: (variable, meter) => [`bit<2> ${variable} = 0;`, `${meter}.read(${variable});`],
  countersProperty: (name) => `counters = ${name};`,
  metersProperty: (name) => `meters = ${name};`,
  profile: (name, size, isSelector) => ({
    instance: isSelector
      ? `action_selector(HashAlgorithm.crc16, ${size}, 32w10) ${name};`
      : `action_profile(${size}) ${name};`,
    property: `implementation = ${name};`,
    isSelector,
  }),
  timeout: 'support_timeout = true;',
  metadata: '@field_list(1, 2) bit<8> asked; @field_list(2) bit<16> kept;',
  requests: {
    ingress: [
      ...[0, 1, 2, 3, 4].map((session) => asked(`clone_preserving_field_list(CloneType.I2E, ${session}, 1);`)),
      asked('clone_preserving_field_list(CloneType.I2E, (bit<32>) hdr.first.a, 2);'),
      asked('resubmit_preserving_field_list(2);'),
      asked('resubmit_preserving_field_list(1);'),
      'truncate(70);',
      'ig.mcast_grp = 2;',
      'ig.mcast_grp = (bit<16>) hdr.first.a;',
      'ig.priority = hdr.first.a;',
      'mark_to_drop(ig);',
      'meta.kept = (bit<16>) ig.packet_length ^ (bit<16>)(ig.instance_type);',
    ],
    egress: [
      ...[0, 1, 2, 4].map((session) => asked(`clone_preserving_field_list(CloneType.E2E, ${session}, 2);`)),
      asked('recirculate_preserving_field_list(1);'),
      asked('recirculate_preserving_field_list(2);'),
      'truncate(65);',
      'mark_to_drop(ig);',
      'meta.kept = (bit<16>) ig.packet_length ^ (bit<16>)(ig.instance_type) ^ (ig.egress_rid << 5);',
    ],
  },
  isDivided: false,
  hasChecksums: true,
  package: ['V1Switch(P(), V(), I(), E(), U(), D()) main;'],
}

const PSA_INGRESS_PORT = port16('((bit<16>)(PortIdUint_t)(ig.ingress_port))')
const PSA_EGRESS_PORT = port16('((bit<16>)(PortIdUint_t)(ig.egress_port))')
const cloneTo = (session: string): string => `eg.clone = true; eg.clone_session_id = (CloneSessionId_t)(${session});`

const PSA: SourceArchitecture = {
  include: 'psa.p4',
  parserParameters: 'in psa_ingress_parser_input_metadata_t ig',
  controlParameters: 'in psa_ingress_input_metadata_t ig, inout psa_ingress_output_metadata_t eg',
  egressParameters: 'in psa_egress_input_metadata_t ig, inout psa_egress_output_metadata_t eg',
  subParameters: 'in psa_ingress_input_metadata_t ig',
  inputs: {
    parser: [],
    ingress: [PSA_INGRESS_PORT, number('((bit<64>)(TimestampUint_t)(ig.ingress_timestamp))', 64)],
    egress: [
      PSA_EGRESS_PORT,
      number('((bit<16>)(EgressInstanceUint_t)(ig.instance))', 16),
      number('((bit<8>)(ClassOfServiceUint_t)(ig.class_of_service))', 8),
      number('((bit<64>)(TimestampUint_t)(ig.egress_timestamp))', 64),
    ],
  },
  instances: (algorithm) => [
    'Register<bit<24>, bit<32>>(4) narrow;',
    'Register<bit<128>, bit<32>>(4, 128w77) broad;',
    'Counter<bit<64>, bit<32>>(8, PSA_CounterType_t.PACKETS_AND_BYTES) counts;',
    `Hash<bit<32>>(PSA_HashAlgorithm_t.${['IDENTITY', 'CRC16', 'CRC32', 'ONES_COMPLEMENT16', 'TARGET_DEFAULT', 'CRC16_CUSTOM', 'CRC32_CUSTOM'][algorithm % 7]}) hashed;`,
    'InternetChecksum() sum;',
    'Random<bit<16>>(3, 900) dice;',
    'Meter<bit<32>>(3, PSA_MeterType_t.PACKETS) packetsPer;',
    'Meter<bit<32>>(2, PSA_MeterType_t.BYTES) bytesPer;',
  ],
  setPort: (port) => `send_to_port(eg, (PortId_t)(PortIdUint_t)(bit<16>)(${port}));`,
  multicast: (group) => `multicast(eg, (MulticastGroup_t)(MulticastGroupUint_t)${group});`,
  drop: () => ['ingress_drop(eg);'],
  readRegister: (variable, width, register, index) => [`bit<${width}> ${variable} = ${register}.read(${index});`],
  hash: (variable, data) => [`bit<32> ${variable} = hashed.get_hash(32w7, ${data}, 32w0x7fffff);`],
  checksum: (variable, data) => [
    'sum.clear();',
    `sum.add(${data});`,
    `sum.subtract({ meta.pair.x, meta.other.x });`,
    `bit<16> ${variable} = sum.get() ^ sum.get_state();`,
  ],
  random: (variable) => [`bit<16> ${variable} = dice.read();`],
  meter: (variable, meter, index, colour) => [
    `PSA_MeterColor_t ${variable}c = ${meter}.execute(${index}, (${colour} == 0 ? PSA_MeterColor_t.GREEN : PSA_MeterColor_t.YELLOW));`,
    `bit<2> ${variable} = (${variable}c == PSA_MeterColor_t.RED ? 2w2 : (${variable}c == PSA_MeterColor_t.YELLOW ? 2w1 : 2w0));`,
  ],
  digest: () => [],
  directCounter: (name) => `DirectCounter<bit<64>>(PSA_CounterType_t.PACKETS_AND_BYTES) ${name};`,
  directMeter: (name) => `DirectMeter(PSA_MeterType_t.BYTES) ${name};`,
  readDirectMeter: (variable, meter) => [
    `bit<2> ${variable} = 0;`,
    `if (${meter}.execute() != PSA_MeterColor_t.GREEN) { ${variable} = 3; }`,
  ],
  countersProperty: (name) => `psa_direct_counter = ${name};`,
  metersProperty: (name) => `psa_direct_meter = ${name};`,
  profile: (name, size, isSelector) => ({
    instance: isSelector
      ? `ActionSelector(PSA_HashAlgorithm_t.CRC16, ${size}, 32w10) ${name};`
      : `ActionProfile(${size}) ${name};`,
    property: `psa_implementation = ${name};`,
    isSelector,
  }),
  timeout: 'psa_idle_timeout = PSA_IdleTimeout_t.NOTIFY_CONTROL;',
  metadata: 'bit<8> asked; bit<16> kept;',
  requests: {
    ingress: [
      ...[0, 1, 2, 3, 4].map((session) => asked(cloneTo(`16w${session}`))),
      asked(cloneTo('(bit<16>) hdr.first.a')),
      asked('eg.resubmit = true;'),
      asked('eg.resubmit = true; eg.drop = false;'),
      asked('send_to_port(eg, PSA_PORT_RECIRCULATE);'),
      'multicast(eg, (MulticastGroup_t)32w2);',
      'multicast(eg, (MulticastGroup_t)(bit<32>) hdr.first.a);',
      'eg.class_of_service = (ClassOfService_t)(bit<8>) hdr.first.a;',
      'ingress_drop(eg);',
      'meta.kept = (bit<16>)(PortIdUint_t) ig.ingress_port + (ig.packet_path == PSA_PacketPath_t.RESUBMIT ? 16w3 : (ig.packet_path == PSA_PacketPath_t.RECIRCULATE ? 16w4 : 16w5));',
      'meta.kept = (ig.parser_error == error.PacketTooShort ? 16w9 : (ig.parser_error == error.NoError ? 16w10 : 16w11));',
    ],
    egress: [
      ...[0, 1, 2, 4].map((session) => asked(cloneTo(`16w${session}`))),
      'egress_drop(eg);',
      'meta.kept = (bit<16>)(EgressInstanceUint_t) ig.instance + (ig.packet_path == PSA_PacketPath_t.CLONE_I2E ? 16w100 : (ig.packet_path == PSA_PacketPath_t.NORMAL_MULTICAST ? 16w200 : 16w300));',
      'meta.kept = (bit<16>)(ClassOfServiceUint_t) ig.class_of_service;',
      'meta.kept = (ig.parser_error == error.PacketTooShort ? 16w9 : 16w10);',
    ],
  },
  isDivided: true,
  hasChecksums: false,
  package: [
    'IngressPipeline(IP(), I(), ID()) ip;',
    'EgressPipeline(EP(), E(), ED()) ep;',
    'PSA_Switch(ip, PacketReplicationEngine(), ep, BufferingQueueingEngine()) main;',
  ],
}

/**
 * With BMv2's rules for what headers and metadata keep from round to round (`target/psa-target.ts`) the reference is not
 * acquainted: here packets are cloned and dropped only.
 */
const PSA_BMV2: SourceArchitecture = {
  ...PSA,
  multicast: undefined,
  requests: {
    ingress: PSA.requests.ingress
      .filter((request) => !/resubmit = true|RECIRCULATE\)|multicast/.test(request))
      .map((request) => `if (ig.packet_path == PSA_PacketPath_t.NORMAL) { ${request} }`),
    egress: PSA.requests.egress.map(
      (request) => `if (ig.packet_path == PSA_PacketPath_t.NORMAL_UNICAST) { ${request} }`,
    ),
  },
}

export const ARCHITECTURES = { softnpu: SOFTNPU, v1model: V1MODEL, psa: PSA, 'psa-bmv2': PSA_BMV2 } as const
export type ArchitectureName = keyof typeof ARCHITECTURES
