/** `lode up`: one rack in the foreground, found by others through its state directory. */
import { isProcessAlive, OsFiles } from '@lodestone/host'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseRackConfig, Rack, type RackConfig, RackStartError } from '@lodestone/testbed'
import { ExitStatus, type LodeContext } from './context.ts'
import type { UpFlags } from './commands/up.command.ts'

export async function up(context: LodeContext, flags: UpFlags): Promise<void> {
  const stateDirectory = context.stateDirectory(flags.state)
  if (flags.uninitialized && flags.config !== undefined) {
    context.note('--uninitialized waits for a configuration, and --config gives one: leave one of them out')
    context.process.exit(ExitStatus.usage)
  }
  const config = flags.config === undefined ? undefined : rackConfig(context, flags.config)
  const startMs = context.clock.nowMs()
  const seconds = (): string => `${((context.clock.nowMs() - startMs) / 1000).toFixed(1).padStart(5)} s`
  const emit = (event: string, fields: Readonly<Record<string, unknown>>, text: string): void => {
    if (flags.json) context.print(JSON.stringify({ event, ...fields }))
    else context.print(text)
  }

  let rack: Rack | undefined
  let stopping = false
  const stop = (): void => {
    // The second Ctrl-C does not wait: every acknowledged write is on disk, and the next start takes the lock over.
    if (stopping) context.process.exit(ExitStatus.interrupted)
    stopping = true
    if (rack === undefined) context.note('stops once the start is through; again to stop at once')
    else void rack.close()
  }
  context.process.on('SIGINT', stop)
  context.process.on('SIGTERM', stop)
  try {
    rack = await Rack.start({
      clock: context.clock,
      random: context.random,
      os: context.network,
      processId: context.process.pid,
      isProcessAlive,
      sleds: flags.sleds,
      multipath: flags.multipath,
      ...(config === undefined ? {} : { config }),
      ...(flags.uninitialized ? { technicianPort: flags.technicianPort } : {}),
      stateDirectory,
      archives: context.databaseArchives,
      ...(flags.database === undefined ? {} : { database: flags.database }),
      ...(flags.console === undefined ? {} : { console: consoleFiles(context, flags.console) }),
      apiAddress: '127.0.0.1',
      apiPort: flags.apiPort,
      ...(flags.tlsPort === undefined ? {} : { tlsPort: flags.tlsPort }),
      publish: flags.publish,
      onProgress: (name, detail) => emit('ready', { name, detail }, `${seconds()}  ${name}: ${detail}`),
    })
  } catch (error) {
    if (!(error instanceof RackStartError)) throw error
    context.note(error.message)
    // because what was started may still hold handles
    context.process.exit(ExitStatus.failed)
  }
  if (stopping) void rack.close()

  const { api, ready_after_ms: readyAfterMs } = rack.info()
  const { port: tlsPort } = rack.tls
  emit(
    'up',
    {
      api: api.url,
      silo: api.silo,
      username: api.username,
      password: api.password_hint,
      stateDirectory,
      readyAfterMs: Math.round(readyAfterMs ?? 0),
      tls: rack.tls,
      dnsZone: rack.dns.zone,
      nameServers: rack.dns.nameServers,
      published: rack.info().published,
    },
    [
      '',
      `API       ${api.url}`,
      `log in    silo ${api.silo}, user ${api.username}, password ${api.password_hint}`,
      `dns       ${rack.dns.zone}, answered by ${rack.dns.nameServers.join(' and ')} on the emulated internet`,
      `tls       https://${rack.tls.hostname}${tlsPort === undefined ? '' : ` and https://localhost:${tlsPort}`}`,
      `          its authority's certificate is ${rack.tls.caCertificate}`,
      `state     ${stateDirectory}`,
      ...rack.info().published.map((p) => `published http://127.0.0.1:${p.host_port} → ${p.target}`),
      '',
      'Try, in another terminal:  npx lode status    npx lode api GET /v1/projects    npx lode trace dropped',
      'Ctrl-C stops the rack; its state stays.',
    ].join('\n'),
  )

  await rack.closed
  emit('down', {}, 'stopped')
  // because workers and the embedded database may still hold handles that are of no use any more
  context.process.exit(ExitStatus.ok)
}

/** Ends the process when the file cannot be had or has mistakes, with all of them told. */
function rackConfig(context: LodeContext, file: string): RackConfig {
  let text = ''
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    context.note(`--config ${file}: it cannot be read: ${(error as Error).message}`)
    context.process.exit(ExitStatus.usage)
  }
  const result = parseRackConfig(text, file)
  if (result.ok) return result.config
  for (const problem of result.problems) context.note(problem)
  context.process.exit(ExitStatus.usage)
}

function consoleFiles(context: LodeContext, directory: string): OsFiles {
  if (!existsSync(join(directory, 'index.html'))) {
    context.note(`--console ${directory}: there is no index.html; give the folder that a build of the console wrote`)
    context.process.exit(ExitStatus.usage)
  }
  return new OsFiles(resolve(directory))
}
