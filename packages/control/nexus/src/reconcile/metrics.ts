/** The reconcilers' state in the text format of Prometheus. Read when somebody asks; nothing is counted twice. */
import type { ReconcilerStatus } from './loop.ts'

export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

interface Metric {
  readonly name: string
  readonly help: string
  readonly type: 'gauge' | 'counter'
  /** Undefined: there is nothing to tell yet. */
  readonly value: (status: ReconcilerStatus) => number | undefined
}

const METRICS: readonly Metric[] = [
  {
    name: 'nexus_reconciler_passes_total',
    help: 'Passes that have ended',
    type: 'counter',
    value: (status) => status.passes,
  },
  {
    name: 'nexus_reconciler_failed_passes_total',
    help: 'Passes in which something failed',
    type: 'counter',
    value: (status) => status.failures,
  },
  {
    name: 'nexus_reconciler_pending_items',
    help: 'Things that are not as they should be',
    type: 'gauge',
    value: (status) =>
      status.items.filter(({ state }) => state === 'failed').length + (status.error === undefined ? 0 : 1),
  },
  {
    name: 'nexus_reconciler_active',
    help: 'Whether this control plane runs the reconciler, or another one',
    type: 'gauge',
    value: (status) => (status.state === 'standby' ? 0 : 1),
  },
  {
    name: 'nexus_reconciler_last_success_timestamp_seconds',
    help: 'When a pass last ended in which nothing failed',
    type: 'gauge',
    value: ({ lastSuccessWallMs: ms }) => (ms === undefined ? undefined : ms / 1000),
  },
  {
    name: 'nexus_reconciler_generation',
    help: 'The highest generation that has been pushed',
    type: 'gauge',
    value: (status) => {
      const generations = status.items.flatMap(({ generation }) => generation ?? [])
      return generations.length === 0 ? undefined : Math.max(...generations)
    },
  },
]

export function reconcilerMetrics(all: readonly ReconcilerStatus[]): string {
  return METRICS.map(({ name, help, type, value }) => {
    const rows = all.flatMap((status) => {
      const number = value(status)
      const labels = `reconciler="${status.reconciler}",target="${status.target}"`
      return number === undefined ? [] : [`${name}{${labels}} ${number}`]
    })
    return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...rows, ''].join('\n')
  }).join('')
}
