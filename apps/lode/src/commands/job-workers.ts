/**
 * Spreads the jobs of a command over worker threads. A worker is this very command started once more: the main module of `lode`
 * runs in it with the same words, and the command, finding itself in a worker, answers jobs instead. That works from sources and
 * from the published bundle alike.
 */
import { availableParallelism } from 'node:os'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'

/** This is a thread that `runJobs` has started. */
export const isJobWorker = !isMainThread

export interface JobRun<Job, Answer> {
  readonly jobs: readonly Job[]
  /** Below this a thread costs more than it gains. */
  readonly jobsPerThread: number
  /** Of this process: Node, the main module, words. Only where that module is `lode` are there threads. */
  readonly argv: readonly string[]
  /** What the threads do with a job, for when there are none. */
  readonly run: (job: Job) => Answer | Promise<Answer>
  readonly progress: (done: number) => void
}

/** In a worker: answers jobs until there are no more. */
export function answerJobs<Job, Answer>(run: (job: Job) => Answer | Promise<Answer>): void {
  parentPort?.on('message', (job: Job | undefined) => {
    if (job === undefined) return parentPort?.close()
    void Promise.resolve(run(job)).then((answer) => parentPort?.postMessage(answer))
  })
}

/** Jobs and answers are cloned on their way. @returns the answers in the order of the jobs. */
export async function runJobs<Job, Answer>(options: JobRun<Job, Answer>): Promise<Answer[]> {
  const { jobs, jobsPerThread, argv, run, progress } = options
  const [, path, ...words] = argv
  const answers: Answer[] = []
  const threads = Math.min(availableParallelism(), Math.ceil(jobs.length / jobsPerThread))
  if (path === undefined || !isLode(path) || threads <= 1) {
    for (const job of jobs) {
      answers.push(await run(job))
      progress(answers.length)
    }
    return answers
  }
  let next = 0
  let done = 0
  const thread = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(path, { argv: words })
      let current = -1
      const give = (): void => {
        current = next++
        const job = jobs[current]
        worker.postMessage(job)
        if (job === undefined) resolve()
      }
      worker.on('message', (answer: Answer) => {
        answers[current] = answer
        progress(++done)
        give()
      })
      worker.on('error', reject)
      give()
    })
  await Promise.all(Array.from({ length: threads }, thread))
  return answers
}

/** Whether a script is `lode` itself and not, say, a test that calls the command. */
function isLode(path: string): boolean {
  return /(?:^|[/\\])(?:main\.ts|main\.js|main\.mjs|lode|lode\.js|lode\.mjs)$/.test(path)
}
