/** With the flags, keycaps and families that are put together of several. `\p{RGI_Emoji}` takes hundreds of ms to make. */
const EMOJI =
  /^(?:(?:\p{RI}{2}|[#*0-9]\ufe0f?\u20e3|\p{ExtPict}[\ufe0f\p{EMod}]?[\u{e0020}-\u{e007f}]*(?:\u200d\p{ExtPict}[\ufe0f\p{EMod}]?)*)\s?){1,3}$/u;

/** Whether a text is one to three emoji and nothing else: it is shown large. */
export function isEmojiAlone(text: string): boolean {
  return text.length < 60 && EMOJI.test(text);
}
