import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import * as packet from './index.ts'
import {
  EtherType,
  fixIpv4Checksum,
  fixTransportChecksum,
  IcmpType,
  IpProtocol,
  IPV4_MIN,
  ipv4Ttl,
  parseFrame,
  ROW_L3,
  ROW_SIZE,
  summarize,
  verifyIpv4Checksum,
  verifyTransportChecksum,
  writeEthernet,
  writeIcmp,
  writeIpv4,
} from './index.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

test('the example of the README does what it says', () => {
  const bytes = new Uint8Array(64)
  let at = writeEthernet(bytes, 0, { etherType: EtherType.ipv4 })
  const l3 = at
  at += writeIpv4(bytes, at, { protocol: IpProtocol.icmp, src: 0x0a000001, dst: 0x0a000002, totalLength: 28 })
  at += writeIcmp(bytes, at, { type: IcmpType.echoRequest, rest: 0x00070001 })
  fixIpv4Checksum(bytes, l3)
  fixTransportChecksum(bytes, l3, l3 + IPV4_MIN, at)

  const row = new Int32Array(ROW_SIZE)
  const error = parseFrame(bytes, 0, at, row)
  const ttl = ipv4Ttl(bytes, row[ROW_L3]!)
  const line = summarize(bytes, 0, at)
  assert.deepEqual([error, ttl, line], [0, 64, 'IPv4 10.0.0.1 > 10.0.0.2 ICMP echoRequest id 7 seq 1'])
  assert.ok(verifyIpv4Checksum(bytes, l3) && verifyTransportChecksum(bytes, l3, 34, at))
})

test('this file has the example of the README, line by line', () => {
  const own = readFileSync(new URL(import.meta.url), 'utf8')
  const block = /```ts\n(.*?)```/s.exec(readme)?.[1] ?? ''
  const lines = block.split('\n').filter((line) => line !== '' && !line.startsWith('//'))
  assert.ok(lines.length > 8)
  for (const line of lines) assert.ok(own.includes(`  ${line}\n`), line)
})

test('every function and constant that the README names is exported', () => {
  const words = readme.replace(/```ts.*?```/s, '').match(/`[^`]+`/g) ?? []
  const names = new Set<string>()
  for (const word of words) {
    for (const match of word.matchAll(
      /\b((?:check|read|write|set|copy|fix|verify|describe|parse|find|encode|decode|sum|update|finish|format|flow)[A-Z]\w*|(?:ROW|IPV4)_[A-Z]\w*)\b(?!…|\.)/g,
    )) {
      names.add(match[1]!)
    }
  }
  assert.ok(names.size > 40)
  for (const name of names) assert.ok(name in packet, name)
})
