/** What the commands of a laboratory may use of the process that they run in. */
import { OsNetwork, RealClock } from '@lodestone/host'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Lab } from './build/lab.ts'
import type { LabDocument } from './document/document.ts'

/** The same as those of `lode`. */
export const ExitStatus = { ok: 0, failed: 1, usage: 2, notRunning: 3 } as const

export interface LabContextOptions {
  readonly document: () => LabDocument
  readonly tests: Lab['tests']
  readonly behaviours: Lab['behaviours']
  readonly predicates: Lab['predicates']
  /** The command that runs this program again. */
  readonly self: readonly string[]
}

export class LabContext {
  readonly process: NodeJS.Process = process
  readonly clock = new RealClock()
  readonly network = new OsNetwork()
  readonly tests: Lab['tests']
  readonly behaviours: Lab['behaviours']
  readonly predicates: Lab['predicates']
  readonly self: readonly string[]
  readonly #document: () => LabDocument
  #made: LabDocument | undefined

  constructor({ document, tests, behaviours, predicates, self }: LabContextOptions) {
    this.#document = document
    this.tests = tests
    this.behaviours = behaviours
    this.predicates = predicates
    this.self = self
  }

  /** What the program says now. Throws with sentences where it contradicts itself. */
  get document(): LabDocument {
    this.#made ??= this.#document()
    return this.#made
  }

  print(text: string): void {
    this.process.stdout.write(`${text}\n`)
  }

  printJson(value: unknown): void {
    this.print(JSON.stringify(value, undefined, 2))
  }

  note(text: string): void {
    this.process.stderr.write(`${text}\n`)
  }

  exit(status: number): void {
    this.process.exitCode = status
  }

  stateDirectory(flag: string | undefined): string {
    const { LODE_LAB_STATE } = this.process.env
    return resolve(flag ?? join(LODE_LAB_STATE ?? join(homedir(), '.lode', 'labs'), this.document.name))
  }
}
