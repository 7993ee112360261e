/** Commands of a running laboratory as their user gives them: console, live graph, captures, snapshots, plan and apply, imports, clones. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readPcapng } from '@lodestone/packet'
import { fromContainerlab, toYaml } from './index.ts'
import { outputOf, own, until } from './lab-program.fixture.ts'
import { machineRefusal } from './os-machine-image.ts'
import { namespaceRefusal } from './os-namespace-node.ts'

const skip = process.platform !== 'linux'

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
    child.stdin?.write('ping -c 1 10.0.0.2\n')
    await until('the answer', () => text().includes('1 of 1 answered'))
    child.stdin?.end()
    assert.equal(await ended, 0)
    const nobody = await run('console', 'nobody')
    assert.equal(nobody.status, 1)
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
    const filtered = run('capture', '-w', file, '--filter', 'icmp and src host 10.0.0.1', '--count', '2', '--verdicts')
    const child = begin('capture', 'left-hub', '-w', '-')
    const { bytes, ended } = outputOf(child)
    await until('the header of the live pipe', () => bytes().length > 0)
    let isDone = false
    const captured = filtered.then((result) => ((isDone = true), result))
    await until('two frames', async () => {
      if (!isDone) await run('exec', 'left', '--', 'ping', '-c', '1', '10.0.0.2')
      return isDone
    })
    assert.equal((await captured).status, 0, (await captured).stderr)
    const { interfaces, packets } = readPcapng(new Uint8Array(readFileSync(file)))
    assert.deepEqual(interfaces.map(({ name }) => name).toSorted(), ['left-hub', 'right-hub'])
    assert.equal(packets.length, 2)
    assert.ok(packets.some(({ comments }) => /DELIVERED/.test(comments?.[0] ?? '')))
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
      assert.equal((await run('exec', 'third', '--', 'ping', '-c', '1', '10.0.0.1')).status, 0)
      assert.match((await run('reach', '--json')).stdout, /"reached": true/)
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
  const ping = await run('exec', 'r1', '--', 'ping', '-c', '1', '-W', '2', '10.0.0.2')
  assert.equal(ping.status, 0, ping.stdout + ping.stderr)
})

test(
  'a machine is a clone of a booted template, and info says how long that took',
  { skip: machineRefusal() ?? skip },
  async (t) => {
    const { run } = own(
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
    assert.equal((await run('exec', 'outside', '--', 'ping', '-c', '1', '10.0.0.1')).status, 0)
  },
)
