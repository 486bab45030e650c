import type { TObject } from 'typebox';

/** What is wrong with a URL that the gateway is to ask, a sentence for each mistake. */
export type UrlMistakes = (url: string, allowPrivateNetworks: boolean) => readonly string[];

/** A dialect's own part of a shop's configuration. It stands there under the dialect's name. */
export interface ShopSettings {
  /** Closed, and with a default: a shop that says nothing of the dialect has none of it to write. */
  readonly schema: TObject;
  /**
   * Finds what a schema cannot, without effects. A sentence is `<setting>: must be <what>, got <value>`. The settings may have other
   * mistakes too, so that all are reported at once.
   */
  check(settings: unknown, urlMistakes: UrlMistakes): readonly string[];
  /** What a start says of them: a few words for each that is not the default. */
  describe(settings: unknown): readonly string[];
}
