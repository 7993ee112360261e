/** For tests: stories as short lists of hops, so that a claim about a packet's way is one comparison. */
import { type Step, type Story, StoryBook, type Tracer } from '@lodestone/probe'

type Kind = Step['kind']
type StepOf<K extends Kind> = Extract<Step, { kind: K }>

/** The stories that begin with a packet that `node` sent and whose summary matches. */
export function sentBy(stories: readonly Story[], node: string, summary: RegExp): Story[] {
  return stories.filter(({ events }) => {
    const first = events[0]
    return first?.node === node && first.step.kind === 'sent' && summary.test(first.step.summary)
  })
}

/** Nodes and links in order, each once however much it says. */
export function waysOf(story: Story): string[] {
  return story.events.map((event) => event.node).filter((node, index, all) => node !== all[index - 1])
}

/** `table action` of each table that was hit. */
export function tableHits(story: Story): string[] {
  return stepsOf(story, 'table').flatMap(({ table, hit, action }) => (hit ? [`${local(table)} ${local(action)}`] : []))
}

/** `layer direction verdict rule` of each layer of packet engines. */
export function layersOf(story: Story): string[] {
  return stepsOf(story, 'layer').map(
    ({ layer, direction, verdict, rule, source }) => `${layer} ${direction} ${verdict} ${rule ?? source}`,
  )
}

export function stepsOf<K extends Kind>(story: Story, kind: K): StepOf<K>[] {
  return story.events.flatMap(({ step }) => (step.kind === kind ? [step as StepOf<K>] : []))
}

/** Codes of the reasons for which packets of these stories were dropped, each with how many. */
export function dropsIn(stories: readonly Story[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const story of stories) {
    for (const { reason } of stepsOf(story, 'dropped')) counts[reason.code] = (counts[reason.code] ?? 0) + 1
  }
  return counts
}

function local(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1)
}

/** Every story that ends while `work` is under way, and those it leaves open. */
export async function storiesDuring<T>(
  tracer: Tracer,
  work: () => Promise<T>,
): Promise<{ readonly value: T; readonly stories: readonly Story[] }> {
  const stories: Story[] = []
  const book = new StoryBook({ onStory: (story) => stories.push(story), capacity: 16_384 })
  const stop = tracer.listen((event) => book.add(event))
  const value = await work()
  stop()
  book.sweep(Infinity, 0)
  return { value, stories }
}

/** How a story ends, in the words of an explained path. */
export function fateOf(story: Story): string {
  const { step } = story.events.at(-1)!
  if (step.kind === 'dropped') return `dropped ${step.reason.code}`
  return step.kind === 'delivered' ? 'delivered' : `ends with ${step.kind}`
}
