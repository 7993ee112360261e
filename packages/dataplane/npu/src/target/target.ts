/** The traffic manager of a program's architecture. */
import type { Arena } from '@lodestone/frame'
import type { Generated, Program } from '@lodestone/p4'
import type { StateMemory } from '../state-memory.ts'
import { psaRules } from './psa-target.ts'
import { type Passes, TrafficManager } from './traffic-manager.ts'
import { v1modelRules } from './v1model-target.ts'

const PRIORITIES = 8
const SESSION_MAX = 0x7fff
const GROUP_MAX = 0xffff

/** Undefined for programs whose generated code decides everything (softnpu). */
export function createTarget(
  generated: Generated,
  state: StateMemory,
  arena: Arena,
  passes: Passes,
): TrafficManager | undefined {
  const { program } = generated
  const rules = rulesOf(program)
  if (rules === undefined || program.intrinsics['target.special'] === undefined) return undefined
  // BMv2 has one queue per port unless started otherwise, and no place for packets of other priorities.
  const priorities = program.isBmv2 === true ? 1 : PRIORITIES
  return new TrafficManager(generated, state, arena, passes, rules, {
    groups: GROUP_MAX,
    sessions: SESSION_MAX,
    priorities,
  })
}

function rulesOf(program: Program): ReturnType<typeof v1modelRules> | undefined {
  if (program.architecture === 'v1model') return v1modelRules(program)
  return program.architecture === 'psa' ? psaRules(program) : undefined
}
