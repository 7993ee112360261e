/** What `lode sim run --topology` takes: a program whose default export is a topology. */
import { rackTopology } from '@lodestone/testbed'

export default rackTopology({ sleds: 2 })
