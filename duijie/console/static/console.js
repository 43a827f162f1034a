"use strict";
/* 页面随往来更新;正在填写时不动。Pages follow what crosses, and stay as they are while somebody fills something in. */
const main = document.getElementById("main");

function busy() {
  const at = document.activeElement;
  return at && main.contains(at) && ["INPUT", "SELECT", "TEXTAREA"].includes(at.tagName);
}

function due() {
  for (const time of document.querySelectorAll("time[data-due]")) {
    time.closest(".due").classList.toggle("late", new Date(time.dataset.due) < new Date());
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
    } else if (now !== seen && seen !== null) {
      now = seen;
    }
  } catch {
    /* 服务已停或暂时不可达:稍后再看。Stopped or out of reach: look again later. */
  }
  setTimeout(() => follow(now), 1000);
}

/* 断线不丢已填内容:每次输入都记在本机,办成后清除。What was typed outlives a lost connection: kept here at each stroke, dropped once done. */
function keep(form) {
  const key = `duijie:${form.dataset.keep}:${new URLSearchParams(location.search).get("case") || ""}`;
  const kept = JSON.parse(localStorage.getItem(key) || "{}");
  for (const field of form.querySelectorAll("input:not([type=hidden]):not([type=file]),textarea")) {
    if (!field.value && kept[field.name]) field.value = kept[field.name];
  }
  form.addEventListener("input", () => {
    const typed = {};
    for (const field of form.querySelectorAll("input:not([type=hidden]):not([type=file]),textarea")) typed[field.name] = field.value;
    localStorage.setItem(key, JSON.stringify(typed));
  });
  form.addEventListener("submit", async (sent) => {
    sent.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      const answer = await fetch(form.action || location.href, { method: "POST", body: new FormData(form) });
      if (answer.redirected) {
        localStorage.removeItem(key);
        location.assign(answer.url);
        return;
      }
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      main.replaceChildren(...page.getElementById("main").childNodes);
      const next = main.querySelector("form[data-keep]");
      if (next) {
        keep(next);
        narrow(next);
        chart(next);
      }
      main.focus();
    } catch {
      button.disabled = false;
      let told = form.querySelector(".offline");
      if (!told) {
        told = Object.assign(document.createElement("p"), { className: "alarm offline", role: "alert" });
        form.append(told);
      }
      told.textContent = document.documentElement.lang === "en" ? "No connection. What you typed is kept; send again." : "连接中断,已填内容保留,请再次提交。";
    }
  });
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

for (const form of document.querySelectorAll("form[data-keep]")) chart(form);
for (const form of document.querySelectorAll("form[data-keep]")) keep(form);
for (const form of document.querySelectorAll("form[data-keep]")) narrow(form);
due();
if (main && main.dataset.pulse) follow(null);
