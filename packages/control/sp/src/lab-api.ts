/** The laboratory's HTTP operations: what is behind service processors, and faults. */
import {
  ApiFailure,
  type HttpHandler,
  implement,
  type ImplementOptions,
  invalidRequest,
  objectNotFound,
} from '@lodestone/api'
import { type LabFault, type LabSp, spLabApi } from '@lodestone/contract-sp'
import { Mac } from '@lodestone/net'
import type { SpFault } from './fault.ts'
import { buildImage } from './firmware/image.ts'
import { VPD_DEVICES } from './firmware/inventory.ts'
import { sensorSpecs } from './firmware/sensor-task.ts'
import { type TaskName, SWITCH_TASKS } from './firmware/task-context.ts'
import { ROT_BOARD } from './firmware/update-task.ts'
import type { SpId } from './gateway/gateway.ts'
import type { ServiceProcessor } from './service-processor.ts'

/** Enough for some dozens of chunks. */
const IMAGE_PAYLOAD_BYTES = 64 * 1024

export interface LabMember {
  readonly id: SpId
  readonly sp: ServiceProcessor
}

export function labHandler(
  members: () => readonly LabMember[],
  options: Pick<ImplementOptions<undefined>, 'fallback' | 'newRequestId'> = {},
): HttpHandler {
  const find = (id: SpId): LabMember => {
    const found = members().find((each) => each.id.type === id.type && each.id.slot === id.slot)
    if (found === undefined) throw objectNotFound('service processor', { name: `${id.type} ${id.slot}` })
    return found
  }
  const firmwareOf = (id: SpId) => {
    const { firmware } = find(id).sp
    if (firmware === undefined) {
      throw new ApiFailure({ kind: 'unavailable', message: 'the service processor does not run' })
    }
    return firmware
  }
  return implement(
    spLabApi,
    {
      lab_sp_list: () => members().map((each) => labView(each)),
      lab_sp_view: ({ params }) => labView(find(params)),
      lab_task_list: ({ params }) => {
        const firmware = firmwareOf(params)
        return firmware.supervisor.tasks.map((task) => ({
          name: task.name,
          priority: task.priority,
          generation: task.generation,
          state: task.isRunning ? 'running' : 'faulted',
          faults: task.faults,
          ...(task.lastFault === undefined ? {} : { last_fault: task.lastFault }),
          // because every task has a ring
          entries: firmware.rings.get(task.name as TaskName)?.total ?? 0,
        }))
      },
      lab_ringbuf: ({ params, query }) => {
        const firmware = firmwareOf(params)
        if (query.task !== undefined && !firmware.rings.has(taskName(query.task))) throw noTask(query.task)
        return [...firmware.rings]
          .filter(([task]) => query.task === undefined || query.task === task)
          .flatMap(([task, ring]) =>
            ring.entries.map(({ atMs, generation, count, text }) => ({ task, at_ms: atMs, generation, count, text })),
          )
          .toSorted((a, b) => a.at_ms - b.at_ms)
      },
      lab_counters: ({ params }) => {
        const { sp } = find(params)
        const ports = sp.portCounters.map((counters, index) => [`port-${index}`, counters] as const)
        const groups = [
          ['sp', sp.counters.snapshot()],
          ['firmware', sp.firmware?.counters.snapshot() ?? {}],
          ...ports,
        ] as const
        return Object.fromEntries(
          groups.flatMap(([group, counters]) =>
            Object.entries(counters).map(([name, count]) => [`${group}.${name}`, count]),
          ),
        )
      },
      lab_fault_inject: ({ params, body }) => {
        const { sp } = find(params)
        sp.inject(faultOf(body, sp))
      },
      lab_fault_clear: ({ params, query }) => ({
        // because a kind that is none clears nothing
        cleared: find(params).sp.clear(query.kind as SpFault['kind'] | undefined),
      }),
      lab_image: ({ params, body }) => {
        const { profile } = find(params).sp.board
        const { component, version } = body
        const board = body.board ?? (component === 'rot' ? ROT_BOARD : profile.board)
        const payload = Uint8Array.from({ length: IMAGE_PAYLOAD_BYTES }, (_, index) => (index * 31) & 0xff)
        const phase2Hash = body.phase2_hash
        const image = buildImage({
          board,
          name: body.name ?? component,
          version,
          payload,
          ...(phase2Hash === undefined ? {} : { phase2Hash }),
        })
        return { base64_image: Buffer.from(image).toString('base64') }
      },
      lab_vpd_list: ({ params }) => {
        const { vpd } = firmwareOf(params)
        return VPD_DEVICES.slice(0, vpd.count).map((component, index) => {
          const locked = vpd.isLocked(index)
          const contents = vpd.read(index)
          return {
            component,
            ...(typeof locked === 'boolean' ? { locked } : { locked: null, error: locked }),
            refused_writes: vpd.refused(index),
            base64_contents: contents === undefined ? null : Buffer.from(contents).toString('base64'),
          }
        })
      },
      lab_vpd_write: ({ params, body }) => {
        const data = new Uint8Array(Buffer.from(body.base64_data, 'base64'))
        const refusal = firmwareOf(params).vpd.write(params.index, body.offset, data)
        if (refusal !== undefined) throw new ApiFailure({ kind: 'conflict', message: `identity memory: ${refusal}` })
      },
      lab_step: ({ params }) => ({ delivered: find(params).sp.step() }),
    },
    options,
  )
}

function labView({ id, sp }: LabMember): LabSp {
  const { board, firmware } = sp
  const { profile } = board
  return {
    id: { ...id },
    name: sp.name,
    plugged: board.isPlugged,
    standby: board.hasStandby,
    host: board.isHostOn,
    host_boot: bootOf(sp),
    running: firmware !== undefined,
    ...(firmware === undefined ? {} : { power: firmware.power.status.state, thermal: firmware.thermal.status.state }),
    ...(firmware?.power.status.fault === undefined ? {} : { power_fault: firmware.power.status.fault }),
    throttled: board.sequencer.isThrottled,
    damaged: board.plant.isDamaged,
    uptime_ms: firmware?.uptimeMs ?? null,
    fan_percent: firmware?.thermal.status.fanPercent ?? 0,
    sensors: (firmware?.sensors.records ?? []).map(({ spec, lastData, lastError, isLastError }) => {
      const part = profile.parts[spec.id]
      return {
        id: spec.id,
        name: spec.name,
        kind: spec.kind,
        value: isLastError ? null : (lastData?.value ?? null),
        ...(isLastError && lastError !== undefined ? { error: lastError.error } : {}),
        ...(part === undefined ? {} : { target: part.targetC, critical: part.criticalC }),
      }
    }),
    faults: sp.faults.map((fault) => JSON.parse(JSON.stringify(fault)) as never),
  }
}

function bootOf({ board, firmware }: ServiceProcessor): LabSp['host_boot'] {
  if (!board.isHostOn) return 'off'
  if (board.isHostRunning) return 'running'
  return firmware?.phase2.failure === undefined ? 'waiting' : 'failed'
}

function faultOf(body: LabFault, sp: ServiceProcessor): SpFault {
  const { profile } = sp.board
  switch (body.kind) {
    case 'slow':
      return { kind: 'slow', delayMs: body.delay_ms }
    case 'task-crash': {
      const task = taskName(body.task)
      if (sp.firmware !== undefined && !sp.firmware.rings.has(task)) throw noTask(body.task)
      return { kind: 'task-crash', task, ...(body.every_ms === undefined ? {} : { everyMs: body.every_ms }) }
    }
    case 'sensor': {
      const spec = sensorSpecs(profile).find((each) => each.name === body.sensor)
      if (spec === undefined || spec.id > profile.parts.length) {
        const names = sensorSpecs(profile).slice(0, profile.parts.length + 1)
        throw invalidRequest(
          `no temperature sensor ${body.sensor}; there are ${names.map((each) => each.name).join(', ')}`,
        )
      }
      const fault =
        body.fault === 'ramp' ? ({ kind: 'ramp', kPerS: body.kelvin_per_s ?? 1 } as const) : { kind: body.fault }
      return { kind: 'sensor', sensor: spec.id, fault }
    }
    case 'fan':
      if (body.fan >= profile.fanCount) throw invalidRequest(`there are ${profile.fanCount} fans, from 0`)
      return body
    case 'rail-stuck':
    case 'rail-lost':
      if (body.rail >= profile.rails.length) throw invalidRequest(`there are ${profile.rails.length} rails, from 0`)
      return body
    case 'update-interrupted':
      return { kind: 'update-interrupted', afterBytes: body.after_bytes }
    case 'vlan':
      return { kind: 'vlan', port: body.port === 0 ? 0 : 1, vlan: body.vlan }
    case 'ignition-link':
      if (body.controller === undefined) return { kind: 'ignition-link' }
      return { kind: 'ignition-link', controller: body.controller === 0 ? 0 : 1 }
    case 'mac-collision': {
      const mac = Mac.parse(body.mac)
      if (mac === undefined) throw invalidRequest(`${body.mac} is no MAC address`)
      return { kind: 'mac-collision', mac: mac.bytes }
    }
    default:
      return body
  }
}

function taskName(text: string): TaskName {
  const found = SWITCH_TASKS.find((task) => task.name === text)
  if (found === undefined) throw noTask(text)
  return found.name
}

function noTask(name: string): ApiFailure {
  return invalidRequest(`no task ${name}; there are ${SWITCH_TASKS.map((task) => task.name).join(', ')}`)
}
