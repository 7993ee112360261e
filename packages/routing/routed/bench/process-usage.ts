/** CPU time and memory of processes, from /proc: all threads, and children that have ended. */
import { readFileSync } from 'node:fs'

export interface Usage {
  readonly cpuS: number
  /** Greatest resident memory, the sum over the processes. */
  readonly peakMb: number
}

/** Clock ticks a second on every Linux that Node runs on. */
const TICKS_PER_S = 100

/** Processes that have ended meanwhile count nothing. */
export function usageOf(pids: readonly number[]): Usage {
  let cpuS = 0
  let peakMb = 0
  for (const pid of pids) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      // The name, in parentheses, may have spaces: fields are counted from behind it.
      const fields = stat
        .slice(stat.lastIndexOf(')') + 2)
        .split(' ')
        .map(Number)
      const [utime = 0, stime = 0, childUtime = 0, childStime = 0] = fields.slice(11, 15)
      cpuS += (utime + stime + childUtime + childStime) / TICKS_PER_S
      const peakKb = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
      peakMb += Number(peakKb ?? 0) / 1024
    } catch {
      continue
    }
  }
  return { cpuS, peakMb }
}
