/**
 * Tells when file descriptors that Node has no handle for can be read (netlink, raw sockets). One call of `poll` waits for
 * all of them in one thread of the pool; an eventfd among them ends the wait when the set changes.
 *
 * While anything is watched the process stays alive, as with a socket of Node's.
 */
import { checked, type Libc } from './os-libc.ts'

const POLLIN = 1
const POLLFD_BYTES = 8
const EFD_NONBLOCK_CLOEXEC = 0x80800
/** How long ending a thread that polls may take at most. */
const WAIT_MS = 500

export class Poller {
  static #shared: Poller | undefined
  readonly #libc: Libc
  readonly #wakeUp: number
  readonly #readers = new Map<number, () => void>()
  #isWaiting = false

  /** The one of this thread. */
  static shared(libc: Libc): Poller {
    Poller.#shared ??= new Poller(libc)
    return Poller.#shared
  }

  private constructor(libc: Libc) {
    this.#libc = libc
    this.#wakeUp = checked(libc, libc.eventfd(0, EFD_NONBLOCK_CLOEXEC), 'eventfd')
  }

  /** Calls `onReadable` as long as there is something to read. @returns unwatch; to be called before closing `fd`. */
  watch(fd: number, onReadable: () => void): () => void {
    this.#readers.set(fd, onReadable)
    if (this.#isWaiting) this.#interrupt()
    else void this.#run()
    return () => {
      this.#readers.delete(fd)
      if (this.#isWaiting) this.#interrupt()
    }
  }

  #interrupt(): void {
    const one = new Uint8Array(8)
    one[0] = 1
    this.#libc.write(this.#wakeUp, one, one.length)
  }

  async #run(): Promise<void> {
    this.#isWaiting = true
    const drained = new Uint8Array(8)
    while (this.#readers.size > 0) {
      const fds = [this.#wakeUp, ...this.#readers.keys()]
      const bytes = new Uint8Array(fds.length * POLLFD_BYTES)
      const view = new DataView(bytes.buffer)
      fds.forEach((fd, i) => {
        view.setInt32(i * POLLFD_BYTES, fd, true)
        view.setInt16(i * POLLFD_BYTES + 4, POLLIN, true)
      })
      await this.#libc.poll(bytes, fds.length, WAIT_MS)
      this.#libc.read(this.#wakeUp, drained, drained.length)
      fds.forEach((fd, i) => {
        if (view.getInt16(i * POLLFD_BYTES + 6, true) !== 0) this.#readers.get(fd)?.()
      })
    }
    this.#isWaiting = false
  }
}
