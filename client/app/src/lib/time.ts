// Times as people read them, in their own language and zone.

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "long" });
const short = new Intl.DateTimeFormat(undefined, { weekday: "short" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long" });
const dated = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const long = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", year: "numeric" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });

const DAY = 86_400_000;
/** How many characters of a time say it to the minute, and of how many minutes it is remembered which day they are. */
const MINUTE = 16;
const MOST_NAMED = 20_000;

function midnight(time: Date): number {
  return new Date(time.getFullYear(), time.getMonth(), time.getDate()).getTime();
}

/** When this day began, in ms. */
export function today(): number {
  return midnight(new Date());
}

function daysAgo(time: Date): number {
  return Math.round((today() - midnight(time)) / DAY);
}

/** The hour and minute. */
export function clockOf(at: string): string {
  return clock.format(new Date(at));
}

/** Everything about a time. */
export function fullTimeOf(at: string): string {
  return full.format(new Date(at));
}

/** What days are called, by the minute: a conversation asks it of all its messages again and again. */
const named = new Map<string, string>();
let nextDay = 0;

/** What separates days: the same text for the same day. */
export function dayOf(at: string): string {
  if (Date.now() >= nextDay || named.size > MOST_NAMED) {
    named.clear();
    nextDay = midnight(new Date(Date.now() + DAY));
  }
  const minute = at.slice(0, MINUTE);
  const known = named.get(minute);
  if (known !== undefined) return known;
  const name = nameOfDay(new Date(at));
  named.set(minute, name);
  return name;
}

function nameOfDay(time: Date): string {
  const ago = daysAgo(time);
  if (ago === 0) return "Today";
  if (ago === 1) return "Yesterday";
  if (ago > 1 && ago < 7) return weekday.format(time);
  return (time.getFullYear() === new Date().getFullYear() ? day : long).format(time);
}

/** As short as a list has room for. */
export function briefOf(at: string): string {
  const time = new Date(at);
  const ago = daysAgo(time);
  if (ago === 0) return clock.format(time);
  if (ago === 1) return "Yesterday";
  return (ago > 1 && ago < 7 ? short : dated).format(time);
}
