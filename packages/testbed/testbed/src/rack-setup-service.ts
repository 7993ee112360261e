/** The set-up of a rack over HTTP: a configuration, a start, and steps that can be watched. It succeeds once; what has failed may be tried again. */
import { ApiFailure, type HttpHandler, implement, invalidRequest } from '@lodestone/api'
import { type SetupStatus, setupApi } from '@lodestone/contract-testbed'
import type { Clock } from '@lodestone/host'
import { parseRackConfig, type RackConfig } from './rack-config.ts'

export interface RackSetupOptions {
  readonly clock: Clock
  /** Names of the steps, in the order in which they are expected. */
  readonly steps: readonly string[]
  /** Does it, or leaves nothing behind when it rejects. `toml` is what `config` was read from. */
  readonly run: (config: RackConfig, toml: string) => Promise<void>
}

export class RackSetup {
  readonly handler: HttpHandler
  readonly #options: RackSetupOptions
  readonly #done = new Map<string, { readonly detail: string; readonly after_ms: number }>()
  #state: SetupStatus['state'] = 'uninitialized'
  #given: { readonly config: RackConfig; readonly toml: string } | undefined
  #message: string | undefined
  #startMs = 0

  constructor(options: RackSetupOptions) {
    this.#options = options
    this.handler = implement(setupApi, {
      setup_view: () => this.status(),
      setup_config_put: ({ body }) => {
        this.#checkOpen()
        const result = parseRackConfig(body.toml, body.file ?? 'rack.toml')
        if (!result.ok) throw invalidRequest(result.problems.join('\n'))
        this.#given = { config: result.config, toml: body.toml }
        return undefined
      },
      setup_run: () => {
        this.#checkOpen()
        if (this.#given === undefined)
          throw new ApiFailure({ kind: 'conflict', message: 'there is no configuration yet' })
        void this.#run(this.#given.config, this.#given.toml)
        return this.status()
      },
    })
  }

  status(): SetupStatus {
    return {
      state: this.#state,
      has_config: this.#given !== undefined,
      steps: this.#options.steps.map((name) => {
        const done = this.#done.get(name)
        return done === undefined ? { name, state: 'pending' } : { name, state: 'done', ...done }
      }),
      ...(this.#message === undefined ? {} : { message: this.#message }),
    }
  }

  /** A part of the rack is ready. */
  progress(name: string, detail: string): void {
    if (this.#state !== 'initializing') return
    this.#done.set(name, { detail, after_ms: this.#options.clock.nowMs() - this.#startMs })
  }

  async #run(config: RackConfig, toml: string): Promise<void> {
    this.#state = 'initializing'
    this.#message = undefined
    this.#done.clear()
    this.#startMs = this.#options.clock.nowMs()
    try {
      await this.#options.run(config, toml)
      this.#state = 'initialized'
    } catch (error) {
      this.#state = 'failed'
      this.#message = (error as Error).message
    }
  }

  #checkOpen(): void {
    if (this.#state === 'uninitialized' || this.#state === 'failed') return
    const message = this.#state === 'initialized' ? 'the rack is set up already' : 'the set-up is under way'
    throw new ApiFailure({ kind: 'conflict', message })
  }
}
