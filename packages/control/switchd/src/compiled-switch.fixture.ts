/** The rack switch's real program on a bench. It is compiled once per test file. */
import assert from 'node:assert/strict'
import { createPipeline } from '@lodestone/npu'
import { compile, type Program, type ReadFile, renderDiagnostics } from '@lodestone/p4'
import { switchPipelineOptions } from './pipeline-options.ts'
import { DEFAULT_PORTS, makeRig, type Rig, type RigOptions } from './rig.fixture.ts'

/** @param readFile text of a file by its name below `p4/`. */
export function switchProgram(readFile: ReadFile): Program {
  const { program, diagnostics } = compile({ fileName: 'switch.p4', readFile, includePaths: ['include'] })
  assert.ok(program, renderDiagnostics(diagnostics, readFile))
  return program
}

/** The daemon is made and not started. */
export function realRig(program: Program, options: RigOptions = {}): Rig {
  return makeRig(
    (arena, clock, tracer) =>
      createPipeline(
        program,
        switchPipelineOptions({ name: 'switch0', ports: options.ports ?? DEFAULT_PORTS, arena, clock, tracer }),
      ),
    options,
  )
}
