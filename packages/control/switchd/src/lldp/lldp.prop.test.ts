import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ip, Mac } from '@lodestone/net'
import fc from 'fast-check'
import { LldpAgent, type LldpSettings, MAX_NEIGHBORS } from './lldp-agent.ts'
import { decodeLldp, encodeLldp, type LldpMessage } from './lldp-frame.ts'

const MAC = Mac.of('a8:40:25:05:00:84')
const text = fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme-ascii' })
const message: fc.Arbitrary<LldpMessage> = fc.record({
  chassisId: text,
  portId: text,
  timeToLiveS: fc.nat(0xffff),
  portDescription: text,
  systemName: text,
  systemDescription: text,
  managementAddresses: fc.array(
    fc.record({
      address: fc.constantFrom(Ip.of('192.0.2.1'), Ip.of('2001:db8::1')),
      interfaceNumbering: fc.constant('unknown' as const),
      interfaceNumber: fc.nat(),
    }),
    { maxLength: 3 },
  ),
})

const settings: LldpSettings = { isEnabled: true, chassisId: 'switch0', portId: 'qsfp0', managementAddresses: [] }

test('what is said is heard', () => {
  fc.assert(
    fc.property(message, (said) => {
      const result = decodeLldp(encodeLldp(said, MAC))
      assert.ok(result.ok)
      assert.deepEqual(JSON.stringify(result.message), JSON.stringify(said))
    }),
  )
})

test('a frame that is cut anywhere, or has any byte changed, is read or refused, and never throws', () => {
  fc.assert(
    fc.property(message, fc.nat(), fc.nat(255), (said, at, byte) => {
      const frame = encodeLldp(said, MAC)
      for (let length = 0; length < frame.length; length++) decodeLldp(frame.subarray(0, length))
      frame[at % frame.length] = byte
      const result = decodeLldp(frame)
      assert.ok(result.ok || typeof result.error === 'string')
    }),
  )
})

test('captured by hand: a frame of another implementation (MAC chassis, interface name, IPv4 management address)', () => {
  const hex =
    '0180c200000e02005e00010188cc' +
    '02070402005e000101' + // chassis: MAC
    '0405056574' +
    '6830' + // port: "eth0"
    '06020078' + // 120 s
    '0a0369' +
    '7370' + // system name "isp"
    '100c0501c00002010200000003' +
    '00' + // management 192.0.2.1, ifIndex 3
    'fe0600120f01020304'.slice(0, 16) + // organizationally specific, ignored
    '0000'
  const result = decodeLldp(Uint8Array.from(Buffer.from(hex, 'hex')))
  assert.ok(result.ok, JSON.stringify(result))
  const { chassisId, portId, timeToLiveS, systemName, managementAddresses } = result.message
  assert.deepEqual([chassisId, portId, timeToLiveS, systemName], ['02:00:5e:00:01:01', 'eth0', 120, 'isp'])
  assert.equal(String(managementAddresses[0]?.address), '192.0.2.1')
  assert.deepEqual(
    [managementAddresses[0]?.interfaceNumbering, managementAddresses[0]?.interfaceNumber],
    ['if-index', 3],
  )
})

test('an agent repeats itself, says goodbye, forgets who is silent, and holds a bounded number of neighbours', () => {
  const agent = new LldpAgent(settings)
  assert.equal(agent.wakeMs, Infinity)
  assert.equal(agent.setUp(true, 0).length, 1)
  let sent = 0
  for (let now = 0; now <= 60_000; now += 100) sent += agent.tick(now).length
  assert.ok(sent >= 4 && sent <= 6, `${sent} in a minute`)
  const heard: LldpMessage = { chassisId: 'isp0', portId: 'eth0', timeToLiveS: 120, managementAddresses: [] }
  agent.receive(heard, 60_000)
  assert.equal(agent.neighbors(60_001).length, 1)
  assert.equal(agent.neighbors(179_999).length, 1)
  assert.equal(agent.neighbors(180_000).length, 0)
  for (let i = 0; i < 100; i++) agent.receive({ ...heard, portId: `p${i}` }, 60_000)
  assert.equal(agent.neighbors(60_001).length, MAX_NEIGHBORS)
  agent.receive({ ...heard, portId: 'p99', timeToLiveS: 0 }, 60_001)
  assert.equal(agent.neighbors(60_002).length, MAX_NEIGHBORS - 1)
  const [goodbye] = agent.configure({ ...settings, isEnabled: false }, 61_000)
  assert.equal(goodbye?.message.timeToLiveS, 0)
  assert.deepEqual([agent.neighbors(61_000).length, agent.wakeMs], [0, Infinity])
})
