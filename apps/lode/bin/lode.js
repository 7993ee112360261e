#!/usr/bin/env node
// In the repository the sources run as they are; in the published package, where Node runs no TypeScript, the bundle does.
// Plain old JavaScript, so that an old Node gets as far as the message about its age.
import { existsSync } from 'node:fs'
import * as module from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'

if (Number(process.versions.node.split('.')[0]) < 24) {
  process.stderr.write(
    'lode needs Node 24 or newer, and this is ' +
      process.version +
      '. Run it with npx (on Linux x64 the package brings a current Node along), or install Node 24.\n',
  )
  process.exit(1)
}
// Compiled code is kept between runs, which takes two thirds off the start of every command. NODE_COMPILE_CACHE and
// NODE_DISABLE_COMPILE_CACHE=1 are obeyed; where the folder cannot be written, nothing is kept.
if (process.env.NODE_COMPILE_CACHE === undefined) {
  module.enableCompileCache(join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'lodestone', 'compiled'))
}
const source = new URL('../src/main.ts', import.meta.url)
await import(existsSync(source) ? source.href : new URL('../dist/lode.js', import.meta.url).href)
