import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ip, Prefix } from '@lodestone/net'
import { maskedPrefix, PrefixTable } from './prefix-table.ts'

test('host bits do not make a different key', () => {
  const table = new PrefixTable<number>()
  table.set(Prefix.of('203.0.113.9/24'), 1)
  table.set(Prefix.of('2001:db8:0:1234::5/50'), 2)
  assert.equal(table.get(Prefix.of('203.0.113.0/24')), 1)
  assert.equal(table.get(Prefix.of('203.0.113.0/25')), undefined)
  assert.equal(table.get(Prefix.of('2001:db8::/50')), 2)
  assert.equal(table.get(Prefix.of('2001:db8::/51')), undefined)
})

test('every length of both families is a key of its own', () => {
  const table = new PrefixTable<string>()
  const prefixes = [
    ...Array.from({ length: 33 }, (_, n) => new Prefix(Ip.of('255.255.255.255'), n)),
    ...Array.from({ length: 129 }, (_, n) => new Prefix(Ip.of('ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'), n)),
  ]
  for (const prefix of prefixes) table.set(prefix, prefix.toString())
  assert.equal(table.size, prefixes.length)
  for (const prefix of prefixes) assert.equal(table.get(prefix.masked()), prefix.toString())
  assert.equal(table.longestMatch(Ip.of('255.255.255.254')), '255.255.255.255/31')
  for (const prefix of prefixes) assert.equal(table.delete(prefix), true)
  assert.equal(table.size, 0)
  assert.equal(table.longestMatch(Ip.of('255.255.255.254')), undefined)
})

test('maskedPrefix agrees with Prefix.masked and keeps the object when there is nothing to clear', () => {
  for (const text of [
    '10.0.0.0/8',
    '10.1.0.0/8',
    '0.0.0.1/0',
    '1.2.3.4/32',
    '10.128.0.0/9',
    '10.255.0.0/9',
    '2001:db8::1/33',
  ]) {
    const prefix = Prefix.of(text)
    assert.ok(maskedPrefix(prefix).equals(prefix.masked()))
    assert.equal(maskedPrefix(prefix) === prefix, prefix.masked().equals(prefix))
  }
})
