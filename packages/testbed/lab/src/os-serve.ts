/** The manager: the process in the background that a launched laboratory lives in. Ends by its control socket or by a signal. */
import { serveHttp } from '@lodestone/api'
import { isProcessAlive, OsRandom, SeededRandom } from '@lodestone/host'
import { lockStateDirectory } from '@lodestone/testbed'
import { chmodSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { labHandler } from './control/lab-handler.ts'
import type { LabContext } from './os-context.ts'
import { CONTROL_SOCKET, leaveFailure, sweep } from './os-lab-process.ts'
import { labProgram } from './os-p4-program.ts'
import { realDriver } from './os-real-driver.ts'
import { LabRuntime } from './runtime/lab-runtime.ts'

/** How long a launch still shows in how late frames are. */
const SETTLE_MS = 500

export interface ServeOptions {
  readonly directory: string
  readonly frames?: number
}

export async function serve(context: LabContext, { directory, frames }: ServeOptions): Promise<void> {
  const { clock, network, document } = context
  const lock = await lockStateDirectory(directory, process.pid, isProcessAlive)
  if (!lock.ok) throw new Error(`a laboratory is already running on ${directory} (process ${lock.pid})`)
  let runtime: LabRuntime | undefined
  let ending: Promise<void> | undefined
  const finish = async (): Promise<void> => {
    await runtime?.close()
    rmSync(join(directory, CONTROL_SOCKET), { force: true })
    await lock.release()
    process.exit(0)
  }
  const stop = (): void => void (ending ??= finish())
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  try {
    // What a predecessor that was killed has left in the way.
    await sweep(directory, document.name, { keepDirectory: true })
    runtime = new LabRuntime({
      document,
      clock,
      random: new SeededRandom(new OsRandom().u32()),
      program: labProgram,
      behaviours: context.behaviours,
      predicates: context.predicates,
      realDriver: realDriver({ directory, network }),
      ...(frames === undefined ? {} : { frames }),
    })
    await runtime.start()
    const path = join(directory, CONTROL_SOCKET)
    rmSync(path, { force: true })
    await serveHttp(network, { address: path, port: 0 }, labHandler(runtime, { onShutdown: stop }))
    chmodSync(path, 0o600)
    // Code that is loaded for the first requests holds up the first frames.
    clock.after(SETTLE_MS, () => runtime?.resetLateness())
  } catch (error) {
    await runtime?.close()
    leaveFailure(directory, error instanceof Error ? error.message : String(error))
    await lock.release()
    console.error(error)
    process.exit(1)
  }
}
