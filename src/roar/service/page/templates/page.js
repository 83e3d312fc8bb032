"use strict";
// Keys move among results and grade them; without this script the page searches, compares and pages all the same.
(() => {
  const hits = [...document.querySelectorAll(".hit")];
  const { judge, query } = document.body.dataset;
  const typing = (element) => element.matches("input, select, textarea");
  const current = () => document.activeElement.closest(".hit");
  const say = (text) => { document.getElementById("said").textContent = text; };

  function go(step) {
    const place = hits.indexOf(current());
    const next = hits[place < 0 ? (step > 0 ? 0 : hits.length - 1) : place + step];
    if (next) next.focus();
    return Boolean(next);
  }

  function toNext() {
    if (go(1)) return;
    const next = document.querySelector('.pages [rel="next"]');
    if (next) next.focus();
  }

  function marked(hit, grade) {
    // One product may stand in both columns.
    for (const same of hits.filter((other) => other.dataset.product === hit.dataset.product)) {
      for (const button of same.querySelectorAll("[data-grade]")) {
        button.setAttribute("aria-pressed", String(button.dataset.grade === grade));
      }
    }
  }

  async function grade(hit, value) {
    const comment = hit.querySelector(".comment").value;
    const body = JSON.stringify({ query, product_id: hit.dataset.product, grade: value, rater: judge, comment });
    let problem = "";
    try {
      const answer = await fetch("/judgments", { method: "POST", headers: { "content-type": "application/json" }, body });
      if (!answer.ok) problem = (await answer.json()).error.message;
    } catch {
      problem = "the service does not answer";
    }
    hit.classList.toggle("failed", Boolean(problem));
    if (problem) {
      say(`Not kept: ${problem}`);
      return false;
    }
    marked(hit, value);
    say(`${value}, kept`);
    return true;
  }

  const given = (hit) => hit.querySelector('[data-grade][aria-pressed="true"]')?.dataset.grade;

  document.addEventListener("keydown", async (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const hit = current();
    if (typing(event.target)) {
      if (event.key === "Escape" || (event.key === "Enter" && event.target.matches(".comment"))) {
        event.preventDefault();
        if (hit) hit.focus(); else event.target.blur();
      }
      return;
    }
    if (event.key === "/") {
      event.preventDefault();
      document.querySelector('header input[name="q"]').select();
    } else if (event.key === "j" || event.key === "k") {
      event.preventDefault();
      go(event.key === "j" ? 1 : -1);
    } else if (judge && hit) {
      const button = [...hit.querySelectorAll("[data-grade]")][Number(event.key) - 1];
      if (button) {
        event.preventDefault();
        if (await grade(hit, button.dataset.grade)) toNext();
      } else if (event.key === "s") {
        toNext();
      } else if (event.key === "c") {
        event.preventDefault();
        hit.querySelector(".comment").focus();
      }
    }
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-grade]");
    if (button) grade(button.closest(".hit"), button.dataset.grade);
  });

  document.addEventListener("change", (event) => {
    const hit = event.target.closest(".hit");
    if (hit && event.target.matches(".comment") && given(hit)) grade(hit, given(hit));
    if (event.target.matches(".pair select") && document.querySelector('header input[name="q"]').value.trim()) {
      event.target.form.requestSubmit();
    }
  });

  if (judge && hits.length) {
    const first = hits.find((hit) => !given(hit)) ?? hits[0];
    first.focus({ preventScroll: hits.indexOf(first) === 0 });
  }
})();
