import type { Context, InboundRequest } from '../../../adapters/dialects/dialect.ts';
import type { GeoFamily } from '../../../schemas/settings.ts';
import { type Agent, createAgentReader } from './agent.ts';
import { namesAppBuilder } from './channel.ts';
import { createGeoReader, type Geo } from './geo.ts';

export interface EnricherOptions {
  /** The edges in front of the gateway whose geo headers are trusted, the most trusted first. */
  readonly geoHeaders: readonly GeoFamily[];
  /** Where an address is, asked where the headers name no country. */
  readonly geoDatabase?: ((address: string) => Geo | undefined) | undefined;
  /** How many User-Agents are remembered, 5,000 unless told: some 3 MB. */
  readonly cacheSize?: number | undefined;
}

/** What enrichment looks at. `address` is the shopper's, as `clientAddress` found it; it is not kept. */
export interface EnrichableRequest {
  readonly headers: InboundRequest['headers'];
  readonly address?: string | undefined;
}

/** Finds channel, place and agent of a request; what nothing tells is left out. Never throws. Once per request, so it must stay cheap. */
export function createEnricher(
  options: EnricherOptions,
): (request: EnrichableRequest) => Pick<Context, 'channel' | 'geo' | 'agent'> {
  const { geoDatabase, cacheSize = 5_000 } = options;
  const readGeo = createGeoReader(options.geoHeaders);
  const readAgent = createAgentReader(cacheSize);

  // The address costs more to find than all the rest, so it is only asked for where something looks it up.
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

// isbot takes bare HTTP libraries and short names for bots, and so most shops' own apps. Those of servers and scripts
// (curl, python-requests, node, axios) keep its verdict.
function noBot(agent: Agent): Agent {
  return agent.bot ? { ...agent, bot: false } : agent;
}
