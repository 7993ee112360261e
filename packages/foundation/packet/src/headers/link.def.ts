/** Link-layer headers: IEEE 802.3, IEEE 802.1Q §9.6, RFC 826, and the sidecar header of the switch's CPU port. */
import type { HeaderDefinition } from './definition.ts'

export const ethernet: HeaderDefinition = {
  name: 'ethernet',
  title: 'Ethernet',
  reference: 'IEEE 802.3 §3.1.1, Ethernet II framing',
  fields: [
    { name: 'dst', bits: 48, format: 'mac' },
    { name: 'src', bits: 48, format: 'mac' },
    { name: 'etherType', bits: 16, format: 'EtherType' },
  ],
  next: { field: 'etherType', registry: 'etherType' },
  describe: '{src} > {dst} {etherType}',
}

export const vlan: HeaderDefinition = {
  name: 'vlan',
  title: '802.1Q',
  reference: 'IEEE 802.1Q §9.6; starts after the tag protocol identifier',
  fields: [
    { name: 'pcp', bits: 3, doc: 'priority code point' },
    { name: 'dei', bits: 1, doc: 'drop eligible' },
    { name: 'vid', bits: 12, doc: 'VLAN identifier' },
    { name: 'etherType', bits: 16, format: 'EtherType' },
  ],
  next: { field: 'etherType', registry: 'etherType' },
  chosenBy: { registry: 'etherType', values: [0x8100, 0x88a8] },
  describe: 'vid {vid} pcp {pcp} {etherType}',
}

export const arp: HeaderDefinition = {
  name: 'arp',
  title: 'ARP',
  reference: 'RFC 826, for IPv4 over Ethernet',
  fields: [
    { name: 'hardwareType', bits: 16, default: 1 },
    { name: 'protocolType', bits: 16, format: 'EtherType', default: 0x0800 },
    { name: 'hardwareLength', bits: 8, default: 6 },
    { name: 'protocolLength', bits: 8, default: 4 },
    { name: 'operation', bits: 16, format: 'ArpOperation', default: 1 },
    { name: 'senderMac', bits: 48, format: 'mac' },
    { name: 'senderIp', bits: 32, format: 'ip4' },
    { name: 'targetMac', bits: 48, format: 'mac' },
    { name: 'targetIp', bits: 32, format: 'ip4' },
  ],
  valid: [
    { require: 'hardwareType === 1 && protocolType === 0x0800', error: 'unsupported' },
    { require: 'hardwareLength === 6 && protocolLength === 4', error: 'badLength' },
  ],
  chosenBy: { registry: 'etherType', values: [0x0806] },
  describe: '{operation} who has {targetIp} tell {senderIp} ({senderMac})',
}

export const sidecar: HeaderDefinition = {
  name: 'sidecar',
  title: 'Sidecar',
  reference: 'the header between the switch and its CPU port, ethertype 0x0901',
  fields: [
    { name: 'code', bits: 8, format: 'SidecarCode' },
    { name: 'pad', bits: 8 },
    { name: 'ingress', bits: 16, doc: 'port the frame came in on' },
    { name: 'egress', bits: 16, doc: 'port the frame shall leave by' },
    { name: 'etherType', bits: 16, format: 'EtherType', doc: 'of the frame without this header' },
    { name: 'payload', bits: 128, format: 'bytes', doc: 'by code; a next hop for the NEEDED codes' },
  ],
  next: { field: 'etherType', registry: 'etherType' },
  chosenBy: { registry: 'etherType', values: [0x0901] },
  describe: '{code} ingress {ingress} egress {egress} {etherType}',
}
