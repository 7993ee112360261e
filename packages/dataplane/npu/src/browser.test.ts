/** The compiler and the npu in a browser: bundled without any change or substitute, served over loopback, run by Chromium. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { chromium } from 'playwright-core'
import { rolldown } from 'rolldown'
import { type PageInput, type PageOutput, runPage } from './testing/browser-page.ts'

const ROOT = join(import.meta.dirname, '../../../..')
/** Of a step, however slow the machine is: it only ends a hang. */
const LIMIT_MS = 240_000
const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
)

function hex(text: string): number[] {
  return (text.replaceAll(/\s/g, '').match(/../g) ?? []).map((pair) => parseInt(pair, 16))
}

function inputOf(): PageInput {
  const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
  const files = Object.fromEntries(
    ['packages/dataplane/npu/testdata/gateway.p4', 'p4/include/core.p4', 'p4/include/softnpu.p4'].map((path) => [
      path,
      read(path),
    ]),
  )
  const packet = (destination: string): number[] =>
    hex(`020000000001 020000000002 0800
      45000020 00010000 4011 34c2 0a000001 ${destination} 1000 0035 000c 0000 deadbeef`)
  return {
    fileName: 'packages/dataplane/npu/testdata/gateway.p4',
    files,
    includePaths: ['p4/include'],
    entries: [
      { table: 'routes', value: String(0xcb007100), length: 24, action: 'forward', parameters: ['2', '5'] },
      { table: 'egress.ports', value: '2', action: 'source', parameters: ['9'] },
    ],
    frame: packet('cb007109'),
    missing: packet('cb007009'),
  }
}

let server: Server | undefined
after(() => server?.close())

test(
  'compiler and pipeline run unchanged in a browser, and give what they give in Node',
  { skip: CHROMIUM === undefined ? 'needs Chromium (apt-get install chromium)' : false },
  async () => {
    const build = await rolldown({ input: join(import.meta.dirname, 'testing/browser-page.ts'), platform: 'browser' })
    const { output } = await build.generate({ format: 'esm' })
    await build.close()
    assert.equal(output.length, 1)
    const bundle = output[0].code
    assert.doesNotMatch(bundle, /from ["']node:|require\(/, 'nothing of Node is needed')
    server = createServer((request, response) => {
      const isBundle = request.url === '/bundle.js'
      response.setHeader('content-type', isBundle ? 'text/javascript' : 'text/html')
      response.end(isBundle ? bundle : '<!doctype html><script type="module" src="/bundle.js"></script>')
    })
    await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo // because it listens on an address
    // Containers have little of the memory that processes share.
    const args = ['--no-sandbox', '--disable-dev-shm-usage']
    const browser = await chromium.launch({ executablePath: CHROMIUM!, args, timeout: LIMIT_MS })
    try {
      const page = await browser.newPage()
      page.setDefaultTimeout(LIMIT_MS)
      const errors: string[] = []
      page.on('pageerror', (error) => errors.push(error.message))
      await page.goto(`http://127.0.0.1:${port}/`)
      await page.waitForFunction('typeof runPage === "function"')
      const input = inputOf()
      const inBrowser = await page.evaluate(`runPage(${JSON.stringify(input)})`)
      assert.deepEqual(errors, [])
      const inNode: PageOutput = runPage(input)
      assert.equal(inNode.diagnostics, '')
      assert.equal(inNode.sent.length, 1)
      assert.match(inNode.explanation, /differs in bit 24 of 32/)
      assert.deepEqual(inBrowser, inNode)
    } finally {
      await browser.close()
    }
  },
)
