/** The reactions that are at hand, with their names in Unicode's CLDR. */
export const QUICK: readonly (readonly [emoji: string, name: string])[] = [
  ["👍", "thumbs up"],
  ["❤️", "red heart"],
  ["😂", "face with tears of joy"],
  ["😮", "face with open mouth"],
  ["😢", "crying face"],
  ["🎉", "party popper"],
];
