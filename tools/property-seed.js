/**
 * Where properties begin: from the same seed in every process, so that a commit passes or fails the same way each time. fast-check draws
 * a new one per process otherwise, and finds in a hundred runs what it did not find in ninety-nine. `FUZZ_SEED=N` is another one;
 * `FUZZ_SEED=random` leaves it to fast-check, which prints the seed of what it found.
 *
 * Part of `test-process.js`; alone with `node --import ./tools/property-seed.js --test …`.
 */
import module from 'node:module'

const seeded = import.meta.resolve('./seeded-fast-check.js')
// Only those who import it pay for it: most test files do not.
module.registerHooks({
  resolve(specifier, context, next) {
    if (specifier !== 'fast-check' || context.parentURL === seeded) return next(specifier, context)
    return { url: seeded, shortCircuit: true }
  },
})
