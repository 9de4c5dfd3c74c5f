# SPDX-License-Identifier: Apache-2.0
"""An asyncio server that fails in its watchdog while clients wait for their answers."""

import asyncio

import pyheapdump

pyheapdump.install()


class Connection:
    def __init__(self, number):
        self.number = number
        self.request = None
        self.log = []


class Server:
    def __init__(self):
        self.connections = {}
        self.never = asyncio.Event()

    async def handle(self, reader, writer):
        connection = Connection(len(self.connections))
        self.connections[connection.number] = connection
        connection.request = (await reader.readline()).decode().strip()
        connection.log.append("waiting for " + connection.request)
        await self.answer(connection, writer)

    async def answer(self, connection, writer):
        patience = {"tries": 3, "of": connection.number}
        await self.never.wait()
        writer.write(b"late" * patience["tries"])

    def watchdog(self, limit):
        busy = [c for c in self.connections.values() if c.log]
        return busy[limit].number


async def client(port, text):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(text + b"\n")
    answer = await reader.readline()
    return answer


async def main():
    server = Server()
    listener = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    clients = [asyncio.ensure_future(client(port, b"GET /%d" % i)) for i in range(3)]
    while sum(bool(c.log) for c in server.connections.values()) < 3:
        await asyncio.sleep(0.01)
    server.watchdog(limit=len(clients))


loop = asyncio.new_event_loop()
loop.run_until_complete(main())
