/** The command line of a topology program. Code of a command is loaded when it is asked for. */
import { buildApplication, buildRouteMap, text_en } from '@stricli/core'
import { applyCommand, faultRoutes, planCommand, restoreCommand, snapshotCommand } from './change.command.ts'
import { destroyCommand, launchCommand, serveCommand } from './life.command.ts'
import { exportCommand, graphCommand, infoCommand, reachCommand, tableCommand } from './look.command.ts'
import { probeCommand } from './probe.command.ts'
import { renderCommand } from './render.command.ts'
import { captureCommand, consoleCommand, execCommand, testCommand, trafficCommand } from './use.command.ts'

const routes = buildRouteMap({
  routes: {
    launch: launchCommand,
    destroy: destroyCommand,
    info: infoCommand,
    exec: execCommand,
    console: consoleCommand,
    capture: captureCommand,
    probe: probeCommand,
    fault: faultRoutes,
    graph: graphCommand,
    plan: planCommand,
    apply: applyCommand,
    test: testCommand,
    reach: reachCommand,
    traffic: trafficCommand,
    table: tableCommand,
    snapshot: snapshotCommand,
    restore: restoreCommand,
    export: exportCommand,
    render: renderCommand,
    serve: serveCommand,
  },
  docs: {
    brief: 'A network laboratory: this program is its topology',
    fullDescription: [
      'launch starts it in the background; the other commands find it by its name (state in ~/.lode/labs/NAME, $LODE_LAB_STATE/NAME,',
      'or --state DIR).',
      'Exit status: 0 done, 1 the answer is no, 2 wrong usage, 3 it is not running; exec gives that of the command.',
    ].join('\n'),
    hideRoute: { serve: true },
  },
})

export const labApplication = buildApplication(routes, {
  name: 'lab',
  scanner: { caseStyle: 'allow-kebab-for-camel', allowArgumentEscapeSequence: true },
  documentation: { disableAnsiColor: true },
  localization: {
    loadText: () => ({
      ...text_en,
      exceptionWhileRunningCommand: (error) =>
        error instanceof Error ? (error.stack ?? error.message) : String(error),
    }),
  },
})
