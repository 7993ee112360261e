import * as fc from 'fast-check'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseStf } from './parse-stf.ts'

test('every kind of statement', () => {
  const text = `# a comment
    ADD t 5 a.b[2].c:0x1*/8 "my key":7 act(x:1, y:0b11) = first   # another
    setdefault t act()
    remove all
    packet 3 0102 aB # end
    expect 4 01 0* $
    expect 5
    no_packet
    wait
    check_counter c(first) bytes >= 9
    mirroring_add 1 2
    mirroring_add_mc 1 2
    mirroring_delete 1
    mirroring_get 1
    mc_mgrp_create 7
    mc_node_create 1 2 3
    mc_node_update 0 4
    mc_node_associate 7 0
    counter_read c 1
    counter_write c 1 2 3
    register_read a.r 0
    register_write r 0 0xff
    register_reset r
    meter_get_rates m 0
    meter_set_rates m 0 0.5:10 1:20
    meter_array_set_rates m 1:2`
  const { statements, errors } = parseStf(text)
  assert.deepEqual(errors, [])
  assert.equal(statements.length, 25)
  assert.deepEqual(statements[0], {
    at: { line: 2, column: 5 },
    kind: 'add',
    table: 't',
    priority: 5,
    matches: [
      { key: 'a.b[2].c', value: '0x1*', prefixLength: 8 },
      { key: 'my key', value: '7' },
    ],
    action: {
      name: 'act',
      arguments: [
        { name: 'x', value: 1n },
        { name: 'y', value: 3n },
      ],
    },
    id: 'first',
  })
  assert.deepEqual(statements[4], { at: { line: 6, column: 5 }, kind: 'expect', port: 4, data: '010*', isWhole: true })
  assert.deepEqual(statements[5], {
    at: { line: 7, column: 5 },
    kind: 'expect',
    port: 5,
    data: undefined,
    isWhole: false,
  })
})

test('every line that makes no sense has its own error with its place', () => {
  const { statements, errors } = parseStf('packet 1 012\nfly 3\nadd t act()\nexpect 1 0g\npacket 1 01\nwait 5')
  assert.equal(statements.length, 1)
  assert.deepEqual(
    errors.map(({ at, message }) => `${at.line}:${at.column} ${message.split(';')[0]}`),
    [
      '1:10 a packet is whole bytes, not 3 digits',
      "2:1 'fly' is no command",
      '3:7 an entry needs at least one key before its action',
      "4:10 'g' is neither a hexadecimal digit nor *",
      "6:6 nothing more is expected here, but there is '5'",
    ],
  )
})

test('no text makes it throw', () => {
  for (const name of ['__proto__', 'constructor', 'toString']) {
    assert.match(parseStf(name).errors[0]!.message, /is no command/)
  }
  const word = fc.constantFrom('add', 'packet', 'expect', '1', '0x', '*', ':', '(', ')', ',', '$', '\n', '"', '.', 'a')
  fc.assert(fc.property(fc.array(word, { maxLength: 30 }), (words) => void parseStf(words.join(' '))))
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseStf(text)))
})
