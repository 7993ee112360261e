/**
 * Laboratories that are killed (SIGKILL) at every step of their launch and of their end: afterwards `destroy` leaves nothing, and
 * `launch` launches. The steps are the calls of `ip`, for which the program finds one that kills who calls it. By default every
 * sixth of them, with LODE_TEST_ALL_STEPS=1 all.
 */
import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { env } from 'node:process'
import { test } from 'node:test'
import { own, untilAnswered } from './lab-program.fixture.ts'
import { namespaceRefusal } from './os-namespace-node.ts'

const STRIDE = env['LODE_TEST_ALL_STEPS'] === '1' ? 1 : 6
const MOST_STEPS = 60

const NAMESPACES = (name: string): string => `
import { lab, run } from '@lodestone/lab'
const l = lab('${name}')
const one = l.namespace('one', { address: '10.0.0.1/24', daemons: [{ name: 'sleeper', command: 'sleep 1000' }] })
const two = l.namespace('two', { address: '10.0.0.2/24', files: { 'a/b': 'text' }, exec: ['sleep 1000 &'] })
l.link(one, two)
await run(l)
`

test(
  'killed at any step, a laboratory is gone after destroy, or launched by launch',
  { skip: namespaceRefusal() ?? false },
  async (t) => {
    const { name, folder, state, run } = own(t, NAMESPACES)
    const count = join(folder, 'count')
    const path = `${folder}:${env['PATH']}`
    // Its parent is the manager, or the command that removes what was left.
    writeFileSync(
      join(folder, 'ip'),
      `#!/bin/sh
# A daemon begins while the next step is under way: whoever makes the folder has its number.
n=1
while ! mkdir ${count}/$n 2>/dev/null; do
  [ -d ${count} ] || exit 1
  n=$((n + 1))
done
[ "$n" = "$KILL_BEFORE" ] && kill -9 $PPID && exit 1
PATH=${env['PATH']}
[ "$n" = "$KILL_AFTER" ] || exec ip "$@"
# There is no after for a daemon: it is left behind.
case "$*" in *'exec sleep'*) kill -9 $PPID; exec ip "$@" ;; esac
ip "$@"
kill -9 $PPID
`,
    )
    chmodSync(join(folder, 'ip'), 0o755)
    const killed = async (command: 'launch' | 'destroy', when: 'KILL_BEFORE' | 'KILL_AFTER', step: number) => {
      rmSync(count, { recursive: true, force: true })
      mkdirSync(count)
      const result = await run.with({ PATH: path, [when]: String(step) }, command)
      return { ...result, wasKilled: existsSync(join(count, String(step))) }
    }
    const left = (): readonly string[] => [
      ...(existsSync('/run/netns') ? readdirSync('/run/netns').filter((each) => each.startsWith(`lode.${name}.`)) : []),
      ...[state, `/run/lode/${name}`, `/run/lode/${name}.owner`].filter((each) => existsSync(each)),
      ...readdirSync('/proc').filter((pid) => {
        try {
          return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`LODE_LAB=${state}\0`)
        } catch {
          return false // gone meanwhile
        }
      }),
    ]
    for (const when of ['KILL_BEFORE', 'KILL_AFTER'] as const) {
      let launches = 0
      for (let step = when === 'KILL_BEFORE' ? 1 : 2; step < MOST_STEPS; step += STRIDE) {
        const launch = await killed('launch', when, step)
        if (!launch.wasKilled) {
          assert.equal(launch.status, 0, launch.stderr)
          assert.equal((await run('destroy')).status, 0)
          break
        }
        launches++
        assert.equal(launch.status, 1, `${when} ${step}: ${launch.stdout}`)
        if (step % 2 === 0) {
          const again = await run('launch')
          assert.equal(again.status, 0, `after ${when} ${step}: ${again.stderr}`)
          await untilAnswered(run, 'one', 'ping', '-c', '1', '-W', '5', '10.0.0.2')
        }
        const ended = await run('destroy')
        assert.equal(ended.status, 0, ended.stderr)
        assert.deepEqual(left(), [], `after ${when} ${step} of launch`)
      }
      assert.ok(launches >= 2, `only ${launches} steps of ${when}`)
    }
    let ends = 0
    for (let step = 1; step < MOST_STEPS; step += STRIDE) {
      if (left().length === 0) assert.equal((await run('launch')).status, 0)
      // Without its manager the command has everything to do.
      process.kill(Number(readFileSync(join(state, 'lock'), 'utf8')), 'SIGKILL')
      const first = await killed('destroy', 'KILL_AFTER', step)
      if (!first.wasKilled) break
      ends++
      assert.equal((await run('destroy')).status, 0)
      assert.deepEqual(left(), [], `after step ${step} of destroy`)
    }
    assert.ok(ends >= 1)
  },
)

test(
  'a namespace’s name is one laboratory’s: a second one of the same name is refused and touches nothing',
  { skip: namespaceRefusal() ?? false },
  async (t) => {
    const { folder, run } = own(t, NAMESPACES)
    assert.equal((await run('launch')).status, 0)
    const other = (command: string) => run.with({}, command, '--state', join(folder, 'other'))
    const refused = await other('launch')
    assert.equal(refused.status, 1)
    assert.match(refused.stderr, /runs already, with its state in .*state, and namespaces have/)
    assert.equal((await other('destroy')).status, 0)
    await untilAnswered(run, 'one', 'ping', '-c', '1', '-W', '5', '10.0.0.2')
  },
)

test(
  'what a command in a namespace has started ends with it when it is interrupted',
  { skip: namespaceRefusal() ?? false },
  async (t) => {
    const { run, begin } = own(t, NAMESPACES)
    assert.equal((await run('launch')).status, 0)
    // Processes are seen from every namespace of networks: no other test sleeps for this long.
    const sleeper = `sleep ${1_000_000 + process.pid}`
    const child = begin('exec', 'one', '--', `${sleeper}; echo over`)
    const running = async (): Promise<boolean> =>
      (await run('exec', 'one', '--', `pgrep -fx "${sleeper}"`)).status === 0
    while (!(await running()));
    child.kill('SIGINT')
    const status = await new Promise((resolve) => child.once('close', resolve))
    assert.equal(status, 130)
    while (await running());
  },
)
