/** `lode routed --reload` and `--dry-run`: what a running daemon is asked about its configuration. */
import type { ConfigJudgement, PolicyDryRun } from '@lodestone/contract-routed'
import { describeProblem } from '@lodestone/routed'
import { readFile } from 'node:fs/promises'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { type DaemonFlags, reportRoutedFailure, routedClient } from './routed-client.ts'

/** The daemon reads its own file again. */
export async function askReload(context: LodeContext, flags: DaemonFlags): Promise<void> {
  const client = await routedClient(context, flags)
  const file = await client.config_file()
  if (!file.ok) return reportRoutedFailure(context, flags, file)
  const result = await client.config_reload()
  if (!result.ok) return reportRoutedFailure(context, flags, result)
  if (flags.json) context.printJson(result.value)
  else context.print(judgementText(result.value, file.value.name, '', 'changed'))
  if (!result.value.ok) context.exit(ExitStatus.failed)
}

/** What `path` would change, in the configuration and in the routes that pass. */
export async function askDryRun(context: LodeContext, flags: DaemonFlags, path: string): Promise<void> {
  const text = await readFile(path, 'utf8')
  const client = await routedClient(context, flags)
  const judgement = await client.config_check({ body: { text } })
  if (!judgement.ok) return reportRoutedFailure(context, flags, judgement)
  if (!judgement.value.ok) {
    if (flags.json) context.printJson({ ...judgement.value, policies: [] })
    else context.print(judgementText(judgement.value, path, text, 'would change'))
    return context.exit(ExitStatus.failed)
  }
  const policies = await client.bgp_policy_dry_run({ body: { text } })
  if (!policies.ok) return reportRoutedFailure(context, flags, policies)
  if (flags.json) return context.printJson({ ...judgement.value, policies: policies.value })
  context.print(judgementText(judgement.value, path, text, 'would change'))
  for (const run of policies.value) for (const line of dryRunLines(run)) context.print(line)
}

function judgementText(
  { ok, problems, changes }: ConfigJudgement,
  name: string,
  text: string,
  verb: 'changed' | 'would change',
): string {
  if (!ok) return problems.map((problem) => describeProblem(problem, name, text)).join('\n')
  if (changes.length === 0) return `nothing ${verb}`
  return changes.map(({ what, effect }) => `${effect.padEnd(12)}${what}`).join('\n')
}

function dryRunLines(run: PolicyDryRun): readonly string[] {
  const total = run.newly_accepted + run.newly_rejected + run.changed
  if (total === 0) return []
  const { peer, direction, newly_accepted: more, newly_rejected: less, changed } = run
  const shown = run.differences.map(
    ({ prefix, change, before, after }) => `  ${change.padEnd(15)}${prefix}: ${before} → ${after}`,
  )
  const rest = total - shown.length
  return [
    `${direction} of ${peer}: ${more} more routes, ${less} fewer, ${changed} changed, of ${run.examined}`,
    ...shown,
    ...(rest > 0 ? [`  and ${rest} more`] : []),
  ]
}
