/**
 * Where lines of the log go when that is neither a file nor a pipe that can be opened anew, such as the socket of a service manager:
 * an asynchronous stream, so that nobody waits for its reader. Lines that it has not taken wait, so many bytes of them.
 */

import { EventEmitter } from "node:events";
import { Socket } from "node:net";

interface Events {
  /** A line was lost. */
  drop: [];
  /** A line is out. */
  write: [];
  error: [Error];
}

export class LogStream extends EventEmitter<Events> {
  readonly #socket: Socket;
  readonly #waitingBytesMax: number;

  /** Writes to the descriptor, which from then on does not block, for others that share it either. */
  constructor(fd: number, waitingBytesMax: number) {
    super();
    this.#waitingBytesMax = waitingBytesMax;
    this.#socket = new Socket({ fd, readable: false, writable: true });
    this.#socket.on("error", (error) => this.emit("error", error));
  }

  /** pino's entrance. */
  write(line: string): void {
    const isRefused =
      this.#socket.destroyed || this.#socket.writableLength + line.length > this.#waitingBytesMax;
    if (isRefused) this.emit("drop");
    else this.#socket.write(line, (error) => this.emit(error ? "drop" : "write"));
  }

  /** Nothing to open: it has no name. */
  reopen(): void {}
}
