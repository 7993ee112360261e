import { httpFetch } from '@lodestone/api'
import { MemoryFabric, RealClock } from '@lodestone/host'
import assert from 'node:assert/strict'
import test from 'node:test'
import { isGuestModule, ModuleGuest } from './module-guest.ts'

function setup(source: string) {
  const fabric = new MemoryFabric(new RealClock())
  let printed = ''
  let notify = (): void => {}
  const guest = new ModuleGuest({
    hostname: 'web1',
    addresses: ['10.0.0.5'],
    source,
    network: fabric.network('guest', ['10.0.0.5']),
    print(bytes) {
      printed += new TextDecoder().decode(bytes)
      notify()
    },
  })
  const until = async (pattern: RegExp): Promise<string> => {
    while (!pattern.test(printed)) {
      await new Promise<void>((resolve) => {
        notify = resolve
      })
    }
    return printed
  }
  return { guest, client: fabric.network('client', ['10.0.0.9']), until }
}

test('a TypeScript module serves HTTP on the instance’s own stack', async () => {
  const { guest, client, until } = setup(`
    export default async (guest: any): Promise<void> => {
      await guest.http.serve(80, async (request: Request) => {
        const { pathname } = new URL(request.url)
        return new Response(guest.hostname + ' ' + request.method + ' ' + pathname + ' ' + (await request.text()))
      })
      guest.console.print('ready')
    }`)
  await until(/ready/)
  const response = await httpFetch(client)(new Request('http://10.0.0.5/a', { method: 'POST', body: 'x' }))
  assert.equal(await response.text(), 'web1 POST /a x')
  guest.stop()
})

test('a module accepts connections and reads its console line by line', async () => {
  const { guest, client, until } = setup(`
    export default async (guest) => {
      await guest.net.listen(7, async (connection) => {
        for await (const bytes of connection) await connection.write(bytes)
        connection.end()
      })
      guest.console.print('ready\\n')
      for await (const line of guest.console.lines) guest.console.print('you said ' + line)
    }`)
  await until(/ready/)
  const socket = await client.connectTcp({ address: '10.0.0.5', port: 7 })
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.end('echo')
  await new Promise((resolve) => socket.on('end', resolve))
  assert.equal(Buffer.concat(chunks).toString(), 'echo')
  guest.input(new TextEncoder().encode('hello\nwor'))
  guest.input(new TextEncoder().encode('ld\r'))
  await until(/you said hello.*you said world/s)
  guest.stop()
})

test('a module reaches neither files, processes, other threads nor the host’s network', async () => {
  const attempts = [
    `await import('node:fs')`,
    `await import('fs')`,
    `await new Function('return import("node:child_process")')()`,
    `await import('data:text/javascript,export default 1')`,
    `process.exit(0)`,
    `await fetch('http://127.0.0.1')`,
    `new WebSocket('ws://127.0.0.1')`,
    `new BroadcastChannel('x')`,
    `globalThis.constructor.constructor('return process')().exit()`,
  ]
  const { guest, until } = setup(`
    export default async (guest) => {
      ${attempts.map((code, i) => `try { ${code}; guest.console.print('ESCAPED ${i};') } catch { guest.console.print('kept ${i};') }`).join('\n')}
      guest.console.print('end')
    }`)
  const output = await until(/end/)
  assert.equal(output, `${attempts.map((_, i) => `kept ${i};`).join('')}end`)
  guest.stop()
})

test('a module that throws, or is no function, says so on the console', async () => {
  const broken = setup(`export default () => { throw new Error('on purpose') }`)
  await broken.until(/the guest module failed: on purpose/)
  broken.guest.stop()
  const wrong = setup(`export const nothing = 1`)
  await wrong.until(/no default export/)
  wrong.guest.stop()
})

test('user data is a module only when it looks like one', () => {
  assert.ok(isGuestModule('export default () => {}'))
  assert.ok(!isGuestModule('#cloud-config\nexport: 1'))
  assert.ok(!isGuestModule('hello'))
})
