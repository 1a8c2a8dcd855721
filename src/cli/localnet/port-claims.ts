/**
 * PortClaims: ports that networks of this machine have chosen, from the choice until the network ends. Between the choice
 * and the moment in which a node listens a port looks free; a claim is what another network sees meanwhile. Each is a
 * socket with a name and no file: the system forgets it with the process, however that ends.
 */
import { createServer, type Server } from "node:net";

export class PortClaims {
  readonly #servers: Server[] = [];

  /** False when another network has the port. Where there are no such sockets everybody gets every port. */
  claim(port: number): Promise<boolean> {
    return new Promise((resolve) => {
      const server = createServer((connection) => connection.destroy());
      server.unref();
      server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code !== "EADDRINUSE"));
      server.listen({ path: `\0alys-localnet-port-${port}` }, () => {
        this.#servers.push(server);
        resolve(true);
      });
    });
  }

  /** Gives all ports back. */
  release(): void {
    for (const server of this.#servers.splice(0)) server.close();
  }
}
