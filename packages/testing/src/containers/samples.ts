import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ManagedProcess, cleanEnvironment, startProcess } from '../processes.ts';
import type { Credentials } from './deployment.ts';
import { ROOT } from './podman-home.ts';

const FOLDER = join(ROOT, 'apps/edge/test/samples');
const URL_IN_SAMPLES = 'ws://localhost:8001/api/v1/websocket';
/** What both samples print with each `agent_status`. */
const PRINTS = /^智能体状态更新: /;

/** A sample of the v1 document as a program of its own, with another URL. */
interface Sample {
  start(url: string, credentials: Credentials): Promise<ManagedProcess>;
}

export function pythonSample(python: string): Sample {
  return {
    start(url, { token, certificateFile }) {
      const program = readFileSync(join(FOLDER, 'quant_websocket.py'), 'utf8')
        .replace(URL_IN_SAMPLES, url)
        // The name that websockets gave it in version 14.
        .replace('extra_headers', 'additional_headers');
      const env = cleanEnvironment({ PYTHONUTF8: '1', SSL_CERT_FILE: certificateFile });
      return startProcess(python, ['-u', '-c', `token = '${token}'\n${program}`], { env });
    },
  };
}

export const javascriptSample: Sample = {
  start(url, { token, certificateFile }) {
    const program = readFileSync(join(FOLDER, 'quant-websocket.js.txt'), 'utf8').replace(URL_IN_SAMPLES, url);
    // Node 20 has no WebSocket of its own yet.
    const prelude = `import { WebSocket } from 'ws'; globalThis.WebSocket = WebSocket; const token = '${token}';\n`;
    const env = cleanEnvironment({ NODE_EXTRA_CA_CERTS: certificateFile });
    const cwd = join(ROOT, 'packages/testing');
    return startProcess(process.execPath, ['--input-type=module', '--eval', prelude + program], { cwd, env });
  },
};

/** @throws when the sample does not print the status of an agent within 10 s */
export async function expectPrintsStatus(sample: Sample, url: string, credentials: Credentials): Promise<void> {
  const running = await sample.start(url, credentials);
  try {
    await running.waitForLine(PRINTS);
  } finally {
    await running.kill();
  }
}
