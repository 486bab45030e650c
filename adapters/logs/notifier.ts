/** Wakes everyone who was already waiting for a key. Waits that begin afterwards are for the next time. */
export class Notifier<K> {
  readonly #listeners = new Map<K, AbortController>();

  /** A signal that aborts at the next `notify` of the same key. */
  nextSignal(key: K): AbortSignal {
    let listener = this.#listeners.get(key);
    if (listener === undefined) {
      listener = new AbortController();
      this.#listeners.set(key, listener);
    }
    return listener.signal;
  }

  notify(key: K): void {
    const listener = this.#listeners.get(key);
    this.#listeners.delete(key);
    listener?.abort();
  }
}
