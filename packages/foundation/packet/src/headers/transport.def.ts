/** Transport and tunnel headers: RFC 768, RFC 9293, RFC 8926, and the fixed part of DHCPv4 (RFC 2131). */
import type { HeaderDefinition } from './definition.ts'

export const udp: HeaderDefinition = {
  name: 'udp',
  title: 'UDP',
  reference: 'RFC 768',
  fields: [
    { name: 'srcPort', bits: 16 },
    { name: 'dstPort', bits: 16 },
    { name: 'length', bits: 16, default: 8, doc: 'bytes, header included' },
    { name: 'checksum', bits: 16, format: 'hex', doc: '0: none' },
  ],
  bounds: [
    { require: 'length >= 8', error: 'badLength' },
    { require: 'length <= $available', error: 'truncated' },
  ],
  next: { field: 'dstPort', registry: 'udpPort' },
  chosenBy: { registry: 'ipProtocol', values: [17] },
  describe: '{srcPort} > {dstPort} length {length}',
}

export const tcp: HeaderDefinition = {
  name: 'tcp',
  title: 'TCP',
  reference: 'RFC 9293 §3.1',
  fields: [
    { name: 'srcPort', bits: 16 },
    { name: 'dstPort', bits: 16 },
    { name: 'sequence', bits: 32 },
    { name: 'acknowledgment', bits: 32 },
    { name: 'dataOffset', bits: 4, default: 5, doc: 'header length in 4-byte words' },
    { name: 'reserved', bits: 4 },
    { name: 'flags', bits: 8, format: 'tcpFlags', doc: 'see TcpFlag' },
    { name: 'window', bits: 16 },
    { name: 'checksum', bits: 16, format: 'hex' },
    { name: 'urgent', bits: 16 },
  ],
  tail: {
    name: 'options',
    length: 'dataOffset * 4',
    lengthField: 'dataOffset',
    fromLength: '$length / 4',
    multiple: 4,
    maximum: 60,
  },
  valid: [{ require: 'dataOffset >= 5', error: 'badDataOffset' }],
  chosenBy: { registry: 'ipProtocol', values: [6] },
  describe: '{srcPort} > {dstPort} {flags} seq {sequence} ack {acknowledgment} win {window}',
}

export const geneve: HeaderDefinition = {
  name: 'geneve',
  title: 'Geneve',
  reference: 'RFC 8926 §3.4',
  fields: [
    { name: 'version', bits: 2 },
    { name: 'optionWords', bits: 6, doc: 'length of the options in 4-byte words' },
    { name: 'control', bits: 1 },
    { name: 'critical', bits: 1, doc: 'some option is critical' },
    { name: 'reserved', bits: 6 },
    { name: 'protocol', bits: 16, format: 'EtherType', default: 0x6558 },
    { name: 'vni', bits: 24 },
    { name: 'reserved2', bits: 8 },
  ],
  tail: {
    name: 'options',
    length: '8 + optionWords * 4',
    lengthField: 'optionWords',
    fromLength: '($length - 8) / 4',
    multiple: 4,
    maximum: 260,
  },
  valid: [{ require: 'version === 0', error: 'badVersion' }],
  next: { field: 'protocol', registry: 'etherType' },
  chosenBy: { registry: 'udpPort', values: [6081] },
  describe: 'vni {vni} {protocol}',
}

export const geneveOption: HeaderDefinition = {
  name: 'geneveOption',
  title: 'Geneve option',
  reference: 'RFC 8926 §3.5',
  fields: [
    { name: 'optionClass', bits: 16, format: 'hex' },
    { name: 'critical', bits: 1 },
    { name: 'type', bits: 7 },
    { name: 'reserved', bits: 3 },
    { name: 'dataWords', bits: 5, doc: 'length of the data in 4-byte words' },
  ],
  tail: {
    name: 'data',
    length: '4 + dataWords * 4',
    lengthField: 'dataWords',
    fromLength: '($length - 4) / 4',
    multiple: 4,
    maximum: 128,
  },
  describe: 'class {optionClass} type {type} critical {critical}',
}

export const dhcp: HeaderDefinition = {
  name: 'dhcp',
  title: 'DHCP',
  reference: 'RFC 2131 §2 with the cookie of RFC 2132 §2; options follow',
  fields: [
    { name: 'op', bits: 8, format: 'DhcpOperation', default: 1 },
    { name: 'hardwareType', bits: 8, default: 1 },
    { name: 'hardwareLength', bits: 8, default: 6 },
    { name: 'hops', bits: 8 },
    { name: 'xid', bits: 32, format: 'hex' },
    { name: 'secs', bits: 16 },
    { name: 'flags', bits: 16, format: 'hex', doc: 'broadcast is 0x8000' },
    { name: 'ciaddr', bits: 32, format: 'ip4', doc: 'address the client has' },
    { name: 'yiaddr', bits: 32, format: 'ip4', doc: 'address the client gets' },
    { name: 'siaddr', bits: 32, format: 'ip4' },
    { name: 'giaddr', bits: 32, format: 'ip4' },
    { name: 'chaddr', bits: 128, format: 'bytes', doc: 'MAC in the first 6 bytes' },
    { name: 'sname', bits: 512, format: 'text' },
    { name: 'file', bits: 1024, format: 'text' },
    { name: 'cookie', bits: 32, format: 'hex', default: 0x63825363 },
  ],
  valid: [{ require: 'cookie === 0x63825363', error: 'unsupported' }],
  chosenBy: { registry: 'udpPort', values: [67, 68] },
  describe: '{op} xid {xid} ciaddr {ciaddr} yiaddr {yiaddr}',
}
