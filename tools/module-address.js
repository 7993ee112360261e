/**
 * Where an imported module stands, in a tenth of the time that Node takes to find out: a process of ours loads 300 to 1700 modules, and looking
 * for links, folders and `package.json` on the way to each was a third of that. What is said here is what Node would say:
 * - a file beside another one (`./x.ts`) is at that address, and a module with types, as everything here is;
 * - `@lodestone/x` is the same file for whoever asks;
 * - files of one folder have one nearest `package.json`, so what one of them is, the next one is too.
 * A file that is not there is found out when it is read.
 *
 * Part of `test-process.js`.
 */
import module from 'node:module'

const packages = new Map()
/** Folders whose `.js` files are modules. */
const moduleFolders = new Set()

module.registerHooks({
  resolve(specifier, context, next) {
    if (context.parentURL === undefined || !context.conditions.includes('import')) return next(specifier, context)
    if (specifier.startsWith('@lodestone/')) {
      const known = packages.get(specifier) ?? { ...next(specifier, context), shortCircuit: true }
      packages.set(specifier, known)
      return known
    }
    if (!specifier.startsWith('./') && !specifier.startsWith('../')) return next(specifier, context)
    if (specifier.endsWith('.ts')) {
      return { url: new URL(specifier, context.parentURL).href, format: 'module-typescript', shortCircuit: true }
    }
    if (!specifier.endsWith('.js')) return next(specifier, context)
    const { href } = new URL(specifier, context.parentURL)
    const folder = href.slice(0, href.lastIndexOf('/'))
    if (moduleFolders.has(folder)) return { url: href, format: 'module', shortCircuit: true }
    const found = next(specifier, context)
    if (found.url === href && found.format === 'module') moduleFolders.add(folder)
    return found
  },
})
