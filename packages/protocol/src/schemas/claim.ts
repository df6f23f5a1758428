import { type Static, Type } from 'typebox';
import { CHANNELS } from '../channels.ts';
import { MAX_CLAIM_ENTRIES } from '../limits.ts';
import { KEY_PATTERN } from '../symbols.ts';
import { schemaId } from './common.ts';

const key = KEY_PATTERN.slice(1, -1);
const keyed = CHANNELS.filter((channel) => channel !== 'alerts').join('|');

export const ChannelsClaim = Type.Array(
  Type.String({
    pattern: `^((${keyed}|\\*)(:(${key}|\\*))?|alerts(:\\*)?)$`,
    description: 'A channel, or `channel:key`; `*` may stand for the whole of either part.',
  }),
  {
    $id: schemaId('channels-claim'),
    title: 'channels claim',
    description: 'The `channels` claim of a token: what it may subscribe to. A token without it may subscribe to all.',
    maxItems: MAX_CLAIM_ENTRIES,
    examples: [['alerts', 'agent_status:*', 'market_data:0700.HK'], ['*']],
  },
);

export type ChannelsClaim = Static<typeof ChannelsClaim>;
