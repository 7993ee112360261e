import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ip, Prefix } from '@lodestone/net'
import type { RouterKind } from './discovery-packet.ts'
import type { PathVector } from './exchange-message.ts'
import { setOf } from './exchange-set.ts'
import { initialMachine, machineDeadlineMs, type MachineEvent, machineStateName, step } from './interface-machine.ts'
import { DEFAULT_TIMING } from './timing.ts'

const CONFIG = { hostname: 'us', timing: { ...DEFAULT_TIMING, resyncMs: Infinity } }
const OWN = Ip.of('fe80::1')
const PEER = Ip.of('fe80::2')

class Bench {
  readonly state = initialMachine()
  nowMs = 0

  /** @returns the kinds of the actions, transitions as `from>to`. */
  on(event: MachineEvent): string[] {
    return step(this.state, CONFIG, event, this.nowMs).map((action) =>
      action.kind === 'transition' ? `${action.from}>${action.to}` : action.kind,
    )
  }

  at(nowMs: number): string[] {
    assert.ok(machineDeadlineMs(this.state, CONFIG) <= nowMs, 'nothing is due')
    this.nowMs = nowMs
    return this.on({ kind: 'tick' })
  }

  hear(what: 'solicitation' | 'advertisement', from = PEER, hostname = 'peer', kind: RouterKind = 'transit'): string[] {
    const isSolicitation = what === 'solicitation'
    const packet = { version: 2, isSolicitation, isAdvertisement: !isSolicitation, kind, hostname }
    return this.on({ kind: 'datagram', packet, from })
  }

  open(): this {
    this.on({ kind: 'interface', address: OWN })
    this.opened(true)
    return this
  }

  opened(isOk: boolean): string[] {
    return this.on({ kind: 'opened', attempt: this.state.attempt, isOk })
  }

  /** Open, with a neighbour that answered a pull. */
  sync(): this {
    this.open().hear('advertisement')
    this.pullDone([])
    this.on({ kind: 'desired', set: setOf({ underlay: [], tunnel: [] }) })
    return this
  }

  pullDone(underlay: PathVector[] | undefined): string[] {
    const snapshot = underlay === undefined ? undefined : { underlay, tunnel: [] }
    return this.on({ kind: 'pull-done', generation: this.state.generation, snapshot })
  }

  pushed(announce: PathVector[], withdraw: PathVector[] = []): string[] {
    return this.on({ kind: 'pushed', update: { underlay: { announce, withdraw }, tunnel: undefined } })
  }

  get imported(): string[] {
    return [...this.state.imported.underlay.values()].map(({ path }) => path.join(' '))
  }
}

const vector = (...path: string[]): PathVector => ({ destination: Prefix.of('fd00:1::/64'), path })

test('Init, Solicit, Exchange: sockets, a solicitation every 2000 ms, a pull first and only then a push', () => {
  const bench = new Bench()
  assert.deepEqual(bench.on({ kind: 'interface', address: OWN }), ['open'])
  assert.equal(machineStateName(bench.state), 'init')
  assert.deepEqual(bench.opened(true), ['solicit', 'init>solicit'])
  assert.deepEqual(bench.at(2000), ['solicit'])
  assert.deepEqual(bench.hear('solicitation'), ['advertise'])
  assert.deepEqual(bench.hear('advertisement'), ['pull', 'solicit>exchange'])
  assert.deepEqual(bench.on({ kind: 'changed' }), [], 'it has not answered a pull')
  assert.deepEqual(bench.pullDone(undefined), [])
  assert.deepEqual(bench.at(2250), ['pull'])
  assert.deepEqual(bench.pullDone([vector('peer')]), ['imported', 'compare'])
  const set = setOf({ underlay: [vector('us')], tunnel: [] })
  assert.deepEqual(bench.on({ kind: 'desired', set }), ['push'])
  assert.deepEqual(bench.on({ kind: 'push-done', generation: 1, isOk: true }), ['compare'])
  assert.deepEqual(bench.on({ kind: 'desired', set }), [], 'it knows')
  assert.deepEqual(bench.at(4000), ['solicit'])
})

test('changes wait 10 ms for more; while a push is under way they wait for its end', () => {
  const bench = new Bench().sync()
  bench.on({ kind: 'changed' })
  bench.on({ kind: 'changed' })
  assert.equal(machineDeadlineMs(bench.state, CONFIG), 10)
  assert.deepEqual(bench.at(10), ['compare'])
  bench.on({ kind: 'desired', set: setOf({ underlay: [vector('us')], tunnel: [] }) })
  assert.deepEqual(bench.on({ kind: 'changed' }), [])
  assert.equal(machineDeadlineMs(bench.state, CONFIG), 2000)
})

test('a neighbour is gone 5000 ms after its last advertisement, with everything it told', () => {
  const bench = new Bench().sync()
  bench.pushed([vector('peer')])
  bench.nowMs = 1000
  bench.hear('advertisement')
  for (const ms of [2000, 4000]) assert.deepEqual(bench.at(ms), ['solicit'])
  assert.deepEqual(bench.at(6000), ['imported', 'solicit', 'exchange>solicit'])
  assert.deepEqual(bench.imported, [])
  assert.equal(bench.state.lost!.reason, 'silent for 5000 ms')
})

for (const [name, event] of [
  ['a failed push', { kind: 'push-done', generation: 1, isOk: false }],
  ['the operator', { kind: 'expire' }],
  ['a send that fails', { kind: 'send-failed' }],
  ['the interface going down', { kind: 'interface', address: undefined }],
] as const) {
  test(`${name} ends the exchange in the same step`, () => {
    const bench = new Bench().sync()
    bench.pushed([vector('peer')])
    bench.on({ kind: 'desired', set: setOf({ underlay: [vector('us')], tunnel: [] }) })
    const toInit = event.kind === 'send-failed' || event.kind === 'interface'
    const expected = toInit ? ['imported', 'close', 'exchange>init'] : ['imported', 'exchange>solicit']
    assert.deepEqual(bench.on(event), expected)
    assert.deepEqual(bench.imported, [])
    assert.equal(bench.state.maybe.underlay.size, 1, 'what it may hold is remembered')
  })
}

test('sockets that cannot be opened are tried again after 1000 ms; late answers to former attempts are ignored', () => {
  const bench = new Bench()
  bench.on({ kind: 'interface', address: OWN })
  const first = bench.state.attempt
  assert.deepEqual(bench.opened(false), [])
  assert.deepEqual(bench.at(1000), ['open'])
  assert.deepEqual(bench.on({ kind: 'opened', attempt: first, isOk: true }), [])
  assert.deepEqual(bench.opened(true), ['solicit', 'init>solicit'])
})

test('another address, name or kind is another neighbour', () => {
  for (const change of [
    (bench: Bench) => bench.hear('advertisement', Ip.of('fe80::3')),
    (bench: Bench) => bench.hear('advertisement', PEER, 'other'),
    (bench: Bench) => bench.hear('advertisement', PEER, 'peer', 'server'),
  ]) {
    const bench = new Bench().sync()
    bench.pushed([vector('peer')])
    assert.deepEqual(change(bench), ['imported', 'pull'])
    assert.equal(bench.state.generation, 2)
    assert.deepEqual(bench.on({ kind: 'pull-done', generation: 1, snapshot: { underlay: [], tunnel: [] } }), [])
  }
})

test('an unknown neighbour that solicits is solicited, but not more often than every 250 ms', () => {
  const bench = new Bench().open()
  bench.nowMs = 249
  assert.deepEqual(bench.hear('solicitation'), ['advertise'])
  bench.nowMs = 250
  assert.deepEqual(bench.hear('solicitation'), ['advertise', 'solicit'])
  assert.deepEqual(bench.hear('solicitation'), ['advertise'])
  assert.deepEqual(bench.hear('solicitation', PEER, 'us'), [], 'our own voice')
})

test('pushes that arrive during a pull are applied after its answer, in order', () => {
  const bench = new Bench().open()
  bench.hear('advertisement')
  assert.deepEqual(bench.pushed([vector('a', 'peer')]), [])
  assert.deepEqual(bench.pushed([vector('b', 'peer')], [vector('a', 'peer'), vector('c', 'peer')]), [])
  bench.pullDone([vector('a', 'peer'), vector('c', 'peer'), vector('d', 'peer')])
  assert.deepEqual(bench.imported.toSorted(), ['b peer', 'd peer'])
})

test('a neighbour that enters Exchange anew is pulled from; one that only checks is not', () => {
  const bench = new Bench().sync()
  const served = setOf({ underlay: [vector('us')], tunnel: [] })
  assert.deepEqual(bench.on({ kind: 'pulled', served, isCheck: true }), [])
  assert.deepEqual(bench.on({ kind: 'pulled', served, isCheck: false }), ['pull'])
  assert.deepEqual(bench.on({ kind: 'pulled', served, isCheck: false }), [])
  bench.pullDone([])
  assert.deepEqual(bench.at(0), ['pull'], 'the answer may have been older')
})

test('what a pull served and is desired no more is withdrawn', () => {
  const bench = new Bench().sync()
  bench.on({ kind: 'pulled', served: setOf({ underlay: [vector('us')], tunnel: [] }), isCheck: true })
  const [push] = step(bench.state, CONFIG, { kind: 'desired', set: setOf({ underlay: [], tunnel: [] }) }, bench.nowMs)
  assert.ok(push?.kind === 'push')
  assert.deepEqual(push.update.underlay, { announce: [], withdraw: [vector('us')] })
})
