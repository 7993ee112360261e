/** What `npm pack` makes runs where there is nothing but Node and npm, even an old Node. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readdir, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { test } from 'node:test'
import { start, temporaryDirectory } from './lode-process.fixture.ts'

const APP = join(import.meta.dirname, '..')
const NO_REGISTRY =
  /E(NOTFOUND|AI_AGAIN|CONNREFUSED|CONNRESET|PIPE|HOSTUNREACH|NETUNREACH|TIMEDOUT|429|5\d\d)\b|ERR_SOCKET_TIMEOUT/
const INSTALL = ['--prefer-offline', '--no-audit', '--no-fund', '--no-progress']

test('the packed command runs from an empty directory: help and the whole demonstration', async (t) => {
  const directory = await temporaryDirectory(t)
  const env = withoutRepository()
  const run = (command: string, ...args: readonly string[]) => start(command, args, { cwd: directory, env }).finished

  const packed = await start('npm', ['pack', '--silent', '--pack-destination', directory], { cwd: APP }).finished
  assert.equal(packed.status, 0, packed.stderr)
  const tarball = (await readdir(directory)).find((name) => name.endsWith('.tgz'))
  assert.ok(tarball !== undefined, packed.stdout)
  await writeFile(join(directory, 'package.json'), '{ "private": true }')
  const installed = await run('npm', 'install', ...INSTALL, `./${tarball}`)
  // A machine without a way to the registry says nothing about the package.
  if (installed.status !== 0 && NO_REGISTRY.test(installed.stderr)) {
    return t.skip(`npm install has no registry: ${installed.stderr.slice(0, 200)}`)
  }
  assert.equal(installed.status, 0, installed.stderr)
  assert.equal(existsSync(join(directory, 'node_modules/@lodestone')), false, 'everything of ours is in the bundle')

  const help = await run('npx', 'lode', '--help')
  assert.equal(help.status, 0, help.stderr)
  assert.match(help.stdout, /lode up \[--sleds N\]/)
  const demo = await run('npx', 'lode', 'demo', '--sleds', '1')
  assert.equal(demo.status, 0, demo.stderr)
  assert.match(demo.stdout, /^DELIVERED [^]*^DROPPED [^]*^All of it happened/m)
  t.diagnostic(`install ${Math.round(installed.elapsedMs)} ms, demo ${Math.round(demo.elapsedMs)} ms`)
})

/** Without what npm adds for scripts of this repository: its programs on the path, and its settings. */
function withoutRepository(): NodeJS.ProcessEnv {
  const path = (process.env['PATH'] ?? '').split(delimiter).filter((each) => !each.includes('node_modules'))
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('npm_') && name !== 'NODE_OPTIONS')
  return { ...Object.fromEntries(own), PATH: path.join(delimiter) }
}
