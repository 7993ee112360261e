/** What the tests of captures call a flaw: that they see one, and what they pass over. */
import {
  EtherType,
  IpProtocol,
  setIpv6PayloadLength,
  writeEthernet,
  writeIpv6,
  writePcap,
  writeTcp,
} from '@lodestone/packet'
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { flaws, WITHOUT_TSHARK } from './tshark.fixture.ts'

/** An UPDATE whose one attribute is MP_UNREACH_NLRI of IPv6 unicast. */
function withdrawal(prefixes: string, attributeLength = 3 + prefixes.length / 2): Uint8Array {
  const value = `000201${prefixes}`
  const attribute = `900f${attributeLength.toString(16).padStart(4, '0')}${value}`
  const body = `0000${(attribute.length / 2).toString(16).padStart(4, '0')}${attribute}`
  return Buffer.from(`${'ff'.repeat(16)}${(19 + body.length / 2).toString(16).padStart(4, '0')}02${body}`, 'hex')
}

function flawsOf(payload: Uint8Array, t: TestContext, { isDamaged = false } = {}): readonly string[] {
  const bytes = new Uint8Array(512)
  const l3 = writeEthernet(bytes, 0, { etherType: EtherType.ipv6 })
  let at = l3 + writeIpv6(bytes, l3, { nextHeader: IpProtocol.tcp, hopLimit: 255 })
  const tcp = at
  at += writeTcp(bytes, at, {
    srcPort: 40_000,
    dstPort: 179,
    sequence: 1,
    acknowledgment: 1,
    dataOffset: 5,
    flags: 0x18,
    window: 1000,
  })
  bytes.set(payload, at)
  at += payload.length
  setIpv6PayloadLength(bytes, l3, at - l3 - 40)
  // Both addresses are unspecified: the pseudo header is the length and the protocol.
  let sum = at - tcp + IpProtocol.tcp
  for (let i = tcp; i < at; i += 2) sum += (bytes[i]! << 8) | (i + 1 < at ? bytes[i + 1]! : 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  new DataView(bytes.buffer).setUint16(tcp + 16, (~sum & 0xffff) ^ (isDamaged ? 1 : 0))
  const directory = mkdtempSync(join(tmpdir(), 'lode-flaws-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const file = join(directory, 'bgp.pcap')
  writeFileSync(file, writePcap([{ seconds: 0, nanoseconds: 0, bytes: bytes.subarray(0, at) }]))
  return flaws(file)
}

const skip = WITHOUT_TSHARK
const NETWORK = '4020010db800010000'

test('an UPDATE of two prefixes has no flaw, and one whose attribute is longer than it has', { skip }, (t) => {
  assert.deepEqual(flawsOf(withdrawal(NETWORK + NETWORK), t), [])
  const [flaw] = flawsOf(withdrawal(NETWORK, 200), t)
  assert.match(flaw ?? 'none', /UPDATE/)
})

test('a default route before another prefix is no flaw, and hides no checksum that is wrong', { skip }, (t) => {
  assert.deepEqual(flawsOf(withdrawal(`00${NETWORK}`), t), [])
  assert.equal(flawsOf(withdrawal(`00${NETWORK}`), t, { isDamaged: true }).length, 1)
})
