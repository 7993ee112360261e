/**
 * What a command may use of its surroundings: output streams, environment, exit status, and the host capabilities that
 * it hands on to everything below.
 */
import { OsFiles, OsNetwork, OsRandom, RealClock } from '@lodestone/host'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What an exit status of `lode` means. */
export const ExitStatus = {
  ok: 0,
  /** It ran and the answer is no: a demo step that did not happen, a check that failed. */
  failed: 1,
  /** The words of the command are wrong. */
  usage: 2,
  /** No rack runs on that state directory, or it did not answer. */
  noRack: 3,
  /** Stopped by a second Ctrl-C, as shells count SIGINT. */
  interrupted: 130,
} as const

export class LodeContext {
  readonly process: NodeJS.Process
  readonly clock = new RealClock()
  readonly random = new OsRandom()
  readonly network = new OsNetwork()

  constructor(nodeProcess: NodeJS.Process) {
    this.process = nodeProcess
  }

  /** Colours only on a terminal, and not where NO_COLOR asks for none. */
  get color(): boolean {
    return this.process.stdout.isTTY === true && (this.process.env['NO_COLOR'] ?? '') === ''
  }

  print(text: string): void {
    this.process.stdout.write(`${text}\n`)
  }

  printJson(value: unknown): void {
    this.process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`)
  }

  /** A message for people, apart from the command's output. */
  note(text: string): void {
    this.process.stderr.write(`${text}\n`)
  }

  /** Ends the command with this status once its output is out. */
  exit(status: number): void {
    this.process.exitCode = status
  }

  /** Where archives of empty databases are: in the published package, and in the cache, which is also written to. */
  get databaseArchives(): readonly OsFiles[] {
    const cache = this.process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache')
    const own = new OsFiles(join(cache, 'lodestone', 'databases'))
    if (import.meta.url.endsWith('.ts')) return [own]
    return [new OsFiles(fileURLToPath(new URL('./databases', import.meta.url))), own]
  }

  stateDirectory(flag: string | undefined): string {
    return resolve(flag ?? this.process.env['LODE_STATE'] ?? join(homedir(), '.lode', 'default'))
  }
}
