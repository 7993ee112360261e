/** The gateway's HTTP operations over its connections. */
import { ApiFailure, type HttpHandler, implement, type ImplementOptions, objectNotFound } from '@lodestone/api'
import { spApi, type SpComponentInfo, type UpdateStatus } from '@lodestone/contract-sp'
import type { UpdateStatus as WireUpdateStatus } from '../protocol/error.ts'
import { ignitionState, linkEvents, type RotBootInfo } from '../protocol/response.ts'
import { Capability, type Device, deviceOf, valuesOf } from '../protocol/tlv.ts'
import type { MgsRequest } from '../protocol/request.ts'
import { idText } from '../firmware/update-machine.ts'
import { streamConsole } from './console-channel.ts'
import type { Gateway, Outcome, ReachableSp, SpId } from './gateway.ts'
import { detailsView } from './details-view.ts'
import { ignitionView } from './ignition-view.ts'
import { failureText, type SpFailure } from './sp-connection.ts'

const MAX_BODY_BYTES = 16 << 20
const CABOOSE_KEYS = { git_commit: 'GITC', board: 'BORD', name: 'NAME', version: 'VERS', sign: 'SIGN' } as const

/** @param gateway is asked for at each request: the one that answers may change. */
export function gatewayHandler(
  gateway: () => Gateway | undefined,
  options: Pick<ImplementOptions<undefined>, 'fallback' | 'newRequestId'> = {},
): HttpHandler {
  const present = (): Gateway => {
    const found = gateway()
    if (found === undefined)
      throw new ApiFailure({ kind: 'unavailable', message: 'no switch with a gateway has power' })
    return found
  }
  const sp = (id: SpId): ReachableSp => {
    const found = present().find(id)
    if (found === undefined) throw objectNotFound('service processor', { name: `${id.type} ${id.slot}` })
    return found
  }
  const ask = async <const Kind extends Parameters<ReturnType<Gateway['connection']>['ask']>[1][number]>(
    id: SpId,
    request: MgsRequest,
    kinds: readonly Kind[],
    data?: Uint8Array,
  ) => {
    const each = sp(id)
    const result = await present().connection(each).ask(request, kinds, data)
    if (!result.ok) throw refusal(result.failure)
    return result
  }
  return implement(
    spApi,
    {
      local_switch_id: () => ({ type: 'switch', slot: present().options.switchSlot }),
      local_all_sp_ids: () => present().sps.map((each) => ({ ...each.id })),
      sp_get: async ({ params }) => {
        const { response } = await ask(params, { kind: 'SpState' }, ['SpStateV3', 'SpStateV2', 'SpState'])
        return {
          hubris_archive_id: hex(response.archiveId),
          serial_number: response.serialNumber,
          model: response.model,
          revision: response.revision,
          base_mac_address: Array.from(response.baseMac, hexByte).join(':'),
          power_state: response.powerState,
        }
      },
      sp_power_state_get: async ({ params }) =>
        (await ask(params, { kind: 'GetPowerState' }, ['PowerState'])).response.state,
      sp_power_state_set: async ({ params, body }) => {
        const request = { kind: 'SetPowerState', state: body } as const
        const { response } = await ask(params, request, ['PowerStateSet', 'PowerStateUnchanged'])
        return { changed: response.kind === 'PowerStateSet' }
      },
      sp_startup_options_get: async ({ params }) => ({
        bits: Number((await ask(params, { kind: 'GetStartupOptions' }, ['StartupOptions'])).response.options),
      }),
      sp_startup_options_set: async ({ params, body }) => {
        await ask(params, { kind: 'SetStartupOptions', options: BigInt(body.bits) }, ['SetStartupOptionsAck'])
      },
      sp_sensor_read_value: async ({ params }) => {
        const request = { kind: 'ReadSensor', request: 'LastReading', id: params.sensor_id } as const
        const { response } = (await ask(params, request, ['ReadSensor'])).response
        if (response.kind !== 'LastReading') throw refusal({ kind: 'unexpected', got: response.kind })
        const { value } = response
        const timestamp_ms = Number(response.timestampMs)
        return value.ok ? { value: value.value, timestamp_ms } : { value: null, error: value.error, timestamp_ms }
      },
      sp_task_dump_count: async ({ params }) => {
        const { response } = (await ask(params, { kind: 'Dump', request: { kind: 'TaskDumpCount' } }, ['Dump']))
          .response
        if (response.kind !== 'TaskDumpCount') throw refusal({ kind: 'unexpected', got: response.kind })
        return response.count
      },
      sp_task_dump_get: async ({ params }) => {
        const dump = done(await present().readDump(sp(params), params.task_dump_index))
        return {
          task_index: dump.task,
          timestamp_ms: dump.timeMs,
          base64_memory: Buffer.from(dump.memory).toString('base64'),
        }
      },
      sp_ipcc_installinator_image_id_set: async ({ params, body }) => {
        const data = new TextEncoder().encode(body.text)
        await ask(params, { kind: 'SetIpccKeyLookupValue', key: 1 }, ['SetIpccKeyLookupValueAck'], data)
      },
      sp_host_phase2_progress_get: ({ params }) => {
        const found = present().phase2Progress(sp(params))
        if (found === undefined) return { progress: 'none' as const }
        const { hash, offset, totalSize, ageMs } = found
        const image_id = { sha256_hash: hash }
        return { progress: 'available' as const, image_id, offset, total_size: totalSize, age_ms: ageMs }
      },
      sp_host_phase2_progress_delete: ({ params }) => {
        present().forgetPhase2Progress(sp(params))
        return undefined
      },
      recovery_host_phase2_upload: ({ body }) => {
        const image = new Uint8Array(Buffer.from(body.base64_image, 'base64'))
        if (image.length === 0)
          throw new ApiFailure({ kind: 'invalid-request', message: 'base64_image holds no bytes' })
        return { sha256_hash: present().holdPhase2(image) }
      },
      sp_ereports: async ({ params, query }) => {
        const report = done(
          await present().ereports(sp(params), {
            limit: query.limit ?? 255,
            restartId: bytesOfId(query.restart_id),
            firstEna: BigInt(query.start_ena ?? 0),
            committedEna: BigInt(query.committed_ena ?? 0),
          }),
        )
        return {
          restart_id: idText(report.restartId),
          metadata: jsonRecord(report.metadata),
          items: report.reports.map((each) => ({
            ena: String(each.ena),
            task: each.task,
            generation: each.generation,
            uptime_ms: each.uptimeMs,
            data: jsonRecord(each.body),
          })),
        }
      },
      sp_component_list: async ({ params }) => {
        const tlvs = done(
          await present().list(sp(params), (deviceIndex) => ({ kind: 'Inventory', deviceIndex }), 'Inventory'),
        )
        return tlvs.flatMap((tlv) => {
          const device = deviceOf(tlv)
          return device === undefined ? [] : [componentInfo(device)]
        })
      },
      sp_component_get: async ({ params }) => {
        const { component } = params
        const request = (offset: number) => ({ kind: 'ComponentDetails', component, offset }) as const
        const tlvs = done(await present().list(sp(params), request, 'ComponentDetails'))
        return tlvs.flatMap((tlv) => detailsView(tlv) ?? [])
      },
      sp_component_clear_status: async ({ params: { component, ...id } }) => {
        await ask(id, { kind: 'ComponentClearStatus', component }, ['ComponentClearStatusAck'])
      },
      sp_component_caboose_get: async ({ params: { component, ...id }, query }) => {
        const read = async (key: string): Promise<string> => {
          const request: MgsRequest = {
            kind: 'ReadComponentCaboose',
            component,
            slot: query.firmware_slot ?? 0,
            key: new TextEncoder().encode(key),
          }
          return new TextDecoder().decode((await ask(id, request, ['CabooseValue'])).data)
        }
        return {
          git_commit: await read(CABOOSE_KEYS.git_commit),
          board: await read(CABOOSE_KEYS.board),
          name: await read(CABOOSE_KEYS.name),
          version: await read(CABOOSE_KEYS.version),
          sign: await read(CABOOSE_KEYS.sign),
        }
      },
      sp_component_active_slot_get: async ({ params: { component, ...id } }) => ({
        slot: (await ask(id, { kind: 'ComponentGetActiveSlot', component }, ['ComponentActiveSlot'])).response.slot,
      }),
      sp_component_active_slot_set: async ({ params: { component, ...id }, query, body: { slot } }) => {
        if (query.persist === true) {
          const request = { kind: 'ComponentSetAndPersistActiveSlot', component, slot } as const
          await ask(id, request, ['ComponentSetAndPersistActiveSlotAck'])
        } else await ask(id, { kind: 'ComponentSetActiveSlot', component, slot }, ['ComponentSetActiveSlotAck'])
      },
      sp_component_reset: async ({ params: { component, ...id }, body }) => {
        if (component === 'sp') {
          done(await present().resetSp(sp(id), body.watchdog_ms, body.confirm))
          return
        }
        await ask(id, { kind: 'ResetComponentPrepare', component }, ['ResetComponentPrepareAck'])
        await ask(id, { kind: 'ResetComponentTrigger', component }, ['ResetComponentTriggerAck'])
      },
      sp_component_update: async ({ params: { component, ...id }, body }) => {
        const image = new Uint8Array(Buffer.from(body.base64_image, 'base64'))
        done(await present().beginUpdate(sp(id), { component, id: bytesOfId(body.id), slot: body.slot, image }))
      },
      sp_component_update_status: async ({ params: { component, ...id } }): Promise<UpdateStatus> => {
        const { response } = await ask(id, { kind: 'UpdateStatus', component }, ['UpdateStatus'])
        const view = updateView(response.status)
        const failure = present().updateFailure(sp(id), component)
        // A service processor that was reset knows nothing of it; the gateway knows why it ended.
        if (failure === undefined || view.state === 'complete' || view.state === 'aborted') return view
        return {
          state: 'failed',
          id: failure.id,
          code: view.state === 'failed' ? view.code : 0,
          message: failure.message,
        }
      },
      sp_component_update_abort: async ({ params: { component, ...id }, body }) => {
        await ask(id, { kind: 'UpdateAbort', component, id: bytesOfId(body.id) }, ['UpdateAbortAck'])
      },
      sp_component_hash_firmware_start: async ({ params }) => {
        onlyHostFlash(params.component)
        await ask(params, { kind: 'StartHostFlashHash', slot: params.firmware_slot }, ['StartHostFlashHashAck'])
      },
      sp_component_hash_firmware_get: async ({ params }) => {
        onlyHostFlash(params.component)
        const request = { kind: 'GetHostFlashHash', slot: params.firmware_slot } as const
        return { sha256: hex((await ask(params, request, ['HostFlashHash'])).response.hash) }
      },
      sp_rot_cmpa_get: async ({ params }) => {
        const { data } = await ask(params, { kind: 'ReadRot', request: { kind: 'ReadCmpa' } }, ['ReadRot'])
        return { base64_data: Buffer.from(data).toString('base64') }
      },
      sp_rot_cfpa_get: async ({ params, query }) => {
        const page = ({ active: 'Active', inactive: 'Inactive', scratch: 'Scratch' } as const)[query.page]
        const { data } = await ask(params, { kind: 'ReadRot', request: { kind: 'ReadCfpa', page } }, ['ReadRot'])
        return { base64_data: Buffer.from(data).toString('base64') }
      },
      sp_rot_boot_info: async ({ params }) =>
        rotView((await ask(params, { kind: 'VersionedRotBootInfo', version: 3 }, ['RotBootInfo'])).response.info),
      sp_component_serial_console_attach: async ({ params }) => {
        done(await present().attachConsole(sp(params), params.component))
      },
      sp_component_serial_console_stream: async ({ params }) => {
        const gateway = present()
        const target = sp(params)
        const session = done(await gateway.attachConsole(target, params.component))
        return (channel) =>
          streamConsole(gateway.options.host.clock, session, channel, () => void gateway.detachConsole(target))
      },
      sp_component_serial_console_read: ({ params, query }) => {
        const session = present().console(sp(params))
        if (session === undefined || !session.isOpen) throw notAttached()
        const { data, nextOffset, lost } = session.read(query.from_offset)
        return { base64_data: Buffer.from(data).toString('base64'), next_offset: nextOffset, lost }
      },
      sp_component_serial_console_write: async ({ params, body }) => {
        const session = present().console(sp(params))
        if (session === undefined || !session.isOpen) throw notAttached()
        if (!(await session.type(new Uint8Array(Buffer.from(body.base64_data, 'base64'))))) throw notAttached()
      },
      sp_component_serial_console_detach: async ({ params }) => {
        done(await present().detachConsole(sp(params)))
      },
      ignition_list: async () => {
        const controller = ignitionSp(present())
        const states = await present().list(
          controller,
          (offset) => ({ kind: 'BulkIgnitionState', offset }),
          'BulkIgnitionState',
        )
        const events = await present().list(
          controller,
          (offset) => ({ kind: 'BulkIgnitionLinkEvents', offset }),
          'BulkIgnitionLinkEvents',
        )
        const byPort = valuesOf(done(states), 'IGN0', ignitionState)
        const eventsByPort = valuesOf(done(events), 'ILE0', linkEvents)
        if (byPort === undefined || eventsByPort === undefined) {
          throw refusal({ kind: 'unexpected', got: 'ignition states that cannot be read' })
        }
        return present().sps.flatMap(({ id, ignitionPort }) => {
          const state = byPort[ignitionPort]
          const happened = eventsByPort[ignitionPort]
          return state === undefined || happened === undefined
            ? []
            : [{ id: { ...id }, details: ignitionView(state, happened) }]
        })
      },
      ignition_get: async ({ params }) => {
        const target = sp(params).ignitionPort
        const controller = ignitionSp(present()).id
        const { state } = (await ask(controller, { kind: 'IgnitionState', target }, ['IgnitionState'])).response
        const { events } = (await ask(controller, { kind: 'IgnitionLinkEvents', target }, ['IgnitionLinkEvents']))
          .response
        return { id: { type: params.type, slot: params.slot }, details: ignitionView(state, events) }
      },
      ignition_command: async ({ params }) => {
        const target = sp(params).ignitionPort
        const controller = ignitionSp(present()).id
        if (params.command === 'clear-events') {
          const request = { kind: 'ClearIgnitionLinkEvents', target, transceiver: undefined } as const
          await ask(controller, request, ['ClearIgnitionLinkEventsAck'])
          return
        }
        const kind = ({ 'power-on': 'PowerOn', 'power-off': 'PowerOff', 'power-reset': 'PowerReset' } as const)[
          params.command
        ]
        await ask(controller, { kind: 'IgnitionCommand', target, command: { kind } }, ['IgnitionCommandAck'])
      },
    },
    { maxBodyBytes: MAX_BODY_BYTES, ...options },
  )
}

function done<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw refusal(outcome.failure)
  return outcome.value
}

function refusal(failure: SpFailure): ApiFailure {
  const message = failureText(failure)
  if (failure.kind === 'exhausted' || failure.kind === 'closed') return new ApiFailure({ kind: 'unavailable', message })
  if (failure.kind === 'unexpected') return new ApiFailure({ kind: 'internal', internal: message })
  const unsupported = failure.error.kind.startsWith('RequestUnsupported')
  return new ApiFailure({ kind: unsupported ? 'invalid-request' : 'conflict', message })
}

function notAttached(): ApiFailure {
  return new ApiFailure({ kind: 'conflict', message: 'the console is not attached' })
}

function onlyHostFlash(component: string): void {
  if (component === 'host-boot-flash') return
  throw new ApiFailure({ kind: 'invalid-request', message: 'only host-boot-flash has a hash' })
}

function ignitionSp(gateway: Gateway): ReachableSp {
  const found = gateway.ignition
  if (found === undefined)
    throw new ApiFailure({ kind: 'unavailable', message: 'this gateway has no ignition controller' })
  return found
}

function componentInfo(device: Device): SpComponentInfo {
  const names = [
    ['updateable', Capability.updateable],
    ['has_measurement_channels', Capability.measurements],
    ['has_serial_console', Capability.serialConsole],
    ['is_led', Capability.led],
    ['has_vpd', Capability.vpd],
    ['is_pmbus', Capability.pmbus],
  ] as const
  return {
    component: device.component,
    device: device.device,
    description: device.description,
    capabilities: names.filter(([, bit]) => (device.capabilities & bit) !== 0).map(([name]) => name),
    presence: PRESENCE[device.presence],
  }
}

const PRESENCE = {
  Present: 'present',
  NotPresent: 'not_present',
  Failed: 'failed',
  Unavailable: 'unavailable',
  Timeout: 'timeout',
  Error: 'error',
} as const

function updateView(status: WireUpdateStatus): UpdateStatus {
  switch (status.kind) {
    case 'None':
      return { state: 'none' }
    case 'Preparing':
      return {
        state: 'preparing',
        id: idText(status.id),
        ...(status.progress === undefined ? {} : { progress: status.progress }),
      }
    case 'SpUpdateAuxFlashChckScan':
      return { state: 'preparing', id: idText(status.id) }
    case 'InProgress':
      return {
        state: 'in_progress',
        id: idText(status.id),
        bytes_received: status.bytesReceived,
        total_bytes: status.totalSize,
      }
    case 'Complete':
      return { state: 'complete', id: idText(status.id) }
    case 'Aborted':
      return { state: 'aborted', id: idText(status.id) }
    case 'Failed':
      return { state: 'failed', id: idText(status.id), code: status.code }
    case 'RotError':
      return { state: 'failed', id: idText(status.id), code: 0, message: status.error.kind }
  }
}

function rotView(info: RotBootInfo) {
  const digest = (bytes: Uint8Array | undefined): string | null => (bytes === undefined ? null : hex(bytes))
  const { state } = info
  const active = state.active === 'A' ? ('a' as const) : ('b' as const)
  switch (info.kind) {
    case 'V1':
      return {
        version: 1,
        active,
        slot_a_digest: digest(info.state.slotA?.digest),
        slot_b_digest: digest(info.state.slotB?.digest),
      }
    case 'V2':
      return {
        version: 2,
        active,
        slot_a_digest: digest(info.state.slotASha3256Digest),
        slot_b_digest: digest(info.state.slotBSha3256Digest),
      }
    case 'V3':
      return {
        version: 3,
        active,
        slot_a_digest: digest(info.state.slotAFwid.digest),
        slot_b_digest: digest(info.state.slotBFwid.digest),
      }
  }
}

type Json = Parameters<typeof JSON.stringify>[0]

/** CBOR may hold what JSON does not: numbers beyond 2^53 and bytes become text. */
function jsonRecord(record: Readonly<Record<string, unknown>>): Record<string, never> {
  const plain = (_: string, value: Json): Json =>
    typeof value === 'bigint' ? String(value) : value instanceof Uint8Array ? hex(value) : value
  return JSON.parse(JSON.stringify(record, plain)) as Record<string, never>
}

/** Sixteen bytes from a UUID's text; zeros when there is none or it is no UUID. */
function bytesOfId(text: string | undefined): Uint8Array {
  const digits = (text ?? '').replaceAll('-', '')
  const bytes = new Uint8Array(16)
  if (!/^[0-9a-f]{32}$/i.test(digits)) return bytes
  for (let i = 0; i < 16; i++) bytes[i] = parseInt(digits.slice(2 * i, 2 * i + 2), 16)
  return bytes
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, hexByte).join('')
}

function hexByte(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}
