import assert from 'node:assert/strict'
import { createServer, request } from 'node:http'
import { describe, test } from 'node:test'
import { Prefix } from '@lodestone/net'
import { pairOfHosts, TestNetwork } from '../test-network.ts'
import { Guest } from './guest.ts'
import { LineEditor } from './line-editor.ts'
import { shellCommand } from './shell-command.ts'
import { type GuestConsole, Shell } from './shell.ts'
import { WebServer } from './web-server.ts'
import type { Netstack } from '../netstack.ts'

class TestConsole implements GuestConsole {
  output = ''
  #listeners = new Set<(bytes: Uint8Array) => void>()

  write(bytes: Uint8Array): void {
    this.output += Buffer.from(bytes).toString()
  }

  onInput(fn: (bytes: Uint8Array) => void): () => void {
    this.#listeners.add(fn)
    return () => void this.#listeners.delete(fn)
  }

  type(text: string): void {
    for (const listener of this.#listeners) listener(Buffer.from(text))
  }

  /** What was written since the last call. */
  take(): string {
    const text = this.output
    this.output = ''
    return text
  }
}

async function get(network: TestNetwork, from: Netstack, address: string, path: string, method = 'GET') {
  const socket = await network.clock.run(from.connectTcp({ address, port: 80 }))
  const answered = new Promise<{ status: number; body: string; headers: NodeJS.Dict<string | string[]> }>(
    (resolve, reject) => {
      const asked = request({ createConnection: () => socket, host: address, path, method })
      asked.on('error', reject)
      asked.on('response', (response) => {
        let body = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => (body += chunk))
        response.on('end', () => resolve({ status: response.statusCode!, body, headers: response.headers }))
      })
      asked.end()
    },
  )
  return network.clock.run(answered)
}

describe('WebServer', () => {
  test('says who it is and who asked, over a lossy link in virtual time', async () => {
    const { network, left, right } = pairOfHosts({ delayMs: 3, loss: 0.1, jitterMs: 2 }, 11)
    const server = new WebServer({ network: right, hostName: 'web1' })
    await server.start()
    const answer = await get(network, left, '10.0.0.2', '/hello?x=1')
    assert.equal(answer.status, 200)
    const port = /remote: 10\.0\.0\.1:(\d+)/.exec(answer.body)![1]
    assert.equal(
      answer.body,
      [
        'hostname: web1',
        `addresses: ${right.interface('nic0')!.linkLocal} 10.0.0.2 fd00::2`,
        `remote: 10.0.0.1:${port}`,
        'local: 10.0.0.2:80',
        'path: /hello?x=1',
        '',
      ].join('\n'),
    )
    assert.equal(answer.headers['date'], undefined)
    assert.equal((await get(network, left, 'fd00::2', '/', 'POST')).status, 405)
    assert.equal(server.requests, 2)
    assert.equal(await network.leaked(), 0)
  })

  test('the same seed gives the same bytes at the same times', async () => {
    const run = async (): Promise<string[]> => {
      const { network, left, right, link } = pairOfHosts({ delayMs: 3, loss: 0.2, jitterMs: 2, mayReorder: true }, 21)
      const log: string[] = []
      link.tap((slot, direction, atMs) => {
        log.push(`${atMs} ${direction} ${Buffer.from(network.arena.peek(slot)).toString('base64')}`)
      })
      await new WebServer({ network: right, hostName: 'web1' }).start()
      await get(network, left, '10.0.0.2', '/')
      await network.clock.advance(5000)
      return log
    }
    const first = await run()
    assert.ok(first.length > 10)
    assert.deepEqual(await run(), first)
  })
})

test('any node:http server runs on the sockets, keep-alive and large bodies included', async () => {
  const { network, left, right } = pairOfHosts({ delayMs: 1 })
  const server = createServer((asked, response) => {
    let length = 0
    asked.on('data', (chunk: Buffer) => (length += chunk.length))
    asked.on('end', () => {
      response.sendDate = false
      response.end(Buffer.alloc(2 * length, 'x'))
    })
  })
  await right.listenTcp({ port: 80 }, (socket) => void server.emit('connection', socket))
  for (const size of [10, 500_000]) {
    const socket = await network.clock.run(left.connectTcp({ address: '10.0.0.2', port: 80 }))
    const answered = new Promise<number>((resolve, reject) => {
      const asked = request({ createConnection: () => socket, method: 'PUT', headers: { 'content-length': size } })
      asked.on('error', reject)
      asked.on('response', (response) => {
        let length = 0
        response.on('data', (chunk: Buffer) => (length += chunk.length))
        response.on('end', () => resolve(length))
      })
      asked.end(Buffer.alloc(size))
    })
    assert.equal(await network.clock.run(answered), 2 * size)
  }
  // An idle kept-alive connection is closed by the server's keepAliveTimeout, in virtual time.
  const idle = await network.clock.run(left.connectTcp({ address: '10.0.0.2', port: 80 }))
  idle.on('error', () => undefined)
  let isClosed = false
  idle.on('close', () => (isClosed = true))
  idle.resume()
  idle.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  await network.clock.advance(1000)
  assert.equal(isClosed, false)
  await network.clock.advance(20_000)
  assert.equal(isClosed, true)
})

describe('Shell', () => {
  async function shell() {
    const { network, left, right, link } = pairOfHosts({ delayMs: 2 })
    const console = new TestConsole()
    const exits: number[] = []
    const options = { console, network: left, clock: network.clock, hostName: 'web1' }
    const sh = new Shell({ ...options, onExit: () => exits.push(network.clock.nowMs()) })
    await new WebServer({ network: right, hostName: 'other' }).start()
    await network.clock.advance(100)
    const run = async (line: string, forMs = 10): Promise<string> => {
      console.take()
      console.type(line + '\r')
      await network.clock.advance(forMs)
      return console.take()
    }
    return { network, left, right, link, console, exits, sh, run }
  }

  test('prompts, echoes what is typed, and erases with backspace', async () => {
    const { console, run } = await shell()
    assert.equal(console.take(), '\r\nlodestone guest web1; "help" lists the commands\r\nweb1# ')
    assert.equal(await run('hostnamex\x7f'), 'hostnamex\b \b\r\nweb1\r\nweb1# ')
    assert.equal(await run(''), '\r\nweb1# ')
    assert.match(await run('nonsense'), /nonsense: not found/)
    assert.equal(await run('\x1b[A\x1b[A'), 'nonsense' + '\b \b'.repeat(8) + 'hostname\r\nweb1\r\nweb1# ')
    assert.match(await run('help'), /curl \[-i\] URL {8}fetch/)
  })

  test('shows addresses, routes and neighbors', async () => {
    const { left, right, run } = await shell()
    const mac = left.interface('nic0')!.macText
    assert.equal(
      await run('ip addr'),
      `ip addr\r\n2: nic0 up mtu 1500 ether ${mac}\r\n    inet6 ${left.interface('nic0')!.linkLocal}/64\r\n` +
        '    inet 10.0.0.1/24\r\n    inet6 fd00::1/64\r\nweb1# ',
    )
    assert.equal(await run('ip r'), 'ip r\r\n10.0.0.0/24 dev nic0 connected\r\nfd00::/64 dev nic0 connected\r\nweb1# ')
    await run('ping -c 1 10.0.0.2', 100)
    assert.match(
      await run('ip neigh'),
      new RegExp(`10\\.0\\.0\\.2 dev nic0 ${right.interface('nic0')!.macText} reachable`),
    )
    assert.match(await run('ip'), /usage/)
  })

  test('pings until told to stop, and takes what is typed meanwhile', async () => {
    const { network, console, run, link } = await shell()
    await run('ping -c 1 10.0.0.2', 100)
    assert.equal(
      await run('ping -c 2 10.0.0.2', 3000),
      'ping -c 2 10.0.0.2\r\nreply from 10.0.0.2: seq=1 ttl=64 time=4.00 ms\r\n' +
        'reply from 10.0.0.2: seq=2 ttl=64 time=4.00 ms\r\n2 of 2 answered\r\nweb1# ',
    )
    link.setUp(false)
    console.type('ping 10.0.0.2\r')
    await network.clock.advance(500)
    console.type('hostname\r\x03')
    await network.clock.advance(10)
    assert.match(console.take(), /\^C\r\n0 of 4 answered\r\nweb1# hostname\r\nweb1\r\nweb1# $/)
    assert.match(await run('ping elsewhere'), /not an IP address/)
  })

  test('fetches pages by address', async () => {
    const { run } = await shell()
    assert.match(await run('curl http://10.0.0.2/page', 200), /hostname: other\r\n[^]*path: \/page\r\nweb1# $/)
    assert.match(await run('curl -i [fd00::2]/', 200), /HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nhostname: other/)
    assert.match(await run('curl http://10.0.0.2:81/', 200), /curl: ECONNREFUSED/)
    assert.match(await run('curl http://example.com/'), /not a URL that starts with/)
  })

  test('a single command runs in a shell of its own; its output comes as it is printed, its exit code says how it went', async () => {
    const { network, left } = await shell()
    const pieces: string[] = []
    const run = async (command: string, how: { timeoutMs?: number; signal?: AbortSignal } = {}) => {
      const onOutput = (text: string): void => void pieces.push(`${network.clock.nowMs()} ${text}`)
      const options = { network: left, clock: network.clock, hostName: 'web1', command, onOutput, ...how }
      const { output, exitCode } = await network.clock.run(shellCommand(options))
      return [output, exitCode] as const
    }
    assert.deepEqual(await run('hostname'), ['web1\n', 0])
    assert.deepEqual(await run(''), ['', 0])
    pieces.length = 0
    const [text, answered] = await run('ping -c 2 10.0.0.2')
    assert.match(text, /^reply from 10\.0\.0\.2: .*\nreply from .*\n2 of 2 answered\n$/)
    assert.equal(answered, 0)
    const times = pieces.map((each) => Number.parseFloat(each))
    assert.ok(times[1]! - times[0]! >= 900, `the first reply is told a second before the other: ${times}`)
    const [late, given] = await run('ping 10.0.0.99', { timeoutMs: 2500 })
    assert.match(late, /\^C\n0 of 4 answered\n$/)
    assert.equal(given, 130)
    for (const [command, exitCode] of [
      ['ping -c 1 10.0.0.99', 1],
      ['ping', 2],
      ['ip nonsense', 2],
      ['curl http://10.0.0.99/', 1],
      ['frobnicate', 127],
      ['exit 7', 7],
    ] as const) {
      assert.equal((await run(command))[1], exitCode, command)
    }
    const aborter = new AbortController()
    network.clock.after(1500, () => aborter.abort())
    assert.match((await run('ping -c 100 10.0.0.2', { signal: aborter.signal }))[0], /\^C\n2 of 100 answered\n$/)
  })

  test('exit and ^D leave; the next key starts again', async () => {
    const { console, exits, run } = await shell()
    assert.equal(await run('exit'), 'exit\r\nbye\r\n')
    assert.match(await run(''), /lodestone guest web1/)
    console.type('\x04')
    assert.match(console.take(), /bye\r\n$/)
    assert.equal(exits.length, 2)
  })

  test('input is bounded and never throws', () => {
    let echoed = 0
    const editor = new LineEditor('> ', (text) => (echoed += text.length))
    const random = new TestNetwork().random
    for (const byte of random.bytes(20_000)) editor.input(byte)
    for (let i = 0; i < 5000; i++) editor.input(0x61)
    editor.input(0x15)
    for (let i = 0; i < 5000; i++) editor.input(0x61)
    const event = editor.input(0x0d)
    assert.ok(event?.kind === 'line' && event.text.length === 1024)
    assert.ok(echoed > 0)
  })
})

test('a guest boots without help: no address at first, web server and shell up', async () => {
  const network = new TestNetwork()
  const console = new TestConsole()
  const peer = network.host('peer')
  const link = network.join(peer, 'nic0', ['10.0.0.1/24'], network.host('unused'), 'nic0', [])
  const { clock, random, arena, tracer } = network
  const nics = [{ name: 'nic0', port: link.b, mac: network.mac() }]
  const guest = new Guest({ name: 'web1', clock, random, arena, tracer, nics })
  await guest.runProgram({ console })
  await network.clock.advance(50)
  assert.equal(guest.interface('nic0')!.dhcp.state, 'selecting')
  assert.match(console.take(), /web1# $/)
  guest.network.interface('nic0')!.addAddress(Prefix.of('10.0.0.2/24'))
  assert.match((await get(network, peer, '10.0.0.2', '/')).body, /hostname: web1/)
  let isResumed = false
  void guest.configured(500).then(() => (isResumed = true))
  await network.clock.advance(400)
  assert.equal(isResumed, false)
  await network.clock.advance(101)
  assert.equal(isResumed, true, 'nobody waits for ever for a lease')
  guest.close()
  assert.equal(await network.leaked(), 0)
})
