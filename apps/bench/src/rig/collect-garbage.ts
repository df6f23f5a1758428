/** Loaded into a server before its program (`node --import`): on SIGUSR2 it collects all garbage, then prints `{"collected":true}`. */
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** What one round frees is returned to the system by later ones. */
const ROUNDS = 4;
const PAUSE_MS = 250;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

process.on('SIGUSR2', () => {
  void (async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      collect();
      await sleep(PAUSE_MS);
    }
    console.log('{"collected":true}');
  })();
});
