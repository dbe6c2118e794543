(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const curves = data.curves;
  const byId = (id) => document.getElementById(id);

  // Charts: a frame with lines, and a cursor that shows the values under it.

  function svg(name, attributes, parent, text) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const key in attributes) node.setAttribute(key, attributes[key]);
    if (text !== undefined) node.textContent = text;
    if (parent) parent.append(node);
    return node;
  }

  const three = (value) => (value === null || value === undefined ? "–" : value.toFixed(3));

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
  const chosen = byId("class"), iou = byId("iou");

  function drawAll() {
    const index = +chosen.value, all = index < 0;
    iou.disabled = !all;
    const threshold = all ? curves.thresholds[+iou.value] : curves.iou;
    const name = all ? "mean of all classes" : data.classes[index].name;
    const ys = thousandths(all ? curves.all[+iou.value] : curves.classes[index]);
    const lines = [{ name: all && data.versus ? data.detections : name, xs: recalls, ys, kind: 0 }];
    if (all && curves.other) lines.push({ name: data.versus, xs: recalls, ys: thousandths(curves.other[+iou.value]), kind: 1 });
    draw(byId("chart-pr"), {
      label: `Precision over recall of ${name} at IoU ${threshold}`, x: "recall", low: 0, high: 1, lines,
      xs: ys.length ? recalls : [],
      rest: ys.length ? `${name}, IoU ${threshold}` : `${name}: nothing to find`,
      tell: (i) => {
        const values = lines.map((line) => (lines.length > 1 ? line.name + ": " : "") + `precision ${three(line.ys[i])}`);
        const score = all ? undefined : curves.scores[index][i];
        return `recall ${recalls[i].toFixed(2)}: ${values.join("; ")}` + (score === undefined ? "" : `, score threshold ${three(score)}`);
      },
    });
    const [p, r] = curves.by_score[index + 1].map(thousandths);
    const f = p.map((value, i) => (value === null || value + r[i] === 0 ? 0 : (2 * value * r[i]) / (value + r[i])));
    const grid = curves.grid;
    draw(byId("chart-f1"), {
      label: `Precision, recall and F1 over the score threshold of ${all ? "all classes together" : name} at IoU ${curves.iou}`, x: "score",
      low: grid[0], high: grid[grid.length - 1], xs: p.length ? grid : [], best: all ? data.threshold : null,
      lines: p.length ? [{ name: "precision", xs: grid, ys: p, kind: 1 }, { name: "recall", xs: grid, ys: r, kind: 2 },
        { name: "F1", xs: grid, ys: f, kind: 0 }] : [],
      rest: p.length ? `${all ? "all classes together" : name}, IoU ${curves.iou}` + (all ? `; best F1 at score threshold ${three(data.threshold)}` : "")
        : `${name}: nothing to tell`,
      tell: (i) => `score ${three(grid[i])}: precision ${three(p[i])}, recall ${three(r[i])}, F1 ${three(f[i])}`,
    });
    const bins = data.calibration.bins;
    draw(byId("chart-cal"), {
      label: "Calibration: fraction of true positives for each range of scores", x: "score", low: 0, high: 1,
      xs: bins.map((bin) => (bin.low + bin.high) / 2),
      bars: bins.map((bin) => ({ low: bin.low, high: bin.high, y: bin.precision, title: `${bin.detections} detections` })),
      lines: [{ name: "perfect calibration", xs: [0, 1], ys: [0, 1], kind: 1, hover: false }],
      rest: "all classes together; dashed: perfect calibration",
      tell: (i) => `scores ${bins[i].low.toFixed(1)} to ${bins[i].high.toFixed(1)}: ${three(bins[i].precision)} true positives, ` +
        `mean score ${three(bins[i].score)}, ${bins[i].detections.toLocaleString("en")} detections`,
    });
  }

  chosen.addEventListener("change", drawAll);
  iou.addEventListener("change", drawAll);
  let waiting = 0, last = 0;
  new ResizeObserver(() => {
    const width = byId("chart-pr").clientWidth;
    if (width === last) return;
    last = width;
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(drawAll);
  }).observe(byId("chart-pr"));
  drawAll();

  // Names that choose the curves' class.

  const classes = byId("class-table");
  classes.addEventListener("click", (event) => {
    const button = event.target.closest("[data-class]");
    if (!button) return;
    chosen.value = button.dataset.class;
    drawAll();
    byId("curves").scrollIntoView();
    chosen.focus({ preventScroll: true });
  });
  // Which fates are drawn in the images.

  const drawn = document.querySelectorAll(".scenes, .pair");
  for (const box of document.querySelectorAll("[data-fate]"))
    box.addEventListener("change", () => {
      for (const place of drawn) place.classList.toggle("no-" + box.dataset.fate, !box.checked);
    });
})();
