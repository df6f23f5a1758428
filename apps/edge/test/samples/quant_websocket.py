# The Python sample of the v1 document, word for word but for its use of `on`: it takes the callback as its second
# argument and returns nothing, so it can't stand as the decorator `@ws.on('agent_status')`.

import asyncio
import websockets
import json

class QuantWebSocket:
    def __init__(self, url, token):
        self.url = url
        self.token = token
        self.ws = None
        self.callbacks = {}

    async def connect(self):
        headers = {'Authorization': f'Bearer {self.token}'}
        async with websockets.connect(self.url, extra_headers=headers) as ws:
            self.ws = ws
            await self.subscribe('agent_status')
            await self.listen()

    async def subscribe(self, channel, symbol=None):
        await self.send({
            'type': 'subscribe',
            'channel': channel,
            'symbol': symbol
        })

    async def send(self, message):
        await self.ws.send(json.dumps(message))

    async def listen(self):
        async for message in self.ws:
            data = json.loads(message)
            await self.handle_message(data)

    async def handle_message(self, message):
        handler = self.callbacks.get(message['type'])
        if handler:
            await handler(message['data'])

    def on(self, type, callback):
        self.callbacks[type] = callback

# 使用示例
async def main():
    ws = QuantWebSocket('ws://localhost:8001/api/v1/websocket', token)

    async def handle_agent_status(data):
        print(f'智能体状态更新: {data}')
    ws.on('agent_status', handle_agent_status)

    await ws.connect()

asyncio.run(main())
