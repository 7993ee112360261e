export * from './generated/index.ts'
export * from './constants.ts'
export * from './format.ts'
export { ParseError, type ParseErrorName, parseErrorName } from './parse-error.ts'
export * from './checksum.ts'
export * from './frame-row.ts'
export { crc32, flowHash } from './crc32.ts'
export { checkGeneveOptions, findGeneveOption } from './geneve-options.ts'
export { IPV6_EXT_LIMIT, parseFrame, parseIp, parseQuoted } from './parse-frame.ts'
export { dissect, dissectIp, type Layer } from './dissect.ts'
export type { FieldValue } from './header-row.ts'
export {
  DHCP6_MIN,
  type Dhcp6Message,
  Dhcp6Option,
  dhcp6Options,
  type Dhcp6Options,
  Dhcp6Type,
  linkLayerDuid,
  readDhcp6,
  readDhcp6Options,
  writeDhcp6,
} from './dhcp6-message.ts'
export { dhcpOptionsWireLength, readDhcpOptions, writeDhcpOptions } from './dhcp-options.ts'
export { type NdpOption, ndpOptionsWireLength, readNdpOptions, writeNdpOptions } from './ndp-options.ts'
export { encodeTcpOptions, findTcpOption, decodeTcpOptions, type TcpOptions } from './tcp-options.ts'
export { summarize, summarizeIp } from './summarize.ts'
export { type CapturedPacket, type CaptureError, captureTime, LinkType } from './capture.ts'
export { type Pcap, pcapFileHeader, type PcapOptions, pcapRecord, readPcap, writePcap } from './pcap.ts'
export { PcapngBlocks } from './pcapng-blocks.ts'
export { type Pcapng, type PcapngInterface, readPcapng } from './pcapng-reader.ts'
export { pcapngInterface, pcapngPacket, type PcapngPacket, pcapngSection, PcapngWriter } from './pcapng-writer.ts'
