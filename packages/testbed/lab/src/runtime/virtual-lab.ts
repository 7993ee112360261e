/** A laboratory in virtual time: for tests, and for whoever wants an hour of it in a second. */
import { client } from '@lodestone/api'
import { SeededRandom, VirtualClock } from '@lodestone/host'
import type { Program } from '@lodestone/p4'
import { labApi, type LabClient } from '../control/lab-api.ts'
import { labHandler } from '../control/lab-handler.ts'
import type { LabDocument } from '../document/document.ts'
import { LabRuntime, type LabRuntimeOptions } from './lab-runtime.ts'

export interface VirtualLabOptions {
  readonly document: LabDocument
  readonly program: (name: string) => Program
  readonly seed?: number
  readonly frames?: number
  readonly behaviours?: LabRuntimeOptions['behaviours']
  readonly predicates?: LabRuntimeOptions['predicates']
}

export class VirtualLab {
  readonly clock = new VirtualClock()
  readonly runtime: LabRuntime
  readonly client: LabClient

  static async start(options: VirtualLabOptions): Promise<VirtualLab> {
    const lab = new VirtualLab(options)
    await lab.clock.run(lab.runtime.start(), 120_000)
    return lab
  }

  private constructor({ document, program, seed, frames, behaviours, predicates }: VirtualLabOptions) {
    this.runtime = new LabRuntime({
      document,
      program,
      clock: this.clock,
      random: new SeededRandom(seed ?? 1),
      ...(frames === undefined ? {} : { frames }),
      ...(behaviours === undefined ? {} : { behaviours }),
      ...(predicates === undefined ? {} : { predicates }),
    })
    this.client = client(labApi, labHandler(this.runtime, { onShutdown: () => void this.close() }), 'http://lab')
  }

  /** Lets time pass until the promise is settled. */
  run<T>(promise: Promise<T>): Promise<T> {
    return this.clock.run(promise)
  }

  close(): Promise<void> {
    return this.runtime.close()
  }
}
