"use strict";
// Charts are drawn when they come near the view, tables sort by a click on their headers, boxes filter rows.

const settings = { responsive: true, displaylogo: false, modeBarButtons: [["toImage"]] };

function draw(holder) {
  if (holder.dataset.drawn) return;
  holder.dataset.drawn = "yes";
  const figure = JSON.parse(holder.querySelector("script").textContent);
  Plotly.newPlot(holder, figure.data, figure.layout, settings);
}

const charts = [...document.querySelectorAll(".chart")];
const watcher = new IntersectionObserver(
  (entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => draw(entry.target)),
  { rootMargin: "600px" },
);
charts.forEach((holder) => watcher.observe(holder));

window.addEventListener("beforeprint", () => {
  charts.filter((holder) => holder.offsetParent).forEach((holder) => { draw(holder); Plotly.Plots.resize(holder); });
});

function sortKey(row, column) {
  const cell = row.cells[column];
  return cell.dataset.value === undefined ? cell.textContent.trim() : Number(cell.dataset.value);
}

function compareKeys(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === "number") return -1;
  if (typeof b === "number") return 1;
  return a.localeCompare(b, "en", { numeric: true });
}

function sortBy(header) {
  const table = header.closest("table");
  const column = header.cellIndex;
  const falling = header.getAttribute("aria-sort") === "ascending" || (!header.hasAttribute("aria-sort") && header.classList.contains("number"));
  table.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
  header.setAttribute("aria-sort", falling ? "descending" : "ascending");
  const rows = [...table.tBodies[0].rows].map((row) => ({ row, key: sortKey(row, column) }));
  rows.sort((a, b) => (falling ? compareKeys(b.key, a.key) : compareKeys(a.key, b.key)));
  table.tBodies[0].append(...rows.map(({ row }) => row));
}

document.querySelectorAll("th button").forEach((button) => {
  button.addEventListener("click", () => sortBy(button.closest("th")));
});

// What a cell says apart from its second line: the words of a list of reasons count one by one.
function valuesOf(row, column) {
  const text = [...row.cells[column].childNodes].filter((node) => node.nodeName !== "SMALL").map((node) => node.textContent).join("");
  return text.split(", ").map((part) => part.trim());
}

document.querySelectorAll(".filters").forEach((filters) => {
  const rows = [...filters.closest("figure").querySelectorAll("tbody tr")];
  const box = filters.querySelector(".filter");
  const lists = [...filters.querySelectorAll(".choice")];
  const matches = filters.querySelector(".matches");
  lists.forEach((list) => {
    const values = new Set(rows.flatMap((row) => valuesOf(row, Number(list.dataset.column))));
    [...values].sort((a, b) => a.localeCompare(b, "en", { numeric: true })).forEach((value) => list.add(new Option(value)));
  });
  function update() {
    const words = box ? box.value.toLowerCase().split(/\s+/).filter(Boolean) : [];
    let count = 0;
    rows.forEach((row) => {
      const text = row.textContent.toLowerCase();
      const shown = words.every((word) => text.includes(word))
        && lists.every((list) => !list.value || valuesOf(row, Number(list.dataset.column)).includes(list.value));
      row.hidden = !shown;
      count += shown;
    });
    matches.textContent = count === rows.length ? "" : `${count} of ${rows.length} rows`;
  }
  [box, ...lists].filter(Boolean).forEach((field) => field.addEventListener("input", update));
});

if (window.matchMedia("(max-width: 900px)").matches) document.querySelector("nav details").open = false;
