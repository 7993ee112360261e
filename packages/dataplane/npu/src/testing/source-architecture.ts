/** What random programs say differently for each architecture that the reference interpreter runs. */

export interface SourceArchitecture {
  readonly include: string
  /** Types of the parameters behind headers and metadata; the first is called `ig`. */
  readonly parserParameters: string
  readonly controlParameters: string
  readonly subParameters: string
  readonly ingressPort: string
  readonly packetLength: string
  /** Instances in the ingress control; `hash` is an algorithm's name in upper case. */
  readonly instances: (hash: string) => readonly string[]
  readonly setPort: (port: string) => string
  readonly multicast: ((group: number) => string) | undefined
  readonly drop: (reason: number) => readonly string[]
  /** Declares a variable of this many bits with the result. */
  readonly readRegister: (variable: string, width: number, register: string, index: string) => readonly string[]
  readonly hash: (variable: string, algorithm: string, data: string) => readonly string[]
  readonly checksum: (variable: string, data: string) => readonly string[]
  readonly random: (variable: string) => readonly string[]
  /** Fields of the metadata beside the random ones. */
  readonly metadata: string
  /** What ingress and egress may ask of the target. */
  readonly requests: { readonly ingress: readonly string[]; readonly egress: readonly string[] }
  /** Behind the deparser `D`. */
  readonly package: readonly string[]
}

const SOFTNPU: SourceArchitecture = {
  include: 'softnpu.p4',
  parserParameters: 'inout softnpu_ingress_metadata_t ig',
  controlParameters: 'inout softnpu_ingress_metadata_t ig, inout softnpu_egress_metadata_t eg',
  subParameters: 'in softnpu_ingress_metadata_t ig',
  ingressPort: 'ig.port',
  packetLength: 'ig.packet_length',
  instances: (hash) => [
    'Register<bit<24>>(4) narrow;',
    'Register<bit<128>>(4) broad;',
    'Counter(8, CounterType_t.PACKETS_AND_BYTES) counts;',
    `Hash<bit<32>>(HashAlgorithm_t.${hash}) digest;`,
    'Checksum() sum;',
    'Random<bit<16>>(3, 900) dice;',
  ],
  setPort: (port) => `eg.port = ${port};`,
  multicast: (group) => `eg.multicast_group = ${group};`,
  drop: (reason) => ['eg.drop = true;', `eg.drop_reason = ${reason};`],
  readRegister: (variable, width, register, index) => [`bit<${width}> ${variable} = ${register}.read(${index});`],
  hash: (variable, _, data) => [`bit<32> ${variable} = digest.get(${data});`],
  checksum: (variable, data) => [`bit<16> ${variable} = sum.run(${data});`],
  random: (variable) => [`bit<16> ${variable} = dice.read();`],
  metadata: '',
  requests: { ingress: [], egress: [] },
  package: ['SoftNPU(P(), I(), E(), D()) main;'],
}

/** Requests count in a field that all copies keep, so that packets do not go around for ever. */
const asked = (request: string): string => `if (meta.asked < 3) { meta.asked = meta.asked + 1; ${request} }`

const V1MODEL: SourceArchitecture = {
  include: 'v1model.p4',
  parserParameters: 'inout standard_metadata_t ig',
  controlParameters: 'inout standard_metadata_t ig',
  subParameters: 'in standard_metadata_t ig',
  ingressPort: '((bit<16>)(ig.ingress_port))',
  packetLength: 'ig.packet_length',
  instances: () => [
    'register<bit<24>>(4) narrow;',
    'register<bit<128>>(4) broad;',
    'counter(8, CounterType.packets_and_bytes) counts;',
  ],
  setPort: (port) => `ig.egress_spec = (bit<9>)(${port}) & 9w0xff;`,
  multicast: undefined,
  drop: () => ['mark_to_drop(ig);'],
  readRegister: (variable, width, register, index) => [
    `bit<${width}> ${variable};`,
    `${register}.read(${variable}, ${index});`,
  ],
  hash: (variable, algorithm, data) => [
    `bit<32> ${variable};`,
    // There is no crc8 here.
    `hash(${variable}, HashAlgorithm.${algorithm === 'CRC8' ? 'identity' : algorithm.toLowerCase()}, 32w5, ${data}, 32w0x7fffff);`,
  ],
  checksum: (variable, data) => [
    `bit<16> ${variable};`,
    `hash(${variable}, HashAlgorithm.csum16, 16w0, ${data}, 32w0x10000);`,
  ],
  random: (variable) => [`bit<16> ${variable};`, `random(${variable}, 16w3, 16w900);`],
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
  package: [
    'control V(inout headers_t hdr, inout meta_t meta) { apply { } }',
    'control U(inout headers_t hdr, inout meta_t meta) { apply { } }',
    'V1Switch(P(), V(), I(), E(), U(), D()) main;',
  ],
}

export const ARCHITECTURES = { softnpu: SOFTNPU, v1model: V1MODEL } as const
export type ArchitectureName = keyof typeof ARCHITECTURES
