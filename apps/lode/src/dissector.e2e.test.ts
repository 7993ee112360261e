/** The shipped Wireshark dissectors, on frames that our own codecs wrote. */
import {
  EtherType,
  IpProtocol,
  setIpv6PayloadLength,
  writeDdm,
  writeEthernet,
  writeIpv6,
  writePcap,
  writeUdp,
} from '@lodestone/packet'
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { tshark, WITHOUT_TSHARK } from './tshark.fixture.ts'

const DDM = 221

test('the DDM dissector reads each element and what follows the header', { skip: WITHOUT_TSHARK }, () => {
  const bytes = new Uint8Array(256)
  const l3 = writeEthernet(bytes, 0, { etherType: EtherType.ipv6 })
  let at = l3 + writeIpv6(bytes, l3, { nextHeader: DDM, hopLimit: 64 })
  const elements = Uint8Array.of(7, 0, 1, 2, 9, 0, 3, 4)
  at += writeDdm(bytes, at, { nextHeader: IpProtocol.udp, version: 1, ack: 1, elements })
  at += writeUdp(bytes, at, { srcPort: 1000, dstPort: 2000, length: 8, checksum: 0xffff })
  setIpv6PayloadLength(bytes, l3, at - l3 - 40)
  const directory = mkdtempSync(join(tmpdir(), 'lode-dissector-'))
  try {
    const file = join(directory, 'ddm.pcap')
    writeFileSync(file, writePcap([{ seconds: 0, nanoseconds: 0, bytes: bytes.subarray(0, at) }]))
    const fields = ['version', 'ack', 'id', 'timestamp'].map((name) => `lodestone.ddm.${name}`)
    const rows = tshark(file, 'lodestone.ddm', ...fields, 'udp.dstport')
    assert.equal(rows.length, 1)
    const [version, ack, id, timestamp, port] = rows[0]!
    assert.deepEqual([version, id, timestamp, port], ['1', '7,9', '258,772', '2000'])
    assert.match(ack!, /^(1|True)$/)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})
