"use strict";
/* 页面随往来更新;正在填写时不动。Pages follow what crosses, and stay as they are while somebody fills something in. */
const main = document.getElementById("main");

function busy() {
  const at = document.activeElement;
  return at && main.contains(at) && ["INPUT", "SELECT", "TEXTAREA"].includes(at.tagName);
}

/* 时限倒计时,以平台时钟为准。Limits count down by the platform's clock, which may not be the browser's. */
const ahead = main && main.dataset.now ? new Date(main.dataset.now) - new Date() : 0;

function span(minutes) {
  const english = document.documentElement.lang === "en";
  const days = Math.floor(minutes / 1440);
  const hours = Math.floor(minutes / 60) % 24;
  const parts = [days ? `${days}${english ? " d" : " 天"}` : "", hours ? `${hours}${english ? " h" : " 小时"}` : "", days ? "" : `${minutes % 60}${english ? " min" : " 分"}`];
  return parts.filter(Boolean).join(" ");
}

function due() {
  const now = Date.now() + ahead;
  const english = document.documentElement.lang === "en";
  for (const time of document.querySelectorAll("time[data-due]")) {
    const left = Math.round((new Date(time.dataset.due) - now) / 60000);
    time.closest(".due").classList.toggle("late", left < 0);
    const told = time.nextElementSibling?.classList.contains("left") ? time.nextElementSibling : time.parentElement.insertBefore(Object.assign(document.createElement("b"), { className: "left" }), time.nextSibling);
    told.textContent = left < 0 ? (english ? `overdue by ${span(-left)}` : `已超 ${span(-left)}`) : english ? `${span(left)} left` : `剩 ${span(left)}`;
  }
}

/* 各席位的待办数另行取得,总览不必等它。What waits at each desk is fetched apart, so that the overview need not wait for it. */
async function counts() {
  const aside = document.querySelector("aside[data-waiting]");
  if (!aside) return;
  try {
    const waiting = await (await fetch(aside.dataset.waiting)).json();
    for (const link of aside.querySelectorAll("a")) {
      link.querySelector(".count")?.remove();
      const count = waiting[link.getAttribute("href")];
      if (count) link.append(" ", Object.assign(document.createElement("b"), { className: "count", textContent: count }));
    }
  } catch {
    /* 稍后随页面再取。Fetched again when the page follows. */
  }
}

async function follow(seen) {
  let now = seen;
  try {
    now = await (await fetch(main.dataset.pulse)).text();
    if (now !== seen && seen !== null && !busy()) {
      const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
      const focus = document.activeElement && document.activeElement.getAttribute && document.activeElement.getAttribute("href");
      main.replaceChildren(...page.getElementById("main").childNodes);
      const aside = document.querySelector("aside");
      if (aside) aside.replaceChildren(...page.querySelector("aside").childNodes);
      if (focus) document.querySelector(`a[href="${CSS.escape(focus)}"]`)?.focus();
      due();
      counts();
    } else if (now !== seen && seen !== null) {
      now = seen;
    }
  } catch {
    /* 服务已停或暂时不可达:稍后再看。Stopped or out of reach: look again later. */
  }
  setTimeout(() => follow(now), 1000);
}

/* 断线不丢已填内容:每次输入都记在本机,办成后清除;重发用同一凭据,平台只办一次。
   What was typed outlives a lost connection: kept here at each stroke, dropped once done. Sent again under the same token, it is done once. */
const RETRY_MS = 4000;
const KEPT = "input:not([type=hidden]):not([type=file]):not([type=radio]),input[name=once],textarea,select";

function keep(form) {
  const key = `duijie:${form.dataset.keep}:${form.dataset.about || new URLSearchParams(location.search).get("case") || ""}`;
  const kept = JSON.parse(localStorage.getItem(key) || "{}");
  for (const field of form.querySelectorAll(KEPT)) {
    if (kept[field.name] && (!field.value || field.name === "once" || field.tagName === "SELECT")) field.value = kept[field.name];
  }
  for (const field of form.querySelectorAll("input[type=radio]")) if (kept[field.name] === field.value) field.checked = true;
  const write = () => {
    const typed = {};
    for (const field of form.querySelectorAll(KEPT)) typed[field.name] = field.value;
    for (const field of form.querySelectorAll("input[type=radio]:checked")) typed[field.name] = field.value;
    localStorage.setItem(key, JSON.stringify(typed));
  };
  form.addEventListener("input", write);
  form.addEventListener("submit", async (sent) => {
    sent.preventDefault();
    const button = form.querySelector("button");
    if (button.disabled) return;
    button.disabled = true;
    write();
    try {
      const answer = await fetch(form.getAttribute("action") || location.href, { method: "POST", body: new FormData(form) });
      if (answer.redirected) {
        localStorage.removeItem(key);
        location.assign(answer.url);
        return;
      }
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const told = page.getElementById("main");
      if (!told) {
        location.reload();
        return;
      }
      const chosen = form.querySelectorAll("input[type=file]");
      main.replaceChildren(...told.childNodes);
      const next = main.querySelector("form[data-keep]");
      if (next) {
        for (const files of chosen) next.querySelector(`#${files.id}`)?.replaceWith(files);
        ready(next);
      }
      main.focus();
    } catch {
      button.disabled = false;
      offline(form);
    }
  });
}

function offline(form) {
  let told = form.querySelector(".offline");
  if (!told) {
    told = Object.assign(document.createElement("p"), { className: "alarm offline", role: "alert" });
    form.append(told);
  }
  told.textContent = document.documentElement.lang === "en" ? "No connection. What you typed is kept and is sent again by itself." : "连接中断,已填内容已保留,恢复后自动重发。";
  clearTimeout(form.retry);
  form.retry = setTimeout(() => form.isConnected && form.requestSubmit(), RETRY_MS);
}

/* 选中的照片先看一眼。A look at the photos that were chosen. */
function thumbs(form) {
  const list = form.querySelector("[data-thumbs]");
  const inputs = [...form.querySelectorAll("input[type=file]")];
  if (!list) return;
  const show = async () => {
    list.replaceChildren();
    for (const file of inputs.flatMap((files) => [...files.files])) {
      const item = document.createElement("li");
      const canvas = Object.assign(document.createElement("canvas"), { width: 96, height: 72 });
      try {
        const picture = await createImageBitmap(file);
        const scale = Math.max(96 / picture.width, 72 / picture.height);
        canvas.getContext("2d").drawImage(picture, (96 - picture.width * scale) / 2, (72 - picture.height * scale) / 2, picture.width * scale, picture.height * scale);
        item.append(canvas);
      } catch {
        /* 不是图片,由服务端说明。No picture; the server says so. */
      }
      item.append(file.name);
      list.append(item);
    }
  };
  for (const files of inputs) files.addEventListener("change", show);
  show();
}

function ready(form) {
  keep(form);
  kinds(form);
  narrow(form);
  chart(form);
  thumbs(form);
}

/* 大类随类型而变。Events have other main categories than components. */
function kinds(form) {
  const kind = form.querySelector("select[name=kind]");
  const category = form.querySelector("select[name=category]");
  if (!kind || !category || !category.querySelector("option[data-kind]")) return;
  const show = () => {
    for (const field of [category, form.querySelector("select[name=subcategory]")]) {
      for (const choice of field.querySelectorAll("option[data-kind]")) choice.hidden = choice.disabled = choice.dataset.kind !== kind.value;
      if (field.selectedOptions[0]?.disabled) field.value = "";
    }
  };
  kind.addEventListener("change", show);
  show();
}

/* 小类随大类而变。Only the sub categories of the chosen main category are offered. */
function narrow(form) {
  const category = form.querySelector("select[name=category]");
  const sub = form.querySelector("select[name=subcategory]");
  if (!category || !sub) return;
  const show = () => {
    for (const group of sub.querySelectorAll("optgroup")) {
      const fits = group.querySelector("option").dataset.under === category.value;
      group.hidden = group.disabled = category.value !== "" && !fits;
    }
    if (sub.selectedOptions[0]?.parentElement.disabled) sub.value = "";
  };
  category.addEventListener("change", show);
  show();
}

/* 在图上点选网格。A touch on the map chooses the cell. */
function chart(form) {
  const map = form.querySelector("[data-map]");
  const cell = form.querySelector("select[name=cell]");
  if (!map || !cell) return;
  const show = () => {
    for (const spot of map.querySelectorAll("rect")) spot.classList.toggle("chosen", spot.dataset.cell === cell.value);
  };
  map.addEventListener("click", (touched) => {
    const spot = touched.target.closest("rect");
    if (!spot) return;
    cell.value = spot.dataset.cell;
    show();
  });
  cell.addEventListener("change", show);
  show();
}

for (const form of document.querySelectorAll("form[data-keep]")) ready(form);
due();
setInterval(due, 30000);
if (main && main.dataset.pulse) follow(null);
/* 统计未完时稍后再看。Figures that are still being counted are looked at again. */
if (document.querySelector("[data-again]")) setTimeout(() => location.reload(), 1500);
counts();
