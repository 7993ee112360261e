import type { StoryEvent } from '@lodestone/probe'
import { buildCommand } from '@stricli/core'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { rackClient, reportFailure } from '../../rack-client.ts'
import { parseText, type RackFlags, rackFlags } from '../../state-flag.ts'

export const watchCommand = buildCommand({
  docs: {
    brief: 'Follow verdicts on live packets, one line each',
    fullDescription: [
      'Without a filter: drops only. The filter is that of lode trace, which tells the whole story of each packet.',
      'A packet matches in any form it takes on its way: before or after NAT, inside or outside the tunnel.',
    ].join('\n'),
    customUsage: [
      { input: '', brief: 'Every packet that is dropped' },
      { input: 'tcp and port 80 and syn', brief: 'Connection attempts to web servers' },
      { input: 'host 198.51.100.10 and not delivered', brief: 'What does not reach an address' },
    ],
  },
  parameters: {
    flags: rackFlags,
    positional: { kind: 'array', parameter: { parse: parseText, brief: 'Filter', placeholder: 'FILTER' } },
  },
  async func(this: LodeContext, flags: RackFlags, ...words: string[]) {
    const { readNdjson } = await import('@lodestone/api')
    const { TraceEvent } = await import('@lodestone/contract-testbed')
    const { parseStoryFilter } = await import('@lodestone/probe')
    const { verdictLine } = await import('./verdict-line.ts')
    const filter = words.length === 0 ? 'dropped' : words.join(' ')
    const parsed = parseStoryFilter(filter)
    if (!parsed.ok) {
      this.note(parsed.message)
      return this.exit(ExitStatus.usage)
    }
    const directory = this.stateDirectory(flags.state)
    const aborter = new AbortController()
    this.process.once('SIGINT', () => aborter.abort())
    const result = await (await rackClient(this, directory)).trace({ query: { filter }, signal: aborter.signal })
    if (!result.ok) return reportFailure(this, directory, result)
    let story: StoryEvent[] = []
    const flush = (): void => {
      const line = verdictLine(story)
      if (line !== undefined) this.print(flags.json ? JSON.stringify(line) : line.text)
      story = []
    }
    try {
      for await (const event of readNdjson(result.value, TraceEvent)) {
        if (story.length > 0 && story[0]!.packet !== event.packet) flush()
        // because the contract leaves the step open for kinds that are newer than this program
        story.push(event as StoryEvent)
        // A story ends with its packet; the next one may be long in coming.
        if (event.step.kind === 'dropped' || event.step.kind === 'delivered') flush()
      }
    } catch (error) {
      if (!aborter.signal.aborted) throw error
    }
    flush()
  },
})
