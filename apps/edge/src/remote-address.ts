import { BlockList, isIP } from 'node:net';

/** Tells a client's address: the socket's, or what a trusted proxy reports in X-Forwarded-For. */
export type RemoteAddressOf = (socketAddress: string, forwardedFor: string) => string;

function bare(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/^(?:0{4}:){5}ffff:([0-9a-f]{4}):([0-9a-f]{4})$/i, mapped);
}

/** IPv4 in the engine's long form of an IPv6 address. */
function mapped(_all: string, high: string, low: string): string {
  return [high.slice(0, 2), high.slice(2), low.slice(0, 2), low.slice(2)].map((hex) => parseInt(hex, 16)).join('.');
}

export function createRemoteAddressOf(trustedProxies: readonly string[]): RemoteAddressOf {
  const trusted = new BlockList();
  for (const range of trustedProxies) {
    const [address = '', bits] = range.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    trusted.addSubnet(address, bits === undefined ? (family === 'ipv6' ? 128 : 32) : Number(bits), family);
  }
  const isTrusted = (address: string) =>
    isIP(address) !== 0 && trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');

  return (socketAddress, forwardedFor) => {
    let address = bare(socketAddress);
    // From the right: each hop vouches for the one before it only while it is itself trusted.
    const hops = forwardedFor.split(',').map((hop) => bare(hop.trim()));
    while (isTrusted(address)) {
      const next = hops.pop();
      if (!next || isIP(next) === 0) break;
      address = next;
    }
    return address;
  };
}
