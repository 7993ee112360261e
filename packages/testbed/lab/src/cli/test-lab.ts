/** The command `test`: in virtual time, in a laboratory made for it in this process, or on the one that runs. */
import { client } from '@lodestone/api'
import { isProcessAlive, OsRandom, SeededRandom } from '@lodestone/host'
import { lockStateDirectory } from '@lodestone/testbed'
import { runTests, type TestOutcome } from '../check/run-tests.ts'
import { labApi } from '../control/lab-api.ts'
import { labHandler } from '../control/lab-handler.ts'
import type { LabDocument } from '../document/document.ts'
import { ExitStatus, type LabContext } from '../os-context.ts'
import { sweep } from '../os-lab-process.ts'
import { labProgram } from '../os-p4-program.ts'
import { realDriver } from '../os-real-driver.ts'
import { LabRuntime } from '../runtime/lab-runtime.ts'
import { VirtualLab } from '../runtime/virtual-lab.ts'
import { connect, type LabFlags } from './connection.ts'

export interface TestLabFlags extends LabFlags {
  readonly time: 'auto' | 'virtual' | 'real' | 'running'
  readonly seed: number
  readonly only?: string
}

export async function testLab(context: LabContext, flags: TestLabFlags): Promise<void> {
  const { document, clock } = context
  const tests = context.tests.filter(({ name }) => flags.only === undefined || name.includes(flags.only))
  if (tests.length === 0) {
    context.note(flags.only === undefined ? 'the program has no tests' : `no test has ${flags.only} in its name`)
    return context.exit(ExitStatus.usage)
  }
  const show = (outcome: TestOutcome): void => {
    if (flags.json) return
    context.print(`${outcome.ok ? 'ok  ' : 'FAIL'}  ${outcome.name}  (${(outcome.elapsedMs / 1000).toFixed(2)} s)`)
    if (outcome.message !== undefined) context.print(`      ${outcome.message.replaceAll('\n', '\n      ')}`)
  }
  const time = flags.time === 'auto' ? (isEmulated(document) ? 'virtual' : 'real') : flags.time
  const direct = <T>(promise: Promise<T>): Promise<T> => promise
  let outcomes: readonly TestOutcome[]
  if (time === 'virtual') {
    const lab = await VirtualLab.start({
      document,
      program: labProgram,
      seed: flags.seed,
      behaviours: context.behaviours,
      predicates: context.predicates,
    })
    outcomes = await runTests(tests, lab.client, lab.clock, (promise) => lab.run(promise), show)
    await lab.close()
  } else if (time === 'running') {
    outcomes = await runTests(tests, await connect(context, flags), clock, direct, show)
  } else {
    const directory = context.stateDirectory(flags.state)
    const lock = await lockStateDirectory(directory, context.process.pid, isProcessAlive)
    if (!lock.ok) {
      context.note(`${document.name} runs: test it with --time running, or end it with "destroy" first`)
      return context.exit(ExitStatus.failed)
    }
    await sweep(directory, document.name, { keepDirectory: true })
    const random = new SeededRandom(new OsRandom().u32())
    const lab = new LabRuntime({
      document,
      clock,
      random,
      program: labProgram,
      behaviours: context.behaviours,
      predicates: context.predicates,
      realDriver: realDriver({ directory, network: context.network }),
    })
    try {
      await lab.start()
      const handler = labHandler(lab, { onShutdown: () => undefined })
      outcomes = await runTests(tests, client(labApi, handler, 'http://lab'), clock, direct, show)
    } catch (error) {
      context.note((error as Error).message)
      return context.process.exit(ExitStatus.failed)
    } finally {
      await lab.close()
      await sweep(directory, document.name)
    }
  }
  const failed = outcomes.filter(({ ok }) => !ok).length
  if (flags.json) context.printJson({ time, outcomes })
  else context.print(`${outcomes.length - failed} of ${outcomes.length} hold, ${time} time`)
  if (failed > 0) context.exit(ExitStatus.failed)
  if (time === 'real') context.process.exit()
}

/** Whether every node can live in virtual time. */
function isEmulated({ nodes }: LabDocument): boolean {
  return Object.values(nodes).every(({ kind }) => kind !== 'namespace' && kind !== 'machine' && kind !== 'external')
}
