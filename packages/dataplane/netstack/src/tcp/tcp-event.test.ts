/** What observers are told agrees with what happens: bytes add up, states follow RFC 9293, round trips are the link's. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pairOfHosts } from '../test-network.ts'
import type { TcpEvent } from './tcp-event.ts'

async function transfer(loss: number, bytes: number) {
  const { network, left, right } = pairOfHosts({ delayMs: 5, loss }, 4)
  const sender: TcpEvent[] = []
  const receiver: TcpEvent[] = []
  const stop = left.observeTcp(({ remote, remotePort }, event) => {
    assert.deepEqual([remote, remotePort], ['10.0.0.2', 7])
    sender.push(event)
  })
  right.observeTcp((_connection, event) => receiver.push(event))
  await right.listenTcp({ port: 7 }, (socket) => {
    socket.resume()
    socket.on('end', () => socket.end())
  })
  const socket = await network.clock.run(left.connectTcp({ address: '10.0.0.2', port: 7 }))
  socket.resume()
  socket.end(Buffer.alloc(bytes))
  await network.clock.run(new Promise<void>((resolve) => socket.on('close', resolve)))
  await network.clock.advance(100) // the last acknowledgment is on its way
  return { network, left, sender, receiver, stop }
}

test('states are told in their order, one starting where the one before ended', async () => {
  const { sender, receiver } = await transfer(0, 10_000)
  for (const [events, states] of [
    [sender, ['CLOSED', 'SYN-SENT', 'ESTABLISHED', 'FIN-WAIT-1', 'FIN-WAIT-2', 'TIME-WAIT']],
    [receiver, ['CLOSED', 'SYN-RECEIVED', 'ESTABLISHED', 'CLOSE-WAIT', 'LAST-ACK', 'CLOSED']],
  ] as const) {
    const moves = events.filter((event) => event.kind === 'state')
    assert.deepEqual(
      moves.slice(0, states.length - 1).map(({ from, to }) => [from, to]),
      states.slice(1).map((to, k) => [states[k], to]),
    )
  }
})

test('without loss what was sent arrived once and nothing was sent again; with loss what is new still adds up', async () => {
  for (const loss of [0, 0.05]) {
    const { sender, receiver } = await transfer(loss, 200_000)
    const sum = (events: readonly TcpEvent[], keep: (event: TcpEvent) => boolean): number =>
      events.filter(keep).reduce((total, event) => total + ('bytes' in event ? event.bytes : 0), 0)
    assert.equal(
      sum(sender, ({ kind }) => kind === 'send'),
      200_000,
      `loss ${loss}: each byte is sent for the first time once`,
    )
    const isNew = (event: TcpEvent): boolean => event.kind === 'receive' && event.isNew
    assert.ok(sum(receiver, isNew) >= 200_000)
    const again = sender.filter(({ kind }) => kind === 'retransmit').length
    if (loss === 0) assert.equal(again, 0)
    else assert.ok(again > 0)
  }
})

test('round trips are those of the link, and nothing is told to who has left', async () => {
  const { network, left, sender, stop } = await transfer(0, 50_000)
  const trips = sender.filter((event) => event.kind === 'rtt')
  assert.ok(trips.length > 0)
  for (const { rttMs, timeoutMs } of trips) assert.ok(rttMs >= 10 && rttMs < 60 && timeoutMs >= 200, `${rttMs}`)
  stop()
  const told = sender.length
  const socket = await network.clock.run(left.connectTcp({ address: '10.0.0.2', port: 7 }))
  socket.on('error', () => undefined)
  socket.destroy()
  assert.equal(sender.length, told)
})
