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
