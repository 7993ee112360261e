/**
 * The fast path: a WebAssembly function per direction that works on a batch of frames in the arena. A first pass parses the
 * frames and forms their keys, a second one finds the keys' rows, a third one compares and repeats each row's
 * transformation: addresses, ports, checksums, everything in front of the IP header. Whatever is not plain (no row, an outdated one, a segment that
 * can change the TCP state, options, extension headers, fragments, errors) ends the call before the first changed byte of
 * that frame, and the slow path takes it: the kernel has no opinion of its own about any packet.
 *
 * There are passes because a lookup waits for memory: those of many frames wait at the same time. With large tables two more,
 * which do nothing but load, go ahead of the second and the third.
 * RFC 1624 (checksums), RFC 8926 (Geneve); layout of the memory in `layout.ts`.
 */
import { ModuleBuilder } from '@lodestone/p4/wasm'
import { writeApply } from './apply-pass.ts'
import { type Expression, FLOWS, Writer } from './expression.ts'
import { writeFind, writeLookUp } from './find-pass.ts'
import { hashOf, loadHashKey } from './hash.ts'
import {
  BATCH_FOUND,
  COUNT,
  FLOW_PAGES_MAX,
  FOUND_BYTES,
  FOUND_HASH,
  FOUND_ROW,
  FROM,
  KEY_SCRATCH,
  PARAM_BYTES,
  PARAM_INDEX,
  PARAM_INDEX_MASK,
  PARAM_SINK,
  PARAM_TOUCH,
} from './layout.ts'

/** What the module exports. */
export interface Kernel {
  /**
   * Frames from one guest, `from` … `count` of the batch.
   * @param vni the port's VNI as three bytes on the wire, read little-endian, times 256.
   * @returns the first frame that was not finished.
   */
  readonly out: (from: number, count: number, vni: number, nowMs: number) => number
  /** Encapsulated frames. @param outerIp bytes in front of the outer IPv6 header. */
  readonly into: (from: number, count: number, outerIp: number, nowMs: number) => number
  /** Hash of the key in `KEY_SCRATCH`. */
  readonly hash4: () => number
  readonly hash6: () => number
}

let compiled: WebAssembly.Module | undefined

export function instantiateKernel(frames: WebAssembly.Memory, flows: WebAssembly.Memory): Kernel {
  compiled ??= new WebAssembly.Module(kernelModule())
  const instance = new WebAssembly.Instance(compiled, { vport: { frames, flows } })
  return instance.exports as unknown as Kernel // because these are the functions that `kernelModule` exports
}

export function kernelModule(): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder('vport')
  module.importMemory('vport', 'frames', 1)
  module.importMemory('vport', 'flows', 1, FLOW_PAGES_MAX)
  const signature = { parameters: ['i32', 'i32', 'i32', 'i32'], results: ['i32'] } as const
  const out = module.function('out', signature)
  writeBatch(new Writer(out), true)
  module.export('out', out)
  const into = module.function('into', signature)
  writeBatch(new Writer(into), false)
  module.export('into', into)
  for (const family of [4, 6] as const) {
    const hash = module.function(`hash${family}`, { parameters: [], results: ['i32'] })
    const w = new Writer(hash)
    const words = Array.from({ length: family === 4 ? 3 : 6 }, (_, i) =>
      w.let64(`word${i}`, w.flow('i64.load', w.i32(0), KEY_SCRATCH + i * 8)),
    )
    w.get(hashOf(w, loadHashKey(w), words))()
    module.export(`hash${family}`, hash)
  }
  return module.finish()
}

function writeBatch(w: Writer, isOut: boolean): void {
  const { f } = w
  const i = f.local('i32', 'i')
  const found = f.local('i32', 'found')
  const limit = f.local('i32', 'limit')
  const bytes = f.local('i32', 'bytes')
  const finish = (): void => {
    w.store('i32.store', FLOWS, w.i32(0), PARAM_BYTES, w.get(bytes))
    w.get(i)()
    f.return()
  }
  const foundOf = w.add(w.binary('i32.mul', w.get(i), w.i32(FOUND_BYTES)), BATCH_FOUND)
  /** Goes through the frames from `FROM` on. What ends it early is the limit of the passes that follow. */
  const pass = (body: (leave: () => void) => void): void => {
    w.set(i, w.get(FROM))
    w.set(found, foundOf)
    f.block(undefined, (stop) => {
      f.loop((again) => {
        w.binary('i32.ge_u', w.get(i), w.get(limit))()
        f.brIf(stop)
        body(() => f.brIf(stop))
        w.set(i, w.add(w.get(i), 1))
        w.set(found, w.add(w.get(found), FOUND_BYTES))
        f.br(again)
      })
    })
    w.set(limit, w.get(i))
  }
  const sink = f.local('i32', 'sink')
  const touch = (address: Expression, offset: number): void =>
    w.set(sink, w.add(w.get(sink), w.flow('i32.load', address, offset)))
  /** Only worth its time with large tables. */
  const touchPass = (body: () => void): void => {
    w.flow('i32.load', w.i32(0), PARAM_TOUCH)()
    f.if(undefined, () => pass(body))
  }
  const base = w.let32('base', w.flow('i32.load', w.i32(0), PARAM_INDEX))
  const mask = w.let32('mask', w.flow('i32.load', w.i32(0), PARAM_INDEX_MASK))
  const hashKey = loadHashKey(w)

  w.set(limit, w.get(COUNT))
  pass((leave) => writeFind(w, isOut, hashKey, i, found, leave))
  touchPass(() => {
    const home = w.binary('i32.and', w.flow('i32.load', w.get(found), FOUND_HASH), w.get(mask))
    touch(w.add(w.get(base), w.shl(home, 3)), 0)
  })
  pass((leave) => writeLookUp(w, base, mask, found, leave))
  touchPass(() => {
    const row = w.flow('i32.load', w.get(found), FOUND_ROW)
    for (const line of [0, 64, 128]) touch(row, line)
  })
  pass((leave) => writeApply(w, isOut, i, found, bytes, leave))
  w.store('i32.store', FLOWS, w.i32(0), PARAM_SINK, w.get(sink))
  finish()
}
