// What the choice of class, IoU and score threshold shows: curves, tables and images.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);

  // Charts: a frame with lines, and a cursor that shows the values under it.

  function svg(name, attributes, parent, text) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const key in attributes) node.setAttribute(key, attributes[key]);
    if (text !== undefined) node.textContent = text;
    if (parent) parent.append(node);
    return node;
  }

  // Numbers as the tables have them: of two equally near the even one, as Python rounds.
  const three = (value) => {
    if (value === null || value === undefined || Number.isNaN(value)) return "–";
    if (Number.isInteger(value * 16) && value * 16 % 2) { const low = Math.floor(value * 1000); return ((low + low % 2) / 1000).toFixed(3); }
    return value.toFixed(3);
  };
  const milli = (value) => three(value === null || value === undefined ? null : value / 1000);
  const whole = (value) => value.toLocaleString("en");

  /* chart: {label, x, y, low, high, lines: [{name, xs, ys, kind}], bars, best, tell(index) -> text} */
  function draw(place, chart) {
    const width = Math.max(280, place.clientWidth || 420), height = Math.round(Math.min(width * 0.72, 360));
    const left = 38, right = 12, top = 10, bottom = 40;
    const w = width - left - right, h = height - top - bottom;
    const span = chart.high - chart.low || 1;
    const px = (x) => left + ((x - chart.low) / span) * w, py = (y) => top + (1 - y) * h;
    place.textContent = "";
    const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", tabindex: 0, "aria-label": chart.label }, place);
    for (let i = 0; i <= 5; i++) {
      const part = i / 5, x = chart.low + part * span;
      svg("line", { class: "grid", x1: left, x2: left + w, y1: py(part), y2: py(part) }, root);
      svg("text", { x: left - 6, y: py(part) + 4, "text-anchor": "end" }, root, part.toFixed(1));
      svg("line", { class: "grid", x1: px(x), x2: px(x), y1: top, y2: top + h }, root);
      svg("text", { x: px(x), y: top + h + 16, "text-anchor": "middle" }, root, String(+x.toPrecision(3)));
    }
    svg("text", { x: left + w / 2, y: height - 6, "text-anchor": "middle" }, root, chart.x);
    for (const bar of chart.bars || []) {
      const b = svg("rect", { class: "bar", x: px(bar.low) + 1, width: Math.max(1, px(bar.high) - px(bar.low) - 2),
        y: py(bar.y), height: py(0) - py(bar.y) }, root);
      svg("title", {}, b, bar.title);
    }
    if (chart.best !== null && chart.best !== undefined)
      svg("line", { class: "best", x1: px(chart.best), x2: px(chart.best), y1: top, y2: top + h }, root);
    for (const line of chart.lines) {
      let path = "";
      line.ys.forEach((y, i) => {
        if (y === null || y === undefined) return;
        path += `${path && line.ys[i - 1] !== null ? "L" : "M"}${px(line.xs[i]).toFixed(1)} ${py(y).toFixed(1)}`;
      });
      svg("path", { class: `line l${line.kind}`, d: path || "M0 0" }, root);
    }
    if (chart.lines.length > 1) {
      const legend = svg("g", { class: "legend" }, root), rows = chart.lines.length;
      const letters = Math.min(30, Math.max(...chart.lines.map((line) => line.name.length)));
      svg("rect", { x: left + 4, y: top + h - 10 - 17 * rows, width: 42 + 7 * letters, height: 17 * rows + 4 }, legend);
      chart.lines.forEach((line, i) => {
        const y = top + h - 12 - 17 * (chart.lines.length - 1 - i);
        svg("line", { class: `l${line.kind}`, "stroke-width": 2.2, x1: left + 8, x2: left + 34, y1: y - 4, y2: y - 4 }, legend);
        svg("text", { x: left + 40, y }, legend, line.name.length > 30 ? line.name.slice(0, 29) + "…" : line.name);
      });
    }
    const cursor = svg("line", { class: "cursor", y1: top, y2: top + h, visibility: "hidden" }, root);
    const dots = chart.lines.map((line) => svg("circle", { class: `dot d${line.kind}`, r: 4.5, visibility: "hidden" }, root));
    const tip = document.createElement("div");
    tip.className = "tip";
    tip.setAttribute("role", "status");
    place.append(tip);
    const xs = chart.xs;
    let at = null;
    function show(index) {
      at = Math.max(0, Math.min(xs.length - 1, index));
      cursor.setAttribute("x1", px(xs[at]));
      cursor.setAttribute("x2", px(xs[at]));
      cursor.setAttribute("visibility", "visible");
      chart.lines.forEach((line, i) => {
        const y = line.ys[at], there = y !== null && y !== undefined && line.hover !== false;
        dots[i].setAttribute("visibility", there ? "visible" : "hidden");
        if (there) { dots[i].setAttribute("cx", px(line.xs[at])); dots[i].setAttribute("cy", py(y)); }
      });
      tip.textContent = chart.tell(at);
    }
    function hide() {
      cursor.setAttribute("visibility", "hidden");
      dots.forEach((dot) => dot.setAttribute("visibility", "hidden"));
      tip.textContent = chart.rest || "";
    }
    function nearest(x) {
      let best = 0;
      for (let i = 1; i < xs.length; i++) if (Math.abs(xs[i] - x) < Math.abs(xs[best] - x)) best = i;
      return best;
    }
    if (xs.length) {
      root.addEventListener("pointermove", (event) => {
        const box = root.getBoundingClientRect();
        show(nearest(chart.low + (((event.clientX - box.left) / box.width) * width - left) / w * span));
      });
      root.addEventListener("pointerleave", hide);
      root.addEventListener("blur", hide);
      root.addEventListener("keydown", (event) => {
        const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
        if (event.key === "Escape") return hide();
        if (event.key === "Home") show(0);
        else if (event.key === "End") show(xs.length - 1);
        else if (step) show(at === null ? 0 : at + step);
        else return;
        event.preventDefault();
      });
    }
    hide();
  }

  const thousandths = (values) => values.map((value) => (value === null ? null : value / 1000));
  const recalls = Array.from({ length: 101 }, (_, i) => i / 100);
  const grid = data.grid;
  const chosen = byId("class"), iou = byId("iou"), slider = byId("score"), reset = byId("reset");
  // The step of the score threshold; null: that of each IoU threshold at first.
  let step = null;

  /* What is chosen: class (-1: all), IoU, score thresholds of the result and of the baseline. */
  function choice() {
    const view = data.views[+iou.value], own = step === null ? view.step : step;
    const other = step === null ? view.versus_step : step;
    const k = +chosen.value, name = k < 0 ? "all classes together" : data.classes[k];
    const first = k < 0 && +iou.value === data.first && step === null;
    return { view, k, entry: k + 1, name, own, other, first, score: grid[own], other_score: grid[other], iou: data.ious[+iou.value] };
  }

  function rates(view, entry, at) {
    const right = view.counts[entry][0][at], wrong = view.counts[entry][1][at], objects = view.objects[entry];
    return { right, wrong, missed: objects - right, precision: right / (right + wrong), recall: right / objects,
      f1: (2 * right) / (right + wrong + objects) };
  }

  function drawCharts({ view, k, entry, name, own, score, iou: threshold }) {
    const label = k < 0 ? "mean of all classes" : name;
    const lines = [{ name: data.versus ? data.detections : label, xs: recalls, ys: thousandths(view.precision[entry]), kind: 0 }];
    if (view.baseline) lines.push({ name: data.versus, xs: recalls, ys: thousandths(view.baseline[entry]), kind: 1 });
    const there = lines[0].ys.length;
    draw(byId("chart-pr"), {
      label: `Precision over recall of ${label} at IoU ${threshold}`, x: "recall", low: 0, high: 1, lines,
      xs: there ? recalls : [], rest: there ? `${label}, IoU ${threshold}` : `${label}: nothing to find`,
      tell: (i) => {
        const values = lines.map((line) => (lines.length > 1 ? line.name + ": " : "") + `precision ${three(line.ys[i])}`);
        const at = k < 0 ? undefined : view.scores[k][i];
        return `recall ${recalls[i].toFixed(2)}: ${values.join("; ")}` + (at === undefined ? "" : `, score threshold ${three(at)}`);
      },
    });
    const found = grid.map((_, i) => rates(view, entry, i)), some = view.objects[entry] > 0;
    const column = (key) => found.map((row) => (Number.isNaN(row[key]) ? null : row[key]));
    const at = found[own];
    draw(byId("chart-f1"), {
      label: `Precision, recall and F1 over the score threshold of ${name} at IoU ${threshold}`, x: "score",
      low: grid[0], high: grid[grid.length - 1], xs: some ? grid : [], best: score,
      lines: some ? [{ name: "precision", xs: grid, ys: column("precision"), kind: 1 },
        { name: "recall", xs: grid, ys: column("recall"), kind: 2 }, { name: "F1", xs: grid, ys: column("f1"), kind: 0 }] : [],
      rest: some ? `${name}, IoU ${threshold}, score ${three(score)}: precision ${three(at.precision)}, recall ${three(at.recall)}, ` +
        `F1 ${three(at.f1)}` : `${name}: nothing to find`,
      tell: (i) => `score ${three(grid[i])}: precision ${three(found[i].precision)}, recall ${three(found[i].recall)}, F1 ${three(found[i].f1)}`,
    });
    const calibration = view.calibration[entry] || view.calibration[0];
    const bins = calibration.bins.map(([low, high, detections, mean, precision]) => ({ low, high, detections, mean, precision }));
    byId("calibration-error").textContent = milli(calibration.error);
    draw(byId("chart-cal"), {
      label: "Calibration: fraction of true positives for each range of scores", x: "score", low: 0, high: 1,
      xs: bins.map((bin) => (bin.low + bin.high) / 2),
      bars: bins.map((bin) => ({ low: bin.low, high: bin.high, y: bin.precision / 1000, title: `${bin.detections} detections` })),
      lines: [{ name: "perfect calibration", xs: [0, 1], ys: [0, 1], kind: 1, hover: false }],
      rest: `${view.calibration[entry] ? name : "all classes together"}, IoU ${threshold}; dashed: perfect calibration`,
      tell: (i) => `scores ${bins[i].low.toFixed(1)} to ${bins[i].high.toFixed(1)}: ${milli(bins[i].precision)} true positives, ` +
        `mean score ${milli(bins[i].mean)}, ${whole(bins[i].detections)} detections`,
    });
  }

  // Tables. Where all is as at first, their rows are those of the file, which have intervals, too.

  function set(cell, value, shown) {
    cell.dataset.v = value === null || Number.isNaN(value) ? "" : value;
    cell.textContent = shown === undefined ? milli(value) : shown;
  }

  const at_first = new Map();
  function rowsOf(table) {
    if (!at_first.has(table)) at_first.set(table, [...table.tBodies[0].rows].map((row) => [row, row.innerHTML]));
    for (const [row, html] of at_first.get(table)) row.innerHTML = html;
    return at_first.get(table).map(([row]) => row);
  }

  function fillPoints({ view, entry, first }) {
    const table = byId("operation-table"), rows = rowsOf(table);
    if (!first) rows.forEach((row, i) => {
      const values = view.points[i][entry] || view.points[i][0];
      values.forEach((value, j) => set(row.cells[j + 1], value));
    });
    tables.refresh(table);
  }

  function fillClasses({ view, k, own }) {
    const table = byId("class-table");
    for (const row of table.tBodies[0].rows) {
      const i = +row.querySelector("[data-class]").dataset.class, found = rates(view, i + 1, own);
      for (const [j, key] of [[8, "precision"], [9, "recall"]]) set(row.cells[j], found[key], three(found[key]));
      view.best[i].forEach((value, j) => set(row.cells[10 + j], value));
      row.classList.toggle("chosen", i === k);
      if (i === k) row.setAttribute("aria-current", "true"); else row.removeAttribute("aria-current");
    }
    tables.refresh(table);
  }

  function fillErrors({ view, entry, k, name }) {
    const table = byId("error-table");
    if (!table) return;
    byId("errors").hidden = !view.errors;
    if (!view.errors) return;
    const found = view.errors[entry] || view.errors[0], rows = rowsOf(table);
    const most = Math.max(...found.loss.filter((value) => value !== null), 0);
    rows.forEach((row, i) => {
      set(row.cells[1], found.counts[i], whole(found.counts[i]));
      set(row.cells[2], found.loss[i]);
      row.cells[2].style.setProperty("--v", most ? Math.max(0, found.loss[i] / most) : 0);
      if (found.baseline) {
        set(row.cells[3], found.baseline[i]);
        const difference = found.difference[i];
        set(row.cells[4], difference, (difference !== null && difference >= 0 ? "+" : "") + milli(difference));
      }
    });
    const numbers = [found.ap, ...found.lrp];
    byId("error-note").querySelectorAll("span:not(.scope)").forEach((place, i) => { place.textContent = milli(numbers[i]); });
    tables.refresh(table);
  }

  /* The sum of what is added from the highest step down to this one: entries of step and count. */
  function sum(entries, at, from) {
    let total = 0;
    for (let i = from; i < entries.length; i += 2) if (entries[i] >= at) total += entries[i + 1];
    return total;
  }

  function fillConfusion({ view, k, own, other, name }) {
    const matrix = byId("matrix"), found = view.confusion;
    if (!matrix) return;
    byId("confusion").hidden = !found;
    if (!found) return;
    const counts = found.matrix.map((row) => row.map((cell) => cell[0] + sum(cell, own, 1)));
    const last = counts.length - 1, names = [...matrix.tHead.rows[0].cells].map((cell) => cell.textContent);
    let correct = 0, confused = 0, missed = 0, wrong = 0;
    counts.forEach((row, i) => {
      const total = row.reduce((a, b) => a + b, 0), cells = matrix.tBodies[0].rows[i].cells;
      matrix.tBodies[0].rows[i].classList.toggle("chosen", k >= 0 && names[i + 1] === name && i < last);
      row.forEach((count, j) => {
        const cell = cells[j + 1];
        cell.textContent = count || "";
        cell.style.setProperty("--p", Math.sqrt(count / (total || 1)).toFixed(2));
        cell.title = `${names[i + 1]} detected as ${names[j + 1]}: ${whole(count)} of ${whole(total)}`;
        if (i < last && j === last) missed += count;
        else if (i === last) wrong += count;
      });
    });
    // The diagonal of the other classes together has confusions among them.
    const cells = new Map();
    const cellOf = (truth, detected) => {
      const key = `${truth},${detected}`;
      if (!cells.has(key)) cells.set(key, { truth, detected, count: 0, before: 0 });
      return cells.get(key);
    };
    for (const [truth, detected, ...rest] of found.pairs) cellOf(truth, detected).count = sum(rest, own, 0);
    for (const [truth, detected, ...rest] of view.confused_before || []) cellOf(truth, detected).before = sum(rest, other, 0);
    const of_pairs = [...cells.values()];
    const diagonal = sum(found.correct, own, 0);
    confused = counts.slice(0, last).reduce((total, row) => total + row.slice(0, last).reduce((a, b) => a + b, 0), 0) - diagonal;
    correct = diagonal;
    byId("confusion-counts").textContent = `${whole(correct)} true positives, ${whole(confused)} objects misclassified, ` +
      `${whole(missed)} false negatives, ${whole(wrong)} false positives`;
    const shown = of_pairs.filter((pair) => (pair.count || pair.before) && (k < 0 || pair.truth === k || pair.detected === k));
    shown.sort((a, b) => b.count - a.count || b.before - a.before || a.truth - b.truth || a.detected - b.detected);
    const table = byId("pair-table"), body = table.tBodies[0];
    body.replaceChildren(...shown.slice(0, 100).map((pair) => {
      const row = document.createElement("tr"), objects = found.objects[pair.truth];
      for (const id of [pair.truth, pair.detected]) row.insertCell().textContent = data.classes[id];
      set(row.insertCell(), pair.count, whole(pair.count));
      set(row.insertCell(), pair.count / objects, (100 * pair.count / objects).toFixed(1) + "%");
      if (view.confused_before) {
        const change = pair.count - pair.before;
        set(row.insertCell(), pair.before, whole(pair.before));
        set(row.insertCell(), change, (change >= 0 ? "+" : "") + whole(change));
      }
      for (const cell of [...row.cells].slice(2)) cell.className = "n";
      return row;
    }));
    tables.refresh(table);
  }

  // Images: what is below the score threshold is hidden, and an object that only such detections match is missed.

  const pen = document.createElement("canvas").getContext("2d");
  const words = { f: "false_positive", t: "true_positive", i: "ignored" };
  const figures = [...document.querySelectorAll("figure.scene")].map((figure, i) => {
    const drawing = figure.querySelector("svg"), marks = data.scenes[i].marks, nodes = [];
    for (const node of drawing.querySelectorAll("[data-m]")) nodes[+node.dataset.m] = node;
    return { figure, drawing, marks, nodes, side: data.scenes[i].side, titles: marks.map((mark, j) => nodes[j] && nodes[j].querySelector("title").textContent.replace(/: [^:]*$/, "")),
      labels: svg("g", { class: "labels" }, drawing), caption: figure.querySelector(".counts"), of_class: figure.matches(".of-class") };
  });

  function fateOf([k, score, fates], threshold, at) {
    if (score === null) {
      const best = fates[at];
      return best === "i" ? "ignored" : best !== null && best >= threshold ? "matched" : "false_negative";
    }
    return score >= threshold && fates[at] !== "-" ? words[fates[at]] : "low";
  }

  function drawImages({ k, score, other_score }) {
    for (const entry of figures) {
      const threshold = entry.side ? other_score : score, totals = { false_positive: 0, false_negative: 0, true_positive: 0 };
      let any = false;
      entry.fates = entry.marks.map((mark) => fateOf(mark, threshold, +iou.value));
      entry.marks.forEach((mark, j) => {
        const fate = entry.fates[j], mine = k < 0 || mark[0] === k, node = entry.nodes[j];
        any = any || (mine && fate !== "low");
        if (mine && fate in totals) totals[fate] += 1;
        if (!node) return;
        node.setAttribute("class", `mark ${mark[1] === null ? "truth" : "detection"} ${fate}${mine ? "" : " other"}`);
        node.querySelector("title").textContent = `${entry.titles[j]}: ${fate.replace("_", " ")}`;
      });
      entry.errors = totals.false_positive + totals.false_negative;
      entry.caption.textContent = `${whole(totals.false_positive)} false positives, ${whole(totals.false_negative)} false negatives, ` +
        `${whole(totals.true_positive)} true positives.`;
      entry.any = any;
      entry.figure.hidden = k < 0 ? entry.of_class : !any;
    }
    for (const change of document.querySelectorAll(".change")) {
      const pair = figures.filter((entry) => change.contains(entry.figure));
      change.hidden = k >= 0 && !pair.some((entry) => entry.any);
      for (const entry of pair) entry.figure.hidden = false;
      const [before, after] = pair.map((entry) => entry.errors), moved = after - before;
      change.querySelector(".moved-counts").textContent = `${whole(before)} errors, then ${whole(after)} (${moved >= 0 ? "+" : ""}${whole(moved)})`;
    }
    for (const place of document.querySelectorAll(".shown")) {
      const all = [...place.closest("section").querySelectorAll(".scenes > figure, .change")], left = all.filter((node) => !node.hidden);
      const some = k >= 0 && left.length < all.length;
      place.textContent = some ? `${data.classes[k]} is drawn in ${left.length || "none"} of the ${all.length} images` : "";
    }
    arrange();
    label();
  }

  // Of a class the images with most of its errors come first: when it is chosen, and not while the slider moves.
  let arranged = null;
  function arrange() {
    const of = `${chosen.value} ${iou.value}`, place = document.querySelector("#images .scenes");
    if (!place || dialog.open || of === arranged) return;
    arranged = of;
    const listed = figures.filter((entry) => place.contains(entry.figure));
    if (+chosen.value >= 0) listed.sort((a, b) => b.errors - a.errors);
    place.append(...listed.map((entry) => entry.figure));
  }

  /* Labels of errors, as large on the screen in every image, none over another; most important first. */
  function label() {
    const size = 11, line = 13, gap = 2;
    pen.font = `${size}px system-ui, sans-serif`;
    for (const { drawing, fates, nodes, titles, labels } of figures) {
      labels.replaceChildren();
      const box = drawing.viewBox.baseVal, room = drawing.getBoundingClientRect();
      if (!room.width) continue;
      const scale = Math.min(room.width / box.width, room.height / box.height), wide = box.width * scale, high = box.height * scale;
      const taken = [];
      fates.forEach((fate, j) => {
        const node = nodes[j];
        if (!node || !(fate === "false_negative" || fate === "false_positive") || getComputedStyle(node).display === "none") return;
        const told = titles[j].length > 32 ? titles[j].slice(0, 31) + "…" : titles[j];
        const around = node.getBBox(), long = pen.measureText(told).width * 1.06 + 2;
        const [x, y, w, h] = [around.x, around.y, around.width, around.height].map((value) => value * scale);
        const left = Math.min(Math.max(x, 0), Math.max(wide - long, 0)), right = Math.min(Math.max(x + w - long, 0), Math.max(wide - long, 0));
        const places = [[left, y - gap], [left, y + line], [left, y + h + line - gap], [left, y + h - gap], [right, y - gap], [right, y + h + line - gap],
          [x + w + gap, y + line], [x - gap - long, y + line], [x + w + gap, y + h], [x - gap - long, y + h]];
        for (const [at, base] of places) {
          const place = [at, base - line + gap, at + long, base + gap];
          if (at < 0 || place[1] < 0 || place[2] > Math.max(wide, at === left ? long : 0) + 1 || place[3] > high + gap) continue;
          if (taken.some((one) => place[0] < one[2] && one[0] < place[2] && place[1] < one[3] && one[1] < place[3])) continue;
          taken.push(place);
          svg("text", { class: fate, x: at / scale, y: base / scale, "font-size": size / scale, "stroke-width": 2.5 / scale }, labels, told);
          break;
        }
      });
    }
  }

  const drawn = document.querySelectorAll(".scenes, .pair");
  for (const box of document.querySelectorAll("[data-fate]"))
    box.addEventListener("change", () => {
      for (const other of document.querySelectorAll(`[data-fate=${box.dataset.fate}]`)) other.checked = box.checked;
      for (const place of drawn) place.classList.toggle("no-" + box.dataset.fate, !box.checked);
      label();
    });

  // An image, or both of a pair, in a window of its own, with the choice; everything returns to its place after that.

  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-label", "Image");
  const bar = document.createElement("div");
  bar.className = "tools";
  const [before, after, close] = [["‹", "Previous image"], ["›", "Next image"], ["Close", "Close"]].map(([shown, named]) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = shown;
    button.setAttribute("aria-label", named);
    bar.append(button);
    return button;
  });
  const holder = document.createElement("div");
  dialog.append(bar, holder);
  document.body.append(dialog);
  let places = [], opener = null, open = null;
  function borrow(node) {
    const place = document.createComment("");
    node.replaceWith(place);
    places.push(place);
    holder.append(node);
    place.node = node;
  }
  function giveBack() {
    for (const place of places) place.replaceWith(place.node);
    places = [];
  }
  const frameOf = (figure) => figure.closest(".pair") || figure;
  function enlarge(frame) {
    giveBack();
    open = frame;
    holder.className = [...frame.parentNode.classList].filter((name) => name.startsWith("no-")).join(" ");
    borrow(frame);
    borrow(byId("choice"));
    if (!dialog.open) dialog.showModal();
    label();
  }
  function step_to(way) {
    giveBack();
    const there = [...document.querySelectorAll("figure.scene")].filter((figure) => figure.offsetWidth);
    const frames = [...new Set(there.map(frameOf))];
    enlarge(frames[(frames.indexOf(open) + way + frames.length) % frames.length]);
  }
  for (const { figure, drawing } of figures) {
    const button = figure.querySelector(".enlarge");
    const start = () => { if (!dialog.open) { opener = button; enlarge(frameOf(figure)); close.focus(); } };
    button.addEventListener("click", start);
    drawing.addEventListener("click", start);
  }
  close.addEventListener("click", () => dialog.close());
  before.addEventListener("click", () => step_to(-1));
  after.addEventListener("click", () => step_to(1));
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("keydown", (event) => {
    if (event.target.matches("select, input")) return;
    if (event.key === "ArrowLeft") step_to(-1);
    if (event.key === "ArrowRight") step_to(1);
  });
  dialog.addEventListener("close", () => {
    giveBack();
    opener = open && open.querySelector(".enlarge") || opener;
    open = null;
    arrange();
    label();
    opener.focus();
  });

  // The choice.

  function show() {
    const now = choice(), found = rates(now.view, now.entry, now.own);
    slider.value = now.own;
    const shown = three(now.score), differs = data.versus && now.other !== now.own;
    slider.setAttribute("aria-valuetext", `score at least ${shown}`);
    byId("threshold").textContent = shown + (differs ? ` (${data.versus}: ${three(now.other_score)})` : "");
    reset.hidden = now.first;
    byId("counts").textContent = `${now.name}: ${whole(found.right)} true positives, ${whole(found.wrong)} false positives, ` +
      `${whole(found.missed)} false negatives; precision ${three(found.precision)}, recall ${three(found.recall)}, F1 ${three(found.f1)}`;
    const scopes = { operation: [now.view.points[0], false], classes: [[], true], errors: [now.view.errors || [], false], confusion: [[], true] };
    for (const [section, [entries, scored]] of Object.entries(scopes)) {
      const place = document.querySelector(`#${section} .scope`);
      if (!place) continue;
      const of = now.k >= 0 && entries[now.entry] ? data.classes[now.k] : "All classes together";
      place.textContent = scored ? `IoU ${now.iou}, score at least ${shown}` : `${of}, IoU ${now.iou}.`;
    }
    drawCharts(now);
    fillPoints(now);
    fillClasses(now);
    fillErrors(now);
    fillConfusion(now);
    drawImages(now);
  }

  chosen.addEventListener("change", show);
  iou.addEventListener("change", show);
  slider.addEventListener("input", () => { step = +slider.value; show(); });
  reset.addEventListener("click", () => {
    [chosen.value, iou.value, step] = ["-1", String(data.first), null];
    show();
    slider.focus({ preventScroll: true });
  });
  byId("class-table").addEventListener("click", (event) => {
    const button = event.target.closest("[data-class]");
    if (!button) return;
    chosen.value = button.dataset.class;
    show();
    byId("curves").scrollIntoView();
    chosen.focus({ preventScroll: true });
  });
  let waiting = 0, last = 0;
  new ResizeObserver(() => {
    const width = byId("chart-pr").clientWidth;
    if (width === last) return;
    last = width;
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => { drawCharts(choice()); label(); });
  }).observe(byId("chart-pr"));
  show();
})();
