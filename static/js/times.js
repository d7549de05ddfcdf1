// Times in the viewer's zone: the exact one on hover, and the zone's name in a cookie, so that days are the viewer's.

import { all } from "./dom.js";

const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const time = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" };
const thisYear = new Intl.DateTimeFormat(undefined, time);
const otherYear = new Intl.DateTimeFormat(undefined, { ...time, year: "numeric" });

export function localise(root) {
  for (const element of all("time[datetime]", root)) {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.valueOf())) continue;
    element.title = exact.format(moment);
    const clock = moment.getFullYear() === new Date().getFullYear() ? thisYear : otherYear;
    if (element.hasAttribute("data-clock")) element.textContent = clock.format(moment);
  }
}

export function tellZone() {
  const zone = exact.resolvedOptions().timeZone;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  if (zone) document.cookie = `timezone=${encodeURIComponent(zone)}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
}
