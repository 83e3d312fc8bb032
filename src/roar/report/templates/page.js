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

document.querySelectorAll(".filter").forEach((box) => {
  const rows = [...box.closest("figure").querySelectorAll("tbody tr")];
  box.addEventListener("input", () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    rows.forEach((row) => {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    });
  });
});

if (window.matchMedia("(max-width: 900px)").matches) document.querySelector("nav details").open = false;
