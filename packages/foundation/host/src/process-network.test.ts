import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryFabric } from './memory-network.ts'
import type { DiscoveryNetwork } from './network.ts'
import { ProcessNetwork } from './process-network.ts'
import { VirtualClock } from './virtual-clock.ts'

const HERE = '192.0.2.1'
const THERE = '192.0.2.2'

function networks() {
  const clock = new VirtualClock()
  const fabric = new MemoryFabric(clock)
  const watchers = new Set<() => void>()
  const own = {
    interfaces: () => [],
    onInterfaceChange: (fn: () => void) => {
      watchers.add(fn)
      return () => void watchers.delete(fn)
    },
    openIcmp6: () => assert.fail('not asked for here'),
  }
  const under: DiscoveryNetwork = Object.assign(fabric.network('here', [HERE]), own)
  return { clock, watchers, process: new ProcessNetwork(under), peer: fabric.network('there', [THERE]) }
}

test('the connections of a process that is killed end, and its ports are free', async () => {
  const { clock, process, peer } = networks()
  let isClosed = false
  await peer.listenTcp({ port: 179 }, (socket) => {
    socket.on('error', () => socket.destroy())
    socket.on('close', () => (isClosed = true))
  })
  await process.listenTcp({ port: 80 }, () => {})
  await clock.run(process.connectTcp({ address: THERE, port: 179 }), 100)
  await clock.advance(100)
  assert.equal(isClosed, false)
  process.end()
  await clock.advance(100)
  assert.equal(isClosed, true)
  await assert.rejects(clock.run(peer.connectTcp({ address: HERE, port: 80 }), 100), { code: 'ECONNREFUSED' })
  await assert.rejects(process.connectTcp({ address: THERE, port: 179 }), { code: 'ENETDOWN' })
})

test('what a dead process says is not heard, and nothing is told to it', async () => {
  const { clock, watchers, process, peer } = networks()
  const heard: string[] = []
  const told: string[] = []
  const text = ({ payload }: { readonly payload: Uint8Array }): string => Buffer.from(payload).toString()
  const there = await peer.bindUdp({ port: 1 }, (datagram) => heard.push(text(datagram)))
  const here = await process.bindUdp({ port: 2 }, (datagram) => told.push(text(datagram)))
  process.onInterfaceChange(() => told.push('an interface has changed'))
  here.send(Buffer.from('alive'), THERE, 1)
  there.send(Buffer.from('hello'), HERE, 2)
  await clock.advance(10)
  process.end()
  here.send(Buffer.from('dead'), THERE, 1)
  there.send(Buffer.from('are you there?'), HERE, 2)
  for (const watcher of watchers) watcher()
  await clock.advance(10)
  assert.deepEqual([heard, told], [['alive'], ['hello']])
})
