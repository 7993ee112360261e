import { buildCommand } from '@stricli/core'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { rackClient, reportFailure } from '../../rack-client.ts'
import { parseText, type RackFlags, rackFlags } from '../../state-flag.ts'
import { textTable } from '../../text-table.ts'

interface ProbeFlags extends RackFlags {
  readonly list: boolean
  readonly seconds?: number
}

export const probeCommand = buildCommand({
  docs: {
    brief: 'Watch the running rack with a small program',
    fullDescription: [
      'A program is clauses: PROBE / predicate / { statements }. A probe is provider:name, provider:node:name or',
      'provider:node:unit:name with * and ? in each part; BEGIN, END, and tick-1s for every second. --list says what there is.',
      '',
      'Predicates and values: fields of the event, numbers, "text"; == != < <= > >= =~ "expression", in 10.0.0.0/8, + - * / %, && || !',
      'Aggregations: @name[keys] = count() sum(x) avg(x) min(x) max(x) stddev(x) quantize(x) lquantize(x, low, high, step) topk(x, n)',
      'Statements: print(x, …) printf("format", …) printa(@name) clear(@name) trunc(@name, rows) name[keys] = x; exit()',
      '',
      'Aggregations that the program did not print are printed when it ends: by exit(), --seconds or Ctrl-C. Watching packets makes',
      'switches and packet engines tell every step, which is slow; all other probes cost next to nothing.',
      '',
      'Exit status: 0 done, 1 no rack or it went away, 2 wrong usage, such as a program with a mistake.',
    ].join('\n'),
    customUsage: [
      {
        input: "'*:drop { @[node, reason] = count() }' --seconds 10",
        brief: 'Drops of ten seconds, by place and reason',
      },
      {
        input: "'link:deliver { @[unit] = quantize(bytes) } tick-5s { printa(@); clear(@) }'",
        brief: 'Sizes per cable, every five seconds',
      },
      {
        input: "'table:switch0:*ingress_ipv4:hit { print(key.dst, entry) }'",
        brief: 'NAT entries as packets meet them',
      },
      { input: "'api:done / ms > 100 / { print(method, path, ms) }'", brief: 'Slow requests' },
      { input: "'bgp:down { print(node, unit, reason) } rib:select { @[node] = count() }'", brief: 'Routing' },
      { input: '--list', brief: 'What can be watched' },
    ],
  },
  parameters: {
    flags: {
      ...rackFlags,
      list: { kind: 'boolean', default: false, brief: 'List the probes and their fields' },
      seconds: {
        kind: 'parsed',
        parse: (text: string): number => {
          const seconds = Number(text)
          if (!(seconds > 0 && seconds < 1e6)) throw new Error('--seconds takes a number above 0')
          return seconds
        },
        optional: true,
        brief: 'End after this long',
        placeholder: 'N',
      },
    },
    positional: {
      kind: 'tuple',
      parameters: [{ parse: parseText, brief: 'Program', placeholder: 'PROGRAM', optional: true }],
    },
  },
  async func(this: LodeContext, flags: ProbeFlags, program?: string) {
    const { readNdjson } = await import('@lodestone/api')
    const { ProbeLine } = await import('@lodestone/contract-testbed')
    const { parseProbeProgram, renderProbeOutput, renderProgramProblem } = await import('@lodestone/probe')
    const directory = this.stateDirectory(flags.state)
    if (flags.list) {
      const points = await (await rackClient(this, directory)).probe_list()
      if (!points.ok) return reportFailure(this, directory, points)
      if (flags.json) return this.printJson(points.value)
      const rows = points.value.map(({ provider, unit, name, sentence, fields }) => [
        unit === '' ? `${provider}:${name}` : `${provider}:*:${unit.toUpperCase()}:${name}`,
        sentence,
        Object.keys(fields).join(' '),
      ])
      return this.print(textTable(['probe', 'fires when', 'fields'], rows))
    }
    if (program === undefined) {
      this.note(
        "lode probe: a program is wanted, such as '*:drop { @[node, reason] = count() }'; see --help and --list",
      )
      return this.exit(ExitStatus.usage)
    }
    const parsed = parseProbeProgram(program)
    if (!parsed.ok) {
      this.note(renderProgramProblem(program, parsed.problem))
      return this.exit(ExitStatus.usage)
    }
    const client = await rackClient(this, directory)
    const body = { program, ...(flags.seconds === undefined ? {} : { duration_ms: 1000 * flags.seconds }) }
    const result = await client.probe({ body })
    if (!result.ok) {
      if (result.kind !== 'refused' || result.status !== 400) return reportFailure(this, directory, result)
      this.note(result.message)
      return this.exit(ExitStatus.usage)
    }
    for await (const line of readNdjson(result.value, ProbeLine)) {
      // The first line says how to end the program in order: with its END clauses and its tables.
      if (line.kind === 'start') this.process.once('SIGINT', () => void client.probe_stop({ params: { id: line.id } }))
      if (flags.json) this.print(JSON.stringify(line))
      else if (line.kind === 'start') continue
      else if (line.kind === 'lost') this.note(`${line.count} lines were lost: this terminal is slower than the rack`)
      else if (line.kind === 'end') this.note(`${line.events} events`)
      else this.print(renderProbeOutput(line as Parameters<typeof renderProbeOutput>[0])) // as the contract says
    }
  },
})
