export { CASE_NAMES, type CaseName, type CellResult, type CellRun, type FlowGroup, runCell } from './ddm/cell.ts'
export {
  type CellRow,
  DEFAULT_EXPERIMENT,
  type ExperimentOptions,
  FULL_EXPERIMENT,
  planRuns,
  QUICK_EXPERIMENT,
  seedRange,
  summarize,
} from './ddm/experiment.ts'
export { SIZE_NAMES, type SizeName } from './ddm/flow-sizes.ts'
export { type GoalResult, judgeGoals, lostCells } from './ddm/goals.ts'
export { type Plot, plotRows } from './ddm/plot.ts'
export { POLICY_NAMES, POLICY_TITLES, type PolicyName, TELEMETRY_NAMES, type Telemetry } from './ddm/policy.ts'
export { average, pairedRatio, type Ratio } from './ddm/statistics.ts'
