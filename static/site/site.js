// What the pages gain with JavaScript. Nothing here is needed: every form works without, and most of this stands on
// htmx, which exchanges the parts of a page that an element names.

const { user } = document.body.dataset;
const messages = document.getElementById("messages");
const quickAdd = document.getElementById("quick-add");
const pointer = matchMedia("(hover: hover) and (pointer: fine)").matches;

/** What this tab remembers. Storage may be forbidden or full: then nothing is remembered, and all else goes on. */
const memory = {
  keys: () => attempt(() => Object.keys(sessionStorage)) ?? [],
  get: (key) => attempt(() => JSON.parse(sessionStorage.getItem(key))),
  set: (key, value) => attempt(() => sessionStorage.setItem(key, JSON.stringify(value))),
  remove: (key) => attempt(() => sessionStorage.removeItem(key)),
};

function attempt(action) {
  try {
    return action();
  } catch {
    return null;
  }
}

// Counting characters

/** Show how many characters a field has, in code points as the server counts them, once it is nearly full. */
function count(line) {
  const field = document.getElementById(line.dataset.counts);
  const most = Number(line.dataset.most);
  const show = () => {
    const n = [...field.value].length;
    line.hidden = n < most * 0.8;
    line.classList.toggle("errors", n > most);
    line.textContent = line.dataset.words.replace("{n}", n).replace("{most}", most);
  };
  field.addEventListener("input", show);
  show();
}

// Drafts: what was typed into a form is kept under the user's id until it is saved, or until somebody signs out.

const draftKey = (form) => `draft:${user}:${form.dataset.draft}`;
const typed = (form) => [...form.elements].filter(({ name }) => ["title", "description", "status"].includes(name));

function keepDraft(form) {
  const fields = Object.fromEntries(typed(form).map(({ name, value }) => [name, value]));
  const changed = typed(form).some((field) => field.value !== field.dataset.loaded);
  // The version that the text was written for: a change by somebody else since then has to be noticed when it is saved.
  if (changed) memory.set(draftKey(form), { fields, version: form.elements.version?.value });
  else memory.remove(draftKey(form));
}

function restoreDraft(form) {
  const givenBack = document.querySelector(".summary"); // by the server: what was typed last
  for (const field of typed(form)) field.dataset.loaded = givenBack ? "" : field.value;
  form.addEventListener("input", () => keepDraft(form));
  if (givenBack) return keepDraft(form);
  const draft = memory.get(draftKey(form));
  if (!draft) return;
  const loadedVersion = form.elements.version?.value;
  fill(form, draft.fields, draft.version);
  if (typed(form).every((field) => field.value === field.dataset.loaded)) return;
  const notice = document.getElementById("restored").content.cloneNode(true).firstElementChild;
  notice.querySelector("button").addEventListener("click", () => {
    fill(form, Object.fromEntries(typed(form).map((field) => [field.name, field.dataset.loaded])), loadedVersion);
    dropDraft(form);
    typed(form)[0].focus();
  });
  form.prepend(notice);
}

function fill(form, fields, version) {
  for (const field of typed(form)) field.value = fields[field.name] ?? field.value;
  if (version) form.elements.version.value = version;
  for (const field of typed(form)) field.dispatchEvent(new Event("input"));
}

function dropDraft(form) {
  memory.remove(draftKey(form));
  form.querySelector(".notice")?.remove();
}

const drafts = () => memory.keys().filter((key) => key.startsWith("draft:"));

/** Forget the drafts of whoever was here before, and the one that was sent if this page says that it is saved. */
function tidyDrafts() {
  const saved = messages?.querySelector('[data-level="success"]');
  for (const key of drafts()) {
    const { sent, ...draft } = memory.get(key);
    if ((user && !key.startsWith(`draft:${user}:`)) || (sent && saved)) memory.remove(key);
    else if (sent) memory.set(key, draft);
  }
}

function markSent(form) {
  const draft = form.dataset.draft && memory.get(draftKey(form));
  if (draft) memory.set(draftKey(form), { ...draft, sent: true });
  if (form.matches(".account")) drafts().forEach(memory.remove); // signing out
}

// Sending: each form once at a time. What sends is marked busy, not disabled: a disabled button loses the focus.

function sendOnce(event) {
  const sender = event.type === "submit" ? event.target : event.target.closest("button[data-hx-post]");
  if (!sender || sender.method === "dialog") return;
  if (sender.ariaBusy === "true") {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  sender.ariaBusy = "true";
  setTimeout(() => (sender.ariaBusy = null), 10_000); // somebody may have stopped the page from loading
  if (event.type === "submit") markSent(sender);
}

addEventListener("click", sendOnce, true);
addEventListener("submit", sendOnce, true);
addEventListener("pageshow", () => document.querySelectorAll("[aria-busy]").forEach((sender) => (sender.ariaBusy = null)));

// Exchanging parts of a page

// htmx reads this when the page is ready. No style, script or eval of its own, which the security policy forbids; no page
// kept in the browser; and an error is shown in place of the content, as it is without the script.
if (window.htmx)
  Object.assign(htmx.config, {
    includeIndicatorStyles: false,
    allowEval: false,
    allowScriptTags: false,
    historyRestoreAsHxRequest: false,
    historyCacheSize: 0,
    refreshOnHistoryMiss: true,
    defaultSettleDelay: 0,
    responseHandling: [
      { code: "204", swap: false },
      { code: "[23]..", swap: true },
      { code: "...", swap: true, target: "#content", select: "#content", swapOverride: "outerHTML" },
    ],
  });

const ROWS = "li.task, li.entry";
const elsewhere = new WeakSet(); // requests whose answer is a page of another kind
let place = {};

// A button that posts elsewhere than its form says so once, in the words that work without a script.
addEventListener("htmx:configRequest", ({ detail }) => {
  if (detail.elt.matches("button[formaction]")) detail.path = detail.elt.formAction;
});

addEventListener("htmx:beforeRequest", ({ detail: { elt, requestConfig } }) => {
  const pressed = requestConfig.triggeringEvent?.submitter ?? elt; // of a form around all rows the button of one
  const row = pressed.closest(ROWS) ?? document.querySelector("li:has(.pick:checked)");
  place = { row: [...document.querySelectorAll(ROWS)].indexOf(row), control: elt.matches(".bulk") ? ".pick" : "button, a" };
  if (elt === quickAdd) {
    place.sent = elt.elements.title.value;
    elt.elements.title.value = ""; // free for the next task, while this one is on its way
  }
});

/** An answer without the part that was asked for is a page of another kind, such as the one for signing in: go there. */
addEventListener("htmx:beforeSwap", ({ detail }) => {
  const { xhr, selectOverride, requestConfig } = detail;
  const part = selectOverride ?? requestConfig.elt.closest("[data-hx-select]").dataset.hxSelect;
  if (xhr.responseText.includes(`id="${part.slice(1)}"`)) return;
  detail.shouldSwap = false;
  elsewhere.add(xhr);
  if (xhr.status < 300) location.assign(xhr.responseURL);
  else say(messages.dataset.away);
});

addEventListener("htmx:afterRequest", ({ detail: { xhr, requestConfig } }) => {
  const { elt } = requestConfig;
  const done = xhr.status >= 200 && xhr.status < 300 && !elsewhere.has(xhr);
  elt.ariaBusy = null;
  if (elt === quickAdd) finishQuickAdd(done);
  else if (done && elt.matches(".tick")) mark(elt);
  if (document.activeElement === document.body) focusPlace();
});

addEventListener("htmx:sendError", () => say(messages.dataset.away));

function finishQuickAdd(done) {
  const { title } = quickAdd.elements;
  if (done) dropDraft(quickAdd);
  else title.value = [place.sent, title.value].filter(Boolean).join(" ");
  if (!title.isConnected) return memory.remove(draftKey(quickAdd)); // what was typed is in the form that came instead
  keepDraft(quickAdd);
  title.focus({ preventScroll: true });
}

/** Show a row as completed or pending, in its place: it goes where it belongs when the list is loaded next. */
function mark(tick) {
  const row = tick.closest(".task");
  const title = row.querySelector(".title");
  const words = row.parentElement.dataset;
  const completed = row.classList.toggle("completed", tick.value === "completed");
  tick.value = completed ? "pending" : "completed";
  tick.ariaLabel = (completed ? words.reopen : words.complete).replace("{title}", () => title.textContent);
  row.querySelector(".state")?.remove();
  if (completed) title.after(" ", make("span", "state", words.completed));
}

/** Where the focus goes when what had it is gone: to the row that took its place, or else to the heading. */
function focusPlace() {
  const rows = document.querySelectorAll(ROWS);
  const row = place.row >= 0 && rows[Math.min(place.row, rows.length - 1)];
  const next = (row && row.querySelector(place.control)) || document.querySelector("h1");
  if (next.matches("h1")) next.tabIndex = -1;
  next.focus({ preventScroll: true });
}

const make = (name, className, textContent) => Object.assign(document.createElement(name), { className, textContent });

function say(words) {
  const message = make("div", "message", "");
  message.dataset.level = "error";
  message.append(make("p", "", words));
  messages.replaceChildren(message);
}

messages?.addEventListener("click", ({ target }) => {
  if (!target.closest(".close")) return;
  messages.replaceChildren();
  focusPlace();
});

// Shortcuts

let went = 0; // when "g" was pressed

const go = (address) => location.assign(new URL(address, document.querySelector(".brand").href));
const press = (selector) => (document.activeElement.closest(".task") ?? document.querySelector(".detail"))?.querySelector(selector)?.click();

function step(by) {
  const rows = [...document.querySelectorAll(".task")];
  const at = rows.indexOf(document.activeElement.closest(".task"));
  rows.at(at < 0 ? Math.min(by, 0) : Math.min(Math.max(at + by, 0), rows.length - 1))?.querySelector(".title").focus();
}

const shortcuts = {
  "?": () => document.getElementById("shortcuts").showModal(),
  "/": () => document.querySelector("input[type=search]")?.select(),
  n: () => (quickAdd?.isConnected ? quickAdd.elements.title.focus() : go("#id_title")),
  j: () => step(1),
  k: () => step(-1),
  x: () => press('[name="status"]'),
  e: () => press(".edit"),
  Enter: () => press(".title"),
  u: () => messages.querySelector(".undo")?.click(),
  g: () => (went = Date.now()),
  "g p": () => go("?status=pending"),
  "g c": () => go("?status=completed"),
};

function onKey(event) {
  const { target, key } = event;
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || document.querySelector("dialog[open]")) return;
  if (key === "Escape" && target.closest("#quick-add")) target.blur();
  if (target.closest("input:not([type=checkbox], [type=radio]), textarea, select")) return;
  if (key === "Enter" && target.closest("a, button, summary")) return; // they know what to do
  const name = Date.now() - went < 1500 && Object.hasOwn(shortcuts, `g ${key}`) ? `g ${key}` : key;
  went = 0;
  if (!Object.hasOwn(shortcuts, name)) return;
  event.preventDefault();
  shortcuts[name]();
}

// Each page, and each part that comes into it

function prepare(root) {
  root.querySelectorAll("[data-counts]").forEach(count);
  if (user) root.querySelectorAll("[data-draft]").forEach(restoreDraft);
}

tidyDrafts();
prepare(document);
addEventListener("htmx:load", ({ detail: { elt } }) => elt !== document.body && prepare(elt));

document.querySelector(".summary")?.focus();
if (pointer && !/[?&](q|cursor)=/.test(location.search) && document.activeElement === document.body) {
  quickAdd?.elements.title.focus({ preventScroll: true });
}

if (user && document.documentElement.dataset.shortcuts !== "off") {
  addEventListener("keydown", onKey);
  for (const button of document.querySelectorAll("[data-opens]")) {
    button.hidden = false;
    button.addEventListener("click", shortcuts["?"]);
  }
}

/** Tell the site the time zone of this browser, where it knows none; not again when it will not have it. */
async function tellTimeZone(form) {
  if (memory.get("time-zone") === "refused") return;
  form.elements.time_zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const answer = await fetch(form.action, { method: "POST", body: new FormData(form), redirect: "manual" });
  if (answer.status === 422) memory.set("time-zone", "refused");
}

document.querySelectorAll("#time-zone").forEach((form) => tellTimeZone(form).catch(() => {}));
