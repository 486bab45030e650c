import type { TObject } from 'typebox';

/** Finds mistakes of a URL that the gateway shall call, a sentence each. */
export type UrlMistakes = (url: string, allowPrivateNetworks: boolean) => readonly string[];

/** A dialect's own part of a shop's configuration. It stands there under the dialect's name. */
export interface ShopSettings {
  /** No other keys are allowed, and everything has a default: a shop that does not use the dialect writes nothing. */
  readonly schema: TObject;
  /**
   * Finds what a schema cannot, without effects. A sentence is `<setting>: must be <what>, got <value>`. The settings may have other
   * mistakes too, so that all are reported at once.
   */
  check(settings: unknown, urlMistakes: UrlMistakes): readonly string[];
  /** Describes the settings that differ from the default, a few words each. */
  describe(settings: unknown): readonly string[];
}
