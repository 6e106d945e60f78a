import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** Longer than any client keeps an idle connection, so that the server never closes one that is used again. */
const keepAliveMs = 120_000;

/** Open sockets of each server. */
const sockets = new WeakMap<Server, Set<Socket>>();

/** Serves on loopback, on this port or, for 0, on a free one, and says on which. */
export async function listen(server: Server, port: number): Promise<number> {
  const open = new Set<Socket>();
  sockets.set(server, open);
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  server.keepAliveTimeout = keepAliveMs;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return (server.address() as AddressInfo).port;
}

/** Ends a server, and what it is still answering. */
export async function close(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
    // `closeAllConnections` leaves out connections during their handshake.
    for (const socket of sockets.get(server) ?? []) socket.destroy();
  });
}
