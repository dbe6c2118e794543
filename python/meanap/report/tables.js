"use strict";
// Tables that sort by any column and have a filter: numbers by data-v, with what is missing last either way; words as
// people sort them. `tables.refresh(table)` sorts and filters again after cells have changed.
const tables = (() => {
  const words = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
  const lowered = (cell) => cell.textContent.trim().toLowerCase();

  function sort(table, column, down) {
    const body = table.tBodies[0], rows = [...body.rows];
    const numbers = rows.some((row) => row.cells[column].dataset.v !== undefined);
    const key = (row) => (numbers ? row.cells[column].dataset.v : row.cells[column].textContent);
    rows.sort((a, b) => {
      const x = key(a), y = key(b);
      if (!numbers) return (down ? -1 : 1) * words.compare(x, y);
      if (x === "" || y === "") return (x === "") - (y === "");
      return down ? y - x : x - y;
    });
    body.append(...rows);
  }

  // A filter has parts with commas between them: a word in a column of words, or a condition on a column.
  function conditionOf(part, heads) {
    const found = part.match(/^(.+?)\s*(<=|>=|<|>|=)\s*(.+)$/);
    const named = found && found[1].trim();
    const column = found ? [heads.indexOf(named), heads.findIndex((head) => head.startsWith(named))].find((i) => i >= 0) : undefined;
    if (column === undefined) {
      return (row) => [...row.cells].some((cell) => cell.dataset.v === undefined && lowered(cell).includes(part));
    }
    const bound = Number(found[3].replace("%", "")) / (found[3].endsWith("%") ? 100 : 1);
    return (row) => {
      const cell = row.cells[column], value = cell.dataset.v;
      if (value === undefined || Number.isNaN(bound)) return found[2] === "=" && lowered(cell).includes(found[3]);
      if (value === "") return false;
      return { "<": value < bound, ">": value > bound, "<=": value <= bound, ">=": value >= bound, "=": +value === bound }[found[2]];
    };
  }

  function sift(table) {
    const frame = table.closest(".table"), box = frame.querySelector(".filter input"), more = frame.querySelector(".more");
    const heads = [...table.tHead.rows[0].cells].map(lowered), rows = [...table.tBodies[0].rows];
    const parts = box ? box.value.toLowerCase().split(",").map((part) => part.trim()).filter(Boolean) : [];
    const conditions = parts.map((part) => conditionOf(part, heads));
    let shown = 0;
    for (const row of rows) {
      row.hidden = !conditions.every((condition) => condition(row));
      shown += !row.hidden;
    }
    if (box) frame.querySelector("[role=status]").textContent = parts.length ? `${shown} of ${rows.length} rows` : `${rows.length} rows`;
    if (more) {
      more.hidden = table.dataset.whole === "true" || parts.length > 0;
      table.classList.toggle("cut", !more.hidden);
    }
  }

  function refresh(table) {
    const heads = [...table.tHead.rows[0].cells], column = heads.findIndex((head) => head.ariaSort);
    if (column >= 0) sort(table, column, heads[column].ariaSort === "descending");
    sift(table);
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells], frame = table.closest(".table");
    heads.forEach((head, column) => {
      const button = head.querySelector("button");
      if (button) button.addEventListener("click", () => {
        const numbers = head.classList.contains("n");
        const down = head.ariaSort ? head.ariaSort === "ascending" : numbers;
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        sort(table, column, down);
      });
    });
    const box = frame.querySelector(".filter input"), more = frame.querySelector(".more");
    if (box) box.addEventListener("input", () => sift(table));
    if (more) more.addEventListener("click", () => {
      table.dataset.whole = "true";
      sift(table);
      frame.querySelector(".scroll").focus({ preventScroll: true });
    });
    sift(table);
  }
  for (const form of document.forms) form.addEventListener("submit", (event) => event.preventDefault());
  return { refresh };
})();
