import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NameServerLab, RACK_ZONE } from './zone.fixture.ts'

test('a generation that is not newer is refused and changes nothing; the same again is fine', async () => {
  const lab = await NameServerLab.start()
  await lab.configure()
  await lab.configure() // the push of somebody who did not hear the answer
  const older = await lab.config.dns_config_put({ body: { ...RACK_ZONE, generation: 2, zones: [] } })
  const other = await lab.config.dns_config_put({ body: { ...RACK_ZONE, zones: [] } })
  for (const result of [older, other]) assert.equal(!result.ok && result.kind === 'refused' && result.status, 409)
  assert.equal((await lab.ask('ns1.oxide.test', 'A')).rcode, 'NOERROR')
  await lab.configure({ ...RACK_ZONE, generation: 4, zones: [] })
  assert.equal((await lab.ask('ns1.oxide.test', 'A')).rcode, 'REFUSED')
})

test('the configuration is told back with the time it came into force', async () => {
  const lab = await NameServerLab.start()
  const before = await lab.config.dns_config_get({})
  assert.ok(before.ok && before.value.generation === 0 && before.value.zones.length === 0)
  await lab.configure()
  const result = await lab.config.dns_config_get({})
  assert.ok(result.ok)
  const { time_applied, ...config } = result.value
  assert.deepEqual(config, RACK_ZONE)
  assert.equal(time_applied, new Date(lab.clock.wallMs()).toISOString())
})

test('after a restart a server answers what it answered before, and refuses what it refused', async () => {
  const first = await NameServerLab.start()
  await first.configure()
  first.server.close()
  const second = await NameServerLab.start({ files: first.files })
  assert.equal(second.server.generation, 3)
  assert.equal((await second.ask('eng.sys.oxide.test', 'A')).rcode, 'NOERROR')
  const older = await second.config.dns_config_put({ body: { ...RACK_ZONE, generation: 2 } })
  assert.ok(!older.ok)
})

test('of pushes at the same time the newest generation stays, in memory and on disk', async () => {
  const lab = await NameServerLab.start()
  const push = (generation: number) => lab.config.dns_config_put({ body: { ...RACK_ZONE, generation } })
  const results = await Promise.all([5, 7, 6, 8].map(push))
  assert.deepEqual(
    results.map((result) => result.ok),
    [true, true, false, true],
  )
  assert.equal((await NameServerLab.start({ files: lab.files })).server.generation, 8)
})

test('mistakes in a configuration are refused with what is wrong', async () => {
  const lab = await NameServerLab.start()
  const zone = { zone_name: 'oxide.test', records: {} }
  const put = async (zones: readonly object[]): Promise<string> => {
    // because the mistakes are what the types do not allow
    const result = await lab.config.dns_config_put({ body: { ...RACK_ZONE, zones } as typeof RACK_ZONE })
    assert.ok(!result.ok && result.kind === 'refused' && result.status === 400)
    return result.message
  }
  assert.match(await put([zone, zone]), /zone oxide\.test is there twice/)
  const label = 'a'.repeat(60)
  const long = { ...zone, records: { [`${label}.${label}.${label}.${label}`]: [{ type: 'A', data: '192.0.2.1' }] } }
  assert.match(await put([long]), /too long a name/)
  assert.match(await put([{ ...zone, zone_name: 'Oxide.test' }]), /lower case/)
  assert.match(await put([{ ...zone, records: { '-a': [{ type: 'A', data: '192.0.2.1' }] } }]), /-a|record/)
  assert.match(await put([{ ...zone, records: { a: [{ type: 'A', data: '192.0.2.256' }] } }]), /IPv4|ipv4/)
})
