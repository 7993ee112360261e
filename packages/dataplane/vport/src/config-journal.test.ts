import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigJournal } from './config-journal.ts'
import { portConfig, SledFixture } from './sled-fixture.ts'

const change = (generation: number, firewall = portConfig().firewall) =>
  ({ kind: 'port', id: 'p', before: portConfig({ generation, firewall }) }) as const

test('lists that several configurations share count once, and the oldest changes make room', () => {
  const { firewall, routes } = portConfig()
  const journal = new ConfigJournal(-1, firewall.length + routes.length + 3)
  for (let i = 0; i < 3; i++) journal.note(i, change(i))
  assert.equal(journal.weight, firewall.length + routes.length + 3)
  assert.equal(journal.reachesBackToMs, -1)
  journal.note(3, change(3))
  assert.equal(journal.reachesBackToMs, 0)
  assert.deepEqual(
    journal.after(1).map(({ atMs }) => atMs),
    [3, 2],
  )
  // Another list of the same length needs room of its own.
  journal.note(4, change(4, [...firewall]))
  assert.ok(journal.weight <= firewall.length + routes.length + 3)
})

test('room is kept however much is noted, and one change larger than it is forgotten at once', () => {
  const journal = new ConfigJournal(0, 100)
  for (let i = 0; i < 1000; i++) {
    journal.note(
      i,
      change(
        i,
        Array.from({ length: i % 7 }, () => portConfig().firewall[0]!),
      ),
    )
    assert.ok(journal.weight <= 100)
  }
  journal.note(
    1000,
    change(
      1000,
      Array.from({ length: 500 }, () => portConfig().firewall[0]!),
    ),
  )
  assert.deepEqual([journal.weight, journal.after(-Infinity).length, journal.reachesBackToMs], [0, 0, 1000])
})

test('an engine tells which configurations its ports had and from when to when, and what it has forgotten', async () => {
  const sled = new SledFixture()
  const port = sled.addPort()
  assert.equal(sled.engine.shadowAt(-1), undefined, 'before it began')
  await sled.clock.advance(1000)
  port.apply(portConfig({ generation: 5, firewall: [] }))
  port.apply(portConfig({ generation: 6, firewall: [] })) // says nothing new
  await sled.clock.advance(1000)
  sled.engine.removePort(port.id)
  assert.deepEqual(
    sled.engine.generations().map(({ generation, fromMs, toMs }) => [generation, fromMs, toMs]),
    [
      [6, 1000, 2000],
      [1, 0, 1000],
    ],
  )
  for (let i = 0; i < 20_000; i++) sled.engine.setTunnelEndpoints(i % 2 === 0 ? [] : sled.routes)
  assert.equal(sled.engine.remembersFromMs, 2000)
  assert.equal(sled.engine.shadowAt(1999), undefined)
})
