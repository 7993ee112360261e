/** A person's terminal joined to the console of a node. */
import type { Channel } from '@lodestone/api'

/** Ctrl-], as telnet has it. */
const LEAVE = 0x1d

/** Resolves when the console ends or is left. Without a terminal, standard input is typed, and the end of it leaves. */
export function joinTerminal(channel: Channel): Promise<void> {
  const { stdin, stdout, stderr } = process
  return new Promise((resolve) => {
    const finish = (): void => {
      if (stdin.isTTY) stdin.setRawMode(false)
      stdin.removeAllListeners('data')
      stdin.pause()
      channel.close()
      resolve()
    }
    if (stdin.isTTY) {
      stdin.setRawMode(true)
      stderr.write('attached; Ctrl-] leaves\r\n')
    }
    stdin.on('data', (data: Buffer) => {
      const leave = stdin.isTTY ? data.indexOf(LEAVE) : -1
      if (leave >= 0) return finish()
      channel.send(stdin.isTTY ? data : Buffer.from(data.toString('latin1').replaceAll('\n', '\r'), 'latin1'))
    })
    stdin.on('end', () => channel.send(Buffer.from('\x04')))
    channel.onMessage((bytes) => void stdout.write(bytes))
    channel.onClose(finish)
  })
}
