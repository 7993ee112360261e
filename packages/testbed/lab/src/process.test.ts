/** Laboratories as processes: launched, used from other processes, killed, removed. The examples run too. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  basePort,
  type Finished,
  own,
  program,
  TWO_HOSTS,
  until,
  untilAnswered,
  withState,
} from './lab-program.fixture.ts'
import { machineRefusal } from './os-machine-image.ts'
import { namespaceRefusal } from './os-namespace-node.ts'

const EXAMPLES = join(import.meta.dirname, '../../../../examples')

/** Processes that belong to a state directory. */
function processesOf(state: string): readonly string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false
    try {
      return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(`LODE_LAB=${state}`)
    } catch {
      return false
    }
  })
}

test('launch, exec, info, export and destroy, each twice', { skip: process.platform !== 'linux' }, async (t) => {
  const { state, run } = own(t, TWO_HOSTS)
  assert.equal((await run('info')).status, 3, 'not running is an exit status of its own')
  const launched = await run('launch', '--json')
  assert.equal(launched.status, 0, launched.stderr)
  assert.equal(JSON.parse(launched.stdout).launched, true)
  assert.equal(JSON.parse((await run('launch', '--json')).stdout).launched, false)
  await until('an answer to a ping', async () => {
    const ping = await run('exec', '--json', 'left', '--', 'ping', '-c', '1', '10.0.0.2')
    assert.equal(ping.stderr, '')
    return /1 of 1 answered/.test(JSON.parse(ping.stdout).stdout)
  })
  const info = JSON.parse((await run('info', '--json')).stdout)
  assert.equal(info.time, 'real')
  assert.ok(info.links[0].a_to_b.late_histogram.length > 10)
  assert.match((await run('export')).stdout, /profile: metro/)
  assert.match((await run('graph')).stdout, /^<svg [^]*left[^]*<\/svg>/)
  assert.equal((await run('plan')).status, 0)
  assert.equal((await run('destroy')).status, 0)
  assert.equal((await run('destroy')).status, 0)
  assert.equal(existsSync(state), false)
  assert.deepEqual(processesOf(state), [])
})

test(
  'a manager that was killed leaves nothing after destroy, nor in the way of the next launch',
  { skip: namespaceRefusal() ?? false },
  async (t) => {
    const { name, state, run } = own(
      t,
      (each) => `
import { lab, run } from '@lodestone/lab'
const l = lab('${each}')
const inside = l.namespace('inside', { address: '10.0.0.1/24', daemons: [{ name: 'sleeper', command: 'sleep 1000' }] })
l.link(inside, l.host('outside', { address: '10.0.0.2/24' }))
await run(l)
`,
    )
    const namespaces = (): readonly string[] =>
      existsSync('/run/netns') ? readdirSync('/run/netns').filter((each) => each.startsWith(`lode.${name}.`)) : []
    for (const next of ['launch', 'destroy'] as const) {
      const launched = await run('launch')
      assert.equal(launched.status, 0, launched.stderr + launched.stdout)
      await untilAnswered(run, 'outside', 'ping', '-c', '1', '10.0.0.1')
      assert.equal((await run('exec', 'inside', '--', 'exit 9')).status, 9)
      const manager = readFileSync(join(state, 'lock'), 'utf8')
      process.kill(Number(manager), 'SIGKILL')
      assert.equal(namespaces().length, 1, 'the namespace outlives its manager')
      if (next === 'destroy') break
    }
    assert.equal((await run('destroy')).status, 0)
    assert.deepEqual(namespaces(), [])
    assert.deepEqual(processesOf(state), [])
    assert.equal(existsSync(state), false)
    assert.equal(existsSync(`/run/lode/${name}`), false)
  },
)

test(
  'a laboratory that cannot start says why, and leaves nothing',
  { skip: process.platform !== 'linux' },
  async (t) => {
    const { state, run } = own(
      t,
      (name) => `
import { lab, run } from '@lodestone/lab'
const l = lab('${name}')
l.link(l.host('left', { address: '10.0.0.1/24' }), l.switch('sw', { program: '/nowhere.p4' }))
await run(l)
`,
    )
    const launched = await run('launch')
    assert.equal(launched.status, 1)
    assert.match(launched.stderr, /nowhere\.p4/)
    await run('destroy')
    assert.deepEqual(processesOf(state), [])
  },
)

for (const tunnels of ['udp', 'tcp'] as const) {
  test(
    `a topology cut in two by ${tunnels} runs in two processes`,
    { skip: process.platform !== 'linux' },
    async (t) => {
      const { folder, run } = own(
        t,
        (name) => `
import { lab, run } from '@lodestone/lab'
const l = lab('${name}')
l.link(l.host('left', { address: '10.0.0.1/24' }), l.host('right', { address: '10.0.0.2/24' }), { delayMs: 20 })
await run(l)
`,
      )
      const rendered = await run(
        'render',
        'parts',
        '--parts',
        'one=left',
        '--parts',
        'two=right',
        '--base-port',
        String(await basePort(tunnels)),
        '--tunnels',
        tunnels,
      )
      assert.equal(rendered.status, 0, rendered.stderr)
      const library = join(import.meta.dirname, 'index.ts')
      const parts = Object.entries(JSON.parse(rendered.stdout) as Record<string, object>).map(([part, document]) => {
        const file = join(folder, `${part}.ts`)
        writeFileSync(
          file,
          `import { runDocument } from ${JSON.stringify(library)}\nawait runDocument(${JSON.stringify(document)})\n`,
        )
        return (...args: readonly string[]): Promise<Finished> => program(file, withState(args, join(folder, part)))
      })
      // Not in a hook: the folder with the programs goes before it.
      const end = (): Promise<unknown> => Promise.all(parts.map((part) => part('destroy')))
      const launched = await Promise.all(parts.map((part) => part('launch')))
      if (launched.some(({ status }) => status !== 0)) await end()
      assert.deepEqual(
        launched.map(({ status }) => status),
        [0, 0],
        launched.map(({ stderr }) => stderr).join(),
      )
      try {
        const answered = (): Promise<Finished> => untilAnswered(parts[0]!, 'left', 'ping', '-c', '1', '10.0.0.2')
        const time = Number(/time=([\d.]+)/.exec((await answered()).stdout)?.[1])
        assert.ok(time >= 40, `20 ms each way: ${time}`)
        // The other part may come back: its end of the tunnel is found again.
        await parts[1]!('destroy')
        const alone = await parts[0]!('exec', 'left', '--', 'ping', '-c', '1', '10.0.0.2')
        assert.notEqual(alone.status, 0, 'nobody answers for a part that is gone')
        const again = await parts[1]!('launch')
        assert.equal(again.status, 0, again.stderr)
        await answered()
      } finally {
        await end()
      }
    },
  )
}

for (const file of readdirSync(EXAMPLES).filter((name) => name.endsWith('.ts'))) {
  const reason =
    file === 'frr-upstreams.ts'
      ? (namespaceRefusal() ?? (existsSync('/usr/lib/frr/bgpd') ? undefined : 'FRR is not installed'))
      : file === 'debian-machine.ts'
        ? machineRefusal()
        : undefined
  test(`examples/${file} holds what it claims`, { skip: reason ?? false }, async (t) => {
    const state = mkdtempSync(join(tmpdir(), 'lode-lab-'))
    t.after(() => rmSync(state, { recursive: true, force: true }))
    const { status, stdout, stderr } = await program(join(EXAMPLES, file), ['test'], { LODE_LAB_STATE: state })
    assert.equal(status, 0, stdout + stderr)
    assert.match(stdout, /^(\d+) of \1 hold/m)
  })
}

test('the first example is no longer than two dozen lines', () => {
  assert.ok(readFileSync(join(EXAMPLES, 'two-hosts.ts'), 'utf8').trim().split('\n').length <= 24)
})
