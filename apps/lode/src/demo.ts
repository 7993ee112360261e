/**
 * `lode demo`: everything in it goes through the public API, the control socket's contract and packets. Each step checks what it
 * claims; the first that does not hold ends the demo with status 1.
 */
import { type CallResult, client, httpFetch, readNdjson } from '@lodestone/api'
import { nexusApi } from '@lodestone/contract-nexus'
import { type TestbedClient, testbedApi, TraceEvent } from '@lodestone/contract-testbed'
import { isProcessAlive, sleep } from '@lodestone/host'
import { renderStory, type Story, type StoryEvent, verdict } from '@lodestone/probe'
import { Rack } from '@lodestone/testbed'
import { once } from 'node:events'
import { createWriteStream, rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import type { DemoFlags } from './commands/demo.command.ts'
import { ExitStatus, type LodeContext } from './context.ts'
import { readToken } from './rack-client.ts'

const PROJECT = 'demo'
const VPC = 'default'
const INSTANCE = 'web1'
const RULE = 'allow-http'
const CLIENT = 'client'
const NAT_TABLE = 'ingress.nat_ingress.ingress_ipv4'
/** Of each step; nothing takes a second unless the machine is slow or stands still. */
const LIMIT_MS = 60_000

class DemoFailure extends Error {}

export async function demo(context: LodeContext, flags: DemoFlags): Promise<void> {
  const stateDirectory = await mkdtemp(join(tmpdir(), 'lode-demo-'))
  const say = (text: string): void => {
    if (!flags.json) context.print(text)
  }
  // Nothing of it is worth keeping, so there is nothing to stop in order.
  const interrupted = (): void => {
    rmSync(stateDirectory, { recursive: true, force: true })
    context.process.exit(128 + 2)
  }
  context.process.once('SIGINT', interrupted)
  let rack: Rack | undefined
  try {
    const startMs = context.clock.nowMs()
    say(`Starting a rack of ${flags.sleds} sleds, two switches, two upstream routers and a client on the internet …`)
    rack = await Rack.start({
      clock: context.clock,
      random: context.random,
      os: context.network,
      processId: context.process.pid,
      isProcessAlive,
      sleds: flags.sleds,
      stateDirectory,
      archives: context.databaseArchives,
      isEphemeral: true,
      apiAddress: '127.0.0.1',
      apiPort: 0,
      publish: [],
      onProgress: (name, detail) =>
        say(`  ${((context.clock.nowMs() - startMs) / 1000).toFixed(1).padStart(5)} s  ${name}: ${detail}`),
    })
    const testbed = client(testbedApi, rack.controlHandler, 'http://rack')
    const stopCapture = flags.capture === undefined ? undefined : await startCapture(testbed, flags.capture)
    const result = await show(context, rack, testbed, stateDirectory, say)
    await stopCapture?.()
    if (flags.json) context.printJson({ ...result, elapsedMs: Math.round(context.clock.nowMs() - startMs) })
    else say(`\nAll of it happened, in ${((context.clock.nowMs() - startMs) / 1000).toFixed(1)} s.`)
  } catch (error) {
    context.note(`The demo failed: ${error instanceof DemoFailure ? error.message : String((error as Error).stack)}`)
    context.exit(ExitStatus.failed)
  } finally {
    await rack?.close()
    await rm(stateDirectory, { recursive: true, force: true })
  }
  // because workers and the embedded database may still hold handles that are of no use any more
  context.process.exit()
}

async function show(
  context: LodeContext,
  rack: Rack,
  testbed: TestbedClient,
  stateDirectory: string,
  say: (text: string) => void,
): Promise<Readonly<Record<string, unknown>>> {
  const headers = { authorization: `Bearer ${await readToken(stateDirectory)}` }
  const nexus = client(nexusApi, httpFetch(context.network), rack.info().api.url)

  say('\nThrough the public API: a project, an instance with a floating address, a firewall rule for HTTP')
  done(await nexus.project_create({ headers, body: { name: PROJECT, description: 'demo' } }), 'create the project')
  const floating = done(
    await nexus.floating_ip_create({
      headers,
      query: { project: PROJECT },
      body: { name: 'web', description: 'demo', address_allocator: { type: 'auto' } },
    }),
    'create the floating address',
  )
  const rules = done(
    await nexus.vpc_firewall_rules_view({ headers, query: { project: PROJECT, vpc: VPC } }),
    'read the firewall rules',
  ).rules
  const allowHttp = {
    name: RULE,
    description: 'let the internet in',
    status: 'enabled' as const,
    direction: 'inbound' as const,
    action: 'allow' as const,
    priority: 100,
    targets: [{ type: 'vpc' as const, value: VPC }],
    filters: { protocols: [{ type: 'tcp' as const }], ports: ['80'] },
  }
  done(
    await nexus.vpc_firewall_rules_update({
      headers,
      query: { project: PROJECT, vpc: VPC },
      body: { rules: [...rules, allowHttp] },
    }),
    'add the firewall rule',
  )
  done(
    await nexus.instance_create({
      headers,
      query: { project: PROJECT },
      body: {
        name: INSTANCE,
        description: 'demo',
        hostname: INSTANCE,
        ncpus: 1,
        memory: 2 ** 30,
        network_interfaces: { type: 'default_ipv4' },
        external_ips: [{ type: 'floating', floating_ip: 'web' }],
      },
    }),
    'create the instance',
  )
  await eventually(context, 'the instance runs', async () => {
    const instance = done(
      await nexus.instance_view({ headers, params: { instance: INSTANCE }, query: { project: PROJECT } }),
      'view the instance',
    )
    return instance.run_state === 'running'
  })
  say(`  ${INSTANCE} runs and has ${floating.ip}`)

  await eventually(context, 'BGP announces the pool to the client', async () => {
    const table = done(await testbed.table_view({ params: { node: CLIENT, table: 'rib' } }), 'read the routes')
    return table.rows.some((row) => row[0]?.startsWith('198.51.100.') === true)
  })
  say('  BGP: the client has a route to the pool, through both upstream routers')
  for (const { name } of rack.emulation.switches()) {
    await eventually(context, `${name} translates ${floating.ip}`, async () => {
      const table = done(
        await testbed.table_view({ params: { node: name, table: NAT_TABLE } }),
        'read the translations',
      )
      return table.rows.some((row) => row.some((cell) => cell.includes(floating.ip)))
    })
  }

  const url = `http://${floating.ip}/`
  say(`\nThe client on the internet fetches ${url}`)
  const filter = `tcp and syn and host ${floating.ip}`
  // Each by itself: on a machine that stood still the SYN is sent again before its answer has come, and there are two of each.
  const opened = Promise.all(
    ['not ack', 'ack'].map((flag) => collectStory(testbed, `${filter} and ${flag} and delivered`)),
  )
  const page = done(await testbed.fetch({ body: { from: CLIENT, url, timeout_ms: LIMIT_MS } }), 'fetch the page')
  if (page.status !== 200) throw new DemoFailure(`the page was not served: ${page.error ?? page.status_line}`)
  if (!page.body.includes(INSTANCE)) throw new DemoFailure(`the page is not from ${INSTANCE}: ${page.body}`)
  say(`  ${page.status_line}    (${page.elapsed_ms.toFixed(1)} ms)\n  ${page.body.trim().replaceAll('\n', '\n  ')}`)
  const [syn, answer] = await within(context, opened, LIMIT_MS, 'the story of the connection')
  if (syn === undefined || answer === undefined) throw new DemoFailure('the connection has no story')
  for (const [title, story] of [
    ['The story of the SYN', syn],
    ['The story of its answer, the SYN-ACK', answer],
  ] as const) {
    say(`\n${title} (packet ${story.packet})\n${renderStory(story.events, context)}`)
    const end = verdict(story.events)
    say(end.lines.join('\n'))
    if (end.outcome !== 'delivered') throw new DemoFailure(`${title}: it was not delivered`)
  }

  say(`\nNow without the firewall rule "${RULE}"`)
  done(
    await nexus.vpc_firewall_rules_update({ headers, query: { project: PROJECT, vpc: VPC }, body: { rules } }),
    'remove the firewall rule',
  )
  const refused = await eventuallyDropped(context, testbed, url, `${filter} and not ack and dropped`)
  const end = verdict(refused.events)
  say(`\n${end.lines.join('\n')}\n\nIts story (packet ${refused.packet})\n${renderStory(refused.events, context)}`)
  if (end.outcome !== 'dropped') throw new DemoFailure('the second request was not dropped')
  return { url, statusLine: page.status_line, body: page.body, syn, answer, dropped: refused, verdict: end.lines }
}

/** The next story that matches. The trace is on when this returns its promise. */
async function collectStory(testbed: TestbedClient, filter: string): Promise<Story | undefined> {
  const stream = done(await testbed.trace({ query: { filter, packets: 1 } }), 'trace')
  const events: StoryEvent[] = []
  // because the contract leaves the step open for kinds that are newer than this program
  for await (const event of readNdjson(stream, TraceEvent)) events.push(event as StoryEvent)
  return events[0] === undefined ? undefined : { packet: events[0].packet, events }
}

/**
 * Fetches until a request goes unanswered because it was dropped. The new rules need a moment to reach the sled, and on a busy machine
 * a request that they do not stop may be too slow as well, and its answer dropped by who has given it up: only a SYN that was dropped
 * ends this.
 */
async function eventuallyDropped(
  context: LodeContext,
  testbed: TestbedClient,
  url: string,
  filter: string,
): Promise<Story> {
  const endMs = context.clock.nowMs() + LIMIT_MS
  const dropped = collectStory(testbed, filter)
  let served = true
  while (context.clock.nowMs() < endMs) {
    const page = done(await testbed.fetch({ body: { from: CLIENT, url, timeout_ms: 800 } }), 'fetch again')
    served = page.status !== 0
    const story = await Promise.race([dropped, sleep(context.clock, 200).then(() => undefined)])
    if (story !== undefined) return story
  }
  throw new DemoFailure(
    served ? 'the page is still served after the rule was removed' : 'no request was dropped, but none was answered',
  )
}

async function startCapture(testbed: TestbedClient, path: string): Promise<() => Promise<void>> {
  const aborter = new AbortController()
  const stream = done(await testbed.capture({ body: { links: [] }, signal: aborter.signal }), 'capture')
  const file = createWriteStream(path)
  await once(file, 'open')
  const reader = stream.getReader()
  // Nothing is waited for between frames: those that wait in the stream are lost when it is cancelled.
  const copying = (async () => {
    for (;;) {
      const { done: ended, value } = await reader.read()
      if (ended) break
      file.write(value)
    }
  })()
  return async () => {
    await reader.cancel()
    await copying
    await finished(file.end())
  }
}

function done<T>(result: CallResult<T>, what: string): T {
  if (result.ok) return result.value
  throw new DemoFailure(`could not ${what}: ${result.message}`)
}

async function eventually(context: LodeContext, what: string, condition: () => Promise<boolean>): Promise<void> {
  const endMs = context.clock.nowMs() + LIMIT_MS
  while (!(await condition())) {
    if (context.clock.nowMs() > endMs) throw new DemoFailure(`it took over ${LIMIT_MS / 1000} s until ${what}`)
    await sleep(context.clock, 50)
  }
}

function within<T>(context: LodeContext, promise: Promise<T>, limitMs: number, what: string): Promise<T> {
  return Promise.race([
    promise,
    sleep(context.clock, limitMs).then(() => {
      throw new DemoFailure(`${what} did not come within ${limitMs / 1000} s`)
    }),
  ])
}
