import { sleep } from '@lodestone/host'
import { buildCommand } from '@stricli/core'
import { readFileSync } from 'node:fs'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { parseText, type RackFlags, rackFlags } from '../../state-flag.ts'
import { type BoardId, boardName, boardParameter, type Clients, spClients, valueOrReport } from './gateway-client.ts'

interface UpdateFlags extends RackFlags {
  readonly component: string
  readonly slot: number
  readonly image?: string
  readonly release?: string
  readonly reset: boolean
  readonly watchdogMs: number
  readonly abort?: string
}

const POLL_MS = 100

const count = (text: string): number => {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0) throw new Error('expected a whole number')
  return value
}

export const updateCommand = buildCommand({
  docs: {
    brief: 'Write an image to a component and start it, or show how an update goes',
    fullDescription: [
      'A service processor takes the image into the slot that does not run. --reset starts it under a watchdog: unless it',
      'answers in time, the old image comes back.',
      '',
      'Exit status: 0 done, 1 it failed or was taken back, 2 wrong usage or refused, 3 no rack.',
    ].join('\n'),
    customUsage: [
      { input: 'sled0', brief: 'How the last update went' },
      { input: 'sled0 --image sp.img --reset', brief: 'Write and start' },
      { input: 'sled0 --release 2.0.0 --reset', brief: 'With an image made for the occasion' },
      { input: 'sled0 --component rot --slot 1 --release 2.0.0', brief: 'The root of trust’s other slot' },
    ],
  },
  parameters: {
    flags: {
      ...rackFlags,
      component: {
        kind: 'parsed',
        parse: parseText,
        default: 'sp',
        brief: 'sp, rot or host-boot-flash',
        placeholder: 'NAME',
      },
      slot: { kind: 'parsed', parse: count, default: '0', brief: 'For rot and host-boot-flash', placeholder: '0|1' },
      image: { kind: 'parsed', parse: parseText, optional: true, brief: 'Image to write', placeholder: 'FILE' },
      release: {
        kind: 'parsed',
        parse: parseText,
        optional: true,
        brief: 'Make an image of this version',
        placeholder: 'VERSION',
      },
      reset: { kind: 'boolean', default: false, brief: 'Start it when it is written' },
      watchdogMs: {
        kind: 'parsed',
        parse: count,
        default: '10000',
        brief: 'The old image comes back after this long',
        placeholder: 'MS',
      },
      abort: {
        kind: 'parsed',
        parse: parseText,
        optional: true,
        brief: 'Stop the update of this id',
        placeholder: 'ID',
      },
    },
    positional: { kind: 'tuple', parameters: [boardParameter] },
  },
  async func(this: LodeContext, flags: UpdateFlags, board: BoardId) {
    const clients = await spClients(this, flags)
    const { gateway } = clients
    const params = { ...board, component: flags.component }
    if (flags.abort !== undefined) {
      const aborted = await gateway.sp_component_update_abort({ params, body: { id: flags.abort } })
      return aborted.ok ? this.print('stopped') : void valueOrReport(this, flags, aborted)
    }
    if (flags.image === undefined && flags.release === undefined) {
      const status = valueOrReport(this, flags, await gateway.sp_component_update_status({ params }))
      if (status === undefined) return
      return flags.json ? this.printJson(status) : this.print(statusText(status))
    }
    const base64_image = await imageOf(this, flags, clients, board)
    if (base64_image === undefined) return
    const id = this.random.uuid()
    const begun = await gateway.sp_component_update({ params, body: { id, slot: flags.slot, base64_image } })
    if (!begun.ok) return void valueOrReport(this, flags, begun)
    for (let said = ''; ;) {
      const status = valueOrReport(this, flags, await gateway.sp_component_update_status({ params }))
      if (status === undefined) return
      const text = statusText(status)
      if (text !== said) this.note(`${boardName(board)} ${flags.component}: ${text}`)
      said = text
      if (status.state === 'complete') break
      if (status.state !== 'preparing' && status.state !== 'in_progress') {
        if (flags.json) this.printJson(status)
        return this.exit(ExitStatus.failed)
      }
      await sleep(this.clock, POLL_MS)
    }
    if (flags.reset) {
      const reset = await gateway.sp_component_reset({ params, body: { watchdog_ms: flags.watchdogMs } })
      if (!reset.ok) return void valueOrReport(this, flags, reset)
    }
    const slot = flags.component === 'sp' ? (flags.reset ? 0 : 1) : flags.slot
    if (flags.component === 'host-boot-flash') return flags.json ? this.printJson({ id, slot }) : this.print('written')
    const caboose = valueOrReport(
      this,
      flags,
      await gateway.sp_component_caboose_get({ params, query: { firmware_slot: slot } }),
    )
    if (caboose === undefined) return
    if (flags.json) return this.printJson({ id, slot, caboose })
    this.print(`${boardName(board)} ${flags.component}: ${caboose.version} is ${flags.reset ? 'running' : 'written'}`)
  },
})

/** In base64. @returns undefined after saying why there is none. */
async function imageOf(
  context: LodeContext,
  flags: UpdateFlags,
  { lab }: Clients,
  board: BoardId,
): Promise<string | undefined> {
  if (flags.image !== undefined) {
    try {
      return readFileSync(flags.image).toString('base64')
    } catch (error) {
      context.note(`cannot read ${flags.image}: ${(error as Error).message}`)
      context.exit(ExitStatus.usage)
      return undefined
    }
  }
  const body = { component: flags.component, version: flags.release ?? '' }
  return valueOrReport(context, flags, await lab.lab_image({ params: board, body }))?.base64_image
}

type Status = Extract<Awaited<ReturnType<Clients['gateway']['sp_component_update_status']>>, { ok: true }>['value']

function statusText(status: Status): string {
  switch (status.state) {
    case 'none':
      return 'no update'
    case 'preparing':
      return 'erasing'
    case 'in_progress':
      return `${Math.floor((status.bytes_received / status.total_bytes) * 100)} % of ${status.total_bytes} bytes`
    case 'complete':
      return 'complete'
    case 'aborted':
      return 'stopped'
    case 'failed':
      return `failed${status.message === undefined ? ` (${status.code})` : `: ${status.message}`}`
  }
}
