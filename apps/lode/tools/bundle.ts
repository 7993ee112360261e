/** Bundles the command for `npm pack`: one file for it, one for the guests' worker, the P4 programs beside them. */
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { rolldown } from 'rolldown'

const app = join(import.meta.dirname, '..')
const root = join(app, '../..')
const dist = join(app, 'dist')

rmSync(dist, { recursive: true, force: true })
const bundle = await rolldown({
  input: {
    lode: join(app, 'src/main.ts'),
    'guest-worker': join(root, 'packages/control/sled-agent/src/module-guest/worker.ts'),
  },
  platform: 'node',
  // Both load files of their own at run time, so they stay packages.
  external: ['@electric-sql/pglite', '@node-rs/argon2'],
})
await bundle.write({ dir: dist, format: 'esm', entryFileNames: '[name].js', chunkFileNames: 'chunk-[hash].js' })
cpSync(join(root, 'p4'), join(dist, 'p4'), { recursive: true })
cpSync(join(root, 'LICENSE'), join(dist, 'LICENSE'))
