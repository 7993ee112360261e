import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { testProgram, type StfResult } from './index.ts'

const ROOT = join(import.meta.dirname, '../../../..')

/** @param edit changes the program's text. */
function run(stf: string, strict = false, edit: (text: string) => string = (text) => text): StfResult {
  const programPath = join(import.meta.dirname, '../testdata/router.p4')
  const outcome = testProgram({
    programPath,
    stf,
    strict,
    readFile: (path) => {
      try {
        const text = readFileSync(path, 'utf8')
        return path === programPath ? edit(text) : text
      } catch {
        return undefined // the compiler tries folders one after the other
      }
    },
    includePaths: [join(ROOT, 'p4/include')],
  })
  assert.equal(outcome.kind, 'ran', JSON.stringify(outcome))
  return outcome.kind === 'ran' ? outcome.result : assert.fail()
}

const passes = (stf: string, strict = false): void => {
  const { failures, passed } = run(stf, strict)
  assert.deepEqual(failures, [])
  assert.ok(passed)
}
const fails = (stf: string, pattern: RegExp, strict = false): StfResult => {
  const result = run(stf, strict)
  assert.ok(!result.passed)
  assert.match(result.failures[0]!.message, pattern)
  return result
}

const ROUTE = 'add routes ip.dst:0x0a000000/8 forward(port:3)\n'

describe('packets and expectations', () => {
  test('are compared in order per port; a beginning is enough without $', () => {
    passes(`${ROUTE}
      packet 0 0a000001 40 11 99
      expect 3 0a000001 3f 11
      packet 0 0a000002 40 22
      expect 3 0A0000*2 3f 22 $
      expect 3
      packet 1 0a000003 10 00`)
  })

  test('a packet that differs is shown with what was expected', () => {
    const { failures } = fails(
      `${ROUTE}packet 0 0a000001 40 11\nexpect 3 0a000001 40 11`,
      /packet 1 on port 3: .*byte 4/,
    )
    assert.deepEqual(failures[0], {
      at: { line: 3, column: 1 },
      port: 3,
      message: 'packet 1 on port 3: the packet differs in byte 4',
      expected: '0a0000014011',
      actual: '0a0000013f11',
    })
  })

  test('missing, surplus, long and short packets fail', () => {
    fails('packet 0 0a000001 40 11\nexpect 3 0a', /packet 1 of 1 did not come out of port 3/)
    fails(`${ROUTE}packet 0 0a000001 40 11\nexpect 3 0a000001 3f $`, /has 6 bytes instead of 5/)
    fails(`${ROUTE}packet 0 0a000001 40 11\nexpect 3 0a000001 3f 11 22`, /too short for the 7 expected/)
    fails(`${ROUTE}packet 3 0a000001 40 11`, /nothing was expected on port 3/)
    fails(
      `${ROUTE}packet 3 0a000001 40 11\npacket 3 0a000001 40 11\nexpect 3`,
      /packet 2 is one more than the 1 expected/,
    )
  })

  test('ports that nobody mentions are not watched', () => passes(`${ROUTE}packet 0 0a000001 40 11`))
})

describe('entries', () => {
  test('prefix lengths come from a slash or from the digits written', () => {
    passes('add routes ip.dst:0x0a00**** forward(port:3)\npacket 0 0a000001 40 11\nexpect 3')
    passes('add routes ip.dst:0x0a01**** forward(port:3)\npacket 0 0a000001 40 11')
  })

  test('the larger priority wins, and unmentioned ternary keys match everything', () => {
    passes(`${ROUTE}
      add acl 10 ip.kind:0x1* ingress.drop()
      add acl 20 ip.kind:0x11 NoAction()
      packet 0 0a000001 40 11
      expect 3
      packet 0 0a000001 40 12`)
  })

  test('validity and names of keys', () => {
    passes(`${ROUTE}add exactly ip.valid:1 kind:5 drop()\npacket 0 0a000001 40 05\npacket 0 0a000001 40 06\nexpect 3`)
    passes(`${ROUTE}add exactly hdr.ip.$valid$:1 kind:5 drop()\npacket 0 0a000001 40 05`)
  })

  test('names that cannot be resolved fail and say what there is', () => {
    fails('add route ip.dst:0 forward(port:3)', /no table 'route': ingress\.routes, ingress\.acl, ingress\.exactly/)
    fails('add routes ip.src:0 forward(port:3)', /no key 'ip\.src'; its keys are: hdr\.ip\.dst/)
    fails('add routes ip.dst:0 fly()', /no action of ingress\.routes 'fly'/)
    fails('add routes ip.dst:0 forward(gate:3)', /no parameter 'gate'; it has: port/)
    fails('add routes ip.dst:0 forward()', /parameter 'port' is missing/)
    fails('add acl 1 ip.kind:17 drop()', /must be hexadecimal or binary/)
    fails('add acl ip.kind:0x11 drop()', /ingress\.acl has ternary keys, so its entries need a priority: add acl 1 …/)
  })

  test('what the control plane refuses is a warning, and a failure of a strict run', () => {
    const twice = `${ROUTE}${ROUTE}packet 0 0a000001 40 11\nexpect 3`
    const { passed, warnings } = run(twice)
    assert.ok(passed)
    assert.match(warnings[0]!.message, /there is an entry with this key already: 167772160\/8 → forward\(port=3\)/)
    fails(twice, /there is an entry with this key already/, true)
    assert.match(run('mc_node_associate 3 0').warnings[0]!.message, /no multicast group 3/)
    assert.match(
      run('add routes ip.dst:0/0 forward(port:70000)').warnings[0]!.message,
      /70000 does not fit into 9 bits/,
    )
  })

  test('bits that the match does not ask for are cut off, and so are those beyond a width that its last byte has room for', () => {
    passes('add routes ip.dst:0x0a000005/8 forward(port:515)\npacket 0 0a000001 40 11\nexpect 3')
  })

  test('setdefault', () =>
    passes('setdefault routes forward(port:2)\npacket 0 0a000001 40 11\nexpect 2 0a0000013f11 $'))
})

test('a false assert ends the run, as it ends BMv2', () => {
  const edit = (text: string): string => text.replace('last.write', 'assert(hdr.ip.kind != 9); last.write')
  const { packets, failures } = run(
    `${ROUTE}packet 0 0a000001 40 08\nexpect 3\npacket 0 0a000001 40 09\npacket 0 0a000001 40 08`,
    false,
    edit,
  )
  assert.equal(packets, 2)
  assert.deepEqual(
    failures.map(({ at, message }) => [at?.line, message]),
    [[4, 'an assert or assume of the program is false: BMv2 ends here']],
  )
})

test('clone sessions and multicast groups', () => {
  passes(`${ROUTE}add acl 1 ip.kind:0x07 copy(session:5)
    mirroring_add 5 6
    add routes ip.dst:0xe0000000/4 join(group:9)
    mc_mgrp_create 9
    mc_node_create 0 7 8
    mc_node_associate 9 0
    packet 0 0a000001 40 07
    expect 3 0a000001 3f 07
    expect 6 0a000001 40 07
    packet 0 e1000001 40 00
    expect 7 e1000001 40
    expect 8 e1000001 40`)
})

describe('counters and registers', () => {
  const stf = (check: string): string => `${ROUTE}packet 0 0a000001 40 11 22\nexpect 3\n${check}`

  test('are not looked at, as in BMv2, unless the run is strict', () => {
    passes(stf('check_counter packets(3) packets == 2'))
    passes(stf('check_counter packets(3) packets == 1\ncheck_counter packets(3) bytes >= 7'), true)
    fails(stf('check_counter packets(3) packets == 2'), /counter packets\[3\] has 1 packets, which is not == 2/, true)
    passes(stf('register_read last 0 == 17'), true)
    fails(stf('register_read last 0 == 18'), /register last\[0\] is 17, which is not == 18/, true)
    fails(stf('check_counter none(3)'), /no counter 'none'/, true)
  })

  test('what was read is told', () => {
    assert.deepEqual(run(stf('register_read last 0\ncounter_read packets 3')).notes, [
      'last[0] = 17',
      'packets[3]: 1 packets, 7 bytes',
    ])
    passes(
      stf(
        'counter_write packets 3 5 6\ncheck_counter packets(3) packets == 5\nregister_reset last\nregister_read last 0 == 0',
      ),
      true,
    )
  })

  test('remove all empties the tables of a strict run', () => {
    fails(`${ROUTE}remove all\npacket 0 0a000001 40 11\nexpect 3`, /did not come out/, true)
    passes(`${ROUTE}remove all\npacket 0 0a000001 40 11\nexpect 3`)
  })
})
