import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Ip, Mac, Prefix } from './index.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

test('the example of the README does what its comments say', () => {
  const subnet = Prefix.of('172.30.0.5/22')
  const guest = Ip.of('172.30.3.9')
  const mac = Mac.of('a8:40:25:f4:11:d7')
  const values = [
    subnet.contains(guest),
    String(subnet),
    String(subnet.masked()),
    String(subnet.nth(1)),
    String(subnet.last()),
    String(mac.linkLocal()),
    String(Ip.of('2001:DB8:0:0:0:0:0:1')),
    guest.compare(Ip.of('::1')) < 0,
  ]
  const claims = [...readme.matchAll(/ \/\/ ('[^']*'|true)/g)].map((match) => match[1]!)
  assert.deepEqual(
    values.map((value) => (typeof value === 'string' ? `'${value}'` : String(value))),
    claims,
  )
})

test('this file has the example of the README, expression by expression', () => {
  const own = readFileSync(new URL(import.meta.url), 'utf8')
  const block = /```ts\n(.*?)```/s.exec(readme)?.[1] ?? ''
  for (const line of block.split('\n')) {
    const code = line.replace(/ \/\/.*/, '')
    assert.ok(own.includes(code), code)
  }
})
