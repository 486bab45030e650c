import type { Context, InboundRequest } from '../../../adapters/dialects/dialect.ts';
import type { GeoFamily } from '../../../schemas/settings.ts';
import { type Agent, createAgentReader } from './agent.ts';
import { namesAppBuilder } from './channel.ts';
import { createGeoReader, type Geo } from './geo.ts';

export interface EnricherOptions {
  /** The edges in front of the gateway whose geo headers are trusted, the most trusted first. */
  readonly geoHeaders: readonly GeoFamily[];
  /** Looks up an address if the headers name no country. */
  readonly geoDatabase?: ((address: string) => Geo | undefined) | undefined;
  /** How many User-Agents are cached. 5,000 by default, some 3 MB. */
  readonly cacheSize?: number | undefined;
}

/** What enrichment reads. `address`: the client's address from `clientAddress`; it is not stored. */
export interface EnrichableRequest {
  readonly headers: InboundRequest['headers'];
  readonly address?: string | undefined;
}

/** Finds channel, location and agent of a request; unknown values are left out. Never throws. Runs for every request, so it must be cheap. */
export function createEnricher(
  options: EnricherOptions,
): (request: EnrichableRequest) => Pick<Context, 'channel' | 'geo' | 'agent'> {
  const { geoDatabase, cacheSize = 5_000 } = options;
  const readGeo = createGeoReader(options.geoHeaders);
  const readAgent = createAgentReader(cacheSize);

  // Finding the address is expensive, so ask for it only if something looks it up.
  const locate = (request: EnrichableRequest): Geo | undefined => {
    const address = geoDatabase && request.address;
    return address === undefined ? undefined : geoDatabase?.(address);
  };

  return (request) => {
    const { headers } = request;
    const userAgent = headers['user-agent'];
    const reading = typeof userAgent === 'string' && userAgent !== '' ? readAgent(userAgent) : undefined;
    const channel = namesAppBuilder(String(headers['x-requested-with'] ?? '')) ? 'app' : (reading?.channel ?? 'web');
    const geo = readGeo(headers) ?? locate(request);
    return {
      channel,
      ...(geo && { geo }),
      ...(reading && { agent: channel === 'app' ? noBot(reading.agent) : reading.agent }),
    };
  };
}

// isbot calls bare HTTP libraries and short names bots, and so the apps of most shops. For those its verdict is dropped. Libraries of servers
// and scripts (curl, python-requests, node, axios) keep it.
function noBot(agent: Agent): Agent {
  return agent.bot ? { ...agent, bot: false } : agent;
}
