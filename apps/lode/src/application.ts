import { buildApplication, buildRouteMap, text_en } from '@stricli/core'
import { apiCommand } from './commands/api.command.ts'
import { bfdRoutes } from './commands/bfd/bfd.routes.ts'
import { bgpRoutes } from './commands/bgp/bgp.routes.ts'
import { captureCommand } from './commands/capture.command.ts'
import { completeCommand, completionCommand } from './commands/completion.command.ts'
import { demoCommand } from './commands/demo.command.ts'
import { downCommand } from './commands/down.command.ts'
import { execCommand } from './commands/exec.command.ts'
import { experimentRoutes } from './commands/experiment/experiment.routes.ts'
import { isfRoutes } from './commands/isf/isf.routes.ts'
import { labRoutes } from './commands/lab/lab.routes.ts'
import { runCommand } from './commands/lab/run.command.ts'
import { linkCommand } from './commands/link.command.ts'
import { p4Routes } from './commands/p4/p4.routes.ts'
import { powerCommand } from './commands/power.command.ts'
import { reconcilersCommand } from './commands/reconcilers.command.ts'
import { ribRoutes } from './commands/rib/rib.routes.ts'
import { routedCommand } from './commands/routed/routed.command.ts'
import { rsfRoutes } from './commands/rsf/rsf.routes.ts'
import { simRoutes } from './commands/sim/sim.routes.ts'
import { setupCommand } from './commands/setup.command.ts'
import { sledRoutes } from './commands/sled/sled.routes.ts'
import { spRoutes } from './commands/sp/sp.routes.ts'
import { statusCommand } from './commands/status.command.ts'
import { tableCommand } from './commands/table.command.ts'
import { probeCommand } from './commands/probe/probe.command.ts'
import { causeCommand } from './commands/why/cause.command.ts'
import { diffCommand } from './commands/why/diff.command.ts'
import { explainCommand } from './commands/why/explain.command.ts'
import { flowsCommand } from './commands/why/flows.command.ts'
import { watchCommand } from './commands/why/watch.command.ts'
import { whyCommand } from './commands/why/why.command.ts'
import { traceCommand } from './commands/trace.command.ts'
import { upCommand } from './commands/up.command.ts'

const routes = buildRouteMap({
  routes: {
    up: upCommand,
    demo: demoCommand,
    status: statusCommand,
    probe: probeCommand,
    trace: traceCommand,
    explain: explainCommand,
    why: whyCommand,
    cause: causeCommand,
    watch: watchCommand,
    flows: flowsCommand,
    diff: diffCommand,
    table: tableCommand,
    capture: captureCommand,
    api: apiCommand,
    exec: execCommand,
    link: linkCommand,
    power: powerCommand,
    reconcilers: reconcilersCommand,
    run: runCommand,
    lab: labRoutes,
    routed: routedCommand,
    rib: ribRoutes,
    bgp: bgpRoutes,
    bfd: bfdRoutes,
    p4: p4Routes,
    sim: simRoutes,
    setup: setupCommand,
    sled: sledRoutes,
    sp: spRoutes,
    experiment: experimentRoutes,
    isf: isfRoutes,
    rsf: rsfRoutes,
    down: downCommand,
    completion: completionCommand,
    complete: completeCommand,
  },
  docs: {
    brief: 'The network of a rack-scale cloud computer on this machine',
    fullDescription: [
      'Start a rack with `lode up`, then look into it from another terminal.',
      '',
      'A running rack is found through its state directory: --state DIR, else $LODE_STATE, else ~/.lode/default.',
      'Tab completion: source <(lode completion bash), or zsh.',
      'Exit status: 0 done, 1 the answer is no, 2 wrong usage, 3 no rack is running there.',
    ].join('\n'),
    hideRoute: { complete: true },
  },
})

export const application = buildApplication(routes, {
  name: 'lode',
  versionInfo: { currentVersion: '0.1.0' },
  scanner: { caseStyle: 'allow-kebab-for-camel', allowArgumentEscapeSequence: true },
  documentation: { disableAnsiColor: true },
  localization: {
    loadText: () => ({
      ...text_en,
      exceptionWhileRunningCommand: (error) => `lode: ${messageOf(error)}`,
    }),
  },
})

/** What the operating system says needs no stack; anything else is a mistake of ours and comes with one. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return 'code' in error && 'syscall' in error ? error.message : (error.stack ?? error.message)
}
