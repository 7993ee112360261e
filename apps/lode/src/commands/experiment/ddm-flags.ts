/** The words of `lode experiment ddm` as an experiment. */
import type { CaseName, ExperimentOptions, PolicyName, SizeName, Telemetry } from '@lodestone/experiment'

export interface DdmFlags {
  readonly quick: boolean
  readonly full: boolean
  readonly seeds?: readonly number[]
  readonly load?: readonly number[]
  readonly sizes?: readonly string[]
  readonly case?: readonly string[]
  readonly policy?: readonly string[]
  readonly flows?: number
  readonly telemetry: string
  readonly plots?: string
  readonly json: boolean
}

export interface Presets {
  readonly quick: ExperimentOptions
  readonly usual: ExperimentOptions
  readonly full: ExperimentOptions
}

interface Names {
  readonly cases: readonly CaseName[]
  readonly sizes: readonly SizeName[]
  readonly policies: readonly PolicyName[]
  readonly telemetry: readonly Telemetry[]
}

/** A sentence when a word is unknown. */
export function experimentOf(flags: DdmFlags, presets: Presets, names: Names): ExperimentOptions | string {
  if (flags.quick && flags.full) return '--quick and --full exclude each other'
  const preset = flags.quick ? presets.quick : flags.full ? presets.full : presets.usual
  const cases = known(flags.case, names.cases, 'case')
  const sizes = known(flags.sizes, names.sizes, 'sizes')
  const policies = known(flags.policy, names.policies, 'policy')
  const telemetry = known([flags.telemetry], names.telemetry, 'telemetry')
  for (const each of [cases, sizes, policies, telemetry]) if (typeof each === 'string') return each
  return {
    ...preset,
    ...(typeof cases === 'object' ? { cases } : {}),
    ...(typeof sizes === 'object' ? { sizes } : {}),
    ...(typeof policies === 'object' ? { policies } : {}),
    ...(typeof telemetry === 'object' ? { telemetry: telemetry[0]! } : {}),
    ...(flags.load === undefined ? {} : { loads: flags.load }),
    ...(flags.seeds === undefined ? {} : { seeds: flags.seeds }),
    ...(flags.flows === undefined ? {} : { flows: flags.flows }),
  }
}

function known<T extends string>(
  given: readonly string[] | undefined,
  names: readonly T[],
  flag: string,
): readonly T[] | string | undefined {
  if (given === undefined) return undefined
  const unknown = given.find((each) => !(names as readonly string[]).includes(each))
  if (unknown !== undefined) return `--${flag} takes ${names.join(', ')}, not ${unknown}`
  return names.filter((each) => given.includes(each))
}

export function parseList(text: string): readonly string[] {
  return text.split(',').map((each) => each.trim())
}

/** Percentages, as shares. */
export function parseLoads(text: string): readonly number[] {
  return parseList(text).map((each) => {
    const percent = Number(each.replace(/%$/, ''))
    if (!(percent > 0 && percent < 100)) throw new Error(`--load takes percentages between 0 and 100, not ${each}`)
    return percent / 100
  })
}

/** `3` or `1..10`. */
export function parseSeeds(text: string): readonly number[] {
  const match = /^(\d{1,6})(?:\.\.(\d{1,6}))?$/.exec(text)
  const first = Number(match?.[1])
  const last = Number(match?.[2] ?? match?.[1])
  if (match === null || last < first || last - first >= 1000) {
    throw new Error(`--seeds takes a number or a range such as 1..10, not ${text}`)
  }
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}

export function parseFlows(text: string): number {
  const flows = Number(text)
  if (!Number.isInteger(flows) || flows < 10 || flows > 1_000_000)
    throw new Error(`--flows takes 10 to 1000000, not ${text}`)
  return flows
}
