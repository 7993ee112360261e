/** A v1model program made of a few pieces, at work on an arena with a clock that the test moves. */
import { Arena } from '@lodestone/frame'
import { compile, renderDiagnostics } from '@lodestone/p4'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createBatch, createPipeline, type PipelineOptions } from '../create-pipeline.ts'
import type { Pipeline } from '../pipeline.ts'

const INCLUDE = join(import.meta.dirname, '../../../../../p4/include')

/** Pieces of source; the header `h` has four bytes a, b, c, d, and `o` one byte that the program may add in front. */
export interface LabSource {
  readonly top?: string
  readonly metadata?: string
  readonly parserLocals?: string
  readonly start?: string
  readonly verify?: string
  readonly ingressLocals?: string
  readonly ingress?: string
  readonly egressLocals?: string
  readonly egress?: string
  readonly compute?: string
  readonly bmv2?: boolean
}

export interface Sent {
  readonly port: number
  readonly hex: string
}

export interface Lab {
  readonly pipeline: Pipeline
  readonly arena: Arena
  readonly clock: { ms: number }
  /** Sends one packet and gives what comes out, in order. */
  send(port: number, hex: string): Sent[]
  poll(): Sent[]
  /** Drops by reason number. */
  drops(): Record<number, number>
}

export function v1modelSource(source: LabSource): string {
  return `
#include <core.p4>
#include <v1model.p4>
header h_t { bit<8> a; bit<8> b; bit<8> c; bit<8> d; }
header o_t { bit<8> x; }
${source.top ?? ''}
struct headers_t { o_t o; h_t h; }
struct metadata_t { bit<8> unused; ${source.metadata ?? ''} }
parser P(packet_in pkt, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
  ${source.parserLocals ?? ''}
  ${source.start ?? 'state start { pkt.extract(hdr.h); transition accept; }'}
}
control V(inout headers_t hdr, inout metadata_t meta) { apply { ${source.verify ?? ''} } }
control I(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
  ${source.ingressLocals ?? ''}
  apply { ${source.ingress ?? 'std.egress_spec = 1;'} }
}
control E(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
  ${source.egressLocals ?? ''}
  apply { ${source.egress ?? ''} }
}
control C(inout headers_t hdr, inout metadata_t meta) { apply { ${source.compute ?? ''} } }
control D(packet_out pkt, in headers_t hdr) { apply { pkt.emit(hdr.o); pkt.emit(hdr.h); } }
V1Switch(P(), V(), I(), E(), C(), D()) main;
`
}

export function v1modelLab(source: LabSource, options: Partial<PipelineOptions> = {}): Lab {
  return labOf(v1modelSource(source), source.bmv2 === true, options)
}

export function labOf(text: string, bmv2: boolean, options: Partial<PipelineOptions> = {}): Lab {
  const readFile = (path: string): string | undefined => {
    if (path === 'lab.p4') return text
    try {
      return readFileSync(path, 'utf8')
    } catch {
      return undefined // the compiler tries folders one after the other
    }
  }
  const { program, diagnostics } = compile({ fileName: 'lab.p4', readFile, includePaths: [INCLUDE], bmv2 })
  if (program === undefined) throw new Error(renderDiagnostics(diagnostics, readFile))
  const arena = new Arena({ slots: 256, slotBytes: 2048 })
  const clock = { ms: 0 }
  const pipeline = createPipeline(program, { arena, nowMs: () => clock.ms, ...options })
  const batch = createBatch(1, 512)
  const take = (): Sent[] => {
    const sent: Sent[] = []
    for (let k = 0; k < batch.outCount; k++) {
      const slot = batch.outSlots[k]!
      sent.push({ port: batch.outPorts[k]!, hex: Buffer.from(arena.peek(slot)).toString('hex') })
      arena.free(slot)
    }
    return sent
  }
  return {
    pipeline,
    arena,
    clock,
    send(port, hex) {
      batch.slots[0] = arena.from(Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex')))
      batch.ports[0] = port
      batch.count = 1
      pipeline.process(batch)
      return take()
    },
    poll() {
      pipeline.poll(batch)
      return take()
    },
    drops: () => Object.fromEntries(pipeline.drops()),
  }
}
