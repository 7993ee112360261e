/** `lode sp` on a real rack: what it does to power is what the rest of the rack sees. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Finished, LODE, RackProcess, lode, lodeHere, says, start, until } from '../../lode-process.fixture.ts'

/** The command of util-linux that gives a program a terminal. */
const WITHOUT_SCRIPT: string | false =
  spawnSync('script', ['--version']).stdout?.includes('util-linux') === true
    ? false
    : 'script(1) of util-linux is not installed'

interface Board {
  readonly name: string
  readonly host: boolean
  readonly standby: boolean
  readonly running: boolean
  readonly power?: string
}

describe('service processors of a running rack', () => {
  let directory = ''
  let rack: RackProcess

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lode-test-'))
    rack = await RackProcess.start(directory, '--sleds', '2')
  })

  after(async () => {
    await rack?.kill('SIGKILL')
    await rm(directory, { recursive: true, force: true, maxRetries: 5 })
  })

  const sp = (...args: readonly string[]): Promise<Finished> => lodeHere('sp', ...args, '--state', directory)
  const board = async (name: string): Promise<Board> => {
    const boards = JSON.parse((await sp('list', '--json')).stdout) as Board[]
    const found = boards.find((each) => each.name === name)
    assert.ok(found !== undefined)
    return found
  }
  /** Its host, and the link of its host. */
  const isUp = (name: string, wanted: boolean): Promise<true> =>
    until(`${name} is ${wanted ? 'on' : 'off'}`, async () => {
      if ((await board(name)).host !== wanted) return undefined
      const { links } = await rack.json<{ links: { name: string; up: boolean }[] }>('status')
      return links.find((each) => each.name === `${name}-switch0`)?.up === wanted ? true : undefined
    })

  test('A2 takes a sled’s links down, A0 brings them back, and lode power is the same power', async () => {
    await says(/^sled1 +in +on +on +runs +A0PlusHP /m, () => sp('list'))
    assert.equal((await sp('power', 'sled1', 'A2')).stdout, 'sled1 is in A2\n')
    await isUp('sled1', false)
    assert.equal((await sp('power', 'sled1')).stdout, 'A2\n')
    assert.equal((await sp('power', 'sled1', 'A0')).status, 0)
    await isUp('sled1', true)
    assert.equal((await rack.lode('power', 'sled1', 'off')).status, 0)
    assert.deepEqual([(await board('sled1')).standby, (await board('sled1')).running], [false, false])
    assert.equal((await rack.lode('power', 'sled1', 'on')).status, 0)
    await isUp('sled1', true)
  })

  test('ignition works on a board whose service processor is dead; a rail that stays down is told', async () => {
    assert.equal((await sp('fault', 'sled1', 'unresponsive')).status, 0)
    assert.equal((await sp('ignition', 'sled1', 'off')).status, 0)
    await until('sled1 off', async () => ((await board('sled1')).standby ? undefined : true))
    assert.equal((await sp('fault', '--clear', 'sled1')).stdout, '1 mended\n')
    assert.equal((await sp('ignition', 'sled1', 'on')).status, 0)
    await until('sled1 on', async () => ((await board('sled1')).host ? true : undefined))
    await sp('power', 'sled1', 'A2')
    await sp('fault', 'sled1', 'rail-stuck', 'rail=0')
    const failed = await rack.lode('power', 'sled1', 'on')
    assert.notEqual(failed.status, 0)
    assert.match(failed.stderr, /sled1 did not come up: A1Timeout/)
    await sp('fault', '--clear', 'sled1')
    assert.equal((await sp('power', 'sled1', 'A0')).status, 0)
  })

  /** How often somebody has attached to the console, by the log of the service processor. */
  const attachments = async (name: string): Promise<number> => {
    const log = await sp('ringbuf', name, 'control_plane_agent', '--json')
    const entries = JSON.parse(log.stdout) as { text: string; count: number }[]
    return entries.reduce((sum, { text, count }) => sum + (text.startsWith('console attached') ? count : 0), 0)
  }

  test('an update is written and started, the console answers, sensors plot, logs are there', async () => {
    const update = await sp('update', 'sled0', '--release', '2.0.0', '--reset')
    assert.deepEqual([update.status, update.stdout], [0, 'sled0 sp: 2.0.0 is running\n'])
    assert.match((await sp('state', 'sled0')).stdout, /^image +sp 2\.0\.0 for gimlet-e$/m)
    // A processor that has just started does not know yet.
    await says(/^ *0 +cpu +CpuTctl +\d/m, () => sp('sensors', 'sled0'))
    const plots = await sp('sensors', 'sled0', '--watch', '--count', '2', '--interval-ms', '100')
    assert.match(plots.stdout, /^cpu +\| .*\| +\d+\.\d+ °C/m)
    assert.match((await sp('inventory', 'sled0')).stdout, /^host-boot-flash /m)
    assert.match((await sp('ringbuf', 'sled0', 'thermal')).stdout, /Boot/)
    await sp('fault', 'sled0', 'task-crash', 'task=hf')
    await says(/^1 dumps\n$/, () => sp('dump', 'sled0'))
    assert.match((await sp('dump', 'sled0', '0')).stdout, /^task hf$/m)
    await says(/task\.faulted/, () => sp('ereports', 'sled0'))
  })

  test('the console is a WebSocket: one line, lines of a pipe, and somebody else who attaches', async () => {
    await says(/^sled0$/m, () => sp('console', 'sled0', '--send', 'hostname'))
    const piped = { input: 'hostname\nping -c 1 ::1\n' }
    // One after the other.
    const { status, stderr } = await says(/hostname[^]*^sled0$[^]*ping[^]*1 of 1 answered/m, () =>
      lode(['sp', 'console', 'sled0', '--state', directory], piped),
    )
    assert.equal(status, 0, stderr)
    assert.match((await sp('console', 'switch0', '--send', 'x')).stderr, /unsupported/)

    const attached = await attachments('sled0')
    const long = start(process.execPath, [
      ...[LODE, 'sp', 'console', 'sled0', '--state', directory],
      ...['--send', 'hostname', '--wait-ms', '600000'],
    ])
    await until('it is attached', async () => ((await attachments('sled0')) > attached ? true : undefined))
    const second = await sp('console', 'sled0', '--send', 'hostname')
    assert.equal(second.status, 0)
    const taken = await long.finished
    assert.deepEqual([taken.status, /sled0 ended: somebody else attached/.test(taken.stderr)], [1, true])
  })

  test(
    'on a terminal the keys go to the host as they are typed, and Ctrl-] leaves',
    { skip: WITHOUT_SCRIPT },
    async () => {
      const command = [process.execPath, LODE, 'sp', 'console', 'sled0', '--state', directory].join(' ')
      const typed = start('script', ['-qec', command, '/dev/null'], { keepsInput: true })
      const shows = (pattern: RegExp): Promise<true> =>
        until(`${pattern} is shown`, () => (pattern.test(typed.stdout()) ? true : undefined))
      await shows(/attached; Ctrl-\] leaves/)
      typed.type('hostn')
      await shows(/hostn$/) // the host echoes, not the terminal
      typed.type('ame\r')
      await shows(/\nsled0\r/)
      typed.type('\u001d')
      const { status, stdout } = await typed.finished
      assert.deepEqual([status, /left the console of sled0/.test(stdout)], [0, true], stdout)
    },
  )

  test('a host in recovery waits for its image, gets it, and starts; cleared it starts as ever', async () => {
    const file = join(directory, 'phase2.img')
    await writeFile(file, Buffer.alloc(5000, 7))
    const pushed = await sp('recovery', 'push', file, 'sled1')
    assert.equal(pushed.status, 0, pushed.stderr)
    assert.equal((await sp('power', 'sled1', 'A2')).status, 0)
    assert.equal((await sp('power', 'sled1', 'A0')).status, 0)
    await until('sled1 runs', async () =>
      /^host +running$/m.test((await sp('recovery', 'status', 'sled1')).stdout) ? true : undefined,
    )
    assert.match((await sp('recovery', 'status', 'sled1')).stdout, /^image +5000 of 5000 bytes of [0-9a-f]{64}$/m)
    assert.match((await sp('inventory', 'sled1', 'sp5-post-codes')).stdout, /^0x1de00001\n0x1de000ff$/m)
    assert.equal((await sp('recovery', 'clear', 'sled1')).status, 0)
    assert.match((await sp('recovery', 'status', 'sled1')).stdout, /^recovery +no$/m)
    assert.match((await sp('inventory', 'switch0', 'monorail')).stdout, /^ *40 .* up /m)
    assert.match((await sp('inventory', 'sled0', 'vpd')).stdout, /locked, 0 writes refused/)
  })

  test('what is mistyped or not there says so', async () => {
    assert.match((await sp('power', 'sled1', 'A1')).stderr, /A1 is only passed through/)
    assert.match((await sp('state', 'sled9')).stderr, /not found/)
    assert.match((await sp('fault', 'sled1', 'fan')).stderr, /fan: fan /)
    assert.equal((await lodeHere('sp', 'list', '--state', join(directory, 'none'))).status, 3)
  })
})
