/**
 * Spreads the runs of an experiment over worker threads. A worker is this very command started once more: the main module of
 * `lode` runs in it with the same words, and the command, finding itself in a worker, answers runs instead. That works from
 * sources and from the published bundle alike.
 */
import type { CellResult, CellRun } from '@lodestone/experiment'
import { availableParallelism } from 'node:os'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'

export const isCellWorker = !isMainThread

/** Answers runs until there are no more. */
export async function answerRuns(): Promise<void> {
  const { runCell } = await import('@lodestone/experiment')
  parentPort?.on('message', (run: CellRun | undefined) => {
    if (run === undefined) return parentPort?.close()
    parentPort?.postMessage(runCell(run))
  })
}

/** In the order of the runs. @param entry the main module of `lode`, with its words */
export async function runCells(
  runs: readonly CellRun[],
  entry: { readonly path: string; readonly words: readonly string[] } | undefined,
  progress: (done: number) => void,
): Promise<CellResult[]> {
  const results: CellResult[] = []
  const threads = Math.min(availableParallelism(), runs.length)
  if (entry === undefined || threads <= 1) {
    const { runCell } = await import('@lodestone/experiment')
    for (const run of runs) {
      results.push(runCell(run))
      progress(results.length)
    }
    return results
  }
  let next = 0
  let done = 0
  const work = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(entry.path, { argv: [...entry.words] })
      let current = -1
      const give = (): void => {
        current = next++
        const run = runs[current]
        worker.postMessage(run)
        if (run === undefined) resolve()
      }
      worker.on('message', (result: CellResult) => {
        results[current] = result
        progress(++done)
        give()
      })
      worker.on('error', reject)
      give()
    })
  await Promise.all(Array.from({ length: threads }, work))
  return results
}
