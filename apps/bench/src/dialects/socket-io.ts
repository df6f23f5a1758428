import { clientFrame, TEXT } from '@tickcast/testing';
import type { Dialect } from './dialect.ts';

const DIGIT_4 = '4'.charCodeAt(0);
const DIGIT_2 = '2'.charCodeAt(0);

const said = (text: string) => clientFrame(TEXT, Buffer.from(text));

/**
 * Engine.IO 4 and Socket.IO 5 by hand: `0{…}` opens, `40` joins the namespace, `420[…]` asks with acknowledgement 0, `430[…]`
 * acknowledges, `42[…]` is an event, `2` a ping that wants a `3`.
 */
export const socketIo: Dialect = {
  path: '/socket.io/?EIO=4&transport=websocket',
  hello: () => Buffer.alloc(0),
  isReady(text) {
    if (text.startsWith('44') || text.startsWith('41')) return new Error(`the server refused the client: ${text}`);
    return text.startsWith('430') ? 'ready' : 'wait';
  },
  answer(text, topics) {
    if (text === '2') return said('3');
    if (text.startsWith('0{')) return said('40');
    // An event sent before the namespace is joined ends the connection.
    if (text.startsWith('40')) return said(`420${JSON.stringify(['subscribe', topics])}`);
    return null;
  },
  isEvent: (bytes, start) => bytes[start] === DIGIT_4 && bytes[start + 1] === DIGIT_2,
};
