/**
 * A whole softnpu program around a few lines, and its run in the reference interpreter: one header `hdr.h` of five
 * fields comes in, the ingress body changes it, it goes out again.
 */
import { Interpreter } from '../back/interpreter.ts'
import type { Program } from '../ir/index.ts'
import { verifyProgram } from '../lower/verify-program.ts'
import { compileText, programOf } from './compile-text.test.ts'
import assert from 'node:assert/strict'

export interface TinyProgram {
  /** Declarations before the blocks. */
  readonly top?: string
  /** Declarations of the ingress control. */
  readonly locals?: string
  readonly apply?: string
  /** Members of the headers struct after `h`. */
  readonly headers?: string
  /** States instead of `start { extract(hdr.h); accept }`. */
  readonly states?: string
  readonly parserLocals?: string
  /** The deparser's statements after `emit(hdr.h)`. */
  readonly emit?: string
  readonly metadata?: string
}

export function tinySource(tiny: TinyProgram): string {
  return `#include <core.p4>
#include <softnpu.p4>
header h_t { bit<8> a; bit<8> b; bit<16> c; bit<32> d; }
header o_t { bit<8> v; }
${tiny.top ?? ''}
struct headers_t { h_t h; ${tiny.headers ?? ''} }
struct metadata_t { bit<8> m; ${tiny.metadata ?? ''} }
parser TinyParser(packet_in pkt, out headers_t hdr, inout metadata_t meta, inout softnpu_ingress_metadata_t ig) {
  ${tiny.parserLocals ?? ''}
  ${tiny.states ?? 'state start { pkt.extract(hdr.h); transition accept; }'}
}
control TinyIngress(inout headers_t hdr, inout metadata_t meta, inout softnpu_ingress_metadata_t ig,
                    inout softnpu_egress_metadata_t eg) {
  ${tiny.locals ?? ''}
  apply { ${tiny.apply ?? ''} }
}
control TinyEgress(inout headers_t hdr, inout metadata_t meta, inout softnpu_ingress_metadata_t ig,
                   inout softnpu_egress_metadata_t eg) { apply { } }
control TinyDeparser(packet_out pkt, in headers_t hdr) { apply { pkt.emit(hdr.h); ${tiny.emit ?? ''} } }
SoftNPU(TinyParser(), TinyIngress(), TinyEgress(), TinyDeparser()) main;
`
}

export function tinyProgram(tiny: TinyProgram): Program {
  const program = programOf(compileText(tinySource(tiny)))
  assert.deepEqual(verifyProgram(program), [])
  return program
}

/** Frame in and out as hex; a drop gives `drop` and its reason. */
export function runHex(program: Program | Interpreter, hex: string, port = 1): string {
  const interpreter = program instanceof Interpreter ? program : new Interpreter(program)
  const frame = Uint8Array.from(hex.replaceAll(' ', '').match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))
  const verdict = interpreter.run(frame, port)
  if (verdict.kind === 'drop') return `drop ${verdict.reason}`
  if (verdict.kind !== 'unicast') return verdict.kind
  return Array.from(verdict.frame, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Runs a tiny program over `01 02 0304 05060708` and gives the fields a, b, c, d as hex. */
export function runTiny(tiny: TinyProgram, hex = '01 02 0304 05060708'): string {
  const out = runHex(tinyProgram(tiny), hex)
  return out.startsWith('drop') ? out : out.replace(/^(..)(..)(....)(........)/, '$1 $2 $3 $4')
}
