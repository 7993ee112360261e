import { buildCommand, buildRouteMap } from '@stricli/core'
import { sleep } from '@lodestone/host'
import { readFileSync } from 'node:fs'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { parseText, type RackFlags, rackFlags } from '../../state-flag.ts'
import { type BoardId, boardName, boardParameter, spClients, valueOrReport } from './gateway-client.ts'

/** Of the startup options: start with phase 2 from the management network. */
const RECOVERY = 1
const FLASH = 'host-boot-flash'
const FLASH_SLOT = 1
const POLL_MS = 100

const pushCommand = buildCommand({
  docs: {
    brief: 'Give the gateway a phase 2 image; with a board, have its host start from it',
    fullDescription: [
      'With a board: its boot flash (slot 1) is written to name the image by its SHA-256, and its startup options ask for',
      'recovery. The host starts from the image when it is switched off and on next: lode sp power BOARD A2, then A0.',
      '',
      'Exit status: 0 done, 1 it failed, 2 wrong usage or refused, 3 no rack.',
    ].join('\n'),
    customUsage: [
      { input: 'phase2.img', brief: 'Held for whoever asks; prints its SHA-256' },
      { input: 'phase2.img sled1', brief: 'And sled1 starts from it next' },
    ],
  },
  parameters: {
    flags: rackFlags,
    positional: {
      kind: 'tuple',
      parameters: [
        { parse: parseText, brief: 'Phase 2 image', placeholder: 'IMAGE' },
        { ...boardParameter, optional: true },
      ],
    },
  },
  async func(this: LodeContext, flags: RackFlags, file: string, board?: BoardId) {
    let base64_image: string
    try {
      base64_image = readFileSync(file).toString('base64')
    } catch (error) {
      this.note(`cannot read ${file}: ${(error as Error).message}`)
      return this.exit(ExitStatus.usage)
    }
    const { gateway, lab } = await spClients(this, flags)
    const held = valueOrReport(this, flags, await gateway.recovery_host_phase2_upload({ body: { base64_image } }))
    if (held === undefined) return
    if (board !== undefined) {
      const request = { component: FLASH, version: 'recovery', phase2_hash: held.sha256_hash }
      const flash = valueOrReport(this, flags, await lab.lab_image({ params: board, body: request }))
      if (flash === undefined) return
      const params = { ...board, component: FLASH }
      const body = { id: this.random.uuid(), slot: FLASH_SLOT, base64_image: flash.base64_image }
      const begun = await gateway.sp_component_update({ params, body })
      if (!begun.ok) return void valueOrReport(this, flags, begun)
      for (;;) {
        const status = valueOrReport(this, flags, await gateway.sp_component_update_status({ params }))
        if (status === undefined) return
        if (status.state === 'complete') break
        if (status.state !== 'preparing' && status.state !== 'in_progress') {
          this.note(`the boot flash was not written: ${status.state}`)
          return this.exit(ExitStatus.failed)
        }
        await sleep(this.clock, POLL_MS)
      }
      const chosen = await gateway.sp_component_active_slot_set({ params, body: { slot: FLASH_SLOT } })
      if (!chosen.ok) return void valueOrReport(this, flags, chosen)
      const set = await gateway.sp_startup_options_set({ params: board, body: { bits: RECOVERY } })
      if (!set.ok) return void valueOrReport(this, flags, set)
    }
    if (flags.json) return this.printJson({ ...held, ...(board === undefined ? {} : { board: boardName(board) }) })
    this.print(held.sha256_hash)
    if (board !== undefined) this.note(`${boardName(board)} starts from it when it is switched off and on`)
  },
})

const statusCommand = buildCommand({
  docs: { brief: 'Whether a host starts in recovery, and how much of its image it has', customUsage: ['sled1'] },
  parameters: { flags: rackFlags, positional: { kind: 'tuple', parameters: [boardParameter] } },
  async func(this: LodeContext, flags: RackFlags, board: BoardId) {
    const { gateway, lab } = await spClients(this, flags)
    const options = valueOrReport(this, flags, await gateway.sp_startup_options_get({ params: board }))
    if (options === undefined) return
    const progress = valueOrReport(this, flags, await gateway.sp_host_phase2_progress_get({ params: board }))
    if (progress === undefined) return
    const view = valueOrReport(this, flags, await lab.lab_sp_view({ params: board }))
    if (view === undefined) return
    const isRecovery = (options.bits & RECOVERY) !== 0
    if (flags.json) return this.printJson({ recovery: isRecovery, host: view.host_boot, progress })
    this.print(`recovery  ${isRecovery ? 'yes, at the next start' : 'no'}`)
    this.print(`host      ${view.host_boot}`)
    if (progress.progress === 'none') return this.print('image     none was asked for')
    const { offset, total_size: total, image_id: id } = progress
    this.print(`image     ${offset} of ${total} bytes of ${id.sha256_hash}`)
  },
})

const clearCommand = buildCommand({
  docs: { brief: 'Have a host start from its own disk again', customUsage: ['sled1'] },
  parameters: { flags: rackFlags, positional: { kind: 'tuple', parameters: [boardParameter] } },
  async func(this: LodeContext, flags: RackFlags, board: BoardId) {
    const { gateway } = await spClients(this, flags)
    const options = valueOrReport(this, flags, await gateway.sp_startup_options_get({ params: board }))
    if (options === undefined) return
    const body = { bits: options.bits & ~RECOVERY }
    const set = await gateway.sp_startup_options_set({ params: board, body })
    if (!set.ok) return void valueOrReport(this, flags, set)
    const forgotten = await gateway.sp_host_phase2_progress_delete({ params: board })
    if (!forgotten.ok) return void valueOrReport(this, flags, forgotten)
    if (flags.json) return this.printJson({ board: boardName(board), recovery: false })
    this.print(`${boardName(board)} starts without recovery`)
  },
})

export const recoveryRoutes = buildRouteMap({
  routes: { push: pushCommand, status: statusCommand, clear: clearCommand },
  docs: { brief: 'Start hosts from an image over the management network' },
})
