/** `lode routed` against BIRD as Debian ships it. */
import { describePeer } from './peer-suite.ts'
import { Bird } from './bird.ts'

describePeer('BIRD', () => new Bird())
