import assert from 'node:assert/strict'
import { test } from 'node:test'
import { client } from '@lodestone/api'
import { dnsApi } from '@lodestone/contract-dns'
import { MemoryFabric, MemoryFiles, SeededRandom, VirtualClock } from '@lodestone/host'
import { DnsServer, lookup } from './index.ts'

test('the example of the README finds the address that was configured', async () => {
  const clock = new VirtualClock()
  const random = new SeededRandom(1)
  const files = new MemoryFiles()
  const fabric = new MemoryFabric(clock)
  const network = fabric.network('server', ['198.51.100.2'])
  const clientNetwork = fabric.network('client', ['203.0.113.9'])

  const server = new DnsServer({ network, clock, files })
  await server.start()
  const config = client(dnsApi, server.configHandler, 'http://dns') // or served with serveHttp
  await config.dns_config_put({
    body: {
      generation: 1,
      serial: 1,
      time_created: '2026-01-01T00:00:00Z',
      zones: [{ zone_name: 'oxide.test', records: { 'eng.sys': [{ type: 'A', data: '198.51.100.4' }] } }],
    },
  })
  const answer = lookup({
    network: clientNetwork,
    clock,
    random,
    server: '198.51.100.2',
    name: 'eng.sys.oxide.test',
    type: 'A',
  })
  const result = await clock.run(answer)
  assert.equal(result.rcode, 'NOERROR')
  assert.deepEqual(
    result.answers.map((record) => 'data' in record && record.data),
    ['198.51.100.4'],
  )
})
