/** fast-check with the seed of this run; `property-seed.js` puts it in the place of the package. */
import fc from 'fast-check'
import process from 'node:process'

const given = process.env.FUZZ_SEED ?? '1'
if (given !== 'random') {
  const seed = Number(given)
  if (!Number.isInteger(seed)) throw new Error(`FUZZ_SEED is '${given}': neither a whole number nor 'random'`)
  fc.configureGlobal({ ...fc.readConfigureGlobal(), seed })
}

export * from 'fast-check'
export default fc
