import { httpFetch } from '@lodestone/api'
import { MemoryFabric, RealClock } from '@lodestone/host'
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { ModuleGuest } from './module-guest/module-guest.ts'

test('the module of the README does what it says', async () => {
  const text = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8')
  const source = /```ts\n([\s\S]*?)```/.exec(text)![1]!
  const fabric = new MemoryFabric(new RealClock())
  const client = fabric.network('client', ['10.0.0.9'])
  let heard: (text: string) => void = () => {}
  const echo = new Promise<string>((resolve) => {
    heard = resolve
  })
  const guest = new ModuleGuest({
    hostname: 'web1',
    addresses: [],
    source,
    network: fabric.network('guest', ['10.0.0.5']),
    print: (bytes) => heard(new TextDecoder().decode(bytes)),
  })
  guest.input(new TextEncoder().encode('hi\n'))
  assert.equal(await echo, 'you typed hi\r\n')
  const response = await httpFetch(client)(new Request('http://10.0.0.5/'))
  assert.equal(await response.text(), 'hello from web1\n')
  guest.stop()
})
