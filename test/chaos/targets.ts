/** No secret at all: it never leaves this machine. */
const secret = `whsec_${Buffer.from('webhook-secret-of-this-audit-000').toString('base64')}`;

/** A webhook pipeline of the run. */
export interface Target {
  readonly shop: string;
  readonly pipeline: string;
  /** Where its sink listens. */
  readonly port: number;
  /** More of the pipeline's configuration, such as its lanes. */
  readonly rules?: object;
  /** More of the webhook's settings, such as its batchSize. */
  readonly settings?: object;
}

/** The name by which sinks and the judge know it. */
export const destinationOf = ({ shop, pipeline }: Pick<Target, 'shop' | 'pipeline'>): string => `${shop}/${pipeline}`;

/** The pipeline as the gateway's configuration has it. */
export const pipelineOf = (target: Target): object => ({
  id: target.pipeline,
  ...target.rules,
  destination: {
    type: 'webhook',
    url: `http://127.0.0.1:${target.port}/${destinationOf(target)}`,
    secret,
    allowPrivateNetworks: true,
    ...target.settings,
  },
});
