// Sorting and filtering of the comparison tables. Without it, they are read as they stand.
"use strict";
for (const section of document.querySelectorAll(".comparison")) {
  const table = section.querySelector("table.wildnas");
  if (table) {
    sortable(table);
    filterable(section, table);
  }
}

function sortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  const bodies = [...table.tBodies].map((body) => ({ body, rows: rowsOf(body) }));
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      // Up, down, and as it was.
      const next = { ascending: "descending", descending: "" }[head.getAttribute("aria-sort")] ?? "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      if (next) head.setAttribute("aria-sort", next);
      // Groups stay; a hole comes last in either direction.
      for (const { body, rows } of bodies) {
        const sorted = [...rows];
        const direction = next === "descending" ? -1 : 1;
        if (next) sorted.sort((one, other) => order(one.cells[column], other.cells[column], direction));
        body.append(...sorted);
      }
    });
  });
}

function rowsOf(body) {
  return [...body.rows].filter((row) => !row.classList.contains("group"));
}

function order(one, other, direction) {
  const [a, b] = [value(one), value(other)];
  if (a === "" || b === "") return (a === "") - (b === "");
  // Words among numbers, such as a range, come behind them.
  if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
  return direction * (typeof a === "number" ? a - b : a.localeCompare(b));
}

function value(cell) {
  return cell.dataset.value === undefined ? cell.textContent.trim() : Number(cell.dataset.value);
}

function filterable(section, table) {
  const controls = section.querySelector(".controls");
  const [words, kind, count] = ["input", "select", "output"].map((name) => controls.querySelector(name));
  const bodies = [...table.tBodies].map((body) => {
    const group = body.querySelector(".group")?.textContent ?? "";
    const rows = rowsOf(body);
    return { body, rows: rows.map((row) => ({ row, text: `${group} ${row.textContent}`.toLowerCase() })) };
  });
  function apply() {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0, all = 0;
    for (const { body, rows } of bodies) {
      let here = 0;
      for (const { row, text } of rows) {
        const kept = wanted.every((word) => text.includes(word)) && isKind(row, kind.value);
        row.hidden = !kept;
        here += kept;
      }
      body.hidden = !here;
      shown += here;
      all += rows.length;
    }
    count.textContent = shown === all ? `${all} rows` : `${shown} of ${all} rows`;
  }
  words.addEventListener("input", apply);
  kind.addEventListener("change", apply);
  controls.hidden = false;
  apply();
}

function isKind(row, kind) {
  if (kind === "full") return row.classList.contains("measured") && !row.classList.contains("reduced");
  return !kind || row.classList.contains(kind);
}

// A link into something folded unfolds it.
function reveal() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let place = target; place; place = place.parentElement) if (place instanceof HTMLDetailsElement) place.open = true;
  target.scrollIntoView({ block: "center" });
}
addEventListener("hashchange", reveal);
reveal();
