/**
 * Spreads the programs of a corpus over worker threads. A worker is this very command started once more: the main module
 * of `lode` runs in it with the same words, and the command, finding itself in a worker, answers jobs instead. That works
 * from sources and from the published bundle alike.
 */
import { availableParallelism } from 'node:os'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { type CorpusAnswer, type CorpusJob, runCorpusJob } from './corpus-job.ts'

/** Below this, starting threads costs more than they gain. */
const WORTH_THREADS = 16

export const isCorpusWorker = !isMainThread

/** Answers jobs until there are no more. */
export function answerJobs(): void {
  parentPort?.on('message', (job: CorpusJob | undefined) => {
    if (job === undefined) return parentPort?.close()
    void runCorpusJob(job).then((answer) => parentPort?.postMessage(answer))
  })
}

/** In the order of the jobs. @param entry the main module of `lode`, with its words */
export async function runCorpus(
  jobs: readonly CorpusJob[],
  entry: { readonly path: string; readonly words: readonly string[] } | undefined,
  progress: (done: number) => void,
): Promise<CorpusAnswer[]> {
  const answers: CorpusAnswer[] = []
  const threads = Math.min(availableParallelism(), Math.ceil(jobs.length / WORTH_THREADS))
  if (entry === undefined || threads <= 1) {
    for (const job of jobs) {
      answers.push(await runCorpusJob(job))
      progress(answers.length)
    }
    return answers
  }
  let next = 0
  let done = 0
  const run = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(entry.path, { argv: [...entry.words] })
      let current = -1
      const give = (): void => {
        current = next++
        const job = jobs[current]
        worker.postMessage(job)
        if (job === undefined) resolve()
      }
      worker.on('message', (answer: CorpusAnswer) => {
        answers[current] = answer
        progress(++done)
        give()
      })
      worker.on('error', reject)
      give()
    })
  await Promise.all(Array.from({ length: threads }, run))
  return answers
}
