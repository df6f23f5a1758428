import { CLOSES } from '@tickcast/protocol';

/** Why a connection ended, and what to do, in lines. @param lastError what the server said before, or '' */
export function explainClose(code: number, lastError: string, host: string): string {
  const known = Object.entries(CLOSES).find(([number]) => Number(number) === code)?.[1];
  const ended = code === 1006 ? `the connection to ${host} broke or was refused` : `closed ${code}`;
  const advice = known?.clientDoes ?? (code === 1006 ? 'Is an edge running there? `npm start` runs two.' : '');
  return [lastError, [ended, known?.reason].filter(Boolean).join(' '), advice].filter(Boolean).join('\n  ');
}
