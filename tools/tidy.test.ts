/** Rules about the repository that no linter has. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import test from 'node:test'

const root = join(import.meta.dirname, '..')
const packages = readdirSync(join(root, 'packages')).flatMap((floor) =>
  readdirSync(join(root, 'packages', floor)).map((box) => `packages/${floor}/${box}`),
)

/** What git tracks, or would track; a tree without git (a downloaded archive) is not checked. */
function trackedFiles(): readonly string[] | undefined {
  try {
    const list = ['ls-files', '--cached', '--others', '--exclude-standard']
    const files = execFileSync('git', list, { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20 }).split('\n')
    return files.filter((file) => file !== '' && existsSync(join(root, file)))
  } catch {
    return undefined
  }
}

test('every package has a README of about one screen, with an example that a test executes', () => {
  for (const path of packages) {
    const readme = join(root, path, 'README.md')
    assert.ok(existsSync(readme), `${path} has no README.md`)
    const text = readFileSync(readme, 'utf8')
    assert.ok(text.split('\n').length <= 140, `${path}/README.md is longer than a screen or two`)
    assert.match(text, /```/, `${path}/README.md has no example`)
    const tests = existsSync(join(root, path, 'src')) ? readdirSync(join(root, path, 'src')) : []
    assert.ok(tests.includes('readme.test.ts'), `${path}/src/readme.test.ts does not exist`)
  }
})

test('a package declares no other package that it does not import', () => {
  for (const path of packages) {
    const { dependencies = {} } = JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8'))
    const sources = readdirSync(join(root, path), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.includes('node_modules'))
      .map((file) => readFileSync(join(root, path, file), 'utf8'))
    for (const name of Object.keys(dependencies)) {
      const isImported = sources.some((text) => text.includes(`'${name}'`) || text.includes(`'${name}/`))
      assert.ok(isImported, `${path} declares ${name} and imports it nowhere`)
    }
  }
})

test('file names are kebab-case nouns', () => {
  for (const file of trackedFiles() ?? []) {
    if (!/^(packages|apps|tools)\/.*\.(ts|js)$/.test(file)) continue
    const name = basename(file)
    assert.match(name, /^[a-z0-9-]+(\.[a-z0-9-]+)*\.(ts|js)$/, file)
    assert.doesNotMatch(name, /^(utils?|helpers?|common|misc|manager)\./, file)
  }
})

test('no tracked file names a path of the machine it was written on', () => {
  // Put together, so that this file does not name one itself.
  const pattern = new RegExp(`(^|[^A-Za-z])/${'(work|farm)'}/${'(main|steering|in|shared|\\.library)'}`)
  for (const file of trackedFiles() ?? []) {
    if (!/\.(ts|js|p4|md|json|sh|lua)$|^\.ci\//.test(file) || file === 'package-lock.json') continue
    const lines = readFileSync(join(root, file), 'utf8').split('\n')
    const at = lines.findIndex((line) => pattern.test(line))
    assert.equal(at, -1, `${file}:${at + 1}`)
  }
})

test('no test is switched off or alone', () => {
  for (const file of trackedFiles() ?? []) {
    if (!file.endsWith('.test.ts') || file === 'tools/tidy.test.ts') continue
    assert.doesNotMatch(readFileSync(join(root, file), 'utf8'), /\b(it|test|describe)\.(only|skip|todo)\(/, file)
  }
})
