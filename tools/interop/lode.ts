/** Our own daemon, as its users run it: `lode routed --config FILE`, asked by its admin interface. */
import { writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Daemon } from './daemon.ts'
import type { Namespace } from './namespace.ts'
import { eventually } from './patience.ts'

const COMMAND = fileURLToPath(new URL('../../apps/lode/src/main.ts', import.meta.url))

export interface LodePath {
  readonly protocol: string
  readonly peer: string
  readonly next_hop: string
  readonly interface?: string
  readonly stale?: boolean
  readonly path_id?: number
  readonly bgp?: { readonly as_path: string; readonly med: number; readonly communities?: readonly string[] }
}

export interface LodeRoute {
  readonly prefix: string
  readonly paths: readonly LodePath[]
}

export interface LodeBfdSession {
  readonly name: string
  readonly state: string
  readonly echo_active: boolean
  readonly counters: Readonly<Record<string, number>>
}

export interface LodeNeighbour {
  readonly name: string
  readonly state: string
  readonly capabilities: readonly string[]
  readonly paths_received: number
  readonly end_of_rib_received: readonly string[]
  readonly graceful_restart?: { readonly negotiated: boolean; readonly stale_paths: number }
  readonly last_notification_sent?: { readonly text: string }
  readonly last_notification_received?: { readonly text: string }
}

export class Lode {
  readonly #namespace: Namespace
  #daemon: Daemon | undefined

  constructor(namespace: Namespace) {
    this.#namespace = namespace
  }

  /** @param config the configuration file's content; JSON is YAML. */
  async start(config: Readonly<Record<string, unknown>>): Promise<void> {
    const path = this.#write(config)
    const args = ['--disable-warning=ExperimentalWarning', COMMAND, 'routed', '--config', path]
    this.#daemon = this.#namespace.start('lode', process.execPath, args)
    await eventually('lode answers', () => this.#daemonAnswers())
  }

  /** Changes the file and makes the daemon read it. Throws when it refuses. */
  async reload(config: Readonly<Record<string, unknown>>): Promise<void> {
    this.#write(config)
    const args = ['--disable-warning=ExperimentalWarning', COMMAND, 'routed', '--reload', '--routed', this.#socket]
    await this.#namespace.ask(process.execPath, ...args)
  }

  neighbours(): Promise<readonly LodeNeighbour[]> {
    return this.get('/bgp/status/neighbors')
  }

  async established(): Promise<number> {
    return (await this.neighbours()).filter(({ state }) => state === 'Established').length
  }

  /** What is selected. */
  routes(): Promise<readonly LodeRoute[]> {
    return this.get('/rib/status/selected')
  }

  /** All that was received. */
  received(): Promise<readonly LodeRoute[]> {
    return this.get('/rib/status/imported')
  }

  async bfdUp(): Promise<number> {
    return (await this.bfdSessions()).filter(({ state }) => state === 'Up').length
  }

  async bfdSessions(): Promise<readonly LodeBfdSession[]> {
    return (await this.get<{ readonly sessions: readonly LodeBfdSession[] }>('/bfd/status')).sessions
  }

  get<T>(path: string): Promise<T> {
    return new Promise((resolve, reject) => {
      // A connection of its own: one that is kept may be closed by the daemon just when the next question is on its way.
      const options = { socketPath: this.#socket, path, headers: { host: 'lode' }, agent: false } as const
      const sent = request(options, (response) => {
        let text = ''
        response.on('data', (chunk: Buffer) => (text += chunk.toString()))
        response.on('end', () => {
          if (response.statusCode === 200) resolve(JSON.parse(text) as T)
          else reject(new Error(`${path}: ${response.statusCode} ${text}`))
        })
      })
      sent.on('error', reject)
      sent.end()
    })
  }

  async stop(): Promise<void> {
    await this.#daemon?.stop()
  }

  async kill(): Promise<void> {
    await this.#daemon?.kill()
  }

  logs(): string {
    return this.#daemon?.log() ?? ''
  }

  get pid(): number {
    return this.#daemon?.pid ?? -1
  }

  #write(config: Readonly<Record<string, unknown>>): string {
    const path = join(this.#namespace.folder, 'router.yaml')
    writeFileSync(path, JSON.stringify({ ...config, admin: { listen: [this.#socket] } }, undefined, 2))
    return path
  }

  async #daemonAnswers(): Promise<boolean> {
    if (this.#daemon?.isRunning === false) throw new Error(`lode ended:\n${this.logs()}`)
    await this.neighbours()
    return true
  }

  get #socket(): string {
    return join(this.#namespace.folder, 'lode.sock')
  }
}
