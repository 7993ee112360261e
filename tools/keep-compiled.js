/**
 * Keeps what was compiled between test processes: `node --import ./tools/keep-compiled.js --test …`. There are hundreds of them, and most of what
 * a short one does is to strip types and to compile the same modules again. NODE_COMPILE_CACHE and NODE_DISABLE_COMPILE_CACHE=1 are obeyed.
 */
import module from 'node:module'
import { join } from 'node:path'
import process from 'node:process'

if (process.env.NODE_COMPILE_CACHE === undefined) {
  module.enableCompileCache(join(import.meta.dirname, '../node_modules/.cache/compiled'))
}
