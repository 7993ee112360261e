import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { pairOfHosts } from '../test-network.ts'
import type { TcpParameters } from './tcb.ts'

const parameters: fc.Arbitrary<Partial<TcpParameters>> = fc.record({
  congestionControl: fc.constantFrom('cubic' as const, 'newreno' as const),
  timestamps: fc.boolean(),
  sack: fc.boolean(),
  nagle: fc.boolean(),
  receiveBufferBytes: fc.constantFrom(3000, 20_000, 1_000_000),
  sendBufferBytes: fc.constantFrom(5000, 1_000_000),
  minRtoMs: fc.constantFrom(10, 200),
})
const path = fc.record({
  loss: fc.double({ min: 0, max: 0.15, noNaN: true }),
  duplicate: fc.double({ min: 0, max: 0.1, noNaN: true }),
  corrupt: fc.double({ min: 0, max: 0.02, noNaN: true }),
  delayMs: fc.integer({ min: 0, max: 20 }),
  jitterMs: fc.integer({ min: 0, max: 10 }),
  mayReorder: fc.boolean(),
})

test('whatever the path and the parameters, both directions of a stream arrive exactly and nothing is left behind', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 1e6 }),
      parameters,
      path,
      fc.array(fc.integer({ min: 1, max: 30_000 }), { minLength: 1, maxLength: 6 }),
      async (seed, tcp, impairments, writes) => {
        const { network, left, right } = pairOfHosts(impairments, seed, tcp)
        await right.listenTcp({ port: 7 }, (socket) => void socket.on('error', () => undefined).pipe(socket))
        const socket = await network.clock.run(left.connectTcp({ address: 'fd00::2', port: 7, timeoutMs: 600_000 }))
        const sent = createHash('sha256')
        const back = createHash('sha256')
        let bytes = 0
        socket.on('data', (chunk: Uint8Array) => {
          bytes += chunk.length
          back.update(chunk)
        })
        const ended = new Promise<void>((resolve, reject) => {
          socket.on('end', resolve)
          socket.on('error', reject)
        })
        for (const [i, length] of writes.entries()) {
          const chunk = Uint8Array.from({ length }, (_, at) => (at * 7 + i * 13 + seed) >>> 3)
          sent.update(chunk)
          socket.write(chunk)
          await network.clock.advance(i % 2 === 0 ? 0 : 30)
        }
        socket.end()
        await network.clock.run(ended)
        assert.equal(
          bytes,
          writes.reduce((sum, each) => sum + each, 0),
        )
        assert.equal(back.digest('hex'), sent.digest('hex'))
        assert.equal(await network.leaked(), 0)
      },
    ),
    { numRuns: 20 },
  )
})
