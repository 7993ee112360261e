/** Bundles the command for `npm pack`: one file for it, one for each kind of worker, the P4 programs and an empty database beside them. */
import { OsFiles } from '@lodestone/host'
import { ensureArchive } from '@lodestone/testbed'
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { rolldown } from 'rolldown'
import { COMPILER_FILE } from './compiler-file.ts'

const app = join(import.meta.dirname, '..')
const root = join(app, '../..')
const dist = join(app, 'dist')

rmSync(dist, { recursive: true, force: true })
const bundle = await rolldown({
  input: {
    lode: join(app, 'src/main.ts'),
    'guest-worker': join(root, 'packages/control/sled-agent/src/module-guest/worker.ts'),
    'bfd-thread': join(root, 'packages/routing/bfd/src/worker/bfd-thread.ts'),
  },
  platform: 'node',
  // They load files of their own at run time, so they stay packages; pg only looks whether pg-native is there.
  external: ['@electric-sql/pglite', '@node-rs/argon2', 'koffi', 'pg-native'],
})
await bundle.write({
  dir: dist,
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: 'chunk-[hash].js',
  ...COMPILER_FILE,
})
cpSync(join(root, 'p4'), join(dist, 'p4'), { recursive: true })
cpSync(join(root, 'LICENSE'), join(dist, 'LICENSE'))
await ensureArchive(new OsFiles(join(dist, 'databases')))
