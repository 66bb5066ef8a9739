// Times and numbers as the page shows them: in the browser's time zone.

const timeOfDay = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const timeWithSeconds = new Intl.DateTimeFormat([], {
  hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});
const day = new Intl.DateTimeFormat([], { weekday: "short", day: "numeric", month: "short" });

/** Milliseconds of a time of the protocol, which is in UTC microseconds. */
export function milliseconds(microseconds) {
  return Number(microseconds) / 1000;
}

/** "14:03", or "Tue 3 Mar, 14:03" for another day than today. */
export function timeText(time, now = Date.now()) {
  const text = timeOfDay.format(time);
  return isSameDay(time, now) ? text : `${day.format(time)}, ${text}`;
}

export function secondsText(time) {
  return timeWithSeconds.format(time);
}

/** "Today", "Yesterday", or the date. */
export function dayText(time, now = Date.now()) {
  if (isSameDay(time, now)) return "Today";
  return isSameDay(time, now - 86_400_000) ? "Yesterday" : day.format(time);
}

/** "8 s", "3 min" or "2 h 5 min". */
export function durationText(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** "2026-01-31T18-00-00.250Z": a time that file names may contain. */
export function fileStamp(time) {
  return new Date(time).toISOString().replaceAll(":", "-");
}

/** "1 camera", "2 cameras". */
export function countText(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function isSameDay(one, other) {
  return new Date(one).toDateString() === new Date(other).toDateString();
}
