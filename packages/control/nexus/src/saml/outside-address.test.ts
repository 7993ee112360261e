import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { httpFetch } from '@lodestone/api'
import { OsNetwork } from '@lodestone/host'
import { Prefix } from '@lodestone/net'
import { isOutside } from './outside-address.ts'

test('the machine itself, its links and the underlay are not outside, in whatever clothes', () => {
  const inside = ['127.0.0.1', '127.9.9.9', '0.0.0.0', '169.254.169.254', '224.0.0.1', '255.255.255.255', '::1', '::']
  const six = [
    '::ffff:127.0.0.1',
    '64:ff9b::7f00:1',
    'fe80::1',
    'fe80::1%eth0',
    'fd00:1122:3344:101::1',
    'fdb0::1',
    'ff02::1',
  ]
  for (const address of [...inside, ...six, 'localhost', '']) assert.equal(isOutside(address), false, address)
  for (const address of ['192.0.2.1', '10.0.0.1', '172.16.0.1', '192.168.1.1', '2001:db8::1']) {
    assert.equal(isOutside(address), true, address)
  }
})

test('what the operator allows is allowed, and nothing else', () => {
  const except = [Prefix.of('127.0.0.8/29')]
  assert.equal(isOutside('127.0.0.9', except), true)
  assert.equal(isOutside('127.0.0.1', except), false)
})

test('a name that leads inside is not connected to, nor is an address; allowed ones are', async () => {
  let asked = 0
  const server = createServer((_request, response) => {
    asked++
    response.end('document')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // because it listens
  const fetch = httpFetch(new OsNetwork(), { allows: (address) => isOutside(address) })
  for (const host of ['localhost', '127.0.0.1', '127.1', '2130706433', '[::ffff:127.0.0.1]']) {
    await assert.rejects(fetch(new Request(`http://${host}:${port}/`)), /not where connections may lead/, host)
  }
  assert.equal(asked, 0)
  const open = httpFetch(new OsNetwork(), { allows: (address) => isOutside(address, [Prefix.of('127.0.0.0/8')]) })
  const response = await open(new Request(`http://localhost:${port}/`))
  assert.equal(await response.text(), 'document')
  server.closeAllConnections()
  server.close()
})
