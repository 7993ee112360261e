import { setFlagsFromString } from 'node:v8'
import { buildCommand } from '@stricli/core'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { parseText } from '../../state-flag.ts'
import { type DaemonFlags, daemonFlags } from './routed-client.ts'

export interface RoutedFlags extends DaemonFlags {
  readonly config?: string
  readonly check: boolean
  readonly dryRun: boolean
  readonly reload: boolean
}

export const routedCommand = buildCommand({
  docs: {
    brief: 'Run the routing daemon on this host: BGP, BFD, static routes',
    fullDescription: [
      'Runs in the foreground until SIGTERM or Ctrl-C; SIGHUP reads the configuration again and applies what differs. A',
      'configuration with a mistake changes nothing: every problem is named with its line. Port 179, routes of the kernel',
      'and TCP MD5 need root, or the capabilities NET_BIND_SERVICE, NET_ADMIN and NET_RAW.',
      'The smallest configuration:',
      '  router: { asn: 65000, id: 10.99.0.1, listen: ["10.99.0.1:179"] }',
      '  peers: [{ address: 10.99.0.11, asn: 65011, passive: true, import: accept, export: accept }]',
    ].join('\n'),
    customUsage: [
      { input: '--config router.yaml', brief: 'Run' },
      { input: '--config new.yaml --dry-run', brief: 'Ask the running daemon what this file would change' },
      { input: '--reload', brief: 'Make the running daemon read its file again' },
      { input: '--config router.yaml --check', brief: 'Only say whether the file is right; exit status 1 if not' },
    ],
  },
  parameters: {
    flags: {
      ...daemonFlags,
      config: {
        kind: 'parsed',
        parse: parseText,
        optional: true,
        brief: 'Configuration file (YAML)',
        placeholder: 'FILE',
      },
      dryRun: { kind: 'boolean', default: false, brief: 'Say what the file would change in a running daemon' },
      reload: { kind: 'boolean', default: false, brief: 'Make a running daemon read its file again' },
      check: { kind: 'boolean', default: false, brief: 'Check the file and exit' },
      json: { kind: 'boolean', default: false, brief: 'JSON: log lines, or the answer' },
    },
  },
  async func(this: LodeContext, flags: RoutedFlags) {
    const { config } = flags
    if (flags.reload) {
      const { askReload } = await import('./ask-daemon.ts')
      return askReload(this, flags)
    }
    if (config === undefined) {
      this.note('--config FILE says what to run')
      return this.exit(ExitStatus.usage)
    }
    if (flags.dryRun) {
      const { askDryRun } = await import('./ask-daemon.ts')
      return askDryRun(this, flags, config)
    }
    // Loading the daemon, and then a full table, is many short-lived objects once: a young generation that grows for them never
    // gives the memory back (12 MB and more for the former, 80 to 110 for the latter, and no CPU time saved).
    setFlagsFromString('--semi-space-growth-factor=1')
    // The most optimizing compiler works for half of the time that a table of 100,000 routes takes, and pays off with larger ones only:
    // it waits seven times as long as by default (a fifth less CPU time for the small table, the same for a million).
    setFlagsFromString('--invocation-count-for-turbofan=20000')
    const { runRouted } = await import('./run-routed.ts')
    await runRouted(this, flags, config)
  },
})
