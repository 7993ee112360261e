import { buildCommand } from '@stricli/core'
import type { LodeContext } from '../../context.ts'
import { rackClient, reportFailure } from '../../rack-client.ts'
import { parseText, type RackFlags, rackFlags } from '../../state-flag.ts'

interface WhyFlags extends RackFlags {
  readonly all: boolean
}

/** What was dropped before is told with `--all` only: a guest announces itself when it starts, for instance. */
const QUIET_AFTER_MS = 60_000

export const whyCommand = buildCommand({
  docs: {
    brief: "Say why an instance's packets were dropped",
    fullDescription: [
      'The drops at the ports of an instance, grouped by reason and rule, most recent first, each with its last packet and what came',
      'closest to letting it pass. The last 64 drops of each port are remembered; the number in front counts all of their reason.',
      'docs/drop-codes.md has a section for each reason.',
    ].join('\n'),
    customUsage: [
      { input: 'web1', brief: 'Drops of the last minute' },
      { input: 'web1 --all', brief: 'All that are remembered' },
    ],
  },
  parameters: {
    flags: { ...rackFlags, all: { kind: 'boolean', default: false, brief: 'Older ones too' } },
    positional: { kind: 'tuple', parameters: [{ parse: parseText, brief: 'Instance', placeholder: 'INSTANCE' }] },
  },
  async func(this: LodeContext, flags: WhyFlags, instance: string) {
    const { renderNearMiss } = await import('@lodestone/probe')
    const directory = this.stateDirectory(flags.state)
    const result = await (await rackClient(this, directory)).instance_drops({ params: { instance } })
    if (!result.ok) return reportFailure(this, directory, result)
    const groups = flags.all ? result.value : result.value.filter((each) => each.last_ago_ms <= QUIET_AFTER_MS)
    if (flags.json) return this.printJson(groups)
    if (groups.length === 0) {
      const older = result.value.length > 0 ? '; there are older ones: --all' : ''
      return this.print(`nothing was dropped at ${instance}${flags.all ? '' : ' in the last minute'}${older}`)
    }
    for (const { total, recent, direction, port, reason, rule, detail, nearest, summary, ...times } of groups) {
      const [first, last] = [times.first_ago_ms, times.last_ago_ms].map((agoMs) => `${(agoMs / 1000).toFixed(1)} s ago`)
      const seen = recent === 1 ? last : `last ${last}, first of ${recent} ${first}`
      const by = rule === undefined ? '' : ` by "${rule}"`
      this.print(`${total} × ${reason.code}${by}  ${direction} at ${port}, ${seen}`)
      this.print(`  because  ${reason.sentence}${detail === '' ? '' : ` (${detail})`}`)
      this.print(`  packet   ${summary}`)
      for (const each of nearest) this.print(`  closest  ${renderNearMiss(each).replace(/^closest /, '')}`)
      if (reason.hint !== undefined) this.print(`  fix      ${reason.hint}`)
    }
  },
})
