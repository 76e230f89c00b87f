/* The pictures of a report: each pair's change with the interval of all, and the processes of both sides. */
"use strict";
(() => {
  const WIDTH = 720, LEFT = 60, RIGHT = 20, rows = JSON.parse(document.getElementById("data").textContent);

  function shape(name, attributes, text = "") {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.textContent = text;
    return made;
  }

  const percent = (value) => `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value)} %`;

  function amount(value, scales) {
    const [scale, label] = scales.find(([scale]) => Math.abs(value) >= 0.9995 * scale) ?? scales[scales.length - 1];
    return `${Number((value / scale).toPrecision(4))} ${label}`.trim();
  }

  /* Round numbers between two ends. */
  function ticks(low, high) {
    const rough = (high - low) / 5, power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough);
    const found = [];
    for (let tick = Math.ceil(low / step); tick * step <= high; tick += 1) found.push(Number((tick * step).toPrecision(6)));
    return found;
  }

  function axis(picture, values, top, bottom, written) {
    let low = Math.min(...values), high = Math.max(...values);
    const room = (high - low) * 0.05 || Math.abs(high) * 0.05 || 1;
    [low, high] = [low - room, high + room];
    const at = (value) => LEFT + ((value - low) / (high - low)) * (WIDTH - LEFT - RIGHT);
    for (const tick of ticks(low, high)) {
      picture.append(shape("line", { class: "axis", x1: at(tick), x2: at(tick), y1: top, y2: bottom }),
        shape("text", { x: at(tick), y: bottom + 14, "text-anchor": "middle" }, written(tick)));
    }
    return at;
  }

  function picture(row) {
    const count = row.pairs.length, tall = count ? Math.min(160, 30 + 5 * count) : 0;
    const height = (tall ? tall + 40 : 0) + 90;
    const drawn = shape("svg", { class: "pairs", viewBox: `0 0 ${WIDTH} ${height}`, role: "img",
      "aria-label": `${count} pairs, ${row.text}` });
    if (tall) {
      const [low, middle, high] = row.change, known = [0, ...row.pairs, row.margin];
      for (const value of [low, middle, high, row.limit]) if (value !== null) known.push(value);
      const at = axis(drawn, known, 14, tall, percent);
      const upright = (value, look, label, towards) => drawn.append(
        shape("line", { class: look, x1: at(value), x2: at(value), y1: 14, y2: tall }),
        shape("text", { x: at(value) + 4 * towards, y: 10, "text-anchor": towards > 0 ? "start" : "end" }, label));
      const inwards = row.limit !== null && row.limit < row.margin ? 1 : -1;
      upright(0, "none", "", 1);
      upright(row.margin, "margin", "margin", inwards);
      if (row.limit !== null) upright(row.limit, "limit", "limit", -inwards);
      row.pairs.forEach((pair, place) => drawn.append(
        shape("circle", { class: "dot", cx: at(pair), cy: 20 + (place / Math.max(1, count - 1)) * (tall - 40), r: 3 })));
      if (low !== null && high !== null) {
        drawn.append(shape("line", { class: "interval", x1: at(low), x2: at(high), y1: tall - 8, y2: tall - 8 }));
      }
      if (middle !== null) drawn.append(shape("circle", { class: "middle", cx: at(middle), cy: tall - 8, r: 5 }));
    }
    const top = height - 80, at = axis(drawn, row.levels.flat(), top, height - 20, (value) => amount(value, row.scales));
    row.levels.forEach((values, side) => {
      const sorted = [...values].sort((a, b) => a - b), half = sorted.length >> 1, y = top + 18 + 26 * side;
      const middle = sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
      drawn.append(shape("text", { x: LEFT - 8, y: y + 4, "text-anchor": "end" }, side ? "head" : "base"));
      for (const value of values) drawn.append(shape("circle", { class: "dot", cx: at(value), cy: y, r: 3 }));
      drawn.append(shape("line", { class: "interval", x1: at(middle), x2: at(middle), y1: y - 8, y2: y + 8 }));
    });
    return drawn;
  }

  function draw(details) {
    if (details.open && details.childElementCount === 1) details.append(picture(rows[Number(details.dataset.row)]));
  }

  for (const details of document.querySelectorAll("details[data-row]")) {
    details.addEventListener("toggle", () => draw(details));
    draw(details);
  }
  document.body.dataset.drawn = "yes";
})();
