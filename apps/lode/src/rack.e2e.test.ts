/** One running rack and the commands that look into it and change it: what README and `--help` promise. */
import assert from 'node:assert/strict'
import { access, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { tmpdir } from 'node:os'
import {
  captured,
  LODE,
  lode,
  lodeHere,
  pageAt,
  RackProcess,
  says,
  start,
  temporaryDirectory,
  until,
} from './lode-process.fixture.ts'
import { createWebInstance, instanceState } from './web-instance.fixture.ts'
import { flaws, tshark, WITHOUT_TSHARK } from './tshark.fixture.ts'

interface Info {
  readonly state: string
  readonly api: { readonly url: string }
  readonly checks: readonly { readonly name: string; readonly ready: boolean }[]
  readonly links: readonly { readonly name: string; readonly up: boolean }[]
}

interface Page {
  readonly items: readonly { readonly name: string }[]
}

/** From the default pool, apart from where automatic allocation begins. */
const WEB = '198.51.100.19'
const EXAMPLE = join(import.meta.dirname, '../../../examples/web1.sh')
const EXAMPLE_WEB = '198.51.100.21'
const MODULE_WEB = '198.51.100.20'
const MODULE = `
export default async function main(guest: { hostname: string; console: { print(text: string): void }; http: any }) {
  const visits: number[] = []
  await guest.http.serve(80, (request: Request) => {
    visits.push(1)
    guest.console.print(\`visit \${visits.length}: \${new URL(request.url).pathname}\\n\`)
    return new Response(\`typescript on \${guest.hostname}\\n\`)
  })
  guest.console.print('module is up\\n')
}
`

describe('a running rack', () => {
  let directory = ''
  let rack: RackProcess
  let publishPort = 0
  let modulePort = 0
  let examplePort = 0

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lode-test-'))
    // What a killed process leaves behind: a lock with the id of nobody, and a socket where nobody listens.
    await writeFile(join(directory, 'lock'), '999999999')
    await symlink('/nowhere', join(directory, 'control.sock'))
    const publish = [WEB, MODULE_WEB, EXAMPLE_WEB].map((address) => `--publish=0=${address}:80`)
    rack = await RackProcess.start(directory, '--sleds', '2', ...publish)
    publishPort = rack.portOf(`${WEB}:80`)
    modulePort = rack.portOf(`${MODULE_WEB}:80`)
    examplePort = rack.portOf(`${EXAMPLE_WEB}:80`)
    await createWebInstance(rack, { project: 'shop', name: 'web1', address: WEB })
  })

  after(async () => {
    await rack?.kill('SIGKILL')
    await rm(directory, { recursive: true, force: true, maxRetries: 5 })
  })

  test('lode up takes over from a killed process and tells the address, the credentials and how long it took', (t) => {
    t.diagnostic(`ready after ${rack.up.readyAfterMs} ms`)
    const { api, ...rest } = JSON.parse(
      rack.process
        .stdout()
        .split('\n')
        .find((line) => line.includes('"up"'))!,
    )
    assert.match(api, /^http:\/\/127\.0\.0\.1:\d+$/)
    assert.deepEqual([rest.silo, rest.username, rest.password], ['test-suite-silo', 'test-privileged', 'oxide'])
    assert.ok(rest.readyAfterMs > 0)
    const ready = rack.process.stdout().match(/"event":"ready","name":"[^"]+"/g) ?? []
    for (const name of ['network', 'bgp', 'ddm', 'way out', 'pool', 'api', 'rack']) {
      assert.ok(
        ready.some((line) => line.endsWith(`"${name}"`)),
        `${name} among ${ready.join()}`,
      )
    }
  })

  test('a second rack on the same directory is refused, and told what to do', async () => {
    const { status, stderr } = await lode(['up', '--state', directory, '--api-port', '0'])
    assert.equal(status, 1)
    assert.match(stderr, /^A rack is already running on .* \(process \d+\)\. Stop it with Ctrl-C or `lode down`/)
  })

  test('a port that another program has is named, whether for the API or published', async (t) => {
    const server = createServer()
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
    })
    t.after(() => server.close())
    const other = await temporaryDirectory(t)
    for (const flags of [
      ['--api-port', String(port)],
      ['--api-port', '0', '--publish', `${port}=${WEB}:80`],
    ]) {
      const { status, stderr } = await lode(['up', '--state', other, ...flags])
      assert.equal(status, 1, stderr)
      assert.match(stderr, new RegExp(`^Port ${port} is in use by another program`))
    }
    await assert.rejects(access(join(other, 'lock')), 'the lock is gone again')
  })

  test('lode status shows checks, nodes and links, as text and as JSON', async () => {
    const text = await rack.lode('status')
    assert.equal(text.status, 0, text.stderr)
    for (const word of [
      'rack: ready',
      'test-privileged',
      'sled1',
      'switch1-isp0',
      'web1',
      `127.0.0.1:${publishPort}`,
    ]) {
      assert.ok(text.stdout.includes(word), `${word} in ${text.stdout}`)
    }
    assert.equal((await rack.json<Info>('status')).state, 'ready')
    await isReady()
  })

  test('lode api calls the public API; its errors are exit status 1 with the message', async () => {
    assert.deepEqual(await rack.json('api', 'GET', '/v1/ping'), { status: 'ok' })
    const lab = '{"name":"lab","description":""}'
    assert.equal((await rack.json<{ name: string }>('api', 'POST', '/v1/projects', '--body', lab)).name, 'lab')
    assert.deepEqual(
      (await rack.json<Page>('api', 'GET', '/v1/projects')).items.map((project) => project.name),
      ['lab', 'shop'],
    )
    const missing = await rack.lode('api', 'GET', '/v1/projects/nothing')
    assert.equal(missing.status, 1)
    assert.match(missing.stderr, /HTTP 404/)
    assert.match(missing.stdout, /not found: project with name \\"nothing\\"/)
    const malformed = await rack.lode('api', 'POST', '/v1/projects', '--body', '{"name":7,"description":""}')
    assert.equal(malformed.status, 1)
    assert.match(malformed.stderr, /HTTP 400/)
    assert.match(malformed.stdout, /name/)
    const noJson = await rack.lode('api', 'POST', '/v1/projects', '--body', '{"name":')
    assert.match(noJson.stderr, /HTTP 400/)
    const noFile = await rack.lode('api', 'POST', '/v1/projects', '--body', '@/nowhere/body.json')
    assert.equal(noFile.status, 1)
    assert.match(noFile.stderr, /^lode: ENOENT/)
    const wrong = await rack.lode('api', 'FETCH', '/v1/projects')
    assert.equal(wrong.status, 2)
    assert.match(wrong.stderr, /expected GET, POST, PUT, DELETE/)
  })

  test('lode table lists tables, prints one, and knows routers too', async () => {
    const tables = await rack.lode('table', 'switch0')
    assert.equal(tables.status, 0, tables.stderr)
    assert.match(tables.stdout, /ingress\.nat_ingress\.ingress_ipv4/)
    const nat = () => rack.lode('table', 'switch0', 'ingress.nat_ingress.ingress_ipv4')
    await says(new RegExp(WEB.replaceAll('.', '\\.')), nat)
    await until('the client has a route to the pool', async () => {
      const { rows } = await rack.json<{ rows: string[][] }>('table', 'client', 'rib')
      return rows.some((row) => row[0]?.startsWith('198.51.100.')) ? true : undefined
    })
    const none = await rack.lode('table', 'switch9')
    assert.equal(none.status, 2)
    assert.match(none.stderr, /not found: node with name "switch9"/)
  })

  test('--publish: a request on this machine crosses the rack', async () => {
    const page = await pageAt(`http://127.0.0.1:${publishPort}/crossing`)
    assert.match(page, /web1[^]*203\.0\.113\.[^]*\/crossing/)
  })

  test('examples/web1.sh makes a server with nothing but lode api', async () => {
    const env = { ...process.env, LODE: `${process.execPath} ${LODE}`, LODE_STATE: directory }
    const { status, stdout, stderr } = await start('sh', [EXAMPLE, EXAMPLE_WEB, 'shelf'], { env }).finished
    assert.equal(status, 0, stderr)
    assert.match(stdout, /^web1 of project shelf answers on 198\.51\.100\.21$/m)
    await instanceState(rack, 'shelf', 'web1', 'running')
    assert.match(await pageAt(`http://127.0.0.1:${examplePort}/example`), /hostname: web1[^]*\/example/)
  })

  test('lode trace tells a ping’s story while lode exec runs it, and lode capture has its frames', async (t) => {
    const file = join(await temporaryDirectory(t), 'ping.pcapng')
    const filter = ['icmp', 'and', 'delivered', 'and', 'host', WEB]
    const trace = rack.begin('trace', '--json', '--count', '1', ...filter)
    const capture = rack.begin('capture', 'isp0-client', 'isp1-client', 'switch0-cpu', '-w', file)
    const ended = trace.finished.then(() => true)
    await until('the capture has begun', async () => {
      const begun = await readFile(file).catch(() => undefined)
      return begun !== undefined && begun.length > 0 ? true : undefined
    })
    let isAnswered = false
    await until('a ping that is traced, and one that is answered', async () => {
      // Each time: the one that was answered may have gone before the trace began.
      const { status } = await rack.lode('exec', 'client', '--', 'ping', '-c', '1', WEB)
      isAnswered ||= status === 0
      return isAnswered ? Promise.race([ended, Promise.resolve(undefined)]) : undefined
    })
    const { status, stdout, stderr } = await trace.finished
    assert.equal(status, 0, stderr)
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { packet: number })
    assert.ok(events.length > 10)
    assert.equal(new Set(events.map((event) => event.packet)).size, 1)
    await captured(capture, file, new RegExp(`> ${WEB} ICMP`))
    const bytes = await readFile(file)
    assert.equal(bytes.readUInt32LE(0), 0x0a0d0d0a, 'a pcapng section header')
    if (WITHOUT_TSHARK !== false) return t.diagnostic(WITHOUT_TSHARK)
    assert.ok(tshark(file, `icmp && ip.dst == ${WEB}`, 'frame.number').length > 0)
    assert.deepEqual(flaws(file), [])
  })

  test('lode exec runs commands on clients, routers and instances', async () => {
    await says(/198\.51\.100\.0\/24/, () => rack.lode('exec', 'isp0', '--', 'ip', 'route'))
    // Its routing daemon can be asked, too.
    const onIsp = ['--node', 'isp0', '--state', rack.directory]
    await says(/switch0 .* Established/, () => lodeHere('bgp', 'peers', ...onIsp))
    assert.equal((await lodeHere('rib', 'summary', '--node', 'nobody', '--state', rack.directory)).status, 2)
    const web = await rack.lode('exec', 'web1', '--', 'help')
    assert.match(web.stdout, /ping/)
    const none = await rack.lode('exec', 'nobody', '--', 'help')
    assert.equal(none.status, 2)
  })

  test('a TypeScript module as user_data answers through the rack and prints on its serial console', async () => {
    await createWebInstance(rack, { project: 'shop', name: 'ts1', address: MODULE_WEB, userData: MODULE })
    const text = await pageAt(`http://127.0.0.1:${modulePort}/hello`)
    assert.equal(text, 'typescript on ts1\n')
    const console = await rack.api<{ data: number[] }>(
      'GET',
      '/v1/instances/ts1/serial-console?project=shop&from_start=0',
    )
    assert.match(Buffer.from(console.data).toString(), /module is up\r\nvisit 1: \/hello\r\n/)
  })

  test('the default guest’s shell greets on the serial console', async () => {
    const console = await rack.api<{ data: number[] }>(
      'GET',
      '/v1/instances/web1/serial-console?project=shop&from_start=0',
    )
    assert.match(Buffer.from(console.data).toString(), /web1/)
  })

  test('lode link cuts a link and mends it, and the page is served meanwhile', async () => {
    const down = await rack.lode('link', 'sled0-switch0', '--down')
    assert.match(down.stdout, /sled0-switch0 down/)
    assert.equal((await rack.json<Info>('status')).links.find((link) => link.name === 'sled0-switch0')?.up, false)
    await pageAt(`http://127.0.0.1:${publishPort}/`)
    const up = await rack.json<{ up: boolean; delay_ms: number }>('link', 'sled0-switch0', '--up', '--delay-ms', '1')
    assert.deepEqual([up.up, up.delay_ms], [true, 1])
    await isReady()
  })

  test('lode power pulls a switch’s plug and gives it back; the capture of it all is sound', async (t) => {
    const file = join(await temporaryDirectory(t), 'power.pcapng')
    const capture = rack.begin('capture', '-w', file)
    await until('the capture begins', async () => ((await sizeOf(file)) > 0 ? true : undefined))
    assert.equal((await rack.lode('power', 'switch0', 'off')).status, 0)
    await pageAt(`http://127.0.0.1:${publishPort}/`)
    assert.deepEqual(await rack.json('power', 'switch0', 'on'), { node: 'switch0', on: true })
    await isReady()
    await pageAt(`http://127.0.0.1:${publishPort}/last`)
    // The file is behind the rack, and what it does not have yet is lost with the signal.
    await until('the last page is captured', async () =>
      (await readFile(file)).includes('GET /last ') ? true : undefined,
    )
    capture.kill('SIGINT')
    assert.equal((await capture.finished).status, 0, capture.stderr())
    if (WITHOUT_TSHARK !== false) return t.diagnostic(WITHOUT_TSHARK)
    assert.deepEqual(flaws(file), [])
    for (const filter of ['arp', 'icmpv6', 'bgp.type == 1', 'bgp.type == 2', 'lodestone.sidecar', 'geneve', 'http']) {
      assert.ok(tshark(file, filter, 'frame.number').length > 0, filter)
    }
  })

  test('Ctrl-C stops the rack with exit status 0 and leaves neither socket nor lock', async (t) => {
    t.diagnostic(`peak memory of the rack: ${await peakMemoryMb(rack.process.pid)} MB`)
    const { status, signal, stdout, stderr } = await rack.kill('SIGINT')
    assert.deepEqual([status, signal, stderr], [0, null, ''])
    assert.match(stdout, /\{"event":"down"\}\n$/)
    await assert.rejects(access(join(directory, 'lock')))
    await assert.rejects(access(join(directory, 'control.sock')))
  })

  test('commands without a rack exit with status 3 and say how to start one', async () => {
    for (const args of [['status'], ['table', 'switch0'], ['trace'], ['api', 'GET', '/v1/ping'], ['down']]) {
      const { status, stderr } = await rack.lode(...(args as [string, ...string[]]))
      assert.equal(status, 3, args.join(' '))
      assert.match(stderr, /^No rack is running on .*\. Start one with: lode up --state /)
    }
  })

  async function isReady(): Promise<void> {
    await until('every check is ready again', async () => {
      const { checks } = await rack.json<Info>('status')
      return checks.every((check) => check.ready) ? true : undefined
    })
    await instanceState(rack, 'shop', 'web1', 'running')
  }
})

async function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    ({ size }) => size,
    () => 0,
  )
}

async function peakMemoryMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Math.round(Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024)
}
