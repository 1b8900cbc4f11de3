import type { KeyboardEvent } from "react";

/** What browsers give for a key that an input method is still working on, where they say nothing else of it. */
const PROCESSING = 229;

/** Whether a key is an input method's: Enter then takes a word, and sends nothing. */
export function isComposing({ nativeEvent }: KeyboardEvent): boolean {
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- Safari has nothing else
  return nativeEvent.isComposing || nativeEvent.keyCode === PROCESSING;
}
