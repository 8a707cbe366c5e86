// What the pages gain with JavaScript. Nothing here is needed: every form works without.

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

document.querySelectorAll("[data-counts]").forEach(count);

/** Tell the site the time zone of this browser, where it knows none; not again when it will not have it. */
async function tellTimeZone(form) {
  if (sessionStorage.getItem("time-zone") === "refused") return;
  form.elements.time_zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const answer = await fetch(form.action, { method: "POST", body: new FormData(form), redirect: "manual" });
  if (answer.status === 422) sessionStorage.setItem("time-zone", "refused");
}

document.querySelectorAll("#time-zone").forEach((form) => tellTimeZone(form).catch(() => {}));
