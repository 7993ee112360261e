/** The operations on the configuration. With a file the file is the truth; without one, what was put here last. */
import { ApiFailure, type Handlers, invalidRequest } from '@lodestone/api'
import type { ConfigJudgement, PolicyDryRun, RoutedApi, RoutedConfig as ApiConfig } from '@lodestone/contract-routed'
import type { Routed } from '../routed.ts'
import { configFromApi } from './config-from-api.ts'

/** What the daemon around the router can do for the interface. */
export interface DaemonControl {
  /** The file in force, secrets left out. */
  file(): { readonly name: string; readonly loaded_at: string; readonly content: unknown }
  reload(): Promise<ConfigJudgement>
  check(text: string): Promise<ConfigJudgement>
  /** @returns the first problem as text when the configuration is wrong. */
  dryRun(request: DryRunRequest): Promise<readonly PolicyDryRun[] | string>
  /** The text format of Prometheus. */
  metrics(): Promise<string>
}

export interface DryRunRequest {
  readonly text: string
  readonly peer?: string | undefined
  readonly direction?: 'import' | 'export' | undefined
  readonly limit?: number | undefined
}

type ConfigOperations =
  | 'config_view'
  | 'config_apply'
  | 'config_file'
  | 'config_reload'
  | 'config_check'
  | 'bgp_policy_dry_run'

export function configHandlers(
  routed: Routed,
  control: DaemonControl | undefined,
): Pick<Handlers<RoutedApi>, ConfigOperations> {
  /** What was written, so that it reads back the same. */
  let written: ApiConfig = {}
  const controlOf = (): DaemonControl => {
    if (control === undefined) throw conflict('this router is configured through PUT /config, not by a file')
    return control
  }
  return {
    config_view: () => {
      if (control !== undefined) throw conflict('this router is configured by a file: see GET /config/file')
      return written
    },
    config_apply: ({ body }) => {
      if (control !== undefined) {
        throw conflict(`this router is configured by ${control.file().name}: change it, then POST /config/reload`)
      }
      const { config, problems } = configFromApi(body)
      if (problems.length > 0) throw invalidRequest(problems.join('; '))
      const result = routed.apply(config)
      if (!result.ok) throw invalidRequest(result.problems.join('; '))
      written = body
      return undefined
    },
    config_file: () => controlOf().file(),
    config_reload: () => controlOf().reload(),
    config_check: ({ body }) => controlOf().check(body.text),
    bgp_policy_dry_run: async ({ body }) => {
      const result = await controlOf().dryRun(body)
      if (typeof result === 'string') throw invalidRequest(result)
      return [...result]
    },
  }
}

function conflict(message: string): ApiFailure {
  return new ApiFailure({ kind: 'conflict', message })
}
