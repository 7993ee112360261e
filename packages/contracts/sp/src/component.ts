/** Components of a board: the inventory, measurements, images and their updates, the host's console. */
import { endpoint } from '@lodestone/api'
import { z } from 'zod'
import { ofComponent, ofSp } from './identifier.ts'

export const SpComponentInfo = z
  .object({
    component: z.string(),
    device: z.string(),
    description: z.string(),
    capabilities: z.array(
      z.enum(['updateable', 'has_measurement_channels', 'has_serial_console', 'is_led', 'has_vpd', 'is_pmbus']),
    ),
    presence: z.enum(['present', 'not_present', 'failed', 'unavailable', 'timeout', 'error']),
  })
  .meta({ id: 'SpComponentInfo' })
export type SpComponentInfo = z.output<typeof SpComponentInfo>

export const Measurement = z
  .object({
    type: z.literal('measurement'),
    name: z.string(),
    kind: z.string(),
    value: z.number().nullable(),
    error: z.string().optional(),
  })
  .meta({ id: 'Measurement' })
export type Measurement = z.output<typeof Measurement>

const packets = z.object({ unicast: z.int(), multicast: z.int(), broadcast: z.int() })
const line = z.enum(['error', 'down', 'up'])

/** A port of the management network's switch. */
export const PortStatus = z
  .object({
    type: z.literal('port_status'),
    port: z.int(),
    mode: z.string(),
    link: line,
    /** Absent for a port without a transceiver of its own. */
    phy: z.object({ type: z.string(), mac: line, media: line }).optional(),
    rx: packets,
    tx: packets,
    /** The line was down since `clear-status`. */
    link_was_down: z.boolean(),
    phy_was_down: z.boolean(),
  })
  .meta({ id: 'PortStatus' })
export type PortStatus = z.output<typeof PortStatus>

export const ComponentDetails = z
  .discriminatedUnion('type', [
    Measurement,
    PortStatus,
    z.object({ type: z.literal('port_status_error'), port: z.int(), code: z.string() }),
    /** What the host showed while it started. */
    z.object({ type: z.literal('post_code'), code: z.int() }),
  ])
  .meta({ id: 'ComponentDetails' })
export type ComponentDetails = z.output<typeof ComponentDetails>

export const Caboose = z
  .object({
    git_commit: z.string(),
    board: z.string(),
    name: z.string(),
    version: z.string(),
    sign: z.string().optional(),
  })
  .meta({ id: 'Caboose' })
export type Caboose = z.output<typeof Caboose>

export const UpdateStatus = z
  .discriminatedUnion('state', [
    z.object({ state: z.literal('none') }),
    z.object({
      state: z.literal('preparing'),
      id: z.string(),
      progress: z.object({ current: z.int(), total: z.int() }).optional(),
    }),
    z.object({ state: z.literal('in_progress'), id: z.string(), bytes_received: z.int(), total_bytes: z.int() }),
    z.object({ state: z.literal('complete'), id: z.string() }),
    z.object({ state: z.literal('aborted'), id: z.string() }),
    z.object({ state: z.literal('failed'), id: z.string(), code: z.int(), message: z.string().optional() }),
  ])
  .meta({ id: 'UpdateStatus' })
export type UpdateStatus = z.output<typeof UpdateStatus>

export const HostFlashHash = z.object({ sha256: z.string() }).meta({ id: 'HostFlashHash' })

export const ConsoleOutput = z
  .object({
    /** What was printed, base64. */
    base64_data: z.string(),
    /** Offset of the byte after the last one, since attaching. */
    next_offset: z.int(),
    /** Bytes that got lost on the way before `data`. */
    lost: z.int(),
  })
  .meta({ id: 'ConsoleOutput' })

export const RotBootInfo = z
  .object({
    version: z.int(),
    active: z.enum(['a', 'b']),
    slot_a_digest: z.string().nullable(),
    slot_b_digest: z.string().nullable(),
  })
  .meta({ id: 'RotBootInfo' })

const tags = ['components']
const slot = z.int().min(0).max(1)

export const componentEndpoints = [
  endpoint({
    operationId: 'sp_component_list',
    method: 'GET',
    path: '/sp/{type}/{slot}/component',
    tags,
    summary: 'List the components of a board',
    params: ofSp,
    response: { status: 200, schema: z.array(SpComponentInfo) },
  }),
  endpoint({
    operationId: 'sp_component_get',
    method: 'GET',
    path: '/sp/{type}/{slot}/component/{component}',
    tags,
    summary: 'What a component tells: measurements, ports of the management switch, codes of the host that starts',
    params: ofComponent,
    response: { status: 200, schema: z.array(ComponentDetails) },
  }),
  endpoint({
    operationId: 'sp_component_clear_status',
    method: 'POST',
    path: '/sp/{type}/{slot}/component/{component}/clear-status',
    tags,
    summary: 'Forget what a component counted',
    params: ofComponent,
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'sp_component_caboose_get',
    method: 'GET',
    path: '/sp/{type}/{slot}/component/{component}/caboose',
    tags,
    summary: 'What an image says about itself',
    params: ofComponent,
    query: z.object({ firmware_slot: slot.optional() }),
    response: { status: 200, schema: Caboose },
  }),
  endpoint({
    operationId: 'sp_component_active_slot_get',
    method: 'GET',
    path: '/sp/{type}/{slot}/component/{component}/active-slot',
    tags,
    summary: 'Slot that a component starts from',
    params: ofComponent,
    response: { status: 200, schema: z.object({ slot: z.int() }) },
  }),
  endpoint({
    operationId: 'sp_component_active_slot_set',
    method: 'POST',
    path: '/sp/{type}/{slot}/component/{component}/active-slot',
    tags,
    summary: 'Choose the slot that a component starts from',
    params: ofComponent,
    query: z.object({ persist: z.boolean().optional() }),
    body: z.object({ slot: z.int().min(0).max(1) }),
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'sp_component_reset',
    method: 'POST',
    path: '/sp/{type}/{slot}/component/{component}/reset',
    tags,
    summary: 'Reset a component; a service processor with a new image tries it under a watchdog',
    params: ofComponent,
    body: z.object({
      /** The old image comes back unless the new one is confirmed within this time. */
      watchdog_ms: z.int().min(1).optional(),
      /** Confirm the new image once it answers; without it somebody else has to. */
      confirm: z.boolean().default(true),
    }),
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'sp_component_update',
    method: 'POST',
    path: '/sp/{type}/{slot}/component/{component}/update',
    tags,
    summary: 'Begin to write an image; how it goes is told by update-status',
    params: ofComponent,
    body: z.object({ id: z.uuid(), slot: z.int().min(0).max(1), base64_image: z.string() }),
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'sp_component_update_status',
    method: 'GET',
    path: '/sp/{type}/{slot}/component/{component}/update-status',
    tags,
    summary: 'How an update goes',
    params: ofComponent,
    response: { status: 200, schema: UpdateStatus },
  }),
  endpoint({
    operationId: 'sp_component_update_abort',
    method: 'POST',
    path: '/sp/{type}/{slot}/component/{component}/update-abort',
    tags,
    summary: 'Stop an update; the slot is empty then',
    params: ofComponent,
    body: z.object({ id: z.uuid() }),
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'sp_component_hash_firmware_start',
    method: 'POST',
    path: '/sp/{type}/{slot}/component/{component}/hash/{firmware_slot}',
    tags,
    summary: 'Begin to hash what is in a slot of the host flash',
    params: ofComponent.extend({ firmware_slot: slot }),
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'sp_component_hash_firmware_get',
    method: 'GET',
    path: '/sp/{type}/{slot}/component/{component}/hash/{firmware_slot}',
    tags,
    summary: 'The hash, when it is there',
    params: ofComponent.extend({ firmware_slot: slot }),
    response: { status: 200, schema: HostFlashHash },
  }),
  endpoint({
    operationId: 'sp_rot_cmpa_get',
    method: 'GET',
    path: '/sp/{type}/{slot}/component/{component}/cmpa',
    tags,
    summary: 'The manufacturing page of the root of trust, base64',
    params: ofComponent,
    response: { status: 200, schema: z.object({ base64_data: z.string() }) },
  }),
  endpoint({
    operationId: 'sp_rot_cfpa_get',
    method: 'GET',
    path: '/sp/{type}/{slot}/component/{component}/cfpa',
    tags,
    summary: 'A field page of the root of trust, base64',
    params: ofComponent,
    query: z.object({ page: z.enum(['active', 'inactive', 'scratch']).default('active') }),
    response: { status: 200, schema: z.object({ base64_data: z.string() }) },
  }),
  endpoint({
    operationId: 'sp_rot_boot_info',
    method: 'GET',
    path: '/sp/{type}/{slot}/component/{component}/rot-boot-info',
    tags,
    summary: 'Images of the root of trust',
    params: ofComponent,
    response: { status: 200, schema: RotBootInfo },
  }),
  endpoint({
    operationId: 'sp_component_serial_console_attach',
    method: 'POST',
    path: '/sp/{type}/{slot}/component/{component}/serial-console/attach',
    tags,
    summary: 'Attach to the console of the host; attaching again begins anew',
    params: ofComponent,
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'sp_component_serial_console_stream',
    method: 'GET',
    path: '/sp/{type}/{slot}/component/{component}/serial-console/attach',
    tags,
    summary: 'Attach to the console of the host: a WebSocket of bytes in both directions, detached when it closes',
    params: ofComponent,
    response: { status: 101 },
  }),
  endpoint({
    operationId: 'sp_component_serial_console_read',
    method: 'GET',
    path: '/sp/{type}/{slot}/component/{component}/serial-console',
    tags,
    summary: 'What the host printed since an offset; keeps the console attached',
    params: ofComponent,
    query: z.object({ from_offset: z.int().min(0).optional() }),
    response: { status: 200, schema: ConsoleOutput },
  }),
  endpoint({
    operationId: 'sp_component_serial_console_write',
    method: 'POST',
    path: '/sp/{type}/{slot}/component/{component}/serial-console',
    tags,
    summary: 'Type on the console of the host',
    params: ofComponent,
    body: z.object({ base64_data: z.string() }),
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'sp_component_serial_console_detach',
    method: 'POST',
    path: '/sp/{type}/{slot}/component/{component}/serial-console/detach',
    tags,
    summary: 'Detach whoever is attached',
    params: ofComponent,
    response: { status: 204 },
  }),
] as const
