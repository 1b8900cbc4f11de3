import { expect, test } from "vitest";

import { isEmojiAlone } from "../src/lib/emojiAlone.js";

test("One to three emoji are emoji alone, of whatever they are put together.", () => {
  for (const text of ["👍", "❤️ ❤", "👩‍👩‍👧‍👦🇨🇭👍🏽", "3️⃣", "🏴󠁧󠁢󠁳󠁣󠁴󠁿"])
    expect([text, isEmojiAlone(text)]).toEqual([text, true]);
  for (const text of ["", "3", "#", "👍👍👍👍", "ok 👍"])
    expect([text, isEmojiAlone(text)]).toEqual([text, false]);
});
