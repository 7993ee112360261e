/** `lode routed`: the routing daemon in the foreground, on the operating system's network. */
import { Host, type LogLine, type LogSink, OsFiles } from '@lodestone/host'
import { Daemon, describeProblem, readConfig } from '@lodestone/routed'
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { defaultAdminPlace } from './admin-place.ts'
import { AdminNetwork } from './admin-network.ts'
import { mrtFiles } from './mrt-files.ts'
import { daemonNetwork } from './os-network.ts'
import type { RoutedFlags } from './routed.command.ts'

/** How long connections get to say goodbye. */
const FAREWELL_MS = 500

export async function runRouted(context: LodeContext, flags: RoutedFlags, file: string): Promise<void> {
  const path = resolve(file)
  if (flags.check) return check(context, flags, path)
  const os = daemonNetwork(context)
  const host = new Host({
    name: 'routed',
    clock: context.clock,
    random: context.random,
    files: new OsFiles(dirname(path)),
    networks: { os: os.network, admin: new AdminNetwork(context.network) },
    log: logSink(context, flags.json),
  })
  const daemon = new Daemon(host, {
    network: 'os',
    adminNetwork: 'admin',
    defaultAdmin: [defaultAdminPlace(context)],
    hasBfdThread: true,
    mrtStore: mrtFiles(dirname(path)),
    source: {
      name: path,
      read: () => readFile(path, 'utf8'),
      readFile: (name) => readFile(resolve(dirname(path), name), 'utf8'),
    },
  })
  const started = await daemon.reload()
  if (!started.ok) {
    context.note(started.text)
    daemon.close()
    os.close()
    return context.exit(ExitStatus.failed)
  }
  context.process.on('SIGHUP', () => {
    void daemon.reload().then((result) => {
      if (result.ok) host.log('info', 'routed.reloaded', { config: path, changes: result.changes.length })
      else context.note(`${result.text}\nThe configuration in force has not changed.`)
    })
  })
  let isStopping = false
  const stop = (): void => {
    if (isStopping) context.process.exit(ExitStatus.interrupted)
    isStopping = true
    host.log('info', 'routed.stopping')
    void daemon.stop().then(() => context.clock.after(FAREWELL_MS, () => context.process.exit(ExitStatus.ok)))
  }
  context.process.on('SIGTERM', stop)
  context.process.on('SIGINT', stop)
  // Last: whoever reads it may send a signal at once, and one that nobody handles ends the process.
  host.log('info', 'routed.started', { config: path, pid: context.process.pid, admin: daemon.adminPlaces().join(' ') })
}

async function check(context: LodeContext, flags: RoutedFlags, path: string): Promise<void> {
  const text = await readFile(path, 'utf8')
  const result = await readConfig(text, {
    readFile: (name) => readFile(resolve(dirname(path), name), 'utf8'),
    // Whether this user may is seen when it runs.
    host: { features: context.network.features, hasKernel: context.process.platform === 'linux', hasMrtFiles: true },
  })
  if (flags.json) context.printJson(result.ok ? { ok: true } : result)
  else if (result.ok) context.print(`${path}: right`)
  else for (const problem of result.problems) context.print(describeProblem(problem, path, text))
  context.exit(result.ok ? ExitStatus.ok : ExitStatus.failed)
}

/** Standard error, so that it does not mix with what a command prints. */
function logSink(context: LodeContext, isJson: boolean): LogSink {
  return (line) => context.note(isJson ? JSON.stringify(line) : logText(line))
}

function logText({ level, wallMs, event, fields }: LogLine): string {
  const values = Object.entries(fields)
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => `${name}=${valueText(value)}`)
  return [new Date(wallMs).toISOString(), level, event, ...values].join(' ')
}

function valueText(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
  return /\s|"/.test(text) && typeof value === 'string' ? JSON.stringify(text) : text
}
