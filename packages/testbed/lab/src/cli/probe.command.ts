/** The command that watches a running laboratory with a small program. */
import { buildCommand } from '@stricli/core'
import { ExitStatus, type LabContext } from '../os-context.ts'
import { connect, type LabFlags, labFlags, parseText, textTable, valueOrReport } from './connection.ts'

interface ProbeFlags extends LabFlags {
  readonly list: boolean
  readonly seconds?: number
}

export const probeCommand = buildCommand({
  docs: {
    brief: 'Watch packets and routing with a small program, as `lode probe` does a rack',
    fullDescription: [
      'PROBE / predicate / { statements }, where a probe is provider:name, provider:node:name or provider:node:unit:name with * and ?.',
      '--list says what there is; `lode probe --help` describes the language.',
      'Exit status: 0 done, 2 a program with a mistake, 3 the laboratory is not running.',
    ].join('\n'),
    customUsage: [
      { input: `'link:deliver { @[unit] = quantize(bytes) }' --seconds 10`, brief: 'Sizes of frames, cable by cable' },
      { input: `'*:drop { @[node, reason] = count() } tick-1s { printa(@); clear(@) }'`, brief: 'Drops, every second' },
      { input: '--list', brief: 'What can be watched' },
    ],
  },
  parameters: {
    flags: {
      ...labFlags,
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
  async func(this: LabContext, flags: ProbeFlags, program?: string) {
    const client = await connect(this, flags)
    if (flags.list) {
      const points = valueOrReport(this, await client.probe_list())
      if (points === undefined) return
      if (flags.json) return this.printJson(points.value)
      const rows = points.value.map(({ provider, unit, name, sentence, fields }) => [
        unit === '' ? `${provider}:${name}` : `${provider}:*:${unit.toUpperCase()}:${name}`,
        sentence,
        Object.keys(fields).join(' '),
      ])
      return this.print(textTable(['probe', 'fires when', 'fields'], rows))
    }
    if (program === undefined) {
      this.note("a program is wanted, such as '*:drop { @[node, reason] = count() }'; see --list")
      return this.exit(ExitStatus.usage)
    }
    const { readNdjson } = await import('@lodestone/api')
    const { ProbeLine } = await import('@lodestone/contract-testbed')
    const { renderProbeOutput } = await import('@lodestone/probe')
    const body = { program, ...(flags.seconds === undefined ? {} : { duration_ms: 1000 * flags.seconds }) }
    const result = valueOrReport(this, await client.probe({ body }))
    if (result === undefined) return
    for await (const line of readNdjson(result.value, ProbeLine)) {
      if (line.kind === 'start') this.process.once('SIGINT', () => void client.probe_stop({ params: { id: line.id } }))
      if (flags.json) this.print(JSON.stringify(line))
      else if (line.kind === 'start') continue
      else if (line.kind === 'lost')
        this.note(`${line.count} lines were lost: this terminal is slower than the laboratory`)
      else if (line.kind === 'end') this.note(`${line.events} events`)
      else this.print(renderProbeOutput(line as Parameters<typeof renderProbeOutput>[0])) // as the contract says
    }
  },
})
