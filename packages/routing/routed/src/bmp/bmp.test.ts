import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import { test } from 'node:test'
import type { Network, TcpListener, TcpSocket } from '@lodestone/host'
import { DaemonLab } from '../daemon.fixture.ts'
import { BmpType } from './bmp-message.ts'
import { readBmp, tablesOf } from './bmp-reader.fixture.ts'

const ROUTER = (id: string, asn: number, more = ''): string =>
  `router: { asn: ${asn}, id: ${id}, listen: ["${id}:179"]${more} }`
const ALL = ['pre-policy', 'post-policy', 'loc-rib']
const POLICY = [
  'policies:',
  '  in:',
  '    - { match: { prefix: [198.18.0.1/32] }, verdict: reject }',
  '    - { set: { local_pref: 250 }, verdict: accept }',
]
const PREFIXES = Array.from({ length: 600 }, (_, i) => `198.18.${i >> 8}.${i & 255}/32`)

/** A station that keeps every byte of its newest connection. */
class Station {
  bytes = new Uint8Array(0)
  connections = 0
  socket: TcpSocket | undefined
  listener: TcpListener | undefined

  async listen(lab: DaemonLab): Promise<void> {
    this.listener = await lab.network('station', '10.0.0.9').listenTcp({ port: 11_019 }, (socket) => {
      this.connections++
      this.socket = socket
      this.bytes = new Uint8Array(0)
      socket.on('error', () => {})
      socket.on('data', (chunk: Uint8Array) => {
        this.bytes = new Uint8Array(Buffer.concat([this.bytes, chunk]))
      })
    })
  }

  tables() {
    return tablesOf(readBmp(this.bytes))
  }
}

async function lab(views: readonly string[] = ALL, wrap?: (network: Network) => Network) {
  const made = new DaemonLab()
  const station = new Station()
  await station.listen(made)
  const a = made.add('a', '10.0.0.1', wrap)
  const b = made.add('b', '10.0.0.2')
  const monitored = (policy: string): string =>
    [
      ROUTER('10.0.0.1', 65_001, ', originate: [203.0.113.0/24]'),
      ...POLICY,
      `peers: [{ address: 10.0.0.2, asn: 65002, import: ${policy}, export: accept, next_hop_ipv6: "2001:db8::1" }]`,
      `bmp: [{ address: "10.0.0.9:11019", routes: [${views.join(', ')}], stats_interval_s: 30, retry_s: 1 }]`,
    ].join('\n')
  const sender = (prefixes: readonly string[]): string =>
    [
      ROUTER('10.0.0.2', 65_002, `, originate: [${prefixes.join(', ')}]`),
      'peers: [{ address: 10.0.0.1, asn: 65001, passive: true, import: accept, export: accept, next_hop_ipv6: "2001:db8::2" }]',
    ].join('\n')
  assert.ok((await made.start(a, monitored('in'))).ok)
  assert.ok((await made.start(b, sender([...PREFIXES, '2001:db8:7::/48']))).ok)
  await made.clock.advance(20_000)
  return { lab: made, station, a, b, sender }
}

const PRE = '0/0 10.0.0.2 65002'
const POST = '0/40 10.0.0.2 65002'
const LOC = '3/0 0.0.0.0 65001'

test('a station has the tables before policy, after it, and the loc-RIB, and follows them', async () => {
  const { lab: made, station, b, sender } = await lab()
  const tables = station.tables()
  assert.deepEqual([...tables.keys()].toSorted(), [PRE, POST, LOC])
  assert.deepEqual([...tables.get(PRE)!.keys()].toSorted(), [...PREFIXES, '2001:db8:7::/48'].toSorted())
  assert.equal(tables.get(PRE)!.get('198.18.0.1/32'), '10.0.0.2 65002 100')
  assert.equal(tables.get(PRE)!.get('2001:db8:7::/48'), '2001:db8::2 65002 100')
  assert.equal(tables.get(POST)!.has('198.18.0.1/32'), false, 'refused by policy')
  assert.equal(tables.get(POST)!.get('198.18.0.2/32'), '10.0.0.2 65002 250')
  assert.equal(tables.get(LOC)!.size, PREFIXES.length, 'all but the refused one')

  await made.start(b, sender(PREFIXES.slice(300)))
  await made.clock.advance(5000)
  const later = station.tables()
  assert.deepEqual([...later.get(PRE)!.keys()].toSorted(), PREFIXES.slice(300).toSorted())
  assert.deepEqual([...later.get(LOC)!.keys()].toSorted(), PREFIXES.slice(300).toSorted())
  made.close()
})

test('the order is initiation, peers, routes, the end of each family; statistics from time to time; termination', async () => {
  const { lab: made, station } = await lab()
  await made.clock.advance(30_000)
  made.close()
  await made.clock.advance(100)
  const records = readBmp(station.bytes)
  const types = records.map(({ type }) => type)
  assert.equal(types[0], BmpType.initiation)
  assert.equal(types.at(-1), BmpType.termination)
  assert.ok(types.includes(BmpType.statisticsReport))
  const text = Buffer.from(records[0]!.body).toString('latin1')
  assert.match(text, /lodestone routed, AS 65001/)
  for (const peer of [PRE, POST, LOC]) {
    const mine = records.filter((record) => record.peer === peer)
    assert.equal(mine[0]?.type, BmpType.peerUp, peer)
    // An UPDATE of 23 bytes with nothing in it.
    const ends = mine.filter(({ type, body }) => type === BmpType.routeMonitoring && body.length === 23)
    assert.equal(ends.length, 1, peer)
  }
  const up = records.find(({ peer, type }) => peer === PRE && type === BmpType.peerUp)!
  const opens = up.body.subarray(20)
  assert.equal(opens[18], 1, 'the OPEN that was sent')
  assert.equal(opens[opens[17]! + 18], 1, 'and the one that was received')
})

test('a session that is lost takes its table away, with the reason', async () => {
  const { lab: made, station, b } = await lab()
  b.daemon.close()
  await made.clock.advance(100)
  const records = readBmp(station.bytes)
  const down = records.findLast(({ peer, type }) => peer === PRE && type === BmpType.peerDown)
  assert.equal(down?.body[0], 3, 'the peer sent a NOTIFICATION')
  assert.equal(down?.body[1 + 18], 3)
  assert.deepEqual([...station.tables().keys()], [LOC])
  await made.clock.advance(1000)
  assert.equal(station.tables().get(LOC)!.size, 0)
  made.close()
})

test('a station that comes back is told everything again', async () => {
  const { lab: made, station } = await lab()
  station.socket!.destroy()
  await made.clock.advance(10_000)
  assert.equal(station.connections, 2)
  assert.equal(station.tables().get(PRE)!.size, PREFIXES.length + 1)
  made.close()
})

/** A connection that takes nothing while it is blocked. */
class SlowSocket extends Duplex implements TcpSocket {
  readonly remoteAddress = '10.0.0.9'
  readonly remotePort = 11_019
  readonly localAddress = '10.0.0.1'
  readonly localPort = 40_000
  readonly taken: Uint8Array[] = []
  #waiting: (() => void) | undefined
  isBlocked = true

  constructor() {
    super({ writableHighWaterMark: 1024 })
  }

  override _read(): void {}

  override _write(chunk: Uint8Array, _encoding: string, done: () => void): void {
    this.taken.push(new Uint8Array(chunk))
    if (this.isBlocked) this.#waiting = done
    else done()
  }

  release(): void {
    this.isBlocked = false
    this.#waiting?.()
  }
}

test('a station that takes nothing is told the latest state when it does, and little waits for it meanwhile', async () => {
  const sockets: SlowSocket[] = []
  const slow = (network: Network): Network => ({
    name: network.name,
    listenTcp: (options, onConnection) => network.listenTcp(options, onConnection),
    bindUdp: (options, onDatagram) => network.bindUdp(options, onDatagram),
    connectTcp: (options) => {
      if (options.port !== 11_019) return network.connectTcp(options)
      sockets.push(new SlowSocket())
      return Promise.resolve(sockets.at(-1)!)
    },
  })
  const { lab: made, a, b, sender } = await lab(['pre-policy'], slow)
  const [first] = sockets
  // Thousands of prefixes come and go.
  const many = Array.from({ length: 2000 }, (_, i) => `100.${64 + (i >> 8)}.${i & 255}.0/24`)
  for (let round = 0; round < 4; round++) {
    await made.start(b, sender(round % 2 === 0 ? many : PREFIXES))
    await made.clock.advance(2000)
    assert.ok(first!.writableLength < 512 * 1024, `${first!.writableLength} bytes wait`)
  }
  assert.equal(a.routed.rib.selectedCount, PREFIXES.length - 1, 'routing went on')
  first!.release()
  await made.clock.advance(2000)
  const told = tablesOf(readBmp(new Uint8Array(Buffer.concat(first!.taken))))
  assert.deepEqual([...told.get(PRE)!.keys()].toSorted(), PREFIXES.toSorted())

  first!.isBlocked = true
  for (const prefixes of [many, PREFIXES, many]) {
    await made.start(b, sender(prefixes))
    await made.clock.advance(1000)
  }
  await made.clock.advance(90_000)
  assert.equal(first!.destroyed, true, 'a connection that takes nothing for a minute is given up')
  assert.equal(sockets.length, 2, 'and there is a new one')
  made.close()
})

const hasTshark = spawnSync('tshark', ['--version']).status === 0

test('tshark reads the stream without complaint', { skip: hasTshark ? false : 'tshark is not installed' }, async () => {
  // Not the loc-RIB: tshark 4.0 takes the table's name in its Peer Up (RFC 9069 §4.3) for another BGP message.
  const { lab: made, station } = await lab(['pre-policy', 'post-policy'])
  await made.clock.advance(30_000)
  made.close()
  const directory = mkdtempSync(join(tmpdir(), 'bmp-'))
  try {
    const pcap = join(directory, 'bmp.pcap')
    writeFileSync(pcap, pcapOf(station.bytes.slice(0, 60_000)))
    const out = execFileSync(
      'tshark',
      [
        '-r',
        pcap,
        '-d',
        'tcp.port==11019,bmp',
        '-T',
        'fields',
        '-e',
        'bmp.type',
        '-e',
        '_ws.malformed',
        '-e',
        'bmp.peer.asn',
      ],
      {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    )
    assert.doesNotMatch(out, /[Mm]alformed/)
    const types = new Set(out.split(/[\s,]+/).filter((word) => /^\d+$/.test(word)))
    for (const type of ['0', '3', '4', '65002']) assert.ok(types.has(type), `${type} in ${[...types].join()}`)
  } finally {
    rmSync(directory, { recursive: true })
  }
})

/** The stream as TCP segments of one connection, in a pcap file of raw IPv4 packets. */
function pcapOf(stream: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [
    Buffer.from('d4c3b2a1020004000000000000000000ffff000065000000', 'hex'), // link type 101: raw IP
  ]
  for (let at = 0; at < stream.length; at += 1400) {
    const payload = stream.subarray(at, at + 1400)
    const packet = Buffer.alloc(40 + payload.length)
    packet.set([0x45, 0, 0, 0, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 9])
    packet.writeUInt16BE(packet.length, 2)
    packet.writeUInt16BE(40_000, 20)
    packet.writeUInt16BE(11_019, 22)
    packet.writeUInt32BE(1 + at, 24)
    packet.set([0x50, 0x18, 0xff, 0xff], 32)
    packet.set(payload, 40)
    const head = Buffer.alloc(16)
    head.writeUInt32LE(packet.length, 8)
    head.writeUInt32LE(packet.length, 12)
    parts.push(head, packet)
  }
  return Buffer.concat(parts)
}
