import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Answer, decode, encode } from 'dns-packet'
import { Rcode } from './zone-set.ts'
import { NameServerLab, RACK_ZONE, SERVER } from './zone.fixture.ts'

/** Without the record's type, which the tests have asked for. */
const dataOf = (answers: readonly Answer[]): unknown[] => answers.map((answer) => 'data' in answer && answer.data)

test('a name of the zone is answered with authority over UDP and over TCP, in whatever case it is asked', async () => {
  const lab = await NameServerLab.start()
  await lab.configure()
  for (const transport of ['udp', 'tcp'] as const) {
    const result = await lab.ask('eNg.SYS.oxide.test', 'A', { transport })
    assert.equal(result.rcode, 'NOERROR')
    assert.equal(result.isAuthoritative, true)
    assert.equal(result.transport, transport)
    assert.deepEqual(dataOf(result.answers), ['198.51.100.4'])
  }
  assert.deepEqual(dataOf((await lab.ask('eng.sys.oxide.test', 'AAAA')).answers), ['2001:db8::4'])
  assert.equal(lab.server.counters().noError, 3)
})

test('a name that does not exist is NXDOMAIN with the SOA; one with other records, or others below it, has no data', async () => {
  const lab = await NameServerLab.start()
  await lab.configure()
  const missing = await lab.ask('ops.sys.oxide.test', 'A')
  assert.equal(missing.rcode, 'NXDOMAIN')
  assert.equal(missing.isAuthoritative, true)
  assert.equal(missing.authorities[0]?.type, 'SOA')
  const [soa] = missing.authorities
  assert.ok(soa?.type === 'SOA')
  assert.deepEqual([soa.name, soa.data.mname, soa.data.serial], ['oxide.test', 'ns1.oxide.test', 3])
  for (const name of ['ns1.oxide.test', 'sys.oxide.test', 'oxide.test']) {
    const nodata = await lab.ask(name, 'AAAA')
    assert.deepEqual([nodata.rcode, nodata.answers.length, nodata.authorities[0]?.type], ['NOERROR', 0, 'SOA'], name)
  }
  assert.equal((await lab.ask('oxide.test', 'SOA')).answers[0]?.type, 'SOA')
})

test('name servers and services come with the addresses of their targets', async () => {
  const lab = await NameServerLab.start()
  await lab.configure()
  const servers = await lab.ask('oxide.test', 'NS')
  assert.deepEqual(dataOf(servers.answers), ['ns1.oxide.test', 'ns2.oxide.test'])
  assert.deepEqual(dataOf(servers.additionals), ['198.51.100.2', '198.51.100.3'])
  const service = await lab.ask('_api._tcp.oxide.test', 'SRV')
  assert.deepEqual(dataOf(service.answers), [{ priority: 1, weight: 2, port: 443, target: 'eng.sys.oxide.test' }])
  assert.deepEqual(dataOf(service.additionals), ['198.51.100.4', '2001:db8::4'])
})

test('other zones, other classes and transfers are refused; before it is configured a server refuses everything', async () => {
  const lab = await NameServerLab.start()
  assert.equal((await lab.ask('eng.sys.oxide.test', 'A')).rcode, 'REFUSED')
  await lab.configure()
  for (const name of ['example.com', 'notoxide.test', 'test', '.']) {
    const result = await lab.ask(name, 'A')
    assert.deepEqual([result.rcode, result.isAuthoritative], ['REFUSED', false], name)
  }
  assert.equal((await lab.ask('oxide.test', 'AXFR', { transport: 'tcp' })).rcode, 'REFUSED')
  assert.equal(lab.server.counters().refused, 6)
})

test('an answer that does not fit is cut short over UDP and whole over TCP; EDNS0 moves the limit up to 1232 bytes', async () => {
  const lab = await NameServerLab.start()
  await lab.configure()
  const cut = await lab.ask('many.oxide.test', 'A', { transport: 'udp', udpBytes: 0 })
  assert.deepEqual([cut.isTruncated, cut.answers.length], [true, 0])
  const whole = await lab.ask('many.oxide.test', 'A')
  assert.deepEqual([whole.transport, whole.isTruncated, whole.answers.length], ['tcp', false, 100])
  const some = {
    ...RACK_ZONE,
    generation: 4,
    zones: [{ zone_name: 'oxide.test', records: { many: manyAddresses(20) } }],
  }
  await lab.configure(some)
  assert.equal((await lab.ask('many.oxide.test', 'A', { transport: 'udp', udpBytes: 0 })).isTruncated, true)
  assert.equal((await lab.ask('many.oxide.test', 'A', { transport: 'udp', udpBytes: 4096 })).answers.length, 20)
  await lab.configure({
    ...some,
    generation: 5,
    zones: [{ zone_name: 'oxide.test', records: { many: manyAddresses(60) } }],
  })
  assert.equal((await lab.ask('many.oxide.test', 'A', { transport: 'udp', udpBytes: 4096 })).isTruncated, true)
})

test('what is no query gets FORMERR, NOTIMP or nothing, and is counted', async () => {
  const lab = await NameServerLab.start()
  await lab.configure()
  const query = encode({ type: 'query', id: 7, questions: [{ name: 'oxide.test', type: 'A' }] })
  const rcodeOf = async (message: Uint8Array): Promise<number | undefined> => {
    const answers: Uint8Array[] = []
    const socket = await lab.client.bindUdp({ port: 0 }, ({ payload }) => answers.push(payload))
    socket.send(message, SERVER, 53)
    await lab.clock.advance(10)
    socket.close()
    return answers[0] === undefined ? undefined : answers[0][3]! & 0xf
  }
  assert.equal(await rcodeOf(query), Rcode.noError)
  assert.equal(await rcodeOf(query.subarray(0, 11)), undefined, 'shorter than a header')
  assert.equal(await rcodeOf(changed(query, 2, 0x80)), undefined, 'an answer')
  assert.equal(await rcodeOf(changed(query, 2, 0x28)), Rcode.notImp, 'UPDATE')
  assert.equal(await rcodeOf(query.subarray(0, -1)), Rcode.formErr, 'cut off')
  assert.equal(await rcodeOf(changed(query, 5, 2)), Rcode.formErr, 'two questions')
  assert.equal(await rcodeOf(changed(query, 12, 0xc0)), Rcode.formErr, 'a pointer to itself')
  assert.equal(await rcodeOf(changed(query, 13, 0x2e)), Rcode.formErr, 'a dot inside a label')
  const { dropped, malformed, notImplemented } = lab.server.counters()
  assert.deepEqual({ dropped, malformed, notImplemented }, { dropped: 2, malformed: 4, notImplemented: 1 })
})

test('a version of EDNS that does not exist is BADVERS', async () => {
  const lab = await NameServerLab.start()
  await lab.configure()
  const opt = { type: 'OPT', name: '.', udpPayloadSize: 4096, extendedRcode: 0, flags: 0, flag_do: false } as const
  const query = encode({
    type: 'query',
    id: 9,
    questions: [{ name: 'oxide.test', type: 'NS' }],
    additionals: [{ ...opt, ednsVersion: 1, options: [] }],
  })
  const answers: Uint8Array[] = []
  const socket = await lab.client.bindUdp({ port: 0 }, ({ payload }) => answers.push(payload))
  socket.send(query, SERVER, 53)
  await lab.clock.advance(10)
  const answer = decode(Buffer.from(answers[0]!))
  const [own] = answer.additionals!
  assert.ok(own?.type === 'OPT')
  assert.deepEqual([answer.answers!.length, own.extendedRcode, own.ednsVersion], [0, 1, 0])
})

test('a connection carries many questions, in pieces of any size, and their answers come in order', async () => {
  const lab = await NameServerLab.start()
  await lab.configure()
  const bytes = Buffer.concat([1, 2, 3].map((id) => streamed(id, id === 2 ? 'none.oxide.test' : 'ns1.oxide.test')))
  const socket = await lab.clock.run(lab.client.connectTcp({ address: SERVER, port: 53 }))
  let received = Buffer.alloc(0)
  socket.on('data', (data: Buffer) => (received = Buffer.concat([received, data])))
  for (const byte of bytes) socket.write(Buffer.from([byte]))
  await lab.clock.advance(100)
  const seen: [number | undefined, number][] = []
  while (received.length > 2) {
    const end = 2 + received.readUInt16BE(0)
    const answer = decode(received.subarray(2, end))
    seen.push([answer.id, answer.answers!.length])
    received = received.subarray(end)
  }
  assert.deepEqual(seen, [
    [1, 1],
    [2, 0],
    [3, 1],
  ])
})

test('connections are bounded in number, and one that says nothing whole is closed', async () => {
  const lab = await NameServerLab.start({ connectionLimit: 2, connectionIdleMs: 5000 })
  await lab.configure()
  const connect = () => lab.clock.run(lab.client.connectTcp({ address: SERVER, port: 53 }))
  const open = [await connect(), await connect()]
  let closed = 0
  for (const socket of open) socket.on('error', () => undefined).on('close', () => closed++)
  await assert.rejects(lab.ask('ns1.oxide.test', 'A', { transport: 'tcp' }), { code: 'ECONNRESET' })
  assert.equal(lab.server.counters().connectionsRefused, 1)
  for (let second = 0; second < 6; second++) {
    open[0]!.write(Buffer.from([1])) // of a message of 257 bytes
    await lab.clock.advance(1000)
  }
  assert.equal(closed, 2)
  assert.equal(lab.server.counters().connectionsIdle, 2)
  assert.equal((await lab.ask('ns1.oxide.test', 'A', { transport: 'tcp' })).rcode, 'NOERROR')
})

function manyAddresses(count: number) {
  return Array.from({ length: count }, (_, index) => ({ type: 'A' as const, data: `203.0.113.${index}` }))
}

function changed(message: Uint8Array, offset: number, value: number): Uint8Array {
  const copy = Uint8Array.from(message)
  copy[offset] = value
  return copy
}

function streamed(id: number, name: string): Buffer {
  const query = encode({ type: 'query', id, questions: [{ name, type: 'A' }] })
  return Buffer.concat([Buffer.from([query.length >> 8, query.length & 0xff]), query])
}
