/* 处置时限:工作日历在此,时限表在 city.json。Disposal limits (INT-2): the calendar is here, the table of limits in city.json. */

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const BEIJING = 8 * 60 * MINUTE;

/** 自 `start` 起 `amount` 个 `unit` 之后的时刻(毫秒)。The moment (ms) that lies `amount` of `unit` after `start`. */
export function later(start, amount, unit, city) {
  if (unit === "urgent_hour") return start + amount * 60 * MINUTE;
  if (unit === "working_hour") return workingTime(start, amount * 60 * MINUTE, city);
  // 工作日:顺延若干个工作日,时刻不变;落在非工作日则在下一工作日。Working days: the same time of day, so many working days on.
  let at = start;
  for (let left = amount; left > 0; ) {
    at += DAY;
    if (isWorkday(at, city)) left -= 1;
  }
  return at;
}

function workingTime(start, left, city) {
  for (let day = midnight(start); ; day += DAY) {
    if (!isWorkday(day, city)) continue;
    for (const [opens, closes] of city.hours) {
      const from = Math.max(start, day + minutes(opens));
      const to = day + minutes(closes);
      if (from >= to) continue;
      if (from + left <= to) return from + left;
      left -= to - from;
    }
  }
}

function midnight(at) {
  return Math.floor((at + BEIJING) / DAY) * DAY - BEIJING;
}

function minutes(text) {
  const [hours, rest] = text.split(":").map(Number);
  return (hours * 60 + rest) * MINUTE;
}

function isWorkday(at, city) {
  const day = new Date(at + BEIJING);
  const date = day.toISOString().slice(0, 10);
  if (city.makeUpDays.includes(date)) return true;
  return ![0, 6].includes(day.getUTCDay()) && !city.holidays.includes(date);
}
