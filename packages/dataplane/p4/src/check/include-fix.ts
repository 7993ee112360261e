/** "You forgot the include": which file declares a well-known name, and the text that would add it. */
import type { DiagnosticDetail } from '../source/diagnostic.ts'
import type { Name } from '../syntax/ast.ts'
import type { Context } from './context.ts'
import { correction } from './suggestion.ts'

const DECLARED_IN: ReadonlyMap<string, string> = new Map([
  ...['packet_in', 'packet_out', 'NoAction', 'verify', 'static_assert', 'exact', 'ternary', 'lpm'].map(
    (name) => [name, 'core.p4'] as const,
  ),
  ...[
    'V1Switch',
    'standard_metadata_t',
    'mark_to_drop',
    'verify_checksum',
    'update_checksum',
    'verify_checksum_with_payload',
    'update_checksum_with_payload',
    'HashAlgorithm',
    'CounterType',
    'MeterType',
    'register',
    'counter',
    'direct_counter',
    'meter',
    'direct_meter',
    'action_profile',
    'action_selector',
    'clone_preserving_field_list',
    'resubmit_preserving_field_list',
    'recirculate_preserving_field_list',
    'range',
    'optional',
    'selector',
  ].map((name) => [name, 'v1model.p4'] as const),
  ...[
    'PSA_Switch',
    'IngressPipeline',
    'EgressPipeline',
    'psa_ingress_input_metadata_t',
    'psa_ingress_output_metadata_t',
    'psa_egress_input_metadata_t',
    'InternetChecksum',
  ].map((name) => [name, 'bmv2/psa.p4'] as const),
  ...['PNA_NIC', 'pna_main_input_metadata_t', 'pna_main_output_metadata_t', 'send_to_port'].map(
    (name) => [name, 'pna.p4'] as const,
  ),
  ...['SoftNPU', 'softnpu_ingress_metadata_t', 'softnpu_egress_metadata_t'].map(
    (name) => [name, 'softnpu.p4'] as const,
  ),
])

/** The architecture file that declares a name which the program does not know. */
export function includeFor(name: string): string | undefined {
  return DECLARED_IN.get(name)
}

/** Says that a name is not known, and what may be meant: an include that is missing, or the nearest known name. */
export function undeclared(
  context: Context,
  name: Name,
  what: string,
  candidates: Iterable<string>,
  code = 'P4C3001',
): void {
  if (name.text === '') return
  const file = includeFor(name.text)
  const text = `${what}'${name.text}' is not declared`
  if (file !== undefined) {
    context.error(code, name.range, `${text}; it is declared in ${file}`, includeFix(context, file))
    return
  }
  const { hint, detail } = correction(name, candidates)
  context.error(code, name.range, text + hint, detail)
}

/** The fix that inserts `#include <file>` as the first line of the program. */
export function includeFix(context: Context, file: string): DiagnosticDetail {
  const start = context.programFile
  if (start === undefined) return {}
  const range = { file: start, line: 1, column: 1, endLine: 1, endColumn: 1 }
  return { fix: { title: `add '#include <${file}>'`, range, text: `#include <${file}>\n` } }
}
