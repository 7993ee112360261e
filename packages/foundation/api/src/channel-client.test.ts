import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryFabric, OsNetwork, VirtualClock } from '@lodestone/host'
import { z } from 'zod'
import { ApiFailure } from './api-error.ts'
import type { Accept, Channel } from './channel.ts'
import { channelClient } from './channel-client.ts'
import { api, endpoint } from './endpoint.ts'
import { implement } from './implement.ts'
import { serveHttp } from './serve-http.ts'

const lineApi = api({
  title: 'Line',
  version: '1.0.0',
  endpoints: [
    endpoint({
      operationId: 'line',
      method: 'GET',
      path: '/line/{name}',
      summary: 'Says its name at once, and everything else back',
      params: z.object({ name: z.string() }),
      response: { status: 101 },
    }),
  ],
})

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
const bytes = (from: string): Uint8Array => new TextEncoder().encode(from)

const handler = implement(lineApi, {
  line: ({ params }) => {
    if (params.name === 'nobody') throw new ApiFailure({ kind: 'conflict', message: 'nobody has no line' })
    return (channel) => {
      channel.send(bytes(params.name))
      channel.onMessage((message) => {
        if (text(message) === 'end') channel.close(1011, 'asked to')
        else channel.send(message)
      })
    }
  },
})

/** What a channel got, one thing after another. */
function recorder(): {
  readonly accept: Accept
  readonly next: () => Promise<string>
  readonly channel: () => Channel
} {
  const got: string[] = []
  let wake = (): void => {}
  let open: Channel | undefined
  const note = (what: string): void => {
    got.push(what)
    wake()
  }
  return {
    accept: (channel) => {
      open = channel
      channel.onMessage((message) => note(text(message)))
      channel.onClose((code, reason) => note(`${code} ${reason}`))
    },
    channel: () => {
      assert.ok(open !== undefined)
      return open
    },
    next: async () => {
      while (got.length === 0) await new Promise<void>((resolve) => (wake = resolve))
      return got.shift()!
    },
  }
}

test('a channel carries the first message of the server, echoes, and the code and reason of its end', async () => {
  const network = new OsNetwork()
  const server = await serveHttp(network, { address: '127.0.0.1', port: 0 }, handler)
  const line = channelClient(lineApi, network, `http://127.0.0.1:${server.port}`)
  const end = recorder()
  const opened = await line.line({ params: { name: 'a/b' } }, end.accept)
  assert.equal(opened.ok, true)
  assert.equal(await end.next(), 'a/b', 'what came with the answer is not lost')
  const long = 'x'.repeat(100_000)
  end.channel().send(bytes(long))
  assert.equal(await end.next(), long)
  end.channel().send(bytes('end'))
  assert.equal(await end.next(), '1011 asked to')
  server.close()
})

test('what the server refuses is the failure that a request would have got; a server that goes away is code 1006', async () => {
  const network = new OsNetwork()
  const server = await serveHttp(network, { address: '127.0.0.1', port: 0 }, handler)
  const line = channelClient(lineApi, network, `http://127.0.0.1:${server.port}`)
  const never: Accept = () => assert.fail('there is no channel')
  const refused = await line.line({ params: { name: 'nobody' } }, never)
  assert.ok(!refused.ok && refused.kind === 'refused')
  assert.deepEqual([refused.status, refused.message], [409, 'nobody has no line'])
  const end = recorder()
  assert.ok((await line.line({ params: { name: 'x' } }, end.accept)).ok)
  assert.equal(await end.next(), 'x')
  server.close()
  assert.equal(await end.next(), '1006 ')
  const gone = await line.line({ params: { name: 'x' } }, never)
  assert.ok(!gone.ok && gone.kind === 'unreachable', JSON.stringify(gone))
})

test('over a network in memory a channel lives in virtual time', async () => {
  const clock = new VirtualClock()
  const fabric = new MemoryFabric(clock, 5)
  const [near, far] = [fabric.network('near', ['fd00::1']), fabric.network('far', ['fd00::2'])]
  const server = await serveHttp(far, { port: 80 }, handler)
  const end = recorder()
  const opened = await clock.run(
    channelClient(lineApi, near, 'http://[fd00::2]').line({ params: { name: 'x' } }, end.accept),
  )
  assert.ok(opened.ok, JSON.stringify(opened))
  assert.equal(await clock.run(end.next()), 'x')
  assert.ok(clock.nowMs() >= 20, 'a connection and an exchange')
  server.close()
})
