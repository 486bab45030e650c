import { version } from '../../adapters/version.ts';

/** The running version, and its Node. */
export interface Build {
  readonly version: string;
  readonly node: string;
  /** The commit that it was built from, if the platform names it. */
  readonly commit?: string;
}

/** Variables that hold the commit on Heroku, Scalingo and buildpacks, Render, Railway and Dokku. */
const COMMIT_NAMES = [
  'HEROKU_SLUG_COMMIT',
  'HEROKU_BUILD_COMMIT',
  'SOURCE_VERSION',
  'RENDER_GIT_COMMIT',
  'RAILWAY_GIT_COMMIT_SHA',
  'GIT_REV',
];

export function buildOf(env: NodeJS.ProcessEnv): Build {
  const commits = COMMIT_NAMES.map((name) => env[name]?.trim() ?? '');
  const commit = commits.find((text) => /^[0-9a-f]{7,64}$/i.test(text));
  return { version: version(), node: process.version, ...(commit && { commit }) };
}
