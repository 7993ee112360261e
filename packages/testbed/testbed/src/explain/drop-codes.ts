/** All reasons for which packets are dropped, by who drops them, and the page that explains each: `docs/drop-codes.md`. */
import { LINK_DROP_REASONS } from '@lodestone/link'
import { NS_DROP_REASONS } from '@lodestone/netstack'
import type { DropReason } from '@lodestone/probe'
import { dropReasons } from '@lodestone/switchd'
import { DROP_REASONS } from '@lodestone/vport'
import { EXPLAINER_REASONS } from './path-walk.ts'

export interface CodeSection {
  readonly title: string
  readonly about: string
  readonly reasons: readonly DropReason[]
}

export function codeSections(): readonly CodeSection[] {
  return [
    {
      title: 'Packet engine',
      about: '`lode why INSTANCE` shows these. They are numbered in this order, and the numbers stay.',
      reasons: DROP_REASONS.slice(1),
    },
    {
      title: 'Switch',
      about: 'What `p4/switch.p4` and the path to the switch’s processor drop.',
      reasons: [...new Map([...dropReasons.values()].map((reason) => [reason.code, reason])).values()],
    },
    { title: 'Hosts and routers', about: 'What TCP/IP stacks drop.', reasons: NS_DROP_REASONS },
    { title: 'Links', about: 'What cables lose.', reasons: LINK_DROP_REASONS },
    {
      title: 'Explanations',
      about: 'What only `lode explain` says, of packets that nobody sent.',
      reasons: EXPLAINER_REASONS,
    },
  ]
}

export function dropCodesPage(): string {
  const lines = [
    '# Drop codes',
    '',
    'Why a packet went no further, as `lode explain`, `lode why`, `lode watch`, `lode trace` and captures with `--verdicts` say it. A code keeps',
    'its meaning; new ones are added at the end. This page is made from the code by a test of @lodestone/testbed, which fails when they differ.',
  ]
  for (const { title, about, reasons } of codeSections()) {
    lines.push('', `## ${title}`, '', about)
    for (const { code, sentence, hint } of reasons) {
      lines.push('', `### ${code}`, '', sentence, ...(hint === undefined ? [] : ['', `What to do: ${hint}`]))
    }
  }
  return `${lines.join('\n')}\n`
}
