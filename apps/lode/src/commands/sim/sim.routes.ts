/** `lode sim …`: whole racks in virtual time, from seeds. */
import { buildCommand, buildRouteMap, type FlagParametersForType } from '@stricli/core'
import type { LodeContext } from '../../context.ts'
import type { ReplayFlags } from './replay-simulation.ts'
import type { RunFlags } from './run-simulations.ts'

const text = (input: string): string => input

const runFlags: FlagParametersForType<RunFlags, LodeContext> = {
  seeds: {
    kind: 'parsed',
    parse: text,
    brief: 'Seeds to run, as in 7 or 1..20',
    default: '1..10',
    placeholder: 'A..B',
  },
  minutes: { kind: 'parsed', parse: Number, brief: 'Simulated minutes of faults', default: '2' },
  topology: { kind: 'parsed', parse: text, brief: 'A program whose default export is a topology', optional: true },
  budget: { kind: 'parsed', parse: Number, brief: 'Begin no other seed after this many seconds', optional: true },
  output: { kind: 'parsed', parse: text, brief: 'Where failures are stored', default: '.', placeholder: 'DIRECTORY' },
  shrink: { kind: 'boolean', brief: 'Shrink the timeline of a failure', default: true },
  probe: {
    kind: 'parsed',
    parse: text,
    brief: 'Watch with a program, as `lode probe` does, from the first frame on',
    optional: true,
    placeholder: 'PROGRAM',
  },
  json: { kind: 'boolean', brief: 'One JSON document with the hash of each seed', default: false },
}

const runCommand = buildCommand<RunFlags, [], LodeContext>({
  docs: {
    brief: 'Simulate racks under faults, one for each seed, and check them',
    fullDescription: [
      'Each seed draws faults, routes and requests of users. After the faults the rack has 90 seconds to be right again. A seed that fails is',
      'shrunk to few events and stored in a file for `lode sim replay`. Exit status 1 when one failed.',
      '',
      'Nightly: lode sim run --seeds 1..100000 --minutes 5 --budget 28800 --output failures',
    ].join('\n'),
    customUsage: [
      { input: '--seeds 1..20', brief: 'Twenty seeds, two simulated minutes each' },
      { input: '--seeds 7 --json', brief: 'One, with its hash' },
      {
        input: `--seeds 7 --probe 'bfd:state / failure == true / { @[node, unit] = count() }'`,
        brief: 'How often BFD lost whom',
      },
    ],
  },
  parameters: { flags: runFlags },
  loader: async () => (await import('./run-simulations.ts')).runSimulations,
})

const replayFlags: FlagParametersForType<ReplayFlags, LodeContext> = {
  until: {
    kind: 'parsed',
    parse: Number,
    brief: 'Stop at this second of virtual time',
    optional: true,
    placeholder: 'T',
  },
  break: {
    kind: 'parsed',
    parse: text,
    brief:
      'Stop where this holds: now, frame.link, frame.bytes, frame.packet, node.NAME, nexus, phase, event, problems',
    optional: true,
    placeholder: 'EXPR',
  },
  packets: { kind: 'parsed', parse: Number, brief: 'Packets to show from before the stop', default: '20' },
  steps: {
    kind: 'parsed',
    parse: Number,
    brief: 'Frames to go on from the stop, one by one, with what each changes in the tables',
    default: '0',
  },
  cause: {
    kind: 'parsed',
    parse: text,
    brief: 'Say who wrote these entries and which packets used them, as `lode cause` does',
    optional: true,
    placeholder: 'ENTRY',
  },
  probe: {
    kind: 'parsed',
    parse: text,
    brief: 'Watch with a program, as `lode probe` does, from the first frame on',
    optional: true,
    placeholder: 'PROGRAM',
  },
  json: { kind: 'boolean', brief: 'JSON', default: false },
}

const replayCommand = buildCommand<ReplayFlags, [string], LodeContext>({
  docs: {
    brief: 'Run a stored failure again, stop where you say, and show tables and packets',
    customUsage: [
      { input: 'failure-7.json', brief: 'To its end: the same problems and the same hash' },
      { input: 'failure-7.json --until 12.5', brief: 'What is in the tables then' },
      {
        input: `failure-7.json --break 'node.switch1 == "off" && frame.link == "sled0-switch0"'`,
        brief: 'Where it holds first',
      },
      { input: `failure-7.json --until 12.5 --steps 5`, brief: 'The next five frames, one by one' },
      {
        input: `failure-7.json --probe 'tcp:retransmit { @[node] = count() } tick-10s { printa(@); clear(@) }'`,
        brief: 'Retransmissions per ten seconds of virtual time',
      },
      { input: `failure-7.json --until 12.5 --cause 'switch0 ingress_ipv4 198.51.100.10'`, brief: 'Why that is there' },
    ],
  },
  parameters: {
    flags: replayFlags,
    positional: {
      kind: 'tuple',
      parameters: [{ parse: text, brief: 'A file of `lode sim run`', placeholder: 'FILE' }],
    },
  },
  loader: async () => (await import('./replay-simulation.ts')).replaySimulation,
})

export const simRoutes = buildRouteMap({
  routes: { run: runCommand, replay: replayCommand },
  docs: { brief: 'Racks in virtual time: faults from seeds, invariants, replay' },
})
