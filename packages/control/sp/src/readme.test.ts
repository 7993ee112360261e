import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Host, MemoryFabric, MemoryFiles, SeededRandom, VirtualClock } from '@lodestone/host'
import { Board, profileOf, ServiceProcessor } from './index.ts'

test('the example of the README does what it says', async () => {
  const clock = new VirtualClock()
  const networks = { management: new MemoryFabric(clock).network('sled0', ['fd00::1']) }
  const host = new Host({ name: 'sled0', clock, random: new SeededRandom(1), files: new MemoryFiles(), networks })
  const vpd = { serialNumber: 'BRM1', model: '913-0000019', revision: 6, baseMac: new Uint8Array(6) }
  const history: boolean[] = []

  const board = new Board({ clock, profile: profileOf('sled') })
  board.listen({ onHostPower: (isOn) => history.push(isOn) })
  const sp = new ServiceProcessor({
    name: 'sled0',
    host,
    board,
    vpd,
    addresses: [{ network: 'management', address: 'fd00::1' }],
  })
  await sp.start()
  board.setPlug(true)
  await clock.advance(1000)
  assert.equal(sp.firmware?.power.status.state, 'A0PlusHP')
  sp.inject({ kind: 'rail-lost', rail: 5 })
  await clock.advance(10)
  assert.equal(sp.firmware?.power.status.fault, 'RailLost')
  assert.deepEqual(history, [true, false])
  sp.close()
  board.close()
})
