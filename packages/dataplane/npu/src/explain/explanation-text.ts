/** An explanation as text for terminals. It says nothing that the data does not. */
import type {
  ExplainedStep,
  Explanation,
  FailedKey,
  HeaderChange,
  NearestEntry,
  Position,
  RunExplanation,
  StepRef,
} from './explanation.ts'

export interface ExplanationTextOptions {
  /** ANSI colours. */
  readonly color?: boolean
  /** Steps without a part in the verdict or the sent bytes, too. */
  readonly all?: boolean
  /** A line of a source file, to be quoted under what decided. */
  readonly sourceLine?: (file: string, line: number) => string | undefined
}

export function explanationText(explanation: Explanation, options: ExplanationTextOptions = {}): string {
  const { packet, runs, notes } = explanation
  const lines = [`packet of ${packet.length} bytes in on port ${packet.port}: ${packet.summary}`]
  runs.forEach((run, index) => {
    if (index > 0) lines.push('')
    if (index > 0 || runs.length > 1) lines.push(runTitle(run, index))
    lines.push(...runLines(explanation, run, options))
  })
  for (const note of notes) lines.push(`note: ${note}`)
  return lines.join('\n')
}

function runTitle(run: RunExplanation, index: number): string {
  const origin = run.parent === undefined ? '' : ` of run ${run.parent + 1}`
  return `run ${index + 1}: ${run.cause}${origin}, port ${run.portName}`
}

function runLines(explanation: Explanation, run: RunExplanation, options: ExplanationTextOptions): string[] {
  const shown = run.steps.filter((step) => options.all === true || isShown(step))
  const parts = shown.map((step) => ({ step, text: stepLines(step) }))
  const width = Math.min(76, Math.max(0, ...parts.map(({ text }) => text[0]!.length)))
  const lines = parts.flatMap(({ step, text: [head, ...rest] }) => {
    const at = step.at === undefined ? '' : `  ${shortPosition(step.at)}`
    return [`  ${head!.padEnd(at === '' ? 0 : width)}${at}`, ...rest.map((line) => `    ${line}`)]
  })
  lines.push(...outcomeLines(explanation, run, options))
  if (run.headers !== undefined && run.outcome.kind !== 'dropped') {
    lines.push(...run.headers.filter((one) => one.change !== 'kept').flatMap(headerLines))
  }
  for (const { dropped, undone } of run.undoneDrops) {
    lines.push(`  the drop at ${refPosition(explanation, dropped)} was undone at ${refPosition(explanation, undone)}`)
  }
  return lines
}

/** Steps that people want to see even if they did not matter: where it went and what it looked up. */
function isShown(step: ExplainedStep): boolean {
  if (step.kind === 'state') return false
  return step.matters || ['select', 'table', 'parserError', 'assertion', 'extract'].includes(step.kind)
}

function stepLines(step: ExplainedStep): string[] {
  switch (step.kind) {
    case 'state':
      return [`state ${step.state}`]
    case 'select': {
      const keys = step.keys.map(({ name, value }) => `${name} = ${value}`).join(', ')
      return [`select ${keys} → ${step.chosen === 'default' ? '' : `${step.chosen} → `}${step.next}`]
    }
    case 'extract':
      return [`extract ${step.header}, bytes ${step.offset} to ${step.offset + step.length - 1}`]
    case 'parserError': {
      const rest = `at byte ${step.offset}, ${step.available} bytes left`
      return [`parser ${step.isIgnored ? 'ignores' : 'stops:'} ${step.error} ${rest}`]
    }
    case 'branch':
      return [`if ${step.condition}: ${step.value}`]
    case 'table': {
      const keys = step.keys.map(({ name, value }) => `${name}=${value}`).join(', ')
      const found = step.hit ? `hit ${step.entry!.split(' → ')[0]}` : step.keys.length === 0 ? 'default' : 'MISS'
      const parameters = step.parameters.map(({ name, value }) => `${name}=${value}`).join(', ')
      return [
        `table ${step.table}: ${keys}${keys === '' ? '' : ' '}${found} → ${last(step.action)}(${parameters})`,
        ...(step.nearest === undefined ? [] : nearestLines(step.nearest)),
      ]
    }
    case 'assign':
      return [`${step.field} = ${step.to}${step.from === step.to ? '' : ` (was ${step.from})`}`]
    case 'extern':
      return [
        step.field === undefined
          ? `${step.source} = ${step.value}`
          : `${step.field} = ${step.value} from ${step.source}`,
      ]
    case 'registerWrite':
      return [`register ${step.register}[${step.index}] = ${step.value}`]
    case 'call':
      return [`${step.name}${step.values.length === 0 ? '' : ` (${step.values.join(', ')})`}`]
    case 'assertion':
      return [`assertion does not hold: ${step.text}`]
    case 'leave':
      return [step.how]
  }
}

function nearestLines(nearest: NearestEntry): string[] {
  const some = nearest.examined < nearest.entries ? ` (of the first ${nearest.examined} of ${nearest.entries})` : ''
  return [`closest entry${some}: ${nearest.entry}`, ...nearest.failed.map((one) => `  ${failedKeyText(one)}`)]
}

/** `hdr.ipv4.dst differs in bit 24 of 32: wanted 10.0.2.0/24, packet has 10.0.3.9`. */
export function failedKeyText(failed: FailedKey): string {
  const { key, width, wanted, value, differingBits, distance } = failed
  const how =
    distance === undefined ? `differs in ${bitsText(differingBits, width)}` : `is ${distance} outside the range`
  return `${key} ${how}: wanted ${wanted}, packet has ${value}`
}

function bitsText(bits: readonly number[], width: number): string {
  if (bits.length === 1) return `bit ${bits[0]} of ${width}`
  const shown = bits.slice(0, 8).join(', ')
  return `bits ${shown}${bits.length > 8 ? ` and ${bits.length - 8} more` : ''} of ${width}`
}

function outcomeLines(explanation: Explanation, run: RunExplanation, options: ExplanationTextOptions): string[] {
  const { outcome } = run
  const at = run.decisive === undefined ? undefined : stepAt(explanation, run.decisive)
  const where = at === undefined ? '' : ` at ${shortPosition(at)}`
  const by = run.decidedBy === undefined ? '' : `, decided by ${run.decidedBy}${where}`
  const quoted = at === undefined ? undefined : options.sourceLine?.(at.file, at.line)
  const quote = quoted === undefined ? [] : [`    ${at!.line} | ${quoted.trim()}`]
  switch (outcome.kind) {
    case 'sent':
      return [
        paint(`  SENT to port ${outcome.portName}, ${outcome.bytes.length / 2} bytes${by}`, '32', options),
        ...quote,
      ]
    case 'continued':
      return [`  goes on as ${outcome.as}${by}`, ...quote]
    case 'dropped': {
      const { reason, category } = outcome
      return [
        paint(`  DROPPED ${reason.code} (${category}): ${reason.sentence}`, '31', options),
        ...(by === '' ? [] : [`  ${by.slice(2)}`, ...quote]),
        ...(reason.hint === undefined ? [] : [`  fix: ${reason.hint}`]),
      ]
    }
  }
}

function headerLines(change: HeaderChange): string[] {
  if (change.change === 'removed') return [`  - ${change.header}`]
  if (change.change === 'added') {
    return [`  + ${change.header}: ${change.fields.map(({ name, to }) => `${name} ${to}`).join(', ')}`]
  }
  return change.fields.map(({ name, from, to, by }) => {
    return `  ~ ${change.header}.${name}: ${from} → ${to}${by === undefined ? '' : `  ${shortPosition(by)}`}`
  })
}

function stepAt(explanation: Explanation, ref: StepRef): Position | undefined {
  return explanation.runs[ref.run]?.steps[ref.step]?.at
}

function refPosition(explanation: Explanation, ref: StepRef): string {
  const at = stepAt(explanation, ref)
  return at === undefined ? 'an unknown place' : shortPosition(at)
}

/** File without its folders. */
function shortPosition({ file, line, column }: Position): string {
  return `${file.slice(file.lastIndexOf('/') + 1)}:${line}:${column}`
}

function last(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1)
}

function paint(text: string, color: string, options: ExplanationTextOptions): string {
  return options.color === true ? `\u001b[${color}m${text}\u001b[0m` : text
}
