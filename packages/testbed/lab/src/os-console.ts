/** A person's terminal joined to the console of a node, over the WebSocket of the control socket. */
import { WebSocket } from 'ws'
import { join } from 'node:path'
import { CONTROL_SOCKET } from './os-lab-process.ts'

/** Ctrl-], as telnet has it. */
const LEAVE = 0x1d

/** @returns why not, or undefined after it was left. Without a terminal, standard input is typed and the end of it leaves. */
export function attachConsole(directory: string, node: string): Promise<string | undefined> {
  const { stdin, stdout, stderr } = process
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws+unix://${join(directory, CONTROL_SOCKET)}:/console/${encodeURIComponent(node)}`)
    const finish = (reason: string | undefined): void => {
      if (stdin.isTTY) stdin.setRawMode(false)
      stdin.removeAllListeners('data')
      stdin.pause()
      socket.close()
      resolve(reason)
    }
    socket.on('error', (error: NodeJS.ErrnoException) =>
      finish(
        error.code === 'ENOENT' || error.code === 'ECONNREFUSED'
          ? 'the laboratory is not running'
          : `${node}: ${error.message}`,
      ),
    )
    socket.on('open', () => {
      if (stdin.isTTY) {
        stdin.setRawMode(true)
        stderr.write('attached; Ctrl-] leaves\r\n')
      }
      stdin.on('data', (data: Buffer) => {
        const leave = stdin.isTTY ? data.indexOf(LEAVE) : -1
        if (leave >= 0) return finish(undefined)
        socket.send(stdin.isTTY ? data : Buffer.from(data.toString('latin1').replaceAll('\n', '\r'), 'latin1'))
      })
      stdin.on('end', () => socket.send(Buffer.from('\x04')))
    })
    // because the server sends bytes, and the socket gives them as a buffer
    socket.on('message', (data) => void stdout.write(data as Buffer))
    socket.on('close', () => finish(undefined))
  })
}
