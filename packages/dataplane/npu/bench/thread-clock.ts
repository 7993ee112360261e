/**
 * What a thread did, apart from what was done to it: processor time in nanoseconds, and what Linux tells about waiting.
 *
 * The clock is the operating system's per-thread one, which stands still while the thread waits for a processor and, where the
 * hypervisor tells the kernel about it (`steal`), while the virtual machine does. Node reads it through WASI only:
 * `process.threadCpuUsage()` goes in steps of the kernel's tick. One look costs half a microsecond.
 */
import { readFileSync } from 'node:fs'
import { WASI } from 'node:wasi'

const THREAD_CPU_TIME = 3
/** `(module (memory (export "memory") 1))`: where WASI writes results. */
const MEMORY_ONLY = Uint8Array.from([
  0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 5, 3, 1, 0, 1, 7, 10, 1, 6, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 2, 0,
])

function clock(): () => number {
  const wasi = new WASI({ version: 'preview1' })
  const instance = new WebAssembly.Instance(new WebAssembly.Module(MEMORY_ONLY))
  wasi.initialize(instance)
  const { buffer } = instance.exports['memory'] as WebAssembly.Memory // as the module says
  const [low, high] = [new Uint32Array(buffer, 0, 1), new Uint32Array(buffer, 4, 1)]
  const getTime = wasi.wasiImport['clock_time_get'] as (id: number, precisionNs: bigint, to: number) => number
  return () => {
    if (getTime(THREAD_CPU_TIME, 1n, 0) !== 0) throw new Error('this system has no processor time of a thread')
    return (high[0]! * 2 ** 32 + low[0]!) / 1e6
  }
}

/** Milliseconds of processor time of this thread. */
export const threadMs: () => number = clock()

/** Sums since the process began; what the system does not tell is 0. */
export interface Standing {
  /** How long this thread was ready to run and did not. */
  readonly waitedMs: number
  /** How often a thread of this process was put aside for another one. */
  readonly putAside: number
  /** What the hypervisor kept from this machine's processors, all together. */
  readonly stolenMs: number
  /** Pages of memory touched for the first time, by this process. */
  readonly faults: number
}

export function standing(): Standing {
  const { involuntaryContextSwitches, minorPageFault } = process.resourceUsage()
  const isLinux = process.platform === 'linux'
  const delay = isLinux ? Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[1]) / 1e6 : 0
  const all = isLinux ? readFileSync('/proc/stat', 'utf8').split('\n')[0]!.trim().split(/\s+/) : []
  const ticks = Number(all[8] ?? 0)
  return { waitedMs: delay, putAside: involuntaryContextSwitches, stolenMs: 10 * ticks, faults: minorPageFault }
}

/** What came to `sum` between two looks. */
export function plus(sum: Standing, before: Standing, after: Standing): Standing {
  return {
    waitedMs: sum.waitedMs + after.waitedMs - before.waitedMs,
    putAside: sum.putAside + after.putAside - before.putAside,
    stolenMs: sum.stolenMs + after.stolenMs - before.stolenMs,
    faults: sum.faults + after.faults - before.faults,
  }
}
