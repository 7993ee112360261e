/** Other processes of this machine. */
import { readFileSync } from 'node:fs'
import process from 'node:process'

/**
 * Whether a process runs, by sending it no signal. One that has ended and that nobody has asked about yet (a zombie: what started it is
 * slow or gone) runs no more, and Linux tells.
 */
export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' // it runs, and is somebody else's
  }
  return process.platform !== 'linux' || !isZombie(pid)
}

/** proc_pid_stat(5): the state stands behind the name, which is in parentheses and may have some itself. */
function isZombie(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return 'ZX'.includes(stat.charAt(stat.lastIndexOf(')') + 2))
  } catch {
    return true // gone meanwhile
  }
}
