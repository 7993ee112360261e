import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pairOfHosts } from '../test-network.ts'

/** How many byte arrays of at least `leastBytes` are made while `run` does. */
async function countArrays(leastBytes: number, run: () => Promise<void>): Promise<number> {
  const original = globalThis.Uint8Array
  let count = 0
  globalThis.Uint8Array = new Proxy(original, {
    construct(target, args: unknown[], newTarget) {
      if (typeof args[0] === 'number' && args[0] >= leastBytes) count++
      return Reflect.construct(target, args, newTarget) as object
    },
  })
  try {
    await run()
  } finally {
    globalThis.Uint8Array = original
  }
  return count
}

// The throughput of one connection was halved once by rings that gave their memory away at each drain and took new. Figures depend on the
// machine and belong into the benchmark; how often memory is made does not.
test('a busy connection whose rings are drained all the time goes on in the memory that it has', async () => {
  const { network, left, right } = pairOfHosts({ delayMs: 1, rateBps: 1e9 })
  let received = 0
  await right.listenTcp({ port: 9 }, (socket) => socket.on('data', (chunk: Buffer) => (received += chunk.length)))
  const socket = await network.clock.run(left.connectTcp({ address: '10.0.0.2', port: 9 }))
  const chunk = Buffer.alloc(600_000)
  const send = async (chunks: number): Promise<void> => {
    for (let i = 0; i < chunks; i++) {
      const until = received + chunk.length
      socket.write(chunk)
      await network.clock.until(() => received >= until, 10_000)
      await network.clock.advance(50) // the last acknowledgment
    }
  }
  await send(10)
  const made = await countArrays(4096, () => send(30))
  assert.ok(made <= 4, `${made} arrays for 30 drains`)
})
