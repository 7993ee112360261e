/** Commands of a running laboratory as their user gives them: console, live graph, captures, snapshots, plan and apply, imports, clones. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readPcapng } from '@lodestone/packet'
import { fromContainerlab, toYaml } from './index.ts'
import { outputOf, own, until, untilAnswered } from './lab-program.fixture.ts'
import { machineImage, machineRefusal } from './os-machine-image.ts'
import { namespaceRefusal } from './os-namespace-node.ts'

const skip = process.platform !== 'linux'
const hasTshark = spawnSync('tshark', ['--version']).status === 0

const HUB =
  (more: string) =>
  (name: string): string =>
    `
import { lab, run } from '@lodestone/lab'
const l = lab('${name}')
const hub = l.switch('hub', { program: 'hub' })
l.link(l.host('left', { address: '10.0.0.1/24' }), hub, { delayMs: 2 })
l.link(l.host('right', { address: '10.0.0.2/24' }), hub)
${more}
await run(l)
`

test('a laboratory under the hands of its user', { skip }, async (t) => {
  const { folder, run, begin, rewrite } = own(t, HUB(''))
  const launched = await run('launch')
  assert.equal(launched.status, 0, launched.stderr)

  await t.test('console: what is typed is done, and the end of the input leaves', async () => {
    const child = begin('console', 'left')
    const { text, ended } = outputOf(child)
    await until('the prompt', () => text().length > 0)
    // One that is under way while a busy machine stands still is lost, and asked again.
    for (let asked = 1; !text().includes('1 of 1 answered'); asked++) {
      child.stdin?.write('ping -c 1 10.0.0.2\n')
      await until('the end of a ping', () => text().split(' of 1 answered').length > asked)
    }
    child.stdin?.end()
    assert.equal(await ended, 0)
    for (const [node, reason] of [
      ['nobody', /there is no node nobody; there are/],
      ['hub', /hub has no console/],
    ] as const) {
      const refused = await run('console', node)
      assert.equal(refused.status, 2, node)
      assert.match(refused.stderr, reason)
    }
  })

  await t.test('probe: a program counts frames of this laboratory; a mistake is underlined', async () => {
    const child = begin('probe', 'link:*:left-hub:deliver { @[unit, from] = count(); exit() }')
    const { text, ended } = outputOf(child)
    let isOver = false
    void ended.then(() => (isOver = true))
    await until('a frame that it counts', async () => {
      if (!isOver) await run('exec', 'left', '--', 'ping', '-c', '1', '10.0.0.2')
      return isOver
    })
    assert.equal(await ended, 0)
    assert.match(text(), /^left-hub +\S+ +1$/m)
    const listed = await run('probe', '--list')
    assert.match(listed.stdout, /table:\*:TABLE:hit +A lookup found an entry/)
    const wrong = await run('probe', 'link:deliver { @ = cuont() }')
    assert.equal(wrong.status, 2)
    assert.match(wrong.stderr, /\^{5}/)
  })

  await t.test('graph --live: a page, and behind it rates, states and a drawing', async () => {
    const child = begin('graph', '--live')
    const { text, ended } = outputOf(child)
    await until('the address', () => text().includes('http://'))
    const url = /http:\S+/.exec(text())![0]
    assert.match(await (await fetch(url)).text(), /<title>laboratory/)
    const state = async () =>
      (await (await fetch(new URL('state', url))).json()) as {
        info: { links: { name: string; up: boolean; a_to_b: { frames: number } }[] }
        svg: string
      }
    const before = await state()
    assert.match(before.svg, /<svg [^]*left[^]*right/)
    await run('exec', 'left', '--', 'ping', '-c', '2', '10.0.0.2')
    await run('fault', 'down', 'right-hub')
    const after = await state()
    const frames = ({ info }: typeof before): number =>
      info.links.find(({ name }) => name === 'left-hub')!.a_to_b.frames
    assert.ok(frames(after) > frames(before))
    assert.equal(after.info.links.find(({ name }) => name === 'right-hub')?.up, false)
    await run('fault', 'heal')
    child.kill('SIGINT')
    await ended
  })

  await t.test('capture: a filter into a file; a live pipe in which frames come as they happen', async () => {
    const file = join(folder, 'icmp.pcapng')
    const filtered = run('capture', '-w', file, '--filter', 'icmp and src host 10.0.0.1', '--count', '6', '--verdicts')
    const child = begin('capture', 'left-hub', '-w', '-')
    const { bytes, ended } = outputOf(child)
    await until('the header of the live pipe', () => bytes().length > 0)
    let isDone = false
    const captured = filtered.then((result) => ((isDone = true), result))
    await until('the frames', async () => {
      if (!isDone) await run('exec', 'left', '--', 'ping', '-c', '1', '10.0.0.2')
      return isDone
    })
    assert.equal((await captured).status, 0, (await captured).stderr)
    const { interfaces, packets } = readPcapng(new Uint8Array(readFileSync(file)))
    assert.deepEqual(interfaces.map(({ name }) => name).toSorted(), ['left-hub', 'right-hub'])
    assert.equal(packets.length, 6)
    // Of packets that are under way while a busy machine stands still it is not known in time.
    assert.ok(packets.some(({ comments }) => /DELIVERED/.test(comments?.[0] ?? '')))
    if (hasTshark) {
      const read = execFileSync('tshark', [
        '-r',
        file,
        '-T',
        'fields',
        '-e',
        'frame.interface_name',
        '-e',
        'frame.comment',
      ])
      const rows = String(read).trim().split('\n')
      assert.equal(rows.length, 6)
      assert.ok(
        rows.every((row) => /^(left|right)-hub\t/.test(row)),
        String(read),
      )
      assert.match(String(read), /DELIVERED/)
      // What Wireshark's pipe gets, while it goes on: nothing that it calls malformed.
      await until('a whole capture on the pipe', () => {
        const { packets: whole, error } = readPcapng(new Uint8Array(bytes()))
        return whole.length >= 2 && error === undefined
      })
      const live = join(folder, 'live.pcapng')
      writeFileSync(live, bytes())
      const piped = (...words: readonly string[]): string =>
        execFileSync('sh', ['-c', `cat ${live} | tshark -i - "$@" 2> /dev/null`, 'sh', ...words], { encoding: 'utf8' })
      assert.match(piped('-T', 'fields', '-e', 'frame.interface_name'), /^(left-hub\n)+$/)
      assert.equal(piped('-Y', '_ws.malformed || _ws.expert.severity == error'), '')
    } else t.diagnostic('tshark is not installed: it has not read the captures')
    // Nothing has ended, and the frames are there.
    await until('frames on the pipe', () => readPcapng(new Uint8Array(bytes())).packets.length >= 2)
    child.kill('SIGINT')
    assert.equal(await ended, 0)
    const wrong = await run('capture', '-w', file, '--filter', 'teepee')
    assert.notEqual(wrong.status, 0)
    assert.match(wrong.stderr, /there is no header "teepee"/)
  })

  await t.test('snapshot and restore: links come back as they were, and what is no snapshot is refused', async () => {
    const file = join(folder, 'lab.snapshot.json')
    await run('fault', 'shape', 'left-hub', '--delay-ms', '7')
    assert.equal((await run('snapshot', file)).status, 0)
    await run('fault', 'heal')
    await run('fault', 'down', 'right-hub')
    const restored = await run('restore', file)
    assert.equal(restored.status, 0, restored.stderr)
    const { links } = JSON.parse((await run('info', '--json')).stdout) as {
      links: { name: string; up: boolean; a_to_b: { delay_ms: number } }[]
    }
    assert.equal(links.find(({ name }) => name === 'left-hub')?.a_to_b.delay_ms, 7)
    assert.equal(links.find(({ name }) => name === 'right-hub')?.up, true)
    writeFileSync(file, '{"version": 9}')
    const refused = await run('restore', file)
    assert.equal(refused.status, 2)
    assert.match(refused.stderr, /is no snapshot/)
  })

  await t.test(
    'plan says what a changed program would do, apply does it, and then there is nothing to do',
    async () => {
      rewrite(HUB(`l.link(l.host('third', { address: '10.0.0.3/24' }), hub)`))
      const plan = await run('plan')
      assert.equal(plan.status, 1)
      assert.match(plan.stdout, /\+ node third/)
      assert.equal((await run('apply')).status, 0)
      assert.equal((await run('plan')).status, 0)
      await untilAnswered(run, 'third', 'ping', '-c', '1', '10.0.0.1')
      await until('a matrix with an answer', async () =>
        (await run('reach', '--json')).stdout.includes('"reached": true'),
      )
    },
  )
})

test('a containerlab file is launched, its nodes reach each other', { skip: namespaceRefusal() ?? skip }, async (t) => {
  const imported = fromContainerlab(`
name: lcau${process.pid}
topology:
  nodes:
    r1: { kind: linux, exec: [ "ip addr add 10.0.0.1/24 dev eth1" ] }
    r2: { kind: linux, exec: [ "ip addr add 10.0.0.2/24 dev eth1" ] }
  links:
    - endpoints: [ "r1:eth1", "r2:eth1" ]
`)
  assert.ok(imported.ok)
  const { run } = own(
    t,
    () => `
import { fromYaml, runDocument } from '@lodestone/lab'
const read = fromYaml(${JSON.stringify(toYaml(imported.document))})
if (read.ok) await runDocument(read.document)
`,
  )
  const launched = await run('launch')
  assert.equal(launched.status, 0, launched.stderr)
  await untilAnswered(run, 'r1', 'ping', '-c', '1', '-W', '5', '10.0.0.2')
})

test(
  'a machine is a clone of a booted template, and info says how long that took',
  { skip: machineRefusal() ?? skip },
  async (t) => {
    const { folder, run, begin } = own(
      t,
      (name) => `
import { lab, run } from '@lodestone/lab'
const l = lab('${name}')
l.link(l.machine('vm', { address: '10.0.0.1/24' }), l.host('outside', { address: '10.0.0.2/24' }))
await run(l)
`,
    )
    const launched = await run('launch')
    assert.equal(launched.status, 0, launched.stderr)
    const { nodes } = JSON.parse((await run('info', '--json')).stdout) as { nodes: { name: string; detail: string }[] }
    const took = /^clone in ([\d.]+) s, configured in ([\d.]+) s/.exec(
      nodes.find(({ name }) => name === 'vm')?.detail ?? '',
    )
    assert.ok(took, JSON.stringify(nodes))
    t.diagnostic(took[0])
    await untilAnswered(run, 'outside', 'ping', '-c', '1', '10.0.0.1')

    await t.test('a command’s output comes as it is printed, and Ctrl-C ends it', async () => {
      const child = begin('exec', 'vm', '--', 'echo first; sleep 1000; echo never')
      const { text, ended } = outputOf(child)
      await until('the first line', () => text() === 'first\n')
      if (!machineImage().isInterruptible) {
        t.diagnostic('the image is of an older make: its commands cannot be interrupted')
        await run('fault', 'off', 'vm')
        await run('fault', 'on', 'vm')
        return
      }
      child.kill('SIGINT')
      assert.equal(await ended, 130)
      const next = await run('exec', 'vm', '--', 'printf done; exit 3')
      assert.deepEqual([next.stdout, next.status], ['done', 3])
    })

    await t.test(
      'a snapshot has the machine’s memory: what was lost since is there again, also after a new start',
      async () => {
        const file = join(folder, 'lab.snapshot.json')
        assert.equal((await run('exec', 'vm', '--', 'echo kept > /kept; sleep 1000 > /dev/null 2>&1 &')).status, 0)
        const written = await run('snapshot', file)
        assert.equal(written.status, 0, written.stderr)
        const check = async (): Promise<void> => {
          const restored = await run('restore', file)
          assert.equal(restored.status, 0, restored.stderr)
          const found = await run('exec', 'vm', '--', 'cat /kept; ps')
          assert.match(found.stdout, /^kept\n[^]*sleep 1000/)
          await untilAnswered(run, 'outside', 'ping', '-c', '1', '10.0.0.1')
        }
        await run('exec', 'vm', '--', 'rm /kept; killall sleep')
        await check()
        assert.equal((await run('destroy')).status, 0)
        assert.equal((await run('launch')).status, 0)
        await check()
        rmSync(`${file}.machines`, { recursive: true })
        const lost = await run('restore', file)
        assert.equal(lost.status, 1)
        assert.match(lost.stderr, /vm: its memory is not there any more/)
      },
    )
  },
)

test(
  'a node that does not start: the rest is done, info and the next plan say so',
  { skip: namespaceRefusal() ?? skip },
  async (t) => {
    const withNode =
      (command: string) =>
      (name: string): string =>
        HUB(`l.link(l.namespace('inside', { address: '10.0.0.3/24', exec: ['${command}'] }), hub)`)(name)
    const { run, rewrite } = own(t, HUB(''))
    assert.equal((await run('launch')).status, 0)
    rewrite(withNode('exit 7'))
    const failed = await run('apply')
    assert.equal(failed.status, 1)
    assert.match(failed.stdout, /\+ node inside/)
    assert.match(failed.stderr, /inside.*exit 7: exit code 7/)
    const { nodes } = JSON.parse((await run('info', '--json')).stdout) as { nodes: { name: string; state: string }[] }
    assert.equal(nodes.find(({ name }) => name === 'inside')?.state, 'failed')
    assert.match((await run('plan')).stdout, /! node inside starts anew: it had failed/)
    rewrite(withNode('true'))
    assert.equal((await run('apply')).status, 0)
    assert.equal((await run('plan')).status, 0)
    await untilAnswered(run, 'inside', 'ping', '-c', '1', '-W', '5', '10.0.0.1')
  },
)
