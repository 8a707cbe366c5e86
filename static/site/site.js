// Progressive enhancement: every form also works without JavaScript. htmx replaces parts of a page; this module adds
// keyboard shortcuts, drafts, character counters and messages.

const { user } = document.body.dataset;
const messages = document.getElementById("messages");
const quickAdd = document.getElementById("quick-add");
const hasMouse = matchMedia("(hover: hover) and (pointer: fine)").matches;

/** JSON values in sessionStorage. If storage is disabled or full, nothing is stored. */
const storage = {
  keys: () => tryOrNull(() => Object.keys(sessionStorage)) ?? [],
  get: (key) => tryOrNull(() => JSON.parse(sessionStorage.getItem(key))),
  set: (key, value) => tryOrNull(() => sessionStorage.setItem(key, JSON.stringify(value))),
  remove: (key) => tryOrNull(() => sessionStorage.removeItem(key)),
};

function tryOrNull(action) {
  try {
    return action();
  } catch {
    return null;
  }
}

// Character counters

/** Show the length of a field when it is nearly full, in code points like the server. */
function setUpCounter(counter) {
  const field = document.getElementById(counter.dataset.counterFor);
  const max = Number(counter.dataset.max);
  const update = () => {
    const n = [...field.value].length;
    counter.hidden = n < max * 0.8;
    counter.classList.toggle("errors", n > max);
    counter.textContent = counter.dataset.text.replace("{n}", n).replace("{max}", max);
  };
  field.addEventListener("input", update);
  update();
}

// Drafts: the text of a form is stored under the user's id until it is saved or the user signs out.

const draftKey = (form) => `draft:${user}:${form.dataset.draft}`;
const draftFields = (form) => [...form.elements].filter(({ name }) => ["title", "description", "status"].includes(name));

function storeDraft(form) {
  const fields = Object.fromEntries(draftFields(form).map(({ name, value }) => [name, value]));
  const changed = draftFields(form).some((field) => field.value !== field.dataset.original);
  // Keep the version that the text is based on. The server detects an edit conflict with it.
  if (changed) storage.set(draftKey(form), { fields, version: form.elements.version?.value });
  else storage.remove(draftKey(form));
}

/** What the server sent. The value may differ already: people type before this script has loaded. */
const sentValue = (field) => field.defaultValue ?? [...field.options].find((option) => option.defaultSelected)?.value ?? field.value;

function restoreDraft(form) {
  const isInvalid = document.querySelector(".summary"); // the server returned the form with the newest text
  for (const field of draftFields(form)) field.dataset.original = isInvalid ? "" : sentValue(field);
  form.addEventListener("input", () => storeDraft(form));
  const draft = storage.get(draftKey(form));
  if (isInvalid || !draft) return storeDraft(form);
  const originalVersion = form.elements.version?.value;
  fillFields(form, draft.fields, draft.version);
  if (draftFields(form).every((field) => field.value === field.dataset.original)) return;
  const notice = document.getElementById("restored").content.cloneNode(true).firstElementChild;
  notice.querySelector("button").addEventListener("click", () => {
    fillFields(form, Object.fromEntries(draftFields(form).map((field) => [field.name, field.dataset.original])), originalVersion);
    discardDraft(form);
    draftFields(form)[0].focus();
  });
  form.prepend(notice);
}

function fillFields(form, fields, version) {
  for (const field of draftFields(form)) field.value = fields[field.name] ?? field.value;
  if (version) form.elements.version.value = version;
  for (const field of draftFields(form)) field.dispatchEvent(new Event("input"));
}

function discardDraft(form) {
  storage.remove(draftKey(form));
  form.querySelector(".notice")?.remove();
}

const draftKeys = () => storage.keys().filter((key) => key.startsWith("draft:"));

/** Remove the drafts of other users, and the submitted draft if this page reports success. */
function removeOldDrafts() {
  const saved = messages?.querySelector('[data-level="success"]');
  for (const key of draftKeys()) {
    const { sent, ...draft } = storage.get(key);
    if ((user && !key.startsWith(`draft:${user}:`)) || (sent && saved)) storage.remove(key);
    else if (sent) storage.set(key, draft);
  }
}

function markDraftAsSent(form) {
  const draft = form.dataset.draft && storage.get(draftKey(form));
  if (draft) storage.set(draftKey(form), { ...draft, sent: true });
  if (form.matches(".account")) draftKeys().forEach(storage.remove); // signing out
}

const STATUS_BUTTON = ".task > button";

// Double submission: a form that is being submitted is marked busy, because a disabled button would lose the focus.

/** What is marked busy: in the form around all rows the button of one row, so that the others can be pressed. */
const getSender = (form, submitter) => (submitter?.matches(STATUS_BUTTON) ? submitter : form);

function preventDoubleSubmit(event) {
  const sender = getSender(event.target, event.submitter);
  if (sender.method === "dialog") return;
  if (sender.ariaBusy === "true") {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  sender.ariaBusy = "true";
  setTimeout(() => (sender.ariaBusy = null), 10_000); // the user may have stopped the request
  markDraftAsSent(event.target);
}

addEventListener("submit", preventDoubleSubmit, true);
addEventListener("pageshow", () => document.querySelectorAll("[aria-busy]").forEach((sender) => (sender.ariaBusy = null)));

// Partial page updates with htmx

// The Content Security Policy forbids styles, scripts and eval of htmx. Pages must not be stored in the browser. An error
// page replaces the whole content, as it does without JavaScript.
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
const BOX = ".task [type=checkbox]";
const redirected = new WeakSet(); // requests whose response was another page
let focusTarget = {}; // the row and control that had the focus

// htmx sends the button that was pressed last. While requests are queued, that is the button of another row.
addEventListener("htmx:configRequest", ({ detail }) => {
  const button = detail.triggeringEvent?.submitter;
  if (!button?.matches(STATUS_BUTTON)) return;
  detail.path = button.formAction;
  detail.parameters[button.name] = button.value;
});

addEventListener("htmx:beforeRequest", ({ detail: { elt, requestConfig } }) => {
  const pressed = requestConfig.triggeringEvent?.submitter ?? elt; // for a form around all rows, the button of one row
  const row = pressed.closest(ROWS) ?? document.querySelector(`${BOX}:checked`)?.closest(ROWS);
  focusTarget = { row: [...document.querySelectorAll(ROWS)].indexOf(row), control: "button, input, a" };
  if (elt === quickAdd) {
    focusTarget.sent = elt.elements.title.value;
    elt.elements.title.value = ""; // users can enter the next task before the response
  }
});

/** Load a response without the requested part as a new page. It can be the sign-in page, for example. */
addEventListener("htmx:beforeSwap", ({ detail }) => {
  const { xhr, selectOverride, requestConfig } = detail;
  const part = selectOverride ?? requestConfig.elt.closest("[data-hx-select]").dataset.hxSelect;
  if (xhr.responseText.includes(`id="${part.slice(1)}"`)) return;
  detail.shouldSwap = false;
  redirected.add(xhr);
  if (xhr.status < 300) location.assign(xhr.responseURL);
  else showError(messages.dataset.unavailable);
});

addEventListener("htmx:afterRequest", ({ detail: { xhr, requestConfig } }) => {
  const { elt } = requestConfig;
  const sender = getSender(elt, requestConfig.triggeringEvent?.submitter);
  const done = xhr.status >= 200 && xhr.status < 300 && !redirected.has(xhr);
  sender.ariaBusy = null;
  if (elt === quickAdd) finishQuickAdd(done);
  else if (done && sender.matches(STATUS_BUTTON)) updateRow(sender);
  if (document.activeElement === document.body) restoreFocus();
});

addEventListener("htmx:sendError", () => showError(messages.dataset.unavailable));

function finishQuickAdd(done) {
  const { title } = quickAdd.elements;
  if (done) discardDraft(quickAdd);
  else title.value = [focusTarget.sent, title.value].filter(Boolean).join(" ");
  if (!title.isConnected) return storage.remove(draftKey(quickAdd)); // the new form contains the text
  storeDraft(quickAdd);
  title.focus({ preventScroll: true });
}

/** Show the new status of a row in place. The next page load moves it to its place in the list. */
function updateRow(button) {
  const row = button.closest(".task");
  const title = row.querySelector(".title");
  const texts = row.parentElement.dataset;
  const completed = row.classList.toggle("completed", button.value === "completed");
  button.value = completed ? "pending" : "completed";
  button.ariaLabel = (completed ? texts.reopen : texts.complete).replace("{title}", () => title.textContent);
  row.querySelector(".badge")?.remove();
  if (completed) title.after(" ", createElement("span", "badge", texts.completed));
}

/** Move the focus to the row that replaced the focused one, or to the heading. */
function restoreFocus() {
  const rows = document.querySelectorAll(ROWS);
  const row = focusTarget.row >= 0 && rows[Math.min(focusTarget.row, rows.length - 1)];
  const next = (row && row.querySelector(focusTarget.control)) || document.querySelector("h1");
  if (next.matches("h1")) next.tabIndex = -1;
  next.focus({ preventScroll: true });
}

const createElement = (name, className, textContent) => Object.assign(document.createElement(name), { className, textContent });

function showError(text) {
  const message = createElement("div", "message", "");
  message.dataset.level = "error";
  message.append(createElement("p", "", text));
  messages.replaceChildren(message);
}

messages?.addEventListener("click", ({ target }) => {
  if (!target.closest(".close")) return;
  messages.replaceChildren();
  restoreFocus();
});

// Keyboard shortcuts

let prefixPressedAt = 0; // when "g" was pressed

const goTo = (path) => location.assign(new URL(path, document.querySelector(".brand").href));
const clickInTask = (selector) => (document.activeElement.closest(".task") ?? document.querySelector(".detail"))?.querySelector(selector)?.click();

function focusTask(offset) {
  const rows = [...document.querySelectorAll(".task")];
  const at = rows.indexOf(document.activeElement.closest(".task"));
  rows.at(at < 0 ? Math.min(offset, 0) : Math.min(Math.max(at + offset, 0), rows.length - 1))?.querySelector("a.title, [type=checkbox]").focus();
}

const shortcuts = {
  "?": () => document.getElementById("shortcuts").showModal(),
  "/": () => document.querySelector("input[type=search]")?.select(),
  n: () => (quickAdd?.isConnected ? quickAdd.elements.title.focus() : goTo("#id_title")),
  j: () => focusTask(1),
  k: () => focusTask(-1),
  x: () => clickInTask('[name="status"], [type=checkbox]'),
  e: () => clickInTask(".edit, .task > a"),
  Enter: () => clickInTask(".title"),
  u: () => messages.querySelector(".undo")?.click(),
  g: () => (prefixPressedAt = Date.now()),
  "g p": () => goTo("?status=pending"),
  "g c": () => goTo("?status=completed"),
};

function handleKey(event) {
  const { target, key } = event;
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || document.querySelector("dialog[open]")) return;
  if (key === "Escape" && target.closest("#quick-add")) target.blur();
  if (target.closest("input:not([type=checkbox], [type=radio]), textarea, select")) return;
  if (key === "Enter" && target.closest("a, button, summary")) return; // keep the default action
  const name = Date.now() - prefixPressedAt < 1500 && Object.hasOwn(shortcuts, `g ${key}`) ? `g ${key}` : key;
  prefixPressedAt = 0;
  if (!Object.hasOwn(shortcuts, name)) return;
  event.preventDefault();
  shortcuts[name]();
}

// Set-up of each page, and of each part that htmx adds

function setUp(root) {
  root.querySelectorAll("[data-counter-for]").forEach(setUpCounter);
  if (user) root.querySelectorAll("[data-draft]").forEach(restoreDraft);
}

removeOldDrafts();
setUp(document);
addEventListener("htmx:load", ({ detail: { elt } }) => elt !== document.body && setUp(elt));

document.querySelector(".summary")?.focus();
if (hasMouse && !/[?&](q|cursor)=/.test(location.search) && document.activeElement === document.body) {
  quickAdd?.elements.title.focus({ preventScroll: true });
}

if (user && document.documentElement.dataset.shortcuts !== "off") {
  addEventListener("keydown", handleKey);
  for (const button of document.querySelectorAll("[data-dialog]")) {
    button.hidden = false;
    button.addEventListener("click", shortcuts["?"]);
  }
}

/** Submit the time zone of the browser. Do not repeat this after the server has rejected it. */
async function submitTimeZone(form) {
  if (storage.get("time-zone") === "refused") return;
  form.elements.time_zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const response = await fetch(form.action, { method: "POST", body: new FormData(form), redirect: "manual" });
  if (response.status === 422) storage.set("time-zone", "refused");
}

document.querySelectorAll("#time-zone").forEach((form) => submitTimeZone(form).catch(() => {}));
