/** How to make the pipeline of a rack switch, so that its stories speak of ports and drop reasons by name. */
import type { Arena } from '@lodestone/frame'
import type { Clock } from '@lodestone/host'
import type { PipelineOptions } from '@lodestone/npu'
import type { Tracer } from '@lodestone/probe'
import { dropReason } from './drop-reason.ts'
import { CPU_PORT, portName, portNumber } from './port-number.ts'

export interface SwitchPipelineOptions {
  /** As stories show it: `switch0`. */
  readonly name: string
  readonly arena: Arena
  readonly clock: Clock
  readonly tracer: Tracer
  /** Names of the ports that exist, without the CPU's. */
  readonly ports: Iterable<string>
}

/** For `createPipeline(program, …)`. */
export function switchPipelineOptions(options: SwitchPipelineOptions): PipelineOptions {
  const numbers = [...options.ports].flatMap((name) => portNumber(name) ?? [])
  return {
    arena: options.arena,
    nowMs: () => options.clock.nowMs(),
    tracer: options.tracer,
    node: options.name,
    portName,
    ports: [CPU_PORT, ...numbers],
    dropReason,
  }
}
