/** Packets that somebody made up: what of them a stack believes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TcpSocket } from '@lodestone/host'
import { Ip } from '@lodestone/net'
import {
  EtherType,
  ETHERNET_MIN,
  fixIpv4Checksum,
  fixTransportChecksum,
  ICMP_MIN,
  IpProtocol,
  IPV4_MIN,
  setIcmpRest,
  setIcmpType,
  setIcmpCode,
  TCP_MIN,
  tcpFlags,
  tcpSequence,
  writeEthernet,
  writeIpv4,
  writeTcp,
  type TcpHeader,
} from '@lodestone/packet'
import type { Netstack } from '../netstack.ts'
import { pairOfHosts, type TestNetwork } from '../test-network.ts'
import { ACK, SYN } from './segment.ts'

const L4 = ETHERNET_MIN + IPV4_MIN

/** An Ethernet frame for `to` with a payload of `length` bytes behind the IPv4 header. */
function frame(to: Netstack, source: string, destination: string, protocol: number, length: number): Uint8Array {
  const bytes = new Uint8Array(L4 + length)
  const dst = to.interface('nic0')!.mac.bytes
  writeEthernet(bytes, 0, { dst, src: Uint8Array.of(2, 0, 0, 0, 0, 99), etherType: EtherType.ipv4 })
  const addresses = { src: Ip.of(source).word(0), dst: Ip.of(destination).word(0) }
  writeIpv4(bytes, ETHERNET_MIN, { ...addresses, protocol, totalLength: IPV4_MIN + length })
  fixIpv4Checksum(bytes, ETHERNET_MIN)
  return bytes
}

function tcpFrame(to: Netstack, source: string, destination: string, header: Partial<TcpHeader>): Uint8Array {
  const bytes = frame(to, source, destination, IpProtocol.tcp, TCP_MIN)
  writeTcp(bytes, L4, { window: 1000, ...header })
  fixTransportChecksum(bytes, ETHERNET_MIN, L4, bytes.length)
  return bytes
}

/** "Fragmentation needed" about `quoted`, an IPv4 packet. */
function tooBigFrame(to: Netstack, quoted: Uint8Array, mtuBytes: number): Uint8Array {
  const bytes = frame(to, '10.0.0.77', '10.0.0.1', IpProtocol.icmp, ICMP_MIN + quoted.length)
  setIcmpType(bytes, L4, 3)
  setIcmpCode(bytes, L4, 4)
  setIcmpRest(bytes, L4, mtuBytes)
  bytes.set(quoted, L4 + ICMP_MIN)
  fixTransportChecksum(bytes, ETHERNET_MIN, L4, bytes.length)
  return bytes
}

async function inject(network: TestNetwork, to: Netstack, bytes: Uint8Array): Promise<void> {
  const slots = Int32Array.of(network.arena.from(bytes))
  to.interface('nic0')!.receive(slots, 1)
  await network.clock.advance(1)
}

test('a SYN from a group, from nobody, from the broadcast address or from ourselves opens nothing and gets no answer (MUST-63)', async () => {
  const { network, right, link } = pairOfHosts()
  await right.listenTcp({ port: 80 }, () => assert.fail('nobody can connect from there'))
  const before = link.counters('b-to-a').framesIn
  for (const source of ['224.0.0.5', '0.0.0.0', '255.255.255.255', '10.0.0.255', '10.0.0.2', '127.0.0.1']) {
    await inject(network, right, tcpFrame(right, source, '10.0.0.2', { srcPort: 5000, dstPort: 80, flags: SYN }))
    await inject(network, right, tcpFrame(right, source, '10.0.0.2', { srcPort: 5000, dstPort: 81, flags: SYN }))
    assert.deepEqual(right.connections(), [], source)
  }
  await network.clock.advance(5000)
  assert.equal(link.counters('b-to-a').framesIn, before)
  assert.equal(right.counters()['NS_MARTIAN'], 12)
})

test('nobody connects to a group or to everybody (MUST-46)', async () => {
  const { network, left } = pairOfHosts()
  for (const address of ['224.0.0.1', '255.255.255.255', '10.0.0.255', 'ff02::1%nic0', 'ff0e::1']) {
    await assert.rejects(network.clock.run(left.connectTcp({ address, port: 80 })), { code: 'ENETUNREACH' }, address)
  }
  assert.deepEqual(left.connections(), [])
})

test('"too big" is believed about a segment in flight, and about nothing else (RFC 5927 §7, RFC 8201 §4)', async () => {
  const { network, left, right, link } = pairOfHosts({ delayMs: 5 })
  const mtu = (): number => left.stack.pathMtu.get(Ip.of('10.0.0.2'), network.clock.nowMs())
  await right.listenTcp({ port: 80 }, (socket) => socket.resume())
  const sent: Uint8Array[] = []
  link.tap((slot, direction) => {
    if (direction === 'a-to-b') sent.push(network.arena.peek(slot).slice(ETHERNET_MIN, ETHERNET_MIN + 40))
  })
  const socket = await network.clock.run(left.connectTcp({ address: '10.0.0.2', port: 80 }))
  const syn = sent.find((each) => tcpFlags(each, IPV4_MIN) === SYN)!
  await inject(network, left, tooBigFrame(left, syn, 600))
  assert.equal(mtu(), Infinity, 'an acknowledged segment')
  const stranger = syn.slice()
  stranger[IPV4_MIN + 1]! ^= 1
  await inject(network, left, tooBigFrame(left, stranger, 600))
  assert.equal(mtu(), Infinity, 'a connection that there is not')
  const udp = syn.slice()
  udp[9] = IpProtocol.udp
  await inject(network, left, tooBigFrame(left, udp, 600))
  assert.equal(mtu(), Infinity, 'a UDP socket that there is not')
  sent.length = 0
  socket.write(Buffer.alloc(5000))
  await network.clock.advance(2)
  const flying = sent.at(-1)!
  assert.ok(flying !== undefined)
  await inject(network, left, tooBigFrame(left, flying, 600))
  assert.equal(mtu(), 600)
})

test('a connection that takes the place of one in TIME-WAIT begins beyond what that one sent (RFC 9293 §3.10.7.4)', async () => {
  const { network, left, right, link } = pairOfHosts({ rateBps: 1e10 }, 1, { timestamps: false })
  const seen: { fromRight: boolean; flags: number; sequence: number }[] = []
  link.tap((slot, direction) => {
    const bytes = network.arena.peek(slot)
    if (bytes[12] !== 8 || bytes[13] !== 0 || bytes[ETHERNET_MIN + 9] !== IpProtocol.tcp) return
    seen.push({ fromRight: direction === 'b-to-a', flags: tcpFlags(bytes, L4), sequence: tcpSequence(bytes, L4) })
  })
  // Both pass SYNs as they come; the right one ends first and so waits.
  await right.listenTcp({ port: 80 }, (socket) => socket.end(Buffer.alloc(4_000_000)))
  const socket: TcpSocket = await network.clock.run(left.connectTcp({ address: '10.0.0.2', port: 80 }))
  socket.resume()
  socket.on('end', () => socket.end())
  await network.clock.until(() => right.connections()[0]?.state === 'TIME-WAIT', 10_000)
  const last = seen.filter((each) => each.fromRight).at(-1)!.sequence
  const { localPort } = socket
  const syn = seen.find((each) => each.flags === SYN)!
  seen.length = 0
  const sequence = (syn.sequence + 1_000_000) >>> 0
  await inject(
    network,
    right,
    tcpFrame(right, '10.0.0.1', '10.0.0.2', { srcPort: localPort, dstPort: 80, flags: SYN, sequence }),
  )
  const answer = seen.find((each) => each.fromRight && (each.flags & (SYN | ACK)) === (SYN | ACK))
  assert.ok(answer !== undefined, 'the SYN is answered')
  assert.ok(((answer.sequence - last) | 0) > 0, `${answer.sequence} is not beyond ${last}`)
})

test('a socket that is let go with bytes nobody read tells the peer that they are lost (SHLD-3)', async () => {
  const { network, left, right } = pairOfHosts({ delayMs: 1 })
  let accepted: TcpSocket | undefined
  await right.listenTcp({ port: 80 }, (socket) => {
    accepted = socket
    socket.on('error', () => undefined)
  })
  const codes: (string | undefined)[] = []
  for (const isRead of [false, true]) {
    const socket = await network.clock.run(left.connectTcp({ address: '10.0.0.2', port: 80 }))
    socket.on('error', (error: NodeJS.ErrnoException) => codes.push(error.code))
    socket.resume()
    socket.write('a question')
    await network.clock.advance(10)
    if (isRead) {
      accepted!.resume()
      await network.clock.advance(1)
    }
    accepted!.end('an answer')
    accepted!.destroy()
    await network.clock.advance(100)
    assert.deepEqual(codes, ['ECONNRESET'], isRead ? 'read' : 'not read')
    socket.destroy()
    await network.clock.advance(3000)
  }
})
