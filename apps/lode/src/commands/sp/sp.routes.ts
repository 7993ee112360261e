/** `lode sp …`: service processors of a running rack, through the management gateway as an operator would, and behind it. */
import { buildRouteMap } from '@stricli/core'
import { consoleCommand } from './console.command.ts'
import { dumpCommand } from './dump.command.ts'
import { ereportsCommand } from './ereports.command.ts'
import { faultCommand } from './fault.command.ts'
import { ignitionCommand } from './ignition.command.ts'
import { inventoryCommand } from './inventory.command.ts'
import { listCommand } from './list.command.ts'
import { recoveryRoutes } from './recovery.command.ts'
import { powerCommand } from './power.command.ts'
import { ringbufCommand } from './ringbuf.command.ts'
import { sensorsCommand } from './sensors.command.ts'
import { stateCommand } from './state.command.ts'
import { updateCommand } from './update.command.ts'

export const spRoutes = buildRouteMap({
  routes: {
    list: listCommand,
    state: stateCommand,
    power: powerCommand,
    sensors: sensorsCommand,
    console: consoleCommand,
    inventory: inventoryCommand,
    ignition: ignitionCommand,
    update: updateCommand,
    recovery: recoveryRoutes,
    ereports: ereportsCommand,
    ringbuf: ringbufCommand,
    dump: dumpCommand,
    fault: faultCommand,
  },
  docs: { brief: 'Service processors: power, sensors, consoles, ignition, updates, and what goes wrong with them' },
})
