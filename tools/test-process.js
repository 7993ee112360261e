/**
 * What every test process begins with, and every Node that it starts: `node --import ./tools/test-process.js --test …`. There are hundreds of
 * them and most are short, so what V8 compiles is kept between them (NODE_COMPILE_CACHE and NODE_DISABLE_COMPILE_CACHE=1 are obeyed), modules
 * are found sooner (`module-address.js`), and WebAssembly is compiled once: the second, optimizing compiler spends 1.4 s and 600 MB on
 * one function of PostgreSQL alone. Properties begin from one seed.
 */
import module from 'node:module'
import { join } from 'node:path'
import process from 'node:process'
import v8 from 'node:v8'
import './property-seed.js'
import './module-address.js' // the last one is asked first

// First: a function asks for them when it is compiled, and what was compiled with other flags is kept apart.
for (const flag of ['--no-wasm-tier-up', '--no-wasm-dynamic-tiering']) v8.setFlagsFromString(flag)
if (process.env.NODE_COMPILE_CACHE === undefined) {
  process.env.NODE_COMPILE_CACHE = join(import.meta.dirname, '../node_modules/.cache/compiled')
  module.enableCompileCache(process.env.NODE_COMPILE_CACHE)
}
const options = process.env.NODE_OPTIONS ?? ''
const own = `--import "${import.meta.url}"`
if (!options.includes(own)) process.env.NODE_OPTIONS = `${options} ${own}`.trim()
