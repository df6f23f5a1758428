// Many clients in one process, cheaply: raw sockets, and frames counted by their headers without being parsed.
// One client in fifty reads the `timestamp` of each frame for the latency. Driven over IPC by main.mjs:
//   {run: {urls, tokens, subscriptions: [[symbol…]…]}} → {ready: {seconds}};  {reset} ;  {report} → {frames, latencies}
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';

const SAMPLE_EVERY = 50;
const TIMESTAMP = Buffer.from('"timestamp":');

let frames = 0;
let latencies = [];
const sockets = [];

function maskedText(text) {
  const body = Buffer.from(text);
  const head =
    body.length < 126
      ? Buffer.from([0x81, 0x80 | body.length])
      : Buffer.from([0x81, 0xfe, body.length >> 8, body.length & 255]);
  // A mask of zeros is a valid mask (RFC 6455, section 5.3) and leaves the body as it is.
  return Buffer.concat([head, Buffer.alloc(4), body]);
}

function pong(socket, payload) {
  socket.write(Buffer.concat([Buffer.from([0x8a, 0x80 | payload.length]), Buffer.alloc(4), payload]));
}

/** Walks the frames of a socket; calls back for text frames when it samples. */
function createReader(socket, onText) {
  let rest = null;
  return (chunk) => {
    const data = rest ? Buffer.concat([rest, chunk]) : chunk;
    let at = 0;
    while (data.length - at >= 2) {
      let length = data[at + 1] & 127;
      let start = at + 2;
      if (length === 126) {
        if (data.length - at < 4) break;
        length = data.readUInt16BE(at + 2);
        start = at + 4;
      } else if (length === 127) {
        if (data.length - at < 10) break;
        length = Number(data.readBigUInt64BE(at + 2));
        start = at + 10;
      }
      if (data.length - start < length) break;
      const opcode = data[at] & 15;
      if (opcode === 1) onText(data, start, start + length);
      else if (opcode === 9) pong(socket, data.subarray(start, start + length));
      at = start + length;
    }
    rest = at < data.length ? Buffer.from(data.subarray(at)) : null;
  };
}

function sampleLatency(data, start, end) {
  const field = data.indexOf(TIMESTAMP, start);
  if (field === -1 || field > end) return;
  latencies.push(
    Date.now() - Number.parseFloat(data.latin1Slice(field + TIMESTAMP.length, field + TIMESTAMP.length + 17)) * 1000,
  );
}

function open(url, token, symbols, index) {
  return new Promise((resolve, reject) => {
    const { hostname, port, pathname } = new URL(url);
    const socket = connect(Number(port), hostname, () => {
      socket.setNoDelay();
      socket.write(
        `GET ${pathname} HTTP/1.1\r\nHost: ${hostname}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer ${token}\r\n\r\n`,
      );
    });
    sockets.push(socket);
    const sampled = index % SAMPLE_EVERY === 0;
    let subscribed = false;
    const read = createReader(socket, (data, start, end) => {
      if (!subscribed) {
        const text = data.toString('utf8', start, end);
        if (text.includes('"subscribed"')) {
          subscribed = true;
          resolve();
        } else if (text.includes('"error"')) reject(new Error(text));
        return;
      }
      frames += 1;
      if (sampled) sampleLatency(data, start, end);
    });
    let upgraded = false;
    socket.on('data', (chunk) => {
      if (upgraded) {
        read(chunk);
        return;
      }
      const end = chunk.indexOf('\r\n\r\n');
      if (!chunk.subarray(0, 12).equals(Buffer.from('HTTP/1.1 101'))) {
        reject(new Error(chunk.toString('latin1')));
        return;
      }
      upgraded = true;
      socket.write(maskedText(JSON.stringify({ type: 'subscribe', channel: 'market_data', symbols, id: 1 })));
      if (chunk.length > end + 4) read(chunk.subarray(end + 4));
    });
    socket.on('error', reject);
  });
}

process.on('message', async (message) => {
  if (message.run) {
    const { urls, tokens, subscriptions } = message.run;
    const startedAt = performance.now();
    await Promise.all(tokens.map((token, i) => open(urls[i % urls.length], token, subscriptions[i], i)));
    process.send({ ready: { seconds: (performance.now() - startedAt) / 1000 } });
  } else if (message.reset) {
    frames = 0;
    latencies = [];
  } else if (message.report) {
    process.send({ report: { frames, latencies } });
  } else if (message.close) {
    for (const socket of sockets.splice(0)) socket.destroy();
  }
});
